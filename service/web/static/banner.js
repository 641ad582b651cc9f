// The one line above the turns for what concerns the whole page.

import { announce, byId, el } from "./dom.js";

export function banner(text, again = null) {
  const place = byId("banner");
  place.replaceChildren(text ?? "", ...(again ? [" ", el("button", { type: "button", class: "quiet", onclick: () => {
    banner(null);
    again();
  } }, "Try again")] : []));
  place.hidden = !text;
  if (text) announce(text);
}

export function tellOffline() {
  banner("You are offline. What is on the page stays readable, and your question is kept.");
}
