// Errors of the page go to the operator's log, a few at most; the reader is not bothered.

let left = 5;

function report(kind, message, place = "") {
  if (left-- <= 0) return;
  const body = { kind, message: String(message).slice(0, 500), place: String(place).slice(0, 300), page: location.pathname.slice(0, 300) };
  fetch("/browser-reports", { method: "POST", body: JSON.stringify(body), keepalive: true,
    headers: { "Content-Type": "application/json" } }).catch(() => {});
}

export function reportErrors() {
  window.addEventListener("error", ({ message, filename, lineno }) => report("error", message, `${filename}:${lineno}`));
  window.addEventListener("unhandledrejection", ({ reason }) =>
    report("rejection", reason?.message ?? reason, reason?.stack?.split("\n")[1]));
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    report("csp", violatedDirective, blockedURI));
}
