// The page of one stored answer: to link to, to print, to keep.

import { renderEvidence } from "./abstracts.js";
import { getJson } from "./api.js";
import { addressOf, apa } from "./bibliography.js";
import { Card, lightTogether } from "./cards.js";
import { byId, el, outside, safeUrl } from "./dom.js";
import { dressHeader, loadLibrary } from "./header.js";
import { tell } from "./notices.js";
import { Turn } from "./turn.js";

const id = decodeURIComponent(location.pathname.slice("/a/".length));

async function show() {
  const answer = await getJson(`/v1/answers/${encodeURIComponent(id)}`);
  document.title = `${answer.question} · Citelight`;
  const turn = new Turn(answer.question, {
    onAsk: (question) => location.assign(`/?q=${encodeURIComponent(question)}`),
    onEdit: (text) => location.assign(`/?q=${encodeURIComponent(text)}`),
    onSources: () => byId("references").scrollIntoView(),
    onChange: () => {},
    onFlag: (flag, sentence) => card.openFlag(flag, sentence),
  }, { level: 1 });
  const card = new Card((chip) => {
    const citation = turn.citations.find(({ n }) => n === Number(chip.dataset.n));
    return { citation, sentence: turn.sentenceOf(chip), answer };
  });
  turn.show(answer);
  byId("answer").replaceChildren(turn.element);
  byId("references").dataset.turn = turn.id;
  card.watch(turn.element);
  lightTogether(document.body);
  document.addEventListener("keydown", (event) => event.key === "Escape" && card.close());
  showReferences(answer.citations);
}

function showReferences(citations) {
  byId("references").hidden = !citations.length;
  byId("references").querySelector("ol").replaceChildren(...citations.map(({ n, paper, evidence }) => {
    const url = safeUrl(paper.url) ?? safeUrl(addressOf(paper));
    return el("li", { class: "source", dataset: { n }, value: n },
      el("div", { class: "source-head" }, el("span", { class: "number" }, n), el("div", {},
        el("p", { dir: "auto" }, apa({ ...paper, url: null, doi: null, arxiv_id: null })),
        url ? el("p", { class: "by" }, outside(url, url)) : null,
        el("p", { class: "by no-print" }, el("a", { href: `/p/${encodeURIComponent(paper.id)}` }, "In this library")))),
      evidence.map(({ quote }) => renderEvidence({ quote })));
  }));
}

dressHeader();
loadLibrary().catch(() => {}); // the answer stands without the library's size
show().catch((failure) => tell(byId("answer"), failure, failure.status === 404
  ? "There is no such answer. It may have been deleted with its conversation." : null));
