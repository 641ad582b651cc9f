// Files into the library: chosen or dropped, sent, followed to their report.

import { getJson, send } from "./api.js";
import { announce, byId, el, plural } from "./dom.js";

const LOOK_MS = 700; // between two looks at a job
const STEPS = { waiting: "waits for an earlier upload", running: "is being read and indexed" };

export function dressUpload(onDone) {
  const files = byId("files");
  const drop = byId("drop");
  files.addEventListener("change", () => {
    if (files.files.length) take([...files.files], onDone);
    files.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.dataset.over = "true";
    });
  }
  drop.addEventListener("dragleave", () => delete drop.dataset.over);
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    delete drop.dataset.over;
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files], onDone);
  });
  // a file dropped beside the field must not replace the page
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
}

async function take(files, onDone) {
  const name = files.length === 1 ? files[0].name : plural(files.length, "file");
  const row = el("li", { class: "job" });
  byId("jobs").prepend(row);
  const say = (...parts) => row.replaceChildren(el("strong", {}, name), " ", ...parts);
  try {
    say("is being sent", el("progress", { "aria-label": "Sending" }));
    const { job } = await sendFiles(files);
    const done = await follow(job, (state) => say(STEPS[state], el("progress", { "aria-label": "Indexing" })));
    if (done.state === "failed") throw Object.assign(new Error(done.error), { title: "" });
    showReport(row, name, done.report);
    announce(`${name} was taken in: ${plural(done.report.new, "new paper")}`);
    onDone();
  } catch (failure) {
    row.dataset.state = "failed";
    row.replaceChildren(el("div", { class: "alert", role: "alert" },
      el("p", {}, el("strong", {}, `${name} was not taken in`), failure.message),
      el("button", { type: "button", class: "button second", onclick: () => {
        row.remove();
        take(files, onDone);
      } }, "Try again")));
  }
}

async function sendFiles(files) {
  const body = new FormData();
  for (const file of files) body.append("files", file, file.name);
  return (await send("/v1/papers", { method: "POST", body })).json();
}

async function follow(id, onStep) {
  for (;;) {
    const job = await getJson(`/v1/jobs/${encodeURIComponent(id)}`);
    if (!(job.state in STEPS)) return job;
    onStep(job.state);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function showReport(row, name, report) {
  const { found, rejected } = report;
  const counts = ["new", "updated", "unchanged", "duplicates"].filter((kind) => report[kind])
    .map((kind) => `${report[kind].toLocaleString("en")} ${kind === "duplicates" && report[kind] === 1 ? "duplicate" : kind}`);
  if (rejected.length) counts.push(`${rejected.length.toLocaleString("en")} rejected`);
  row.replaceChildren(el("strong", {}, name), ` ${plural(found, "record")}: ${counts.join(", ") || "nothing in it"}.`);
  if (!rejected.length) return;
  const shown = rejected.slice(0, 50);
  row.append(el("details", {}, el("summary", {}, "What was rejected, and why"),
    el("ul", { class: "rejections" }, shown.map(({ file, record, reason }) => el("li", {}, `${[file, record].filter(Boolean).join(", ")}: ${reason}`))),
    rejected.length > shown.length ? el("p", { class: "by" }, `and ${plural(rejected.length - shown.length, "other")}`) : null));
}
