// A small menu that drops from a button: arrows move, Escape and a click elsewhere close it.

import { el } from "./dom.js";

// `entries` are [label, act, isDangerous].
export function openMenu(anchor, name, entries) {
  const menu = el("div", { class: "note-card menu", popover: "auto", role: "menu", "aria-label": name,
    onkeydown: arrows, ontoggle: (event) => event.newState === "closed" && menu.remove() },
  entries.map(([label, act, isDangerous]) => el("button", { type: "button", role: "menuitem",
    class: isDangerous ? "danger" : "", onclick: () => {
      menu.hidePopover();
      act();
    } }, label)));
  anchor.after(menu);
  menu.showPopover();
  const at = anchor.getBoundingClientRect();
  const fits = at.bottom + 4 + menu.offsetHeight < innerHeight - 8;
  menu.style.top = `${fits ? at.bottom + 4 : at.top - 4 - menu.offsetHeight}px`;
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.firstElementChild.focus();
}

function arrows(event) {
  const items = [...event.currentTarget.children];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
}
