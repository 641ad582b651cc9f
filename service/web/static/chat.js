// The chat page: puts the parts together and asks.

import { loadPaper } from "./abstracts.js";
import { Failure, getJson } from "./api.js";
import { banner, tellOffline } from "./banner.js";
import { Card, lightTogether } from "./cards.js";
import { byId, icon } from "./dom.js";
import { Drawer, dressDrawers } from "./drawers.js";
import { Filters } from "./filters.js";
import { dressHeader } from "./header.js";
import { History } from "./history.js";
import { bindKeys } from "./keys.js";
import { Scroller } from "./scroller.js";
import { Sources } from "./sources.js";
import { keep, recall } from "./storage.js";
import { Run } from "./stream.js";
import { Turn } from "./turn.js";
import { welcome } from "./welcome.js";

const asked = new URLSearchParams(location.search); // ?c=conversation, ?q=question, ?paper=id
const box = byId("question");
const turns = [];
let conversation = null; // id of the open one; null before the first answer
let running = null; // {run, turn} while an answer is on its way
let library = null;
let opening = 0; // the newest conversation asked for: a slower older one must not show

const card = new Card((chip) => {
  const turn = turnOf(chip);
  const citation = turn?.citations.find(({ n }) => n === Number(chip.dataset.n));
  return citation && { citation, sentence: turn.sentenceOf(chip), answer: turn.answer };
});
const filters = new Filters(() => sources.turn && sources.show(sources.turn));
const sources = new Sources(byId("sources"), {
  onNumber: goToChip,
  onTick: (paper, isTicked) => filters.tickPaper(paper, isTicked),
  isTicked: (paper) => filters.hasPaper(paper),
  onClose: () => sheet.close(),
});
const sheet = new Drawer(byId("sources"), "47.99rem", { focus: () => byId("sources").querySelector("h2") });
const drawer = new Drawer(byId("history"), "69.99rem", { opener: byId("history-open"), focus: () => byId("history-close") });
const history_ = new History({
  onOpen: (id) => {
    drawer.close();
    go(id);
  },
  onGone: (id) => id === conversation && go(null, { replace: true }),
  onRenamed: (id, title) => id === conversation && titled(title),
});
const scroller = new Scroller(byId("jump"), byId("turns"));

const hooks = {
  onAsk: (question, more) => ask(question, more),
  onRetry: retry,
  onEdit: (text) => edit(text),
  onSources: openSources,
  onChange: (turn) => {
    if (turn === turns.at(-1) || turn === sources.turn) sources.show(turn);
    scroller.follow();
  },
  onPaint: () => scroller.follow(),
  onFlag: (flag, sentence) => card.openFlag(flag, sentence),
};

// Asking

// `more` goes to the server with the question.
async function ask(question, more = {}) {
  const text = question.trim();
  if (!text || running) return;
  if (!navigator.onLine) {
    tellOffline();
    return;
  }
  box.value = "";
  keep("draft", null, "sessionStorage");
  const turn = addTurn(text);
  turn.asked = more;
  const body = { question: text, filters: filters.body, depth: depth(), ...more };
  if (conversation && navigator.cookieEnabled) body.conversation_id = conversation;
  await carry(turn, (run) => run.ask(body));
}

// Run a question to its end: `start(run)` asks or follows.
async function carry(turn, start) {
  const run = new Run({
    onEvent: (type, data) => {
      if (type === "run") begun(turn, data);
      turn.handle(type, data);
      if (run.isOver && running?.run === run) ended(turn); // not only when the connection closes
    },
    onCut: (isCut) => turn.cut(isCut),
  });
  running = { run, turn };
  turn.run = run;
  showButtons();
  try {
    await start(run);
  } catch (failure) {
    if (failure.name === "AbortError") return;
    if (!(failure instanceof Failure)) throw failure;
    turn.fail(failure);
  } finally {
    if (running?.run === run) ended(turn);
  }
}

function begun(turn, { id, conversation_id: its }) {
  keep("run", { id, question: turn.question, conversation: its }, "sessionStorage");
  if (conversation === null && its) {
    conversation = its;
    window.history.replaceState({ c: its }, "", `/?c=${encodeURIComponent(its)}`);
    titled(turn.question);
    history_.changed();
  }
  history_.mark(conversation);
}

function ended(turn) {
  running = null;
  keep("run", null, "sessionStorage");
  showButtons();
  if (turn.state === "error" && !box.value) edit(turn.question); // kept where it can be changed
  history_.changed();
}

function stop() {
  if (!running) return;
  const { run, turn } = running;
  run.stop();
  turn.stopped();
  ended(turn);
  box.focus();
}

function retry(turn) {
  if (running) return;
  if (box.value.trim() === turn.question) box.value = "";
  if (turn.state === "error" && turn.run?.id && !turn.run.isOver) {
    carry(turn, (run) => {
      run.last = turn.run.last;
      return run.follow(turn.run.id);
    });
    return;
  }
  if (turn.state === "error") removeTurn(turn);
  ask(turn.question, turn.asked);
}

// Turns

function addTurn(question) {
  const turn = new Turn(question, hooks, { librarySize: library?.papers });
  turns.push(turn);
  byId("turns").append(turn.element);
  byId("empty").classList.add("has-turns");
  scroller.toNewest();
  sources.show(turn);
  return turn;
}

