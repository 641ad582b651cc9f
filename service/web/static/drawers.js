// On narrow pages the conversations are a drawer and the sources a sheet, each over a scrim.

import { byId, el, icon } from "./dom.js";

export class Drawer {
  // `isNeeded()` says whether the page is so narrow that the panel lies over it.
  constructor(panel, width, { opener = null, focus = () => panel } = {}) {
    Object.assign(this, { panel, opener, focus });
    this.narrow = window.matchMedia(`(max-width: ${width})`);
    this.narrow.addEventListener("change", () => this.close({ refocus: false }));
    this.scrim = null;
    this.before = null;
  }

  get isNeeded() {
    return this.narrow.matches;
  }

  get isOpen() {
    return this.scrim !== null;
  }

  open() {
    if (!this.isNeeded || this.isOpen) return;
    this.before = document.activeElement;
    this.scrim = el("div", { class: "scrim", onclick: () => this.close() });
    document.body.append(this.scrim);
    this.panel.dataset.open = "true";
    this.opener?.setAttribute("aria-expanded", "true");
    this.#seal(true);
    this.focus()?.focus({ preventScroll: true });
  }

  close({ refocus = true } = {}) {
    if (!this.isOpen) return;
    this.scrim.remove();
    this.scrim = null;
    delete this.panel.dataset.open;
    this.opener?.setAttribute("aria-expanded", "false");
    this.#seal(false);
    if (refocus) this.before?.focus({ preventScroll: true });
  }

  // Nothing behind the scrim can be reached.
  #seal(isSealed) {
    for (const other of [...byId("shell").children, document.querySelector(".top"), document.querySelector(".skip")]) {
      if (other !== this.panel) other.inert = isSealed;
    }
  }
}

export function dressDrawers({ history, historyClose, historyOpen }) {
  historyOpen.append(icon("menu"));
  historyOpen.hidden = false;
  historyClose.append(icon("close"));
  historyOpen.addEventListener("click", () => history.open());
  historyClose.addEventListener("click", () => history.close());
}
