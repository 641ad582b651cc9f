// The page of one paper: its abstract sentence by sentence, its facts, and what is near it.

import { loadPaper } from "./abstracts.js";
import { getJson, send } from "./api.js";
import { apa, bibtex } from "./bibliography.js";
import { confirm } from "./confirm.js";
import { announce, button, byId, copy, el, flash, outside, safeUrl } from "./dom.js";
import { dressHeader, loadLibrary } from "./header.js";
import { tell } from "./notices.js";
import { paperRow } from "./papers.js";
import { labelsOf } from "./sources.js";

const id = decodeURIComponent(location.pathname.slice("/p/".length));

async function show() {
  const paper = await loadPaper(id);
  document.title = `${paper.title} · Citelight`;
  byId("paper").replaceChildren(
    el("h1", { dir: "auto" }, paper.title),
    el("p", { class: "authors", dir: "auto" }, (paper.authors ?? []).join(", ") || "No authors given"),
    ...[labelsOf(paper)].filter(Boolean),
    abstractOf(paper), actionsOf(paper), factsOf(paper));
  if (location.hash) location.replace(location.hash); // the sentence is there only now
  showRelated(paper);
}

// Sentences carry their numbers, which link to them.
function abstractOf({ abstract, sentences }) {
  const nodes = [];
  let end = 0;
  for (const { n, text } of sentences) {
    const start = abstract.indexOf(text, end);
    if (start < 0) continue;
    const name = `s${n + 1}`;
    nodes.push(abstract.slice(end, start), el("span", { class: "sentence", id: name },
      el("a", { class: "verse", href: `#${name}`, "aria-label": `Sentence ${n + 1}` }, n + 1), text));
    end = start + text.length;
  }
  nodes.push(abstract.slice(end));
  return el("p", { class: "abstract", dir: "auto" }, nodes);
}

function actionsOf(paper) {
  const cite = (label, text) => button(label, { class: "quiet", onclick: (event) => {
    copy(text, label);
    flash(event.currentTarget, "Copied");
  } }, "copy");
  return el("div", { class: "turn-footer" },
    el("a", { class: "button", href: `/?paper=${encodeURIComponent(paper.id)}` }, "Ask this paper"),
    cite("APA", apa(paper)), cite("BibTeX", bibtex(paper)),
    button("Remove", { class: "quiet", onclick: () => remove(paper) }, "trash"));
}

function remove({ id: its, title }) {
  confirm("Remove this paper?", `“${title}” leaves the library. Answers that cite it keep what they quote.`,
    { keep: "Keep", lose: "Remove" }, async () => {
      try {
        await send(`/v1/papers/${encodeURIComponent(its)}`, { method: "DELETE" });
        location.assign("/library");
      } catch (failure) {
        announce(failure.message);
        byId("paper").prepend(el("div", { class: "alert", role: "alert" }, el("p", {}, el("strong", {}, "It was not removed"), failure.message)));
      }
    });
}

function factsOf(paper) {
  const link = (address, text) => (safeUrl(address) ? outside(safeUrl(address), text) : text);
  const rows = [
    ["Year", paper.year], ["Venue", paper.venue],
    ["DOI", paper.doi && link(`https://doi.org/${encodeURI(paper.doi)}`, paper.doi)],
    ["arXiv", paper.arxiv_id && link(`https://arxiv.org/abs/${encodeURI(paper.arxiv_id)}`, paper.arxiv_id)],
    ["PubMed", paper.pubmed_id && link(`https://pubmed.ncbi.nlm.nih.gov/${encodeURI(paper.pubmed_id)}/`, paper.pubmed_id)],
    ["Address", paper.url && link(paper.url, paper.url)],
    ["Subjects", (paper.categories ?? []).join(", ")],
  ].filter(([, value]) => value);
  return el("dl", { class: "made" }, rows.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
}

async function showRelated(paper) {
  const query = paper.title.slice(0, 400);
  const { hits } = await getJson(`/v1/search?k=6&q=${encodeURIComponent(query)}`);
  const others = hits.filter((hit) => hit.paper.id !== paper.id).slice(0, 5);
  byId("related").querySelector("ul").replaceChildren(...others.map((hit) => paperRow(hit.paper)));
  byId("related").hidden = !others.length;
}

dressHeader();
loadLibrary().catch(() => {});
show().catch((failure) => tell(byId("paper"), failure, failure.status === 404
  ? "There is no such paper in this library. It may have been removed." : null));
