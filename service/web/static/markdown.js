// A small, safe part of Markdown as DOM nodes. What is not in it stays the text it is: raw HTML,
// links, images and reference definitions are shown as written and lead nowhere.

import { el } from "./dom.js";

const FENCE = /^\s{0,3}(```|~~~)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const ROW_RULE = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

// The source cut into blocks {kind, lines, ...}; a block's text only grows while it is the last.
export function blocksOf(text) {
  const blocks = [];
  let open = null;
  for (const line of text.split("\n")) {
    if (open?.kind === "code" && !open.isClosed) {
      if (FENCE.test(line)) open.isClosed = true;
      else open.lines.push(line);
      continue;
    }
    const kind = kindOf(line, open);
    if (kind === "blank") open = null;
    else if (open && open.kind === kind && kind !== "heading" && !turnsList(open, line)) open.lines.push(line);
    else blocks.push((open = { kind, lines: kind === "code" ? [] : [line] }));
  }
  return numbered(joinLists(blocks));
}

function kindOf(line, open) {
  if (!line.trim()) return "blank";
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (ITEM.test(line)) return "list";
  if (ROW.test(line)) return "table";
  if (/^\s{0,3}>/.test(line)) return "quote";
  return open?.kind === "list" && /^\s/.test(line) ? "list" : "paragraph";
}

// A numbered item after bullets, or a bullet after numbers, begins another list.
function turnsList(open, line) {
  const item = open.kind === "list" && ITEM.exec(line);
  return item && item[1].length < 2 && Boolean(item[3]) !== isOrdered(open);
}

// Items divided by blank lines are one list still, as long as they are of the same sort.
function joinLists(blocks) {
  const joined = [];
  for (const block of blocks) {
    const before = joined.at(-1);
    if (block.kind === "list" && before?.kind === "list" && isOrdered(block) === isOrdered(before)) {
      before.lines.push(...block.lines);
    } else joined.push(block);
  }
  return joined;
}

const isOrdered = (block) => Boolean(ITEM.exec(block.lines[0])?.[3]);

// Headings stand under the question, which is an h2, and no level is left out.
function numbered(blocks) {
  const depths = [];
  for (const block of blocks) {
    if (block.kind !== "heading") continue;
    const depth = HEADING.exec(block.lines[0])[1].length;
    while (depths.length && depths.at(-1) >= depth) depths.pop();
    depths.push(depth);
    block.level = Math.min(6, 2 + depths.length);
  }
  return blocks;
}

// The node of one block; `mark(n)` gives the node for the citation mark [n], or null for none.
export function renderBlock(block, mark) {
  const inline = (text) => renderInline(text, mark);
  if (block.kind === "heading") {
    return el(`h${block.level}`, { dir: "auto" }, inline(HEADING.exec(block.lines[0])[2]));
  }
  if (block.kind === "code") return el("pre", { tabindex: 0 }, el("code", {}, block.lines.join("\n")));
  if (block.kind === "rule") return el("hr");
  if (block.kind === "list") return renderList(block.lines, inline);
  if (block.kind === "table" && block.lines.length > 1 && ROW_RULE.test(block.lines[1])) {
    return renderTable(block.lines, inline);
  }
  if (block.kind === "quote") {
    const inner = block.lines.map((line) => line.replace(/^\s{0,3}>\s?/, "")).join("\n");
    return el("blockquote", { dir: "auto" }, blocksOf(inner).map((part) => renderBlock(part, mark)));
  }
  return el("p", { dir: "auto" }, inline(block.lines.map((line) => line.trim()).join("\n")));
}

function renderList(lines, inline) {
  const items = [];
  const margin = ITEM.exec(lines[0])?.[1].length ?? 0;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && (item[1].length <= margin + 1 || !items.length)) items.push({ text: item[4], nested: [] });
    else if (item || items.at(-1).nested.length) items.at(-1).nested.push(line);
    else items.at(-1).text += `\n${line.trim()}`;
  }
  const first = ITEM.exec(lines[0]);
  const start = first?.[3] && first[3] !== "1" ? { start: first[3] } : {};
  return el(first?.[3] ? "ol" : "ul", start, items.map(({ text, nested }) =>
    el("li", { dir: "auto" }, inline(text), nested.length ? renderList(nested, inline) : null)));
}

function renderTable(lines, inline) {
  const cells = (line) => line.trim().slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim());
  const row = (tag, line) => el("tr", {}, cells(line).map((cell) =>
    el(tag, tag === "th" ? { scope: "col" } : {}, inline(cell))));
  return el("div", { class: "table-wrap", tabindex: 0, role: "group", "aria-label": "Table" }, el("table", {},
    el("thead", {}, row("th", lines[0])),
    el("tbody", {}, lines.slice(2).filter((line) => ROW.test(line)).map((line) => row("td", line)))));
}

const NARROW = "\u202f"; // a space that does not break

// Escapes, code, marks, strong and emphasis; underscores and stars inside words are letters.
const INLINE = new RegExp([
  /\\([\\`*_[\]#|])/, //                                                  1 escaped sign
  /(`+)(.{1,600}?)\2(?!`)/, //                                           2, 3 code
  /\[(\d{1,3})\]/, //                                                     4 mark
  /\*\*(?=\S)(.{1,600}?)(?<=\S)\*\*/, //                                        5 strong
  /(?<![\p{L}\p{N}_])__(?=\S)(.{1,600}?)(?<=\S)__(?![\p{L}\p{N}_])/, //         6 strong
  /(?<![\p{L}\p{N}*])\*(?=[^\s*])(.{1,600}?)(?<=[^\s*])\*(?![\p{L}\p{N}*])/, // 7 emphasis
  /(?<![\p{L}\p{N}_])_(?=[^\s_])(.{1,600}?)(?<=[^\s_])_(?![\p{L}\p{N}_])/, //   8 emphasis
].map((part) => part.source).join("|"), "gsu");

export function renderInline(text, mark) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const node = inlineNode(found, mark);
    if (!node) continue;
    const before = text.slice(end, found.index);
    if (before) nodes.push(found[4] ? before.replace(/ $/, NARROW) : before); // a mark stays with its word
    nodes.push(node);
    end = found.index + found[0].length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

function inlineNode(found, mark) {
  const [, escaped, , code, number, strong, strong2, emphasis, emphasis2] = found;
  if (escaped) return escaped;
  if (code) return el("code", {}, code.trim());
  if (number) return mark(Number(number));
  const inner = strong ?? strong2 ?? emphasis ?? emphasis2;
  return el(strong ?? strong2 ? "strong" : "em", {}, renderInline(inner, mark));
}
