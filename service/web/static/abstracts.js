// Papers with their abstracts, fetched once, shown with the used sentences highlighted.

import { getJson } from "./api.js";
import { el } from "./dom.js";

const papers = new Map();

export function loadPaper(id) {
  if (!papers.has(id)) {
    const loading = getJson(`/v1/papers/${encodeURIComponent(id)}`);
    loading.catch(() => papers.delete(id));
    papers.set(id, loading);
  }
  return papers.get(id);
}

// The quotes are found by their text: offsets count code points, strings here UTF-16 units.
export function renderAbstract(abstract, quotes) {
  const ranges = quotes.map((quote) => [abstract.indexOf(quote), quote.length])
    .filter(([start]) => start >= 0).sort((one, other) => one[0] - other[0]);
  const nodes = [];
  let end = 0;
  for (const [start, length] of ranges) {
    if (start < end) continue;
    nodes.push(abstract.slice(end, start), el("mark", {}, abstract.slice(start, start + length)));
    end = start + length;
  }
  nodes.push(abstract.slice(end));
  const isChanged = quotes.length > ranges.length;
  return el("div", { class: "abstract", dir: "auto" }, el("p", {}, nodes),
    isChanged ? el("p", { class: "by" }, "The abstract has been updated since; the answer quotes the earlier text.") : null);
}

// One sentence of evidence between its neighbours.
export function renderEvidence({ before, quote, after }) {
  return el("p", { class: "quote", dir: "auto" }, before ? `${before} ` : null, el("mark", {}, quote),
    after ? ` ${after}` : null);
}

// A button that opens the abstract below `place` and closes it again.
export function abstractToggle(paper, quotes, place) {
  const toggle = el("button", { type: "button", class: "quiet", "aria-expanded": "false", onclick: flip },
    el("span", {}, "Show abstract"));
  let shown = null;
  async function flip() {
    if (shown) {
      shown.remove();
      shown = null;
    } else {
      shown = await abstractOf(paper.id, quotes);
      place.append(shown);
    }
    toggle.setAttribute("aria-expanded", String(Boolean(shown)));
    toggle.firstChild.textContent = shown ? "Hide abstract" : "Show abstract";
  }
  return toggle;
}

async function abstractOf(id, quotes) {
  try {
    return renderAbstract((await loadPaper(id)).abstract, quotes);
  } catch (failure) {
    return el("p", { class: "abstract", role: "alert" }, failure.status === 404
      ? "This paper is no longer in the library; what the answer quotes stands above."
      : `The abstract could not be loaded. ${failure.message}`);
  }
}
