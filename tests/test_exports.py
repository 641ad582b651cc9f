"""Exports, read back by parsers that nobody here wrote, with titles that try to break them."""

import csv
import io
import json
from typing import Any

import pytest
import rispy
from citeproc.source.json import CiteProcJSON
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin
from pybtex.database import parse_string

from ingest.errors import InvalidInput
from service.exports import FORMATS, export

TITLES = [
    "Moss holds rain on flat roofs",
    "Just One Byte (per gradient): 50 % & $\\ell_p$ #1 {unbalanced",
    'A "quoted" title, with @article{evil, title={x}}',
    "}\n\n@article{evil,title={injected}}\nER  - \nTY  - JOUR",
    "Größe, naïveté, Ελληνικά, 深度学习 and \u202eabc\u202c",
    "[1] **bold** <script>alert(1)</script> [click](http://evil.example) `code`",
    '=HYPERLINK("http://evil.example","x")',
    "\\input{/etc/passwd} \\write18{ls} ~^_",
    "x" * 5_000,
]
AUTHORS = [
    "Ada Lovelace",
    "O'Brien, Flann",
    "Sand and Gravel Group",
    "María José de la Cruz",
    "Plato",
]


def paper(n: int, title: str) -> dict[str, Any]:
    return {
        "id": f"p{n}",
        "title": title,
        "authors": AUTHORS,
        "year": 2000 + n,
        "venue": "Journal of Roofs & Rain" if n % 2 else None,
        "url": f"https://example.org/a_b%20c?x={n}&y=#z",
        "doi": f"10.1000/a_b<{n}>",
        "arxiv_id": "2301.00001" if n % 2 else None,
    }


def answer(titles: list[str] = TITLES) -> dict[str, Any]:
    quote = "Moss = rain [7]; **it** holds.\nAlways."
    evidence = {"sentence": 0, "start": 0, "end": len(quote), "quote": quote}
    citations = [
        {"n": n, "paper": paper(n, title), "evidence": [evidence]}
        for n, title in enumerate(titles, 1)
    ]
    marks = "".join(f"[{c['n']}]" for c in citations)
    return {
        "id": "abc",
        "question": "Does moss hold *rain*?",
        "text": f"Moss holds rain {marks}. An index a[77] stays.",
        "citations": citations,
        "engine": "extractive",
        "snapshot": "5eed",
        "created_at": "2026-01-02T03:04:05.000+00:00",
    }


def line(title: str) -> str:
    """What must be left of a title: one line, nothing invisible."""
    return " ".join(title.replace("\u202e", "").replace("\u202c", "").split())


def untex(text: str) -> str:
    for tex, plain in (
        ("{\\textbackslash}", "\\"),
        ("{\\textbraceleft}", "{"),
        ("{\\textbraceright}", "}"),
        ("{\\textasciitilde}", "~"),
        ("{\\textasciicircum}", "^"),
    ):
        text = text.replace(tex, f"\0{ord(plain)}\0")
    for sign in "&%$#_":
        text = text.replace(f"\\{sign}", sign)
    for plain in "\\{}~^":
        text = text.replace(f"\0{ord(plain)}\0", plain)
    return text


def test_bibtex_is_read_by_pybtex_with_every_title_whole() -> None:
    entries = parse_string(export(answer(), "bibtex").text, "bibtex").entries
    titles = [untex(e.fields["title"][1:-1]) for e in entries.values()]

    assert titles == [line(t) for t in TITLES]


def test_bibtex_keeps_names_apart() -> None:
    entries = parse_string(export(answer(), "bibtex").text, "bibtex").entries
    people = next(iter(entries.values())).persons["author"]

    assert len(people) == len(AUTHORS)
    assert [" ".join(p.last_names) for p in people[:2]] == ["Lovelace", "O'Brien"]


def test_bibtex_gives_papers_of_one_author_and_year_keys_of_their_own() -> None:
    twins = answer(["Moss roofs"] * 3)
    for citation in twins["citations"]:
        citation["paper"]["year"] = 2001
    entries = parse_string(export(twins, "bibtex").text, "bibtex").entries

    assert list(entries) == ["lovelace2001moss", "lovelace2001moss-1", "lovelace2001moss-2"]


def test_ris_is_read_by_rispy_with_every_title_whole() -> None:
    records = rispy.loads(export(answer(), "ris").text)

    assert [r["title"] for r in records] == [line(t) for t in TITLES]
    assert records[0]["authors"][0] == "Lovelace, Ada"
    assert {r["doi"] for r in records} == {c["paper"]["doi"] for c in answer()["citations"]}


def test_csl_json_is_read_by_citeproc() -> None:
    items = json.loads(export(answer(), "csl-json").text)
    bibliography = CiteProcJSON(items)

    assert [items[n]["title"] for n in range(len(TITLES))] == [line(t) for t in TITLES]
    assert set(bibliography) == {f"p{n}" for n in range(1, len(TITLES) + 1)}


def test_csv_is_read_back_and_runs_nothing_in_a_spreadsheet() -> None:
    rows = list(csv.DictReader(io.StringIO(export(answer(), "csv").text, newline="")))

    assert [r["title"].removeprefix("'") for r in rows] == TITLES
    assert not any(value.startswith(("=", "+", "-", "@")) for r in rows for value in r.values())


def test_markdown_has_a_footnote_for_every_mark_and_no_other_markup() -> None:
    text = export(answer(), "markdown").text
    parser = MarkdownIt("commonmark").use(footnote_plugin)
    tokens = parser.parse(text)
    inline = [child for t in tokens for child in t.children or []]
    refs = [t.meta["id"] for t in inline if t.type == "footnote_ref"]
    links = {t.attrs["href"] for t in inline if t.type == "link_open"}

    assert refs == list(range(len(TITLES)))
    assert sum(t.type == "footnote_open" for t in tokens) == len(TITLES)
    assert not any(t.type in ("html_inline", "image", "strong_open") for t in inline)
    assert all(str(href).startswith("https://example.org/") for href in links)


def test_markdown_leaves_brackets_that_are_no_marks() -> None:
    assert "a[77] stays" in export(answer(), "markdown").text


def test_plain_text_tells_quotes_under_numbered_references() -> None:
    text = export(answer(TITLES[:1]), "plain").text

    assert "[1] Ada Lovelace, O'Brien, Flann" in text
    assert "“Moss = rain [7]; **it** holds. Always.”" in text


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_without_citations_can_be_exported(name: str) -> None:
    assert isinstance(export(answer([]), name).text, str)


def test_an_unknown_format_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="bibtex, ris, csl-json"):
        export(answer(), "docx")
