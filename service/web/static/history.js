// The reader's conversations, kept by the server: list by day, search, rename, delete.

import { getJson, send, sendJson } from "./api.js";
import { confirm } from "./confirm.js";
import { announce, byId, el, icon } from "./dom.js";
import { openMenu } from "./menu.js";

export class History {
  // `onOpen(id)` and `onGone(id)` tell the page; other tabs hear of changes over a channel.
  constructor({ onOpen, onGone, onRenamed }) {
    Object.assign(this, { onOpen, onGone, onRenamed });
    this.list = byId("history-list");
    this.search = byId("history-search");
    this.search.addEventListener("input", () => this.#draw());
    this.conversations = [];
    this.current = null;
    this.trouble = null;
    this.tabs = "BroadcastChannel" in window ? new BroadcastChannel("conversations") : null;
    this.tabs?.addEventListener("message", () => this.load());
  }

  async load() {
    try {
      this.conversations = (await getJson("/v1/conversations")).conversations;
      this.trouble = null;
    } catch (failure) {
      this.trouble = failure;
    }
    this.#draw();
  }

  // Something has changed here: read anew, and let the other tabs do so.
  async changed() {
    this.tabs?.postMessage("changed");
    await this.load();
  }

  mark(id) {
    this.current = id;
    this.#draw();
  }

  #draw() {
    const wanted = this.search.value.trim().toLowerCase();
    const shown = this.conversations.filter(({ title }) => title.toLowerCase().includes(wanted));
    const days = new Map();
    for (const conversation of shown) {
      const day = dayOf(conversation.updated_at);
      days.set(day, [...(days.get(day) ?? []), conversation]);
    }
    this.list.replaceChildren(...[...days].map(([day, items]) => el("section", {},
      el("h2", {}, day), el("ul", {}, items.map((item) => this.#row(item))))), ...this.#note(shown.length, wanted));
  }

  #note(count, wanted) {
    let text = null;
    if (this.trouble) text = `Conversations could not be read. ${this.trouble.message}`;
    else if (!navigator.cookieEnabled) text = "Cookies are off, so conversations are not kept.";
    else if (!count) text = wanted ? "No conversation has this in its title." : "Your questions will be kept here.";
    return text ? [el("p", { class: "history-note" }, text)] : [];
  }

  #row({ id, title }) {
    const link = el("a", { href: `/?c=${encodeURIComponent(id)}`, dir: "auto", title, onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.onOpen(id);
    } }, title);
    if (id === this.current) link.setAttribute("aria-current", "page");
    const more = el("button", { type: "button", class: "icon-button", "aria-label": `More for ${title}`,
      "aria-haspopup": "menu", onclick: () => openMenu(more, title, [
        ["Rename", () => this.#rename(id, title)], ["Delete", () => this.#confirm(id, title), true]]) }, icon("more"));
    return el("li", { class: "conversation", dataset: { id, current: String(id === this.current) } }, link, more);
  }

  #rename(id, title) {
    const row = this.list.querySelector(`[data-id="${CSS.escape(id)}"]`);
    const field = el("input", { type: "text", "aria-label": "Title", maxlength: 200, onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Enter") save();
      if (event.key === "Escape") this.#draw();
    }, onblur: () => save() });
    let isSaved = false;
    const save = async () => {
      const text = field.value.trim();
      if (isSaved || !field.isConnected) return;
      isSaved = true;
      if (text && text !== title) await this.#change("Renamed", () => sendJson("PATCH", `/v1/conversations/${encodeURIComponent(id)}`, { title: text }));
      if (text) this.onRenamed(id, text);
      this.#draw();
    };
    field.value = title;
    row.replaceChildren(field);
    field.select();
    field.focus();
  }

  #confirm(id, title) {
    const text = `“${title}” and its answers are deleted for good; links to them stop working.`;
    confirm("Delete this conversation?", text, { keep: "Keep", lose: "Delete" }, async () => {
      await this.#change("Deleted", () => send(`/v1/conversations/${encodeURIComponent(id)}`, { method: "DELETE" }));
      if (!this.trouble) this.onGone(id);
    });
  }

  async #change(done, act) {
    try {
      await act();
      announce(done);
      await this.changed();
    } catch (failure) {
      this.trouble = failure;
      this.#draw();
    }
  }
}

function dayOf(time) {
  const day = new Date(time);
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  const ago = Math.ceil((midnight - day) / 86_400_000);
  if (ago <= 0) return "Today";
  if (ago === 1) return "Yesterday";
  if (ago < 7) return day.toLocaleDateString("en", { weekday: "long" });
  return day.toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" });
}
