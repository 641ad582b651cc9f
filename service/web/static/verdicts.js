// The verdict of every sentence, in words and in shape, put onto the sentences of an answer.

import { el, icon, plural } from "./dom.js";

export const VERDICTS = {
  verbatim: { icon: "quote", words: "Quoted word for word" },
  supported: { icon: "check", words: "The source says this" },
  weak: { icon: "about", words: "Only loosely supported", flag: "loosely supported" },
  altered: { icon: "alert", words: "Differs from its source", flag: "differs from its source" },
  uncited: { icon: "ask", words: "No source stands behind this", flag: "no source" },
  pending: { icon: "info", words: "Checked when the answer is complete" },
};

const isGood = (sentence) => sentence.verdict === "verbatim" || sentence.verdict === "supported";

export function verdictLine(verdict, reason) {
  const { icon: name, words } = VERDICTS[verdict] ?? VERDICTS.pending;
  const detail = reason && !["verbatim", "supported"].includes(verdict) ? `: ${reason}` : "";
  return el("p", { class: "verdict", dataset: { verdict } }, icon(name), el("span", {}, words + detail));
}

// One line on the whole answer, for the glance.
export function trustLine(sentences) {
  const cited = sentences.filter((sentence) => sentence.verdict !== "uncited");
  if (!cited.length) return null;
  const good = cited.filter(isGood).length;
  const verbatim = cited.every((sentence) => sentence.verdict === "verbatim");
  const many = plural(cited.length, "sentence");
  if (!good) return trust("warn", "alert", `Not one of ${many} was found in its source; see the marks.`);
  if (good < cited.length) return trust("warn", "alert", `${good} of ${many} found in the source; the rest ${cited.length - good === 1 ? "is" : "are"} marked.`);
  if (cited.length === 1) return trust("good", "check", verbatim ? "The sentence is quoted word for word." : "The sentence was found in its source.");
  const all = cited.length === 2 ? "Both sentences" : `All ${many}`;
  return trust("good", "check", verbatim ? `${all} are quoted word for word.` : `${all} were found in their sources.`);
}

function trust(kind, name, text) {
  return el("p", { class: `trust ${kind}` }, icon(name), el("span", {}, text));
}

// Wrap every sentence of a finished answer in a span, tell its chips their verdict, and put a
// flag behind those whose check failed. Sentences that cannot be found are left as they are.
export function markSentences(body, sentences, onFlag) {
  const text = new Text(body);
  let from = 0;
  const places = sentences.map((sentence) => {
    const wanted = squeeze(sentence.text.replace(/\[\d+\]/g, ""));
    const start = wanted ? text.letters.indexOf(wanted, from) : -1;
    if (start < 0) return null;
    from = start + wanted.length;
    return { start, end: from };
  });
  places.forEach((place, index) => {
    if (!place) return;
    const next = places.slice(index + 1).find(Boolean)?.start ?? Infinity;
    const chips = text.chips.filter(({ at }) => at > place.start && at <= next).map(({ chip }) => chip);
    for (const chip of chips) tellChip(chip, sentences[index], index);
    const spans = text.wrap(place, `claim claim-${sentences[index].verdict}`, index);
    if (VERDICTS[sentences[index].verdict]?.flag && spans.length) {
      laterOf(chips.at(-1), spans.at(-1)).after(flagOf(sentences[index], onFlag));
    }
  });
}

function laterOf(chip, span) {
  const isBehind = chip && span.compareDocumentPosition(chip) & Node.DOCUMENT_POSITION_FOLLOWING;
  return isBehind ? chip : span;
}

function tellChip(chip, { verdict }, index) {
  chip.dataset.verdict = verdict;
  chip.dataset.sentence = index;
  if (VERDICTS[verdict]?.flag) chip.setAttribute("aria-label", `${chip.getAttribute("aria-label")} (${VERDICTS[verdict].flag})`);
}

function flagOf(sentence, onFlag) {
  const { icon: name, flag, words } = VERDICTS[sentence.verdict];
  return el("button", {
    type: "button", class: "flag", dataset: { verdict: sentence.verdict }, "aria-haspopup": "dialog",
    title: sentence.reason || words, onclick: (event) => onFlag(event.currentTarget, sentence),
  }, icon(name), flag);
}

// Letters that Markdown, marks and line ends cannot change.
const squeeze = (text) => text.replace(/[\s*_`#|>\\~-]/gu, "");

// The text of a rendered answer as one string of letters, with the way back to its nodes.
class Text {
  constructor(body) {
    this.chips = [];
    this.parts = []; // {node, at, offsets}: the letters of one text node, and where each stands in it
    this.letters = "";
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest(".chip") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.nodeType === Node.TEXT_NODE) this.#addText(node);
      else if (node.matches(".chip")) this.chips.push({ chip: node, at: this.letters.length });
    }
  }

  #addText(node) {
    const offsets = [];
    let letters = "";
    for (let offset = 0; offset < node.data.length; offset += 1) {
      if (!squeeze(node.data[offset])) continue;
      offsets.push(offset);
      letters += node.data[offset];
    }
    if (letters) this.parts.push({ node, at: this.letters.length, offsets });
    this.letters += letters;
  }

  // Wrap the letters [start, end) in spans, one a text node. Places must come in rising order:
  // what is kept of a node that was split is its tail.
  wrap({ start, end }, className, index) {
    const touched = this.parts.filter(({ at, offsets }) => at < end && at + offsets.length > start);
    return touched.map((part) => {
      const first = Math.max(0, start - part.at);
      const last = Math.min(part.offsets.length, end - part.at) - 1;
      const cut = part.offsets[last] + 1;
      const tail = part.node.splitText(cut);
      const middle = part.node.splitText(part.offsets[first]);
      const span = el("span", { class: className, dataset: { sentence: index } });
      middle.replaceWith(span);
      span.append(middle);
      part.node = tail;
      part.at += last + 1;
      part.offsets = part.offsets.slice(last + 1).map((offset) => offset - cut);
      return span;
    });
  }
}
