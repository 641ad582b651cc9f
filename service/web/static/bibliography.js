// References in words: one line, APA, BibTeX; and whole answers as text and Markdown.

const PARTICLES = new Set(["van", "von", "der", "den", "de", "da", "di", "du", "del", "la", "le", "ter", "ten", "bin", "al"]);

// "Ada M. Lovelace" or "Lovelace, Ada M." as [surname, given names].
function nameParts(name) {
  if (name.includes(",")) {
    const [last, ...first] = name.split(",");
    return [last.trim(), first.join(",").trim()];
  }
  const words = name.trim().split(/\s+/);
  let cut = words.length - 1;
  while (cut > 1 && PARTICLES.has(words[cut - 1].toLowerCase())) cut -= 1;
  return [words.slice(cut).join(" "), words.slice(0, cut).join(" ")];
}

export function byline(paper, limit = 3) {
  const authors = paper.authors ?? [];
  const shown = authors.length > limit ? [authors[0], "et al."] : authors;
  const names = shown.length > 1 && shown[1] === "et al." ? shown.join(" ") : shown.join(", ");
  return [names, paper.venue, paper.year].filter(Boolean).join(" · ");
}

export function addressOf(paper) {
  if (paper.doi) return `https://doi.org/${encodeURI(paper.doi)}`;
  if (paper.arxiv_id) return `https://arxiv.org/abs/${encodeURI(paper.arxiv_id)}`;
  return paper.url || null;
}

export function apa(paper) {
  const names = (paper.authors ?? []).map((name) => {
    const [last, first] = nameParts(name);
    const initials = first.split(/[\s.]+/).filter(Boolean).map((word) => `${[...word][0]}.`).join(" ");
    return initials ? `${last}, ${initials}` : last;
  });
  if (names.length > 20) names.splice(19, names.length - 20, "…");
  const last = names.pop();
  const authors = names.length ? `${names.join(", ")}, & ${last}` : (last ?? "");
  const title = paper.title.replace(/\.$/, "");
  const parts = [authors, `(${paper.year ?? "n.d."}).`, `${title}.`, paper.venue ? `${paper.venue}.` : "", addressOf(paper) ?? ""];
  return parts.filter(Boolean).join(" ");
}

export function bibtex(paper) {
  const fields = {
    title: `{${escapeTex(paper.title)}}`,
    author: (paper.authors ?? []).map((name) => escapeTex(nameParts(name).filter(Boolean).join(", "))).join(" and "),
    year: paper.year,
    [paper.venue && !paper.arxiv_id ? "journal" : "howpublished"]: paper.venue ? escapeTex(paper.venue) : null,
    doi: paper.doi,
    eprint: paper.arxiv_id,
    archiveprefix: paper.arxiv_id ? "arXiv" : null,
    url: paper.url,
  };
  const lines = Object.entries(fields).filter(([, value]) => value).map(([name, value]) => `  ${name} = {${value}},`);
  return `@${paper.venue && !paper.arxiv_id ? "article" : "misc"}{${keyOf(paper)},\n${lines.join("\n")}\n}\n`;
}

function escapeTex(text) {
  return String(text).replace(/[\\{}]/g, "").replace(/[&%$#_]/g, "\\$&").replace(/~/g, "\\textasciitilde{}")
    .replace(/\^/g, "\\textasciicircum{}");
}

function keyOf(paper) {
  const ascii = (text) => text.normalize("NFKD").replace(/[^\w]/g, "").toLowerCase();
  const surname = paper.authors?.length ? ascii(nameParts(paper.authors[0])[0]) : "";
  const word = ascii(paper.title.split(/\s+/).find((part) => ascii(part).length > 3) ?? "");
  return `${surname}${paper.year ?? ""}${word}` || "paper";
}

export function answerAsText(answer) {
  const references = answer.citations.map(({ n, paper }) => `[${n}] ${apa(paper)}`);
  const plain = answer.text.replace(/\*\*(.+?)\*\*/g, "$1").replace(/^#+\s+/gm, "");
  return [answer.question, plain, ...references].join("\n\n");
}

export function answerAsMarkdown(answer) {
  const text = answer.text.replace(/\[(\d+)\]/g, "[^$1]");
  const notes = answer.citations.map(({ n, paper, evidence }) =>
    `[^${n}]: ${apa(paper)}${evidence.map((part) => ` “${part.quote}”`).join("")}`);
  return `## ${answer.question}\n\n${text}\n\n${notes.join("\n")}\n`;
}

export function answerAsBibtex(answer) {
  return answer.citations.map(({ paper }) => bibtex(paper)).join("\n");
}
