// One answer as a stream of events: read, and after a cut taken up again where it broke.

import { Failure, send, sendJson, unreachable } from "./api.js";

const TRIES = 7; // 0.5 + 1 + 2 + 4 + 8 + 8 + 8 s: about half a minute
const SILENCE_MS = 45_000; // servers ping every 15 s; longer silence is a dead connection

// The events of a text/event-stream body as {id, type, data}; ends when the connection does.
export async function* parse(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const bytes = await nextBytes(reader);
      if (!bytes) return;
      rest += decoder.decode(bytes, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// The next bytes; nothing at the end, after a cut, and after too long a silence.
async function nextBytes(reader) {
  const timer = setTimeout(() => reader.cancel().catch(() => {}), SILENCE_MS);
  try {
    return (await reader.read()).value;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function parseBlock(block) {
  const event = { id: null, type: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") event.id = Number(value);
    else if (field === "event") event.type = value;
    else if (field === "data") event.data += (event.data ? "\n" : "") + value;
  }
  if (!event.data) return null; // a comment that keeps the connection alive
  return { ...event, data: JSON.parse(event.data) };
}

// A run of the server's. `onEvent(type, data)` is called for every event once, in order;
// `onCut(isCut)` when the connection breaks and when it is back.
export class Run {
  constructor({ onEvent, onCut }) {
    this.id = null;
    this.last = 0;
    this.isOver = false;
    this.onEvent = onEvent;
    this.onCut = onCut;
    this.leaving = new AbortController();
  }

  // Ask, and follow to the end. Throws Failure when there is no answer to be had.
  async ask(body) {
    const headers = { Accept: "text/event-stream" };
    const signal = this.leaving.signal;
    const response = await sendJson("POST", "/v1/ask", { ...body, stream: true, remember: navigator.cookieEnabled }, { headers, signal });
    await this.#read(response);
    if (!this.isOver && this.id === null) throw unreachable();
    await this.#takeUp();
  }

  // Follow a run that was begun before, by this page or by one that was reloaded.
  async follow(id) {
    this.id = id;
    await this.#takeUp();
  }

  async stop() {
    this.isOver = true;
    this.leaving.abort();
    if (this.id === null) return;
    await send(`/v1/runs/${encodeURIComponent(this.id)}`, { method: "DELETE", keepalive: true })
      .catch(() => {}); // the connection is closed all the same
  }

  // Leave without stopping the server's work: the page goes elsewhere.
  leave() {
    this.isOver = true;
    this.leaving.abort();
  }

  async #takeUp() {
    for (let attempt = 0; !this.isOver; attempt += 1) {
      if (attempt > TRIES) throw unreachable();
      if (attempt > 0) {
        this.onCut(true);
        await pause(Math.min(500 * 2 ** (attempt - 1), 8000), this.leaving.signal);
        if (this.isOver) return;
      }
      const before = this.last;
      await this.#resume();
      if (this.last > before) attempt = 0;
    }
  }

  async #resume() {
    const path = `/v1/runs/${encodeURIComponent(this.id)}/events?after=${this.last}`;
    try {
      await this.#read(await send(path, { signal: this.leaving.signal }));
    } catch (error) {
      if (error.name === "AbortError" && this.isOver) return;
      if (error instanceof Failure && [404, 410].includes(error.status)) throw lost();
      if (error instanceof Failure && error.status >= 400 && error.status < 500) throw error;
    }
  }

  async #read(response) {
    for await (const { id, type, data } of parse(response.body)) {
      if (this.isOver) return;
      this.onCut(false);
      if (id !== null && id <= this.last) continue;
      if (id !== null) this.last = id;
      if (type === "run") this.id = data.id;
      this.isOver = type === "done" || type === "error";
      this.onEvent(type, data);
    }
  }
}

function lost() {
  return new Failure({ type: "lost", title: "The answer was cut off",
    detail: "The server no longer has it, perhaps because it was restarted. Ask again." });
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish() {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    }
    window.addEventListener("online", finish);
    signal.addEventListener("abort", finish);
  });
}
