// The empty page: what the library holds, and questions to begin with.

import { banner } from "./banner.js";
import { byId, el, icon, plural } from "./dom.js";
import { loadLibrary } from "./header.js";

const LOOK_MS = 3000; // while papers are being added

// Calls `onLibrary(library)` with what is held, again as it grows; `onAsk(question)` for an example.
export async function welcome(onLibrary, onAsk) {
  try {
    const library = await loadLibrary();
    onLibrary(library);
    show(library, onAsk);
    if (library.indexing) setTimeout(welcome, LOOK_MS, onLibrary, onAsk);
  } catch (failure) {
    banner(failure.message, () => welcome(onLibrary, onAsk));
  }
}

function show({ papers, examples = [], indexing }, onAsk) {
  const lead = byId("empty-lead");
  if (indexing) lead.textContent = `Papers are being added: ${plural(papers, "abstract")} so far. You can ask already.`;
  else if (!papers) lead.replaceChildren("The library is empty. ", el("a", { href: "/library" }, "Add papers"), " to begin.");
  else lead.textContent = `${plural(papers, "abstract")} to ask. Every sentence of the answer shows the sentence that stands behind it.`;
  byId("examples").replaceChildren(...examples.slice(0, 3).map((question) => el("button", { type: "button",
    class: "example", dir: "auto", onclick: () => onAsk(question) }, icon("search"), el("span", {}, question))));
}
