// Building the page: every text enters as a text node, no string is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

// Paths on a 24 x 24 grid, drawn with a stroke.
const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h10",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  sun: "M12 7.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9M12 2.5v1.5M12 20v1.5M2.5 12H4M20 12h1.5M5.3 5.3l1 1M17.7 17.7l1 1M18.7 5.3l-1 1M6.3 17.7l-1 1",
  moon: "M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  help: "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17M9.8 9.6a2.3 2.3 0 114 1.6c-1 .8-1.8 1.2-1.8 2.4M12 16.6v.1",
  more: "M6 12v.01M12 12v.01M18 12v.01",
  search: "M10.5 4.5a6 6 0 100 12 6 6 0 000-12M15 15l5 5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  quote: "M9.5 7C6.5 8 5 10 5 13v4h5v-5H7.5M19 7c-3 1-4.5 3-4.5 6v4h5v-5H17",
  about: "M5 9.5c2.3-2 4.7-2 7 0s4.7 2 7 0M5 15c2.3-2 4.7-2 7 0s4.7 2 7 0",
  alert: "M12 4.5L21 19.5H3zM12 10v4.5M12 17v.1",
  ask: "M9.2 9a2.9 2.9 0 115 2c-1.2.9-2.2 1.5-2.2 3M12 17.8v.1",
  next: "M6 5v6a3 3 0 003 3h9M14 10l4 4-4 4",
  copy: "M9 9h10v11H9zM6 15H5V4h10v2",
  link: "M10 14a4 4 0 005.7 0l3-3a4 4 0 00-5.7-5.7l-1 1M14 10a4 4 0 00-5.7 0l-3 3a4 4 0 005.7 5.7l1-1",
  up: "M7 11v9H4v-9zM7 11l4-7c1.5 0 2.3 1 2 2.5L12.5 10H18a2 2 0 012 2.3l-1 6A2 2 0 0117 20H7",
  down: "M7 13V4H4v9zM7 13l4 7c1.5 0 2.3-1 2-2.5L12.5 14H18a2 2 0 002-2.3l-1-6A2 2 0 0017 4H7",
  again: "M19 12a7 7 0 11-2-5l2 2M19 4v5h-5",
  info: "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17M12 11v5.5M12 7.8v.1",
  filter: "M4 6h16M7 12h10M10 18h4",
  layers: "M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4",
  book: "M5 4.5h9.5A3.5 3.5 0 0118 8v12H8.5A3.5 3.5 0 015 16.5zM5 16.5A3.5 3.5 0 018.5 13H18",
  open: "M13 5h6v6M19 5l-8 8M17 14v5H5V7h5",
  upload: "M12 16V5M7.5 9L12 4.5 16.5 9M5 19.5h14",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7",
};

// el("p", {class: "by", onclick: f, "aria-label": "x"}, "text", node, null)
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function button(label, properties, iconName) {
  return el("button", { type: "button", ...properties }, iconName ? icon(iconName) : null,
    el("span", {}, label));
}

export const byId = (id) => document.getElementById(id);

// Addresses of papers come from records that anybody may have written: http(s) or nothing.
export function safeUrl(text) {
  if (!text) return null;
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

export function outside(url, ...children) {
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

// The one polite region of the page speaks; the transcript itself is never live.
export function announce(text) {
  byId("status").textContent = text;
}

export function plural(count, word, many = `${word}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? word : many}`;
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // plain http has no clipboard API
  }
  announce(`${what} copied`);
}

function copyBySelection(text) {
  const area = el("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// A button that says for a moment that it has done its work.
export function flash(target, text) {
  const label = target.querySelector("span") ?? target;
  if (target.dataset.busy) return;
  const before = label.textContent;
  target.dataset.busy = "1";
  label.textContent = text;
  setTimeout(() => {
    label.textContent = before;
    delete target.dataset.busy;
  }, 1600);
}
