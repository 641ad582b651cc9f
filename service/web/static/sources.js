// The sources of one turn: cited papers in number order, then what else was found and why.

import { abstractToggle, renderEvidence } from "./abstracts.js";
import { byline } from "./bibliography.js";
import { el, icon, plural } from "./dom.js";

export class Sources {
  constructor(element, { onNumber, onTick, isTicked, onClose }) {
    Object.assign(this, { element, onNumber, onTick, isTicked, onClose });
    this.turn = null;
    this.showNothing();
  }

  showNothing() {
    this.turn = null;
    delete this.element.dataset.turn;
    this.element.replaceChildren(this.#head("Sources"), el("p", { class: "sources-empty" },
      "The papers behind an answer stand here, with the sentences it uses marked."));
  }

  // `turn` has id, question, citations (in number order) and papers (as retrieved, best first).
  show(turn) {
    const isOther = this.turn !== turn;
    this.turn = turn;
    this.element.dataset.turn = turn.id;
    const cited = new Set(turn.citations.map(({ paper }) => paper.id));
    const also = turn.papers.filter(({ id }) => !cited.has(id));
    this.element.replaceChildren(
      this.#head("Sources"),
      el("p", { class: "about", dir: "auto" }, turn.question),
      ...turn.citations.map((citation) => this.#cited(citation)),
      ...(also.length ? [el("h2", { class: "also-title" }, cited.size ? "Also retrieved" : plural(also.length, "paper") + " found")] : []),
      ...also.map((paper) => this.#also(paper)),
      ...(cited.size || also.length ? [] : [el("p", { class: "sources-empty" }, "Nothing was found.")]),
    );
    if (isOther) this.element.scrollTop = 0;
  }

  #head(title) {
    return el("div", { class: "sources-head" }, el("h2", { tabindex: -1 }, title),
      el("button", { type: "button", class: "icon-button sheet-only", "aria-label": "Close sources", onclick: this.onClose }, icon("close")));
  }

  #cited({ n, paper, evidence }) {
    const place = el("div");
    const number = el("button", { type: "button", class: "number", "aria-label": `Go to citation ${n} in the answer`, onclick: () => this.onNumber(this.turn, n) }, n);
    return el("article", { class: "source", dataset: { n, paper: paper.id } },
      el("div", { class: "source-head" }, number, titleOf(paper)),
      evidence.map(({ quote }) => renderEvidence({ quote })),
      el("div", { class: "actions" }, abstractToggle(paper, evidence.map(({ quote }) => quote), place), this.#tick(paper)),
      place);
  }

  #also(paper) {
    const place = el("div");
    return el("article", { class: "source also", dataset: { paper: paper.id } },
      el("div", { class: "source-head" }, titleOf(paper)), whyOf(paper),
      el("div", { class: "actions" }, abstractToggle(paper, [], place), this.#tick(paper)), place);
  }

  #tick(paper) {
    const box = el("input", { type: "checkbox", onchange: () => this.onTick(paper, box.checked) });
    box.checked = this.isTicked(paper);
    return el("label", { class: "check" }, box, el("span", {}, "Ask only this"));
  }
}

function titleOf(paper) {
  return el("div", {},
    el("h3", { dir: "auto" }, el("a", { href: `/p/${encodeURIComponent(paper.id)}` }, paper.title)),
    el("p", { class: "by" }, byline(paper)), labelsOf(paper));
}

export function labelsOf(paper) {
  const labels = [
    paper.is_title_derived ? "untitled: first words shown" : null,
    paper.is_summary ? "summary, not the authors' abstract" : null,
  ].filter(Boolean);
  return labels.length ? el("p", {}, labels.map((label) => el("span", { class: "tag" }, label))) : null;
}

// Why a paper was found, in words: shared terms, and its place in the two rankings.
export function whyOf({ why }) {
  if (!why) return null;
  const terms = why.matched_terms ?? [];
  const ranks = [
    why.dense_rank ? `no. ${why.dense_rank} by meaning` : null,
    why.lexical_rank ? `no. ${why.lexical_rank} by words` : null,
  ].filter(Boolean).join(", ");
  return el("p", { class: "why" }, terms.length ? ["Shares ", el("b", {}, terms.slice(0, 6).join(", ")), ranks ? " · " : ""] : "Found as ",
    ranks);
}
