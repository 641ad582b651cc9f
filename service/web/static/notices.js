// A page that could not be filled says so.

import { el } from "./dom.js";

export function tell(place, failure, words = null) {
  if (!failure.title && !words) throw failure; // a fault of the page itself: to the log
  place.replaceChildren(el("div", { class: "alert", role: "alert" },
    el("p", {}, el("strong", {}, failure.title ?? "Something went wrong"), words ?? failure.message),
    el("button", { type: "button", class: "button second", onclick: () => location.reload() }, "Try again")));
}
