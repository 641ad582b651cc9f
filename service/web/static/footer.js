// What can be done with a finished answer: take it along, say how good it is, see how it was made.

import { answerAsBibtex, answerAsMarkdown, answerAsText } from "./bibliography.js";
import { sendJson } from "./api.js";
import { button, copy, el, flash, icon } from "./dom.js";
import { openMenu } from "./menu.js";

const REASONS = ["A source does not say this", "Not what I asked", "Something is missing", "Hard to read"];

export function makeFooter(answer, onAgain) {
  const below = el("div");
  const address = new URL(`/a/${encodeURIComponent(answer.id)}`, location.href).href;
  return el("div", {}, el("div", { class: "turn-footer" }, exporting(answer),
    el("a", { class: "quiet", href: address }, icon("link"), "Link"),
    onAgain ? [
      voting(answer, below),
      button("Try again", { class: "quiet", onclick: onAgain }, "again"),
    ] : null,
    making(answer, below)), below);
}

function exporting(answer) {
  const opener = button("Export", { class: "quiet", "aria-haspopup": "menu", onclick: () => openMenu(opener, "Export", [
    ["Copy as text", take("Text", () => answerAsText(answer))],
    ["Copy as Markdown", take("Markdown", () => answerAsMarkdown(answer))],
    ...(answer.citations.length ? [
      ["Copy references as BibTeX", take("BibTeX", () => answerAsBibtex(answer))],
      ["Save references as RIS", () => location.assign(`/v1/answers/${encodeURIComponent(answer.id)}/export?format=ris`)],
    ] : []),
  ]) }, "copy");
  const take = (what, text) => () => {
    copy(text(), what);
    flash(opener, "Copied");
  };
  return opener;
}

function voting(answer, below) {
  const thumb = (label, name, helpful) => el("button", { type: "button", class: "quiet", "aria-pressed": "false",
    "aria-label": label, title: label, onclick: () => vote(helpful) }, icon(name));
  const up = thumb("Helpful", "up", true);
  const down = thumb("Not helpful", "down", false);
  function vote(helpful) {
    up.setAttribute("aria-pressed", String(helpful));
    down.setAttribute("aria-pressed", String(!helpful));
    below.replaceChildren();
    if (!helpful) below.append(reasons(answer));
    tell(answer, { helpful }, below);
  }
  return [up, down];
}

function reasons(answer) {
  const words = el("input", { type: "text", "aria-label": "What was wrong, in your words", placeholder: "In your words", maxlength: 500 });
  const form = el("form", { class: "feedback", onsubmit: (event) => {
    event.preventDefault();
    if (words.value.trim()) send(words.value.trim());
  } },
  el("p", {}, "What was wrong?"),
  el("div", { class: "reasons" }, REASONS.map((reason) => button(reason, { class: "quiet", onclick: () => send(reason) }))),
  words);
  async function send(reason) {
    if (await tell(answer, { helpful: false, reason }, form.parentElement)) {
      form.replaceChildren(el("p", { role: "status" }, "Thank you. Your words are kept with the answer."));
    }
  }
  return form;
}

async function tell(answer, feedback, below) {
  try {
    await sendJson("POST", `/v1/answers/${encodeURIComponent(answer.id)}/feedback`, feedback);
    return true;
  } catch (failure) {
    below.append(el("p", { class: "by", role: "alert" }, `Your feedback was not saved. ${failure.message}`));
    return false;
  }
}

function making(answer, below) {
  const toggle = button("How this was made", { class: "quiet", "aria-expanded": "false", onclick: flip }, "info");
  let shown = null;
  function flip() {
    if (shown) {
      shown.remove();
      shown = null;
    } else {
      shown = el("dl", { class: "made" }, facts(answer).map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
      below.append(shown);
    }
    toggle.setAttribute("aria-expanded", String(Boolean(shown)));
  }
  return toggle;
}

export function facts({ engine, prompt_version: prompt, snapshot, settings_hash: settings, usage, timings, created_at: made }) {
  const seconds = (ms) => (ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`);
  const tokens = (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0);
  return [
    ["Written by", engine === "extractive" ? "sentences of the abstracts, no model" : engine],
    ["Time", timings ? `${seconds(timings.total_ms)} (search ${seconds(timings.search_ms)})` : null],
    ["Tokens", tokens ? `${usage.prompt_tokens} in, ${usage.completion_tokens} out${usage.cost ? `, ${usage.cost.toFixed(4)} USD` : ""}` : null],
    ["Library", snapshot ? `snapshot ${snapshot}` : null],
    ["Settings", [settings, prompt ? `prompt ${prompt}` : null].filter(Boolean).join(", ")],
    ["Made", made ? new Date(made).toLocaleString() : null],
  ].filter(([, value]) => value);
}
