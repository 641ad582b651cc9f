// The keyboard: shortcuts and the help that lists them. Single keys can be switched off.

import { byId, el, icon } from "./dom.js";
import { keep, recall } from "./storage.js";

const LIST = [
  ["/", "Go to the question box"],
  ["Enter", "Ask; with Shift a new line"],
  ["Esc", "Stop the answer, or close what is open"],
  ["Alt ← →", "From citation to citation"],
  ["Alt S", "Go to the sources"],
  ["Alt N", "New question"],
  ["Alt ↑", "Take the last question up again"],
  ["?", "This help"],
];

// `actions`: question, escape, citation(step), sources, fresh, last.
export function bindKeys(actions) {
  let singleKeys = recall("single-keys") !== false;
  dressHelp((on) => {
    singleKeys = on;
    keep("single-keys", on);
  }, singleKeys);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") {
      if (!document.querySelector("dialog[open]")) actions.escape(event);
    } else if (event.altKey && !event.ctrlKey && !event.metaKey) {
      if (!writesWithAlt(event.target)) withAlt(event, actions);
    } else if (singleKeys && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) single(event, actions);
  });
}

function withAlt(event, actions) {
  const act = {
    ArrowLeft: () => actions.citation(-1),
    ArrowRight: () => actions.citation(1),
    ArrowUp: () => actions.last(),
    KeyS: () => actions.sources(),
    KeyN: () => actions.fresh(),
  }[event.code];
  if (act && act() !== false) event.preventDefault();
}

function single(event, actions) {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") actions.question();
  else if (event.key === "?") openHelp();
  else return;
  event.preventDefault();
}

// On a Mac, Alt with a letter or an arrow writes and moves within a text.
const writesWithAlt = (target) => /Mac|iP/.test(navigator.platform) && isTyping(target) && target.value;

const isTyping = (target) => target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

function openHelp() {
  byId("help-dialog").showModal();
}

function dressHelp(onSwitch, isOn) {
  const opener = byId("help");
  opener.append(icon("help"));
  opener.hidden = false;
  opener.addEventListener("click", openHelp);
  const box = el("input", { type: "checkbox", onchange: () => onSwitch(box.checked) });
  box.checked = isOn;
  const dialog = byId("help-dialog");
  dialog.append(el("h2", { id: "help-title", tabindex: -1, autofocus: true }, "How this works"), el("div", { class: "help-body" },
    el("p", {}, "Ask in your own words. The answer is made from the abstracts in this library, and each number in it opens the sentence it rests on. A dashed mark is a sentence that its source does not bear out."),
    el("dl", {}, LIST.map(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)])),
    el("label", { class: "check" }, box, el("span", {}, "Single keys ( / and ? ) work as shortcuts"))),
  el("div", { class: "dialog-row" }, el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close")));
}
