// The citation card: what stands behind a chip, next to the chip.

import { abstractToggle, renderEvidence } from "./abstracts.js";
import { sendJson } from "./api.js";
import { apa, bibtex, byline } from "./bibliography.js";
import { button, copy, el, flash, icon, outside, plural, safeUrl } from "./dom.js";
import { verdictLine } from "./verdicts.js";

const OPEN_MS = 180; // long enough that a pointer passing by opens nothing
const CLOSE_MS = 260; // long enough to move from the chip into the card

export class Card {
  constructor(describe) {
    this.describe = describe; // chip -> {citation, sentence, answer (null while it is written)}
    this.element = el("div", { class: "card", popover: "manual", role: "dialog", "aria-labelledby": "card-title", tabindex: -1 });
    this.anchor = null;
    this.isPinned = false;
    this.timer = null;
    document.body.append(this.element);
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("pointerleave", (event) => this.#leave(event));
    this.element.addEventListener("focusout", (event) => this.#blur(event));
    this.element.addEventListener("keydown", (event) => event.key === "Tab" && this.#tab(event));
    document.addEventListener("pointerdown", (event) => this.#outside(event));
    document.addEventListener("scroll", () => this.#follow(), { passive: true });
    window.addEventListener("resize", () => this.#follow());
  }

  // Hover and click on chips anywhere inside `root`.
  watch(root) {
    root.addEventListener("pointerover", (event) => this.#hover(event));
    root.addEventListener("pointerout", (event) => event.target.closest(".chip") && this.#leave(event));
    root.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) this.toggle(chip);
    });
  }

  toggle(anchor) {
    if (this.anchor === anchor && this.isPinned) this.close();
    else this.open(anchor, { isPinned: true });
  }

  open(anchor, { isPinned, content = this.#content(anchor) }) {
    clearTimeout(this.timer);
    if (!content) return;
    this.anchor?.removeAttribute("aria-expanded");
    this.anchor = anchor;
    this.isPinned = isPinned;
    this.element.replaceChildren(...content);
    this.element.showPopover();
    this.element.scrollTop = 0;
    this.#place();
    anchor.setAttribute("aria-expanded", "true");
    if (isPinned) this.element.focus({ preventScroll: true });
  }

  get isOpen() {
    return this.anchor !== null;
  }

  close({ refocus = true } = {}) {
    clearTimeout(this.timer);
    if (!this.anchor) return;
    const anchor = this.anchor;
    this.anchor = null;
    anchor.removeAttribute("aria-expanded");
    if (refocus && this.isPinned) anchor.focus({ preventScroll: true });
    this.element.hidePopover();
  }

  // Why a sentence was flagged, where it cites nothing that a chip could explain.
  openFlag(flag, sentence) {
    const head = this.#head(el("h2", { id: "card-title" }, "This sentence"));
    this.open(flag, { isPinned: true, content: [head, verdictLine(sentence.verdict, sentence.reason)] });
  }

  #hover(event) {
    const chip = event.target.closest(".chip");
    if (!chip || event.pointerType !== "mouse" || this.anchor === chip) return;
    clearTimeout(this.timer);
    if (this.isPinned && this.isOpen) return;
    this.timer = setTimeout(() => this.open(chip, { isPinned: false }), OPEN_MS);
  }

  #leave(event) {
    if (event.pointerType !== "mouse") return;
    clearTimeout(this.timer);
    if (this.isOpen && !this.isPinned) this.timer = setTimeout(() => this.close(), CLOSE_MS);
  }

  // The card stands at the end of the document, but Tab leaves it to the chip it belongs to.
  #tab(event) {
    const stops = [this.element, ...this.element.querySelectorAll("a, button")];
    if (document.activeElement !== stops.at(event.shiftKey ? 0 : -1)) return;
    event.preventDefault();
    this.close();
  }

  #blur(event) {
    const next = event.relatedTarget;
    if (this.isOpen && this.isPinned && next && !this.element.contains(next) && next !== this.anchor) {
      this.close({ refocus: false });
    }
  }

  #outside(event) {
    if (!this.isOpen || this.element.contains(event.target) || event.target.closest?.(".chip, .flag")) return;
    this.close({ refocus: false });
  }

  #follow() {
    if (!this.isOpen) return;
    if (this.anchor.isConnected) this.#place();
    else this.close({ refocus: false });
  }

