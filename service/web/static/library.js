// The library: what is in it, its papers, and the way to add more.

import { getJson } from "./api.js";
import { announce, byId, el, plural } from "./dom.js";
import { dressHeader, loadLibrary } from "./header.js";
import { tell } from "./notices.js";
import { paperRow } from "./papers.js";
import { dressUpload } from "./upload.js";

const PAUSE_MS = 200; // of typing, before the list is searched

const search = byId("paper-search");
const sort = byId("paper-sort");
let cursor = null;
let asked = 0; // the newest list asked for: a slower older one must not show

async function showLibrary() {
  const library = await loadLibrary();
  const sources = library.sources ?? [];
  byId("library-lead").textContent = library.papers
    ? `${plural(library.papers, "abstract")}${sources.length > 1 ? ` from ${plural(sources.length, "source")}` : ""}.`
    : "Nothing is in it yet.";
  byId("library-made").textContent = `Snapshot ${library.snapshot}, embedded by ${library.embedder}`;
  byId("charts").replaceChildren(...[
    yearsChart(library.years ?? []),
    barsChart("Sources", sources),
    barsChart("Venues", library.venues ?? []),
    feedsList(library.feeds ?? []),
  ].filter(Boolean));
}

function yearsChart(years) {
  const known = years.map(({ name, papers }) => [Number(name), papers]).filter(([year]) => year > 0);
  if (known.length < 2) return null;
  const counts = new Map(known);
  const last = Math.max(...counts.keys());
  const first = Math.max(Math.min(...counts.keys()), last - 39);
  const most = Math.max(...counts.values());
  const bars = [];
  for (let year = first; year <= last; year += 1) {
    const papers = counts.get(year) ?? 0;
    const label = `${year}: ${plural(papers, "paper")}`;
    const bar = el("li", { title: label }, el("span", { class: "visually-hidden" }, label));
    bar.style.setProperty("--share", papers / most);
    bars.push(bar);
  }
  return el("figure", { class: "chart" }, el("figcaption", {}, "Years"), el("ul", { class: "columns" }, bars),
    el("p", { class: "ends", "aria-hidden": "true" }, el("span", {}, first), el("span", {}, last)));
}

function barsChart(title, rows) {
  if (!rows.length) return null;
  const shown = [...rows].sort((one, other) => other.papers - one.papers).slice(0, 8);
  return el("figure", { class: "chart" }, el("figcaption", {}, title), el("ul", { class: "bars" }, shown.map(({ name, papers }) => {
    const bar = el("li", {}, el("span", { class: "name", title: name }, name), el("span", { class: "count" }, papers.toLocaleString("en")));
    bar.style.setProperty("--share", papers / shown[0].papers);
    return bar;
  })), rows.length > 8 ? el("p", { class: "by" }, `and ${plural(rows.length - 8, "other")}`) : null);
}

function feedsList(feeds) {
  if (!feeds.length) return null;
  return el("figure", { class: "chart" }, el("figcaption", {}, "Feeds"), el("ul", { class: "paper-list" }, feeds.map((feed) =>
    el("li", {}, feed.name, el("p", { class: "by" }, feed.last_synced
      ? `last read ${new Date(feed.last_synced).toLocaleString()}` : "not read to its end yet")))));
}

// The list, from the start or from the cursor on.
async function showPapers({ isMore = false } = {}) {
  const mine = (asked += 1);
  const wanted = new URLSearchParams({ q: search.value.trim(), sort: sort.value });
  if (isMore && cursor) wanted.set("cursor", cursor);
  const page = await getJson(`/v1/papers?${wanted}`);
  if (mine !== asked) return;
  cursor = page.next_cursor;
  const rows = page.papers.map(paperRow);
  if (isMore) byId("papers").append(...rows);
  else byId("papers").replaceChildren(...rows);
  if (isMore) rows[0]?.querySelector("a").focus();
  byId("more").hidden = !cursor;
  byId("paper-count").textContent = search.value.trim()
    ? `${plural(page.total, "paper")} with “${search.value.trim()}”` : "";
  if (search.value.trim()) announce(byId("paper-count").textContent);
}

const trouble = (failure) => tell(byId("library-trouble"), failure);
const refresh = () => Promise.all([showLibrary(), showPapers()]).catch(trouble);

let typing = null;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => showPapers().catch(trouble), PAUSE_MS);
});
sort.addEventListener("change", () => showPapers().catch(trouble));
byId("more").addEventListener("click", () => showPapers({ isMore: true }).catch(trouble));
dressHeader();
dressUpload(refresh);
refresh();
