"""Files, archives, folders and standard input; what is damaged, hostile or unreadable."""

import gzip
import io
import json
import os
import re
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources import discover, sniff, source_of
from ingest.sources.blobs import Blob
from ingest.sources.json_records import read_json_lines
from ingest.sources.pubmed import read_pubmed

ABSTRACT = "We show that it works. It works well on all four data sets."


def line(n: int) -> str:
    return json.dumps({"id": str(n), "title": f"Title {n}", "abstract": ABSTRACT}) + "\n"


LINES = line(1) + line(2)


def titles(path: Path) -> list[tuple[str, str]]:
    """Source name and title of each record; a rejection gives its reason instead."""
    return [
        (source.name, item.paper.title if isinstance(item, Record) else item.reason)
        for source in discover(path)
        for item in source.records()
    ]


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_gzip_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "papers.txt"
    path.write_bytes(gzip.compress(LINES.encode()))

    assert titles(path) == [("papers.txt", "Title 1"), ("papers.txt", "Title 2")]


def test_each_member_of_a_zip_archive_is_a_source(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {"b/b": line(2), "a": line(1), "__MACOSX/a": "x", "c/.d": "x", "c/letter": "Dear Sir"},
    )

    assert titles(path)[:2] == [("a.zip/a", "Title 1"), ("a.zip/b/b", "Title 2")]
    assert "no known format" in titles(path)[2][1]
    assert len(titles(path)) == 3


def test_folders_are_read_recursively_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", ".hidden.jsonl", ".git/x.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(line(1))

    assert titles(tmp_path) == [("b.jsonl", "Title 1"), ("a/z.jsonl", "Title 1")]


@pytest.mark.parametrize("content", [LINES.encode(), gzip.compress(LINES.encode())])
def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert titles(Path("-")) == [("standard input", "Title 1"), ("standard input", "Title 2")]


def test_large_standard_input_goes_to_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ingest.sources.blobs.MAX_KEPT", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES.encode())))

    assert len(titles(Path("-"))) == 2


