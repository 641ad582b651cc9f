// What the next question is asked of: years, venues, sources, single papers; as removable chips.

import { byId, el, icon } from "./dom.js";

const NONE = { year_from: null, year_to: null, venues: [], sources: [], papers: [] };

export class Filters {
  constructor(onChange) {
    this.onChange = onChange;
    this.chosen = structuredClone(NONE);
    this.titles = new Map(); // of the ticked papers
    this.library = null;
    this.chips = byId("filter-chips");
    this.dialog = byId("filters");
    byId("filters-open").prepend(icon("filter"));
    byId("filters-open").addEventListener("click", () => this.#open());
  }

  // The `filters` of a question; nothing when nothing is chosen.
  get body() {
    const set = Object.entries(this.chosen).filter(([, value]) => (Array.isArray(value) ? value.length : value !== null));
    return set.length ? Object.fromEntries(set) : undefined;
  }

  hasPaper({ id }) {
    return this.chosen.papers.includes(id);
  }

  tickPaper({ id, title }, isTicked) {
    this.titles.set(id, title);
    const others = this.chosen.papers.filter((other) => other !== id);
    this.#choose({ papers: isTicked ? [...others, id] : others });
  }

  clear() {
    this.#choose(structuredClone(NONE));
  }

  #choose(change) {
    Object.assign(this.chosen, change);
    this.#draw();
    this.onChange();
  }

  #draw() {
    const { year_from: from, year_to: to, venues, sources, papers } = this.chosen;
    const chips = [];
    if (from !== null || to !== null) chips.push(this.#chip(yearsText(from, to), { year_from: null, year_to: null }));
    for (const venue of venues) chips.push(this.#chip(venue, { venues: venues.filter((other) => other !== venue) }));
    for (const source of sources) chips.push(this.#chip(source, { sources: sources.filter((other) => other !== source) }));
    if (papers.length) {
      const text = papers.length === 1 ? `Only “${shorten(this.titles.get(papers[0]))}”` : `Only ${papers.length} papers`;
      chips.push(this.#chip(text, { papers: [] }));
    }
    this.chips.replaceChildren(...chips);
    this.chips.hidden = !chips.length;
  }

  #chip(text, without) {
    return el("li", {}, el("button", { type: "button", class: "filter-chip", "aria-label": `Remove filter: ${text}`,
      onclick: () => this.#choose(without) }, el("span", {}, text), icon("close")));
  }

  #open() {
    const years = this.library?.years?.map(({ name }) => Number(name)).filter(Boolean) ?? [];
    const limits = years.length ? { min: Math.min(...years), max: Math.max(...years) } : {};
    const year = (name, label) => {
      const field = el("input", { type: "number", "aria-label": label, placeholder: label, inputmode: "numeric", ...limits });
      field.value = this.chosen[name] ?? "";
      return field;
    };
    const from = year("year_from", "From");
    const to = year("year_to", "To");
    const venues = this.#choices("venues");
    const sources = this.#choices("sources");
    const apply = () => {
      this.#choose({ ...ordered(from.value, to.value), venues: ticked(venues), sources: ticked(sources) });
      this.dialog.close();
    };
    this.dialog.replaceChildren(el("h2", { id: "filters-title" }, "Ask only of papers from"),
      el("div", { class: "filter-grid", onkeydown: (event) => {
        if (event.key === "Enter" && event.target.matches("input")) apply();
      } },
        el("fieldset", {}, el("legend", {}, "Years"), el("div", { class: "years" }, from, "to", to)),
        group("Venues", venues), group("Files and feeds", sources)),
      el("div", { class: "dialog-row" },
        el("button", { type: "button", class: "button second", onclick: () => {
          this.clear();
          this.dialog.close();
        } }, "Clear all"),
        el("button", { type: "button", class: "button", onclick: apply }, "Apply")));
    this.dialog.showModal();
  }

  #choices(name) {
    return (this.library?.[name] ?? []).slice(0, 100).map((choice) => {
      const box = el("input", { type: "checkbox", value: choice.name });
      box.checked = this.chosen[name].includes(choice.name);
      return el("label", { class: "check" }, box, el("span", {}, choice.name), el("small", {}, choice.papers));
    });
  }
}

function group(title, choices) {
  if (!choices.length) return null;
  return el("fieldset", {}, el("legend", {}, title), el("div", { class: "choices" }, choices));
}

const ticked = (choices) => choices.map((label) => label.querySelector("input")).filter((box) => box.checked).map((box) => box.value);

function ordered(from, to) {
  const [first, last] = [from, to].map((text) => (text.trim() && Number.isInteger(Number(text)) ? Number(text) : null));
  const isTurned = first !== null && last !== null && first > last;
  return isTurned ? { year_from: last, year_to: first } : { year_from: first, year_to: last };
}

function yearsText(from, to) {
  if (from === null) return `Until ${to}`;
  if (to === null) return `Since ${from}`;
  return from === to ? String(from) : `${from} to ${to}`;
}

const shorten = (text = "") => (text.length > 40 ? `${text.slice(0, 38).trimEnd()}…` : text);
