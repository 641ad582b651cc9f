// One question and its answer, from the first event to the footer.

import { apa, byline } from "./bibliography.js";
import { makeChip } from "./cards.js";
import { announce, button, el, icon, plural } from "./dom.js";
import { makeFooter } from "./footer.js";
import { Painter } from "./painter.js";
import { labelsOf, whyOf } from "./sources.js";
import { markSentences, trustLine } from "./verdicts.js";

const STATES = {
  partial: "The library answers only part of this.",
  failed: "The answer could not be written.",
};

const OPERATORS = { year: "years", author: "author", venue: "venue", phrase: "the words" };

let made = 0;

export class Turn {
  // `hooks` (without onRetry the answer is only shown): onAsk(question, more), onRetry(turn), onEdit(text), onSources(turn), onChange(turn) when its sources
  // or state have changed, onPaint(), onFlag(flag, sentence).
  constructor(question, hooks, { librarySize = null, level = 2 } = {}) {
    this.id = `t${(made += 1)}`;
    this.question = question;
    this.hooks = hooks;
    this.papers = [];
    this.citations = [];
    this.answer = null;
    this.state = "searching";
    const heading = el(`h${level}`, { class: "question", id: `${this.id}-question`, dir: "auto", tabindex: -1 }, question);
    this.progress = el("div", { class: "progress" });
    this.note = el("div");
    this.body = el("div", { class: "answer" });
    this.after = el("div", { class: "after" });
    this.element = el("article", { class: "turn", dataset: { turn: this.id }, "aria-labelledby": heading.id },
      heading, this.progress, this.note, this.body, this.after);
    this.painter = new Painter(this.body, (n) => this.#chip(n));
    this.painter.onPaint = () => hooks.onPaint?.();
    this.#say(librarySize ? `Searching ${plural(librarySize, "abstract")}` : "Searching the abstracts");
    this.#become("searching");
  }

  get isRunning() {
    return this.state === "searching" || this.state === "streaming";
  }

  handle(type, data) {
    const handler = this[`_${type}`];
    if (handler) handler.call(this, data);
    if (type !== "delta" && type !== "status") this.hooks.onChange(this);
  }

  // A stored answer, whole.
  show(answer) {
    this._done({ answer }, { isQuiet: true });
    this.hooks.onChange(this);
  }

  sentenceOf(chip) {
    return this.answer?.sentences[Number(chip.dataset.sentence)] ?? null;
  }

  stopped() {
    this.painter.finish();
    this.#become("stopped");
    this.#progress(this.#sourcesButton());
    this.after.replaceChildren(el("p", { class: "stopped" }, this.painter.text
      ? "Stopped: this answer is not complete and was not checked."
      : "Stopped before the answer began.", this.#again("Ask again")));
    announce("Stopped");
    this.hooks.onChange(this);
  }

  // What is on the page stays there, and is said to be incomplete.
  fail(failure) {
    this.painter.finish();
    this.#become("error");
    this.#progress(this.#sourcesButton());
    const again = this.#again("Try again");
    const text = this.painter.text ? `${failure.message} What stands above is not complete.` : failure.message;
    const detail = el("span", {}, text);
    this.after.replaceChildren(el("div", { class: "alert", role: "alert" },
      el("p", {}, el("strong", {}, failure.title), detail), again));
    if (failure.retryAfter) countDown(again, failure.retryAfter);
    this.hooks.onChange(this);
  }

  cut(isCut) {
    if (isCut && this.isRunning) this.#say("The connection was cut. Taking up the answer again");
    else if (!isCut && this.wasCut) this.#progress(this.#sourcesButton());
    this.wasCut = isCut;
  }

  // Once there are papers, they are what the line says; the rest is for the ear.
  _status({ text }) {
    if (this.papers.length) announce(text);
    else this.#say(text);
  }

  _sources({ query, papers }) {
    this.papers = papers;
    this.query = query;
    this.#progress(el("span", { class: "dot", "aria-hidden": "true" }), this.#sourcesButton());
  }

  _cites({ citations }) {
    const known = new Map(this.citations.map((citation) => [citation.n, citation]));
    for (const citation of citations) known.set(citation.n, citation);
    this.citations = [...known.values()].sort((one, other) => one.n - other.n);
  }

  _delta({ text }) {
    if (this.state === "searching") this.#become("streaming");
    this.painter.add(text);
  }

  // What was written so far is void.
  _restart({ reason }) {
    this.citations = [];
    this.painter.finish("");
    this.#become("searching");
    if (reason) announce(reason);
  }

  _done({ answer }, { isQuiet = false } = {}) {
    this.answer = answer;
    this.citations = answer.citations;
    this.papers = merged(this.papers, answer);
    this.painter.finish(answer.text);
    markSentences(this.body, answer.sentences, this.hooks.onFlag);
    this.#become("done");
    this.body.dataset.answer = answer.state;
    this.#progress(this.#sourcesButton(), this.#searchedFor(), this.#readAs());
    this.note.replaceChildren(...this.#stateNote());
    this.after.replaceChildren(...this.#ending());
    if (!isQuiet) announce(`Answer complete: ${plural(answer.sentences.length, "sentence")}, ${plural(answer.citations.length, "source")}`);
  }

  _error(problem) {
    this.fail(Object.assign(new Error(problem.detail || problem.title), problem));
  }

  #become(state) {
    this.state = state;
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(this.isRunning));
  }

  #say(text) {
    this.#progress(el("span", { class: "dot", "aria-hidden": "true" }), el("span", {}, text));
    announce(text);
  }

  #progress(...parts) {
    this.progress.replaceChildren(...parts.filter(Boolean));
  }

  #chip(n) {
    const citation = this.citations.find((known) => known.n === n);
    return citation ? makeChip(citation) : null;
  }