  // Under the chip, or above it where there is more room; a narrow page has it at its foot (CSS).
  #place() {
    const at = this.anchor.getBoundingClientRect();
    const size = this.element.getBoundingClientRect();
    const column = this.anchor.closest("main").getBoundingClientRect();
    const left = Math.max(column.left + 12, Math.min(at.left + at.width / 2 - size.width / 2, column.right - size.width - 12));
    const below = at.bottom + 8;
    const fits = below + size.height < innerHeight - 8 || at.top < innerHeight / 2;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${fits ? below : Math.max(8, at.top - 8 - size.height)}px`;
  }

  #head(...title) {
    return el("div", { class: "card-head" }, title,
      el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => this.close() }, icon("close")));
  }

  #content(anchor) {
    const about = this.describe(anchor);
    if (!about?.citation) return null;
    const { citation: { n, paper, evidence }, sentence, answer } = about;
    const url = safeUrl(paper.url);
    const quotes = sentence ? nearest(evidence, sentence.text) : evidence;
    const rest = evidence.length - quotes.length;
    const page = `/p/${encodeURIComponent(paper.id)}#s${(quotes[0]?.sentence ?? 0) + 1}`;
    const place = el("div");
    const cite = (label, text) => button(label, { class: "quiet", onclick: (event) => {
      copy(text, label);
      flash(event.currentTarget, "Copied");
    } }, "copy");
    return [
      this.#head(el("span", { class: "number", "aria-hidden": "true" }, n), el("div", {},
        el("h2", { id: "card-title", dir: "auto" }, url ? outside(url, paper.title) : el("a", { href: page }, paper.title)),
        el("p", { class: "by" }, byline(paper)))),
      ...quotes.map(renderEvidence),
      sentence || !answer ? verdictLine(sentence?.verdict ?? "pending", sentence?.reason) : null,
      rest ? el("p", { class: "by" }, `The answer uses ${plural(rest, "other sentence")} of this abstract too.`) : null,
      el("div", { class: "actions" }, abstractToggle(paper, evidence.map(({ quote }) => quote), place),
        cite("APA", apa(paper)), cite("BibTeX", bibtex(paper)),
        el("a", { class: "quiet", href: page }, icon("book"), "Open paper"),
        answer ? doubting(answer, n) : null),
      place,
    ].filter(Boolean);
  }
}

// A reader may say that a source does not fit.
function doubting(answer, n) {
  return button("Wrong source", { class: "quiet", onclick: async (event) => {
    const target = event.currentTarget;
    try {
      await sendJson("POST", `/v1/answers/${encodeURIComponent(answer.id)}/feedback`, { helpful: false, n, reason: "wrong source" });
      flash(target, "Noted");
    } catch {
      flash(target, "Not saved");
    }
  } }, "down");
}

const ALIKE = 0.6; // of the best sentence's shared words: both may be needed for the claim

// The evidence for one sentence of the answer: what shares most words with it, at most two.
function nearest(evidence, sentence) {
  const words = (text) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []);
  const wanted = words(sentence);
  const scored = evidence.map((one) => [[...words(one.quote)].filter((word) => wanted.has(word)).length, one])
    .sort((one, other) => other[0] - one[0]);
  return scored.filter(([shared], rank) => rank === 0 || (rank === 1 && shared >= ALIKE * scored[0][0])).map(([, one]) => one);
}

export function makeChip({ n, paper }) {
  return el("button", { type: "button", class: "chip", dataset: { n }, "aria-haspopup": "dialog",
    "aria-label": `Source ${n}: ${paper.title}` }, n);
}

// All chips of a source light up together, with the source itself; so does the sentence of the chip.
export function lightTogether(root) {
  const light = (event, isLit) => {
    const scope = event.target.closest("[data-turn]");
    const n = event.target.closest(".chip, .source[data-n]")?.dataset.n;
    if (!n || !scope) return;
    for (const node of document.querySelectorAll(`[data-turn="${scope.dataset.turn}"] :is(.chip, .source)[data-n="${n}"]`)) {
      node.classList.toggle("lit", isLit);
    }
    const sentence = event.target.closest(".chip")?.dataset.sentence;
    if (!sentence) return;
    for (const node of scope.querySelectorAll(`.claim[data-sentence="${sentence}"]`)) node.classList.toggle("lit", isLit);
  };
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    root.addEventListener(on, (event) => light(event, true));
    root.addEventListener(off, (event) => light(event, false));
  }
}