function removeTurn(turn) {
  turns.splice(turns.indexOf(turn), 1);
  turn.element.remove();
}

function clearTurns() {
  card.close({ refocus: false });
  running?.run.leave();
  running = null;
  turns.length = 0;
  byId("turns").replaceChildren();
  byId("empty").classList.remove("has-turns");
  sources.showNothing();
  showButtons();
}

const turnOf = (node) => turns.find(({ id }) => id === node.closest("[data-turn]")?.dataset.turn);

function titled(title) {
  byId("conversation-title").textContent = title ?? "";
  byId("conversation-title").hidden = !title;
  document.title = title ? `${title} · Citelight` : "Citelight";
}

// Conversations

function go(id, { replace = false } = {}) {
  const address = id ? `/?c=${encodeURIComponent(id)}` : "/";
  window.history[replace ? "replaceState" : "pushState"]({ c: id }, "", address);
  return open(id);
}

async function open(id) {
  clearTurns();
  conversation = id;
  history_.mark(id);
  titled(null);
  const mine = (opening += 1);
  if (!id) {
    if (window.matchMedia("(pointer: fine)").matches) box.focus(); // on a phone it calls up the keys
    return;
  }
  try {
    const stored = await getJson(`/v1/conversations/${encodeURIComponent(id)}`);
    if (mine !== opening) return;
    titled(stored.title);
    for (const answer of stored.turns) addTurn(answer.question).show(answer);
    scroller.toNewest();
    takeUpRun(stored);
  } catch (failure) {
    if (mine === opening) banner(failure.status === 404 ? "This conversation is not there any more." : failure.message);
  }
}

// An answer that was on its way when the page was reloaded.
function takeUpRun(stored) {
  const left = recall("run", "sessionStorage");
  if (!left || left.conversation !== conversation || stored.turns.some(({ run_id: run }) => run === left.id)) return;
  carry(addTurn(left.question), (run) => run.follow(left.id));
}

// Sources, citations

function openSources(turn) {
  sources.show(turn);
  sheet.open();
  byId("sources").querySelector("h2").focus({ preventScroll: true });
}

function goToChip(turn, n) {
  sheet.close({ refocus: false });
  const chip = turn.element.querySelector(`.chip[data-n="${n}"]`);
  chip?.scrollIntoView({ block: "center" });
  chip?.focus({ preventScroll: true });
}

function stepCitation(step) {
  const chips = [...byId("turns").querySelectorAll(".chip")];
  if (!chips.length) return false;
  const at = chips.indexOf(card.anchor ?? document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : chips.length - 1) : (at + step + chips.length) % chips.length;
  card.close({ refocus: false });
  chips[next].focus({ preventScroll: true });
  chips[next].scrollIntoView({ block: "nearest" });
  return true;
}

// The question box

function showButtons() {
  byId("ask").hidden = running !== null;
  byId("stop").hidden = running === null;
}

function edit(text) {
  box.value = text;
  keepDraft();
  box.focus();
}

const depth = () => (byId("thorough").getAttribute("aria-pressed") === "true" ? "thorough" : "fast");

function setThorough(isThorough) {
  byId("thorough").setAttribute("aria-pressed", String(isThorough));
  keep("thorough", isThorough || null);
}

const keepDraft = () => keep("draft", box.value || null, "sessionStorage");

function dressBox() {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(box.value);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask(box.value);
  });
  box.addEventListener("input", keepDraft);
  byId("stop").addEventListener("click", stop);
  byId("thorough").prepend(icon("layers"));
  byId("thorough").addEventListener("click", () => setThorough(depth() === "fast"));
  setThorough(Boolean(recall("thorough")));
  byId("composer-hint").textContent = "Enter asks, Shift+Enter breaks the line";
  box.value = asked.get("q") ?? recall("draft", "sessionStorage") ?? "";
}

// Links from the paper page narrow the question to that paper.
async function tickAskedPaper() {
  const id = asked.get("paper");
  if (id) filters.tickPaper(await loadPaper(id), true);
}

// Start

dressHeader();
dressBox();
dressDrawers({ history: drawer, historyOpen: byId("history-open"), historyClose: byId("history-close") });
byId("new-question").prepend(icon("plus"));
byId("library-link").prepend(icon("book"));
const fresh = () => {
  drawer.close({ refocus: false });
  go(null);
};
byId("new-question").addEventListener("click", fresh);
card.watch(byId("turns"));
lightTogether(document.body);
bindKeys({
  question: () => box.focus(),
  escape: () => {
    if (card.isOpen) card.close();
    else if (sheet.isOpen) sheet.close();
    else if (drawer.isOpen) drawer.close();
    else stop();
  },
  citation: stepCitation,
  sources: () => turns.length && openSources(sources.turn ?? turns.at(-1)),
  fresh,
  last: () => turns.length && edit(turns.at(-1).question),
});
window.addEventListener("popstate", () => open(new URLSearchParams(location.search).get("c")));
window.addEventListener("offline", tellOffline);
window.addEventListener("online", () => {
  banner(null);
  history_.load();
});
welcome((held) => {
  library = held;
  filters.library = held;
}, ask);
history_.load();
if (!navigator.onLine) tellOffline();
open(asked.get("c"));
tickAskedPaper().catch((failure) => banner(failure.message));