  #sourcesButton() {
    if (!this.papers.length) return null;
    const cited = this.state === "done" ? this.citations.length : 0;
    const label = cited ? `${plural(cited, "paper")} cited of ${this.papers.length} found` : plural(this.papers.length, "paper");
    return button(label, { class: "quiet sources-button", onclick: () => this.hooks.onSources(this) }, "book");
  }

  // What was really searched, when it is not what was asked; it can be changed and asked anew.
  #searchedFor() {
    const { query, question } = this.answer;
    if (!query || query.trim() === question.trim()) return null;
    return el("span", { class: "searched" }, "Searched for ", el("q", { dir: "auto" }, query), " ",
      button("Edit", { class: "text-button", "aria-label": "Edit the search and ask again", onclick: () => this.hooks.onEdit(query) }));
  }

  // Filters that were read out of the question; one press takes its words as they stand.
  #readAs() {
    const { operators = [], question } = this.answer;
    if (!operators.length) return null;
    const read = operators.map(({ kind, value }) => `${OPERATORS[kind] ?? kind} ${value}`).join(", ");
    return el("span", { class: "searched" }, "Read as a filter: ", el("q", { dir: "auto" }, read), " ",
      this.hooks.onAsk ? button("Ask without it", { class: "text-button", onclick: () => this.hooks.onAsk(question, { is_literal: true }) }) : null);
  }

  #stateNote() {
    const text = STATES[this.answer.state];
    const isSaid = this.answer.notes?.length > 0;
    return text && !isSaid ? [el("p", { class: "state-note" }, icon("info"), el("span", {}, text))] : [];
  }

  #ending() {
    const { sentences, notes, state, suggestions = [] } = this.answer;
    const isRefusal = state === "nearby" || state === "not_in_library";
    return [
      trustLine(sentences),
      ...(notes ?? []).map((note) => el("p", { class: "state-note notes" }, icon("info"), el("span", {}, note))),
      isRefusal ? this.#nearest() : null,
      suggestions.length && this.hooks.onAsk ? this.#followups(isRefusal ? "You could ask" : "Ask next", suggestions) : null,
      this.citations.length ? printedReferences(this.citations) : null,
      makeFooter(this.answer, this.hooks.onRetry ? () => this.hooks.onRetry(this) : null),
    ].filter(Boolean);
  }

  #nearest() {
    const cited = new Set(this.citations.map(({ paper }) => paper.id));
    const papers = this.papers.filter(({ id }) => !cited.has(id)).slice(0, 3);
    if (!papers.length) return null;
    return el("section", { class: "nearest", "aria-label": "Nearest papers" }, el("h3", {}, "Nearest papers"),
      papers.map((paper) => el("div", { class: "source also" },
        el("p", { dir: "auto" }, el("a", { href: `/p/${encodeURIComponent(paper.id)}` }, paper.title)),
        el("p", { class: "by" }, byline(paper)), labelsOf(paper), whyOf(paper))));
  }

  #followups(title, questions) {
    return el("section", { class: "followups", "aria-label": title }, el("h3", {}, title),
      questions.slice(0, 3).map((question) => el("button", { type: "button", class: "example", dir: "auto",
        onclick: () => this.hooks.onAsk(question) }, icon("next"), el("span", {}, question))));
  }

  #again(label) {
    return button(label, { class: "button second", onclick: () => this.hooks.onRetry(this) }, "again");
  }
}

// On paper nothing opens: the references stand below the answer.
function printedReferences(citations) {
  return el("ul", { class: "printed" }, citations.map(({ n, paper, evidence }) =>
    el("li", { dir: "auto" }, `[${n}] ${apa(paper)} ${evidence.map(({ quote }) => `“${quote}”`).join(" ")}`)));
}

// Stored answers know what else was found but not why; the `sources` event did.
function merged(papers, answer) {
  const known = new Map(papers.map((paper) => [paper.id, paper]));
  const all = [...answer.citations.map(({ paper }) => paper), ...(answer.also_retrieved ?? [])];
  for (const paper of all) known.set(paper.id, { ...paper, ...known.get(paper.id) });
  return [...known.values()];
}

function countDown(target, seconds) {
  const label = target.querySelector("span");
  const text = label.textContent;
  target.disabled = true;
  const end = Date.now() + seconds * 1000;
  const timer = setInterval(tick, 250);
  function tick() {
    const left = Math.ceil((end - Date.now()) / 1000);
    target.disabled = left > 0 && target.isConnected;
    label.textContent = left > 0 ? `${text} in ${left} s` : text;
    if (left > 0 && target.isConnected) return;
    clearInterval(timer);
    announce("You can ask again");
  }
  tick();
}
