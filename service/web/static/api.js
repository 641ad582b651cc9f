// Requests to /v1: JSON in and out, every failure as one kind of error with words for the reader.

export class Failure extends Error {
  constructor({ type = "", title, status = 0, detail = "", retryAfter = null }) {
    super(detail || title);
    Object.assign(this, { type, title, status, detail, retryAfter });
  }
}

export async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  throw await failureOf(response);
}

export function unreachable() {
  return navigator.onLine
    ? new Failure({ type: "unreachable", title: "The server does not answer",
      detail: "It may be restarting. Nothing is lost; try again in a moment." })
    : new Failure({ type: "offline", title: "You are offline",
      detail: "Your question is kept. Try again when the connection is back." });
}

export async function getJson(path, options) {
  return (await send(path, options)).json();
}

export function sendJson(method, path, body, options = {}) {
  const headers = { "Content-Type": "application/json", ...options.headers };
  return send(path, { ...options, method, headers, body: JSON.stringify(body) });
}

async function failureOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // a proxy's HTML page, or nothing
  }
  const text = (value) => (typeof value === "string" ? value : "");
  return new Failure({
    type: text(problem.type),
    title: text(problem.title) || TITLES[response.status] || "Something went wrong",
    status: response.status,
    detail: text(problem.detail) || `The server answered with status ${response.status}.`,
    retryAfter: secondsOf(response.headers.get("Retry-After")),
  });
}

const TITLES = { 404: "Not found", 413: "Too large", 429: "Too many questions", 503: "Not ready" };

function secondsOf(header) {
  if (!header) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
