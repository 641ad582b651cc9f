// The head of every page: what the library holds, who writes, which theme.

import { getJson } from "./api.js";
import { announce, byId, el, icon, plural } from "./dom.js";
import { reportErrors } from "./errors.js";
import { keep } from "./storage.js";

const THEMES = { system: "system", light: "sun", dark: "moon" };

export function dressHeader() {
  reportErrors();
  dressTheme(byId("theme"));
}

// Ask what the library holds and say it in the header. Throws Failure.
export async function loadLibrary() {
  const library = await getJson("/v1/library");
  byId("library-size").textContent = plural(library.papers, "paper");
  showMode(library.model);
  return library;
}

function showMode(model) {
  const badge = byId("mode");
  badge.textContent = model ?? "Quotes only";
  badge.setAttribute("aria-label", model ? `Answers are written by ${model}` : "Quotes only: no model writes");
  byId("mode-note").replaceChildren(el("p", {}, model
    ? `Answers are written by ${model} from the abstracts found here, and every sentence is checked against the sentence it cites.`
    : "No language model is set up, so answers are put together from whole sentences of the abstracts, word for word. "
      + "An operator can set one up; see the documentation."));
  badge.hidden = false;
}

function dressTheme(target) {
  const root = document.documentElement;
  const names = Object.keys(THEMES);
  const show = () => {
    const theme = root.dataset.theme ?? "system";
    target.replaceChildren(icon(THEMES[theme]));
    target.setAttribute("aria-label", `Theme: ${theme === "system" ? "as the system" : theme}`);
    return theme;
  };
  target.addEventListener("click", () => {
    const next = names[(names.indexOf(show()) + 1) % names.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    keepTheme(next);
    show();
    announce(target.getAttribute("aria-label"));
  });
  show();
}

// theme.js reads it before the first paint, as plain text.
function keepTheme(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    keep("theme", null);
  }
}