def test_a_cut_gzip_file_gives_its_whole_records_and_says_that_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl.gz"
    packed = gzip.compress("".join(map(line, range(20_000))).encode(), 1)
    path.write_bytes(packed[: len(packed) // 2])
    (source,) = discover(path)
    *records, last = source.records()

    assert len(records) > 5_000
    assert all(isinstance(item, Record) for item in records)
    assert isinstance(last, Rejection)
    assert "ends early or is damaged" in last.reason


def test_a_cut_zip_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": LINES * 100})
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(InvalidInput, match="damaged zip archive"):
        discover(path)


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", 9) as bomb:
        bomb.write(LINES.encode())
        for _ in range(80):
            bomb.write(b" " * (1 << 20))
    (source,) = discover(path)
    items = list(source.records())

    assert isinstance(items[-1], Rejection)
    assert "possible decompression bomb" in items[-1].reason


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a": LINES, "b": b" " * (80 << 20)})

    with pytest.raises(InvalidInput, match="possible decompression bomb"):
        discover(path)


def test_an_archive_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sources.blobs.MAX_MEMBERS", 2)

    with pytest.raises(InvalidInput, match="more than 2 files"):
        discover(zipped(tmp_path / "a.zip", {"a": "", "b": "", "c": ""}))


def test_an_archive_within_an_archive_is_a_rejection(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a": LINES}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"a": LINES, "b": inner, "c": gzip.compress(LINES.encode())})
    found = titles(path)

    assert found[:2] == [("a.zip/a", "Title 1"), ("a.zip/a", "Title 2")]
    assert "Unpack it" in found[2][1]
    assert "archive within an archive" in found[3][1]


def test_a_billion_laughs_are_refused() -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 20))
    text = (
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><PubmedArticleSet><PubmedArticle>'
        "<MedlineCitation><Article><ArticleTitle>&a19;</ArticleTitle></Article></MedlineCitation>"
        "</PubmedArticle></PubmedArticleSet>"
    )

    with pytest.raises(InvalidInput, match="declares XML entities"):
        list(source_of("x", text.encode()).records())


def test_an_external_entity_beyond_the_head_is_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    padding = f"<!--{'x' * 70_000}-->"
    text = (
        f'{padding}<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><PubmedArticleSet>'
        "<PubmedArticle><MedlineCitation><Article><ArticleTitle>T</ArticleTitle><Abstract>"
        "<AbstractText>Some text &e; here.</AbstractText></Abstract></Article></MedlineCitation>"
        "</PubmedArticle></PubmedArticleSet>"
    )
    items = list(read_pubmed(Blob("x", lambda: io.BytesIO(text.encode()))))

    assert "secret" not in str([item.paper for item in items if isinstance(item, Record)])


def test_cut_xml_gives_its_whole_records_and_says_that_it_is_cut() -> None:
    record = (
        "<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>T</ArticleTitle>"
        f"<Abstract><AbstractText>{ABSTRACT}</AbstractText></Abstract></Article></MedlineCitation>"
        "</PubmedArticle>"
    )
    items = list(source_of("x", f"<PubmedArticleSet>{record}{record[:90]}".encode()).records())

    assert isinstance(items[0], Record)
    assert isinstance(items[1], Rejection)
    assert "cut or malformed after record 1" in items[1].reason


def test_a_long_jsonl_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text("".join(map(line, range(10_000))))
    blob = Blob("x", lambda: path.open("rb"))
    tracemalloc.start()
    n = sum(1 for _ in read_json_lines(blob, {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert n == 10_000
    assert peak < 2 << 20


def test_a_long_xml_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    record = (
        "<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><Abstract><AbstractText>"
        f"{ABSTRACT}</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>\n"
    )
    path = tmp_path / "papers.xml"
    path.write_text(f"<PubmedArticleSet>{record * 5_000}</PubmedArticleSet>")
    blob = Blob("x", lambda: path.open("rb"))
    tracemalloc.start()
    n = sum(1 for _ in read_pubmed(blob))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert n == 5_000
    assert peak < 2 << 20


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'\xef\xbb\xbf{"title": "a"}\n{"title": "b"}\n', "JSON Lines"),
        (b'[{"title": "a"}]', "JSON"),
        (b"PMID- 1\nTI  - T\n", "MEDLINE"),
        (b"\xef\xbb\xbfTY  - JOUR\r\nTI  - T\r\n", "RIS"),
        (b"FN Clarivate\nVR 1.0\nPT J\n", "ISI"),
        (b"%0 Journal Article\n", "EndNote refer"),
        (b"% comment\n\n@Article{a,\n", "BibTeX"),
        (b"Title\tAbstract\nx\ty\n", "CSV or TSV"),
        (b"| Title | Summary |\n| --- | --- |\n", "Markdown"),
        (b'<?xml version="1.0"?>\n<PubmedArticleSet>', "PubMed XML"),
        (b'<?xml version="1.0"?>\n<OAI-PMH>', "OAI-PMH"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom">', "Atom feed"),
        (b"Daily Papers\n", "Daily Papers page"),
        (b"text.more \xc2\xbb \xc2\xab less\n-\n", "public-access result page"),
        (b"PK\x03\x04", "Excel workbook"),
    ],
)
def test_formats_are_told_by_their_first_bytes(head: bytes, name: str) -> None:
    assert sniff(head).name == name


def test_the_refusal_of_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(
        InvalidInput, match=r"no known format\. Known formats are: PubMed XML, .*RIS"
    ):
        sniff(b"Dear Sir,\nplease find enclosed nothing.\n")


def test_a_broken_link_in_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line(1))
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "nowhere")

    assert titles(tmp_path)[0] == ("a.jsonl", "Title 1")
    assert "broken link" in titles(tmp_path)[1][1]


def test_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(LINES,))
    writer.start()
    found = titles(pipe)
    writer.join()

    assert found == [("pipe", "Title 1"), ("pipe", "Title 2")]


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "letter.docx", {"[Content_Types].xml": "<a/>", "word": "x"})

    with pytest.raises(InvalidInput, match=re.escape("letter.docx is an archive or Office file")):
        [list(source.records()) for source in discover(path)]
