// A paper as a row of a list.

import { byline } from "./bibliography.js";
import { el } from "./dom.js";
import { labelsOf } from "./sources.js";

export function paperRow(paper) {
  return el("li", {}, el("a", { href: `/p/${encodeURIComponent(paper.id)}`, dir: "auto" }, paper.title),
    el("p", { class: "by" }, byline(paper)), labelsOf(paper));
}
