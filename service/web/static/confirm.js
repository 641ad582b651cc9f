// Asks before something is gone for good.

import { el } from "./dom.js";

export function confirm(title, text, { keep, lose }, act) {
  const dialog = el("dialog", { "aria-labelledby": "confirm-title", onclose: () => dialog.remove() },
    el("h2", { id: "confirm-title" }, title),
    el("p", { dir: "auto" }, text),
    el("div", { class: "dialog-row" },
      el("button", { type: "button", class: "button second", autofocus: true, onclick: () => dialog.close() }, keep),
      el("button", { type: "button", class: "button danger", onclick: () => {
        dialog.close();
        act();
      } }, lose)));
  document.body.append(dialog);
  dialog.showModal();
}
