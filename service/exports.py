"""A stored answer as a file: references for reference managers, or the text with its sources."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ingest.errors import InvalidInput
from service.bibliography import bibtex, csl_json, plain_reference, ris
from service.inert import inert_title, visible

_MARK = re.compile(r"\[(\d{1,4})\]")
_SIGN = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run cells that begin so
_COLUMNS = (
    *("n", "title", "authors", "year", "venue", "doi", "arxiv_id", "url"),
    *("sentence", "start", "end", "quote"),
)

Stored = Mapping[str, Any]  # an answer as `Conversations.answer` gives it


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to be: its text, its media type and its suffix."""

    text: str
    media_type: str
    suffix: str


def export(answer: Stored, name: str) -> Exported:
    """The answer in the format `name`.

    Raises:
        InvalidInput: there is no such format; the text lists those there are.
    """
    if name not in _FORMATS:
        raise InvalidInput(f"There is no format {name!r}. Take one of: {', '.join(_FORMATS)}.")
    write, media_type, suffix = _FORMATS[name]
    return Exported(write(answer), f"{media_type}; charset=utf-8", suffix)


def media_types() -> dict[str, str]:
    """The formats there are, with the media type of each."""
    return {name: media_type for name, (_, media_type, _) in _FORMATS.items()}


def markdown(answer: Stored) -> str:
    """The answer with a footnote a paper, which quotes the sentences that support it."""
    known = {citation["n"] for citation in answer["citations"]}
    text = _MARK.sub(lambda m: f"[^{m[1]}]" if int(m[1]) in known else m[0], answer["text"])
    notes = [_footnote(citation) for citation in answer["citations"]]
    heading = f"# {inert_title(answer['question'], 400)}"
    return "\n\n".join([heading, text.strip(), *notes, _made_by(answer)]) + "\n"


def _footnote(citation: Stored) -> str:
    paper = citation["paper"]
    by = inert_title(", ".join(paper["authors"]))
    facts = [by, str(paper["year"] or ""), inert_title(paper["venue"] or ""), _url(paper)]
    told = ". ".join(fact for fact in facts if fact)
    quotes = "".join(f"\n\n    > {_escaped(e['quote'])}" for e in citation["evidence"])
    title = f"*{inert_title(paper['title'], 400)}*"
    return f"[^{citation['n']}]: {title}{f'. {told}' if told else ''}{quotes}"


def _escaped(text: str) -> str:
    """Text of a paper on one line, every sign of Markdown escaped."""
    return _SIGN.sub(r"\\\1", " ".join(visible(text).split()))


def _url(paper: Stored) -> str:
    url = paper["url"] or ""
    return f"<{url}>" if re.fullmatch(r"https?://[^\s<>]+", url) else ""


def _made_by(answer: Stored) -> str:
    by = inert_title(answer["engine"])
    day, snapshot = answer["created_at"][:10], answer["snapshot"]
    return f"Citelight, {day}, written by {by}, library snapshot {snapshot}, answer {answer['id']}."


def plain_text(answer: Stored) -> str:
    """The answer without Markdown, then numbered references with their quotes."""
    text = visible(answer["text"]).replace("**", "")
    parts = [" ".join(answer["question"].split()), text.strip()]
    for citation in answer["citations"]:
        quotes = "".join(f"\n    “{' '.join(e['quote'].split())}”" for e in citation["evidence"])
        parts.append(f"[{citation['n']}] {plain_reference(citation['paper'])}{quotes}")
    return "\n\n".join([*parts, _made_by(answer)]) + "\n"


def csv_table(answer: Stored) -> str:
    """A row a quoted sentence, with its paper; cells that look like formulas get an apostrophe."""
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(_COLUMNS)
    for citation in answer["citations"]:
        paper = citation["paper"]
        facts = [paper[c] for c in _COLUMNS[3:8]]
        for e in citation["evidence"]:
            cells: Sequence[object] = [
                *(citation["n"], paper["title"], "; ".join(paper["authors"]), *facts),
                *(e["sentence"], e["start"], e["end"], e["quote"]),
            ]
            rows.writerow([_cell(value) for value in cells])
    return out.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return "" if value is None else value
    value = value.replace("\x00", "")
    return f"'{value}" if value.startswith(_FORMULA) else value


def _papers(write: Callable[[Sequence[Stored]], str]) -> Callable[[Stored], str]:
    """A format of references alone, over an answer's cited papers."""
    return lambda answer: write([citation["paper"] for citation in answer["citations"]])


def _json(answer: Stored) -> str:
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()


_FORMATS: dict[str, tuple[Callable[[Stored], str], str, str]] = {
    "markdown": (markdown, "text/markdown", "md"),
    "plain": (plain_text, "text/plain", "txt"),
    "bibtex": (_papers(bibtex), "application/x-bibtex", "bib"),
    "ris": (_papers(ris), "application/x-research-info-systems", "ris"),
    "csl-json": (_papers(csl_json), "application/vnd.citationstyles.csl+json", "json"),
    "csv": (csv_table, "text/csv", "csv"),
    "json": (_json, "application/json", "json"),
}
FORMATS = tuple(_FORMATS)
