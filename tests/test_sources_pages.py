"""Copied web pages: the genuine seed pages, and the ways in which copies are damaged."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import InvalidInput
from ingest.papers import Record, Rejection
from ingest.sources import discover
from ingest.sources.hyphens import dehyphenate, whole_words

SEEDS = Path(__file__).parents[1].parent / "shared" / "seeds"
ABSTRACT = (
    "We study the way in which pages are copied, and find that most of them carry buttons. "
    "We propose to take the buttons off. Experiments on four pages show that this works."
)
needs_seeds = pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed pages are not here")


def records_of(path: Path) -> Iterator[Record]:
    for source in discover(path):
        for item in source.records():
            assert isinstance(item, Record), item
            yield item


def read_text(folder: Path, text: str | bytes) -> list[Record | Rejection]:
    path = folder / "page.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [item for source in discover(path) for item in source.records()]


def listing(*lines: str) -> str:
    return "\n\n".join(["Daily Papers", "byAK and the research community", "Sep 1", *lines])


@needs_seeds
def test_the_seed_pages_hold_361_records_of_349_papers() -> None:
    seen: set[str] = set()
    found = duplicates = 0
    for record in records_of(SEEDS):
        keys = set(record.paper.identities())
        found, duplicates = found + 1, duplicates + bool(keys & seen)
        seen |= keys

    assert (found, duplicates) == (361, 12)


@needs_seeds
def test_each_seed_page_gives_its_number_of_records() -> None:
    counts = [sum(1 for _ in source.records()) for source in discover(SEEDS)]

    assert counts == [8, 65, 242, 46]


@needs_seeds
@pytest.mark.parametrize(("name", "n_chrome"), [("001*", 6), ("002*", 2), ("003*", 6)])
def test_listing_titles_and_abstracts_are_the_page_lines_in_turn(name: str, n_chrome: int) -> None:
    path = next(SEEDS.glob(name))
    lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()][n_chrome:]
    lines[0] = lines[0].removeprefix("Subscribe")
    papers = [record.paper for record in records_of(path)]

    assert [text for paper in papers for text in (paper.title, paper.abstract)] == [
        " ".join(line.split()) for line in lines
    ]


@needs_seeds
def test_no_chrome_is_left_in_any_seed_title_or_abstract() -> None:
    chrome = re.compile(
        r"subscribe|trending papers|daily papers|by ?AK and|full text available"
        r"|more »|« less|official website|publicly-accessible|[a-z]- cluding",
        re.IGNORECASE,
    )
    left = [
        text
        for record in records_of(SEEDS)
        for text in (record.paper.title, record.paper.abstract)
        if chrome.search(text)
    ]

    assert left == []


@needs_seeds
def test_result_page_papers_are_labelled_by_their_own_first_words() -> None:
    papers = [record.paper for record in records_of(next(SEEDS.glob("000*")))]

    assert all(paper.is_title_derived for paper in papers)
    assert papers[1].title == (
        "Untitled: “…est-time training (TTT) methods explicitly update the weights of …”"
    )


@needs_seeds
def test_result_page_words_broken_at_line_ends_are_whole() -> None:
    abstract = next(
        record.paper.abstract
        for record in records_of(next(SEEDS.glob("000*")))
        if "new state of the art" in record.paper.abstract
    )

    assert "computer vision tasks, including image restoration" in abstract
    assert "reconstructions of exceptional visual quality" in abstract
    assert "a stochastic degradation process" in abstract


@needs_seeds
def test_raw_keeps_the_text_as_received() -> None:
    record = next(
        record
        for record in records_of(next(SEEDS.glob("000*")))
        if "new state of the art" in record.paper.abstract
    )

    assert "in- cluding image restoration" in record.raw
    assert "more » « less" in record.raw


@needs_seeds
@pytest.mark.parametrize("n_bytes", [9_000, 40_000, 77_777])
def test_a_cut_page_gives_its_whole_records_and_reports_the_cut_one(
    tmp_path: Path, n_bytes: int
) -> None:
    whole = list(records_of(next(SEEDS.glob("003*"))))
    data = next(SEEDS.glob("003*")).read_bytes()[:n_bytes]
    *records, last = read_text(tmp_path, data)

    assert isinstance(last, Rejection)
    assert "cut" in last.reason or "no abstract" in last.reason
    assert records == whole[: len(records)]
    assert len(records) >= n_bytes // 2_000


@needs_seeds
@pytest.mark.parametrize("n_bytes", [3_000, 5_800, 9_001])
def test_a_cut_result_page_gives_its_whole_abstracts_and_reports_the_cut_one(
    tmp_path: Path, n_bytes: int
) -> None:
    path = next(SEEDS.glob("000*"))
    whole = [record.paper.abstract[:60] for record in records_of(path)]
    *records, last = read_text(tmp_path, path.read_bytes()[:n_bytes])

    assert isinstance(last, Rejection)
    assert "cut" in last.reason
    assert [item.paper.abstract[:60] for item in records if isinstance(item, Record)] == whole[
        : len(records)
    ]


def test_title_without_abstract_is_rejected(tmp_path: Path) -> None:
    items = read_text(tmp_path, listing("A Lonely Title", "A Title", ABSTRACT))

    assert items[0] == Rejection(
        "record 1, line 7", "no abstract of “A Lonely Title”", "A Lonely Title"
    )
    assert isinstance(items[1], Record)
    assert items[1].paper.title == "A Title"


def test_further_paragraphs_belong_to_the_abstract(tmp_path: Path) -> None:
    tail = "Code is available at https://example.org/code"
    items = read_text(tmp_path, listing("One", ABSTRACT, tail, "Two", ABSTRACT))

    assert [item.paper.abstract for item in items if isinstance(item, Record)] == [
        f"{ABSTRACT} {tail}",
        ABSTRACT,
    ]


def test_button_is_taken_off_a_title_but_a_word_stays_whole(tmp_path: Path) -> None:
    head = "Get trending papers in your email inbox!"
    glued = read_text(tmp_path, f"{head}\nSubscribe2D Vision\n{ABSTRACT}\n")
    word = read_text(tmp_path, f"{head}\nSubscriber Churn\n{ABSTRACT}\n")

    assert [item.paper.title for item in (*glued, *word) if isinstance(item, Record)] == [
        "2D Vision",
        "Subscriber Churn",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\t\n", "is empty"),
        ("Dear Sir,\n\nplease find attached the minutes.\n", "of no known format"),
        ("Daily Papers\n\nSep 1\n", "holds no whole paper"),
        (b"Daily Papers\n\nT\xff\xfe\n", "byte 15 (0xff)"),
        (b"\x00\x01\x02\x03" * 100, "is binary"),
        (b"%PDF-1.7\n", "is a PDF"),
        ("<!DOCTYPE html><html><body>Daily Papers</body></html>", "web page (HTML)"),
    ],
)
def test_what_is_no_page_is_refused_with_the_reason(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        read_text(tmp_path, text)


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        discover(tmp_path / "nowhere.txt")


@pytest.mark.parametrize("names", [(), (".hidden",), ("letter.txt", "photo.png")])
def test_folder_without_readable_files_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("Dear Sir, no papers here.")

    with pytest.raises(InvalidInput, match=r"holds no files|no file in"):
        discover(tmp_path)


def test_unreadable_file_among_others_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(listing("A Title", ABSTRACT))
    (tmp_path / "b.txt").write_text("Dear Sir, no papers here.")
    items = [item for source in discover(tmp_path) for item in source.records()]

    assert isinstance(items[0], Record)
    assert isinstance(items[1], Rejection)
    assert "of no known format" in items[1].reason


@pytest.mark.parametrize(
    ("text", "page", "whole"),
    [
        ("tasks, in- cluding this", "", "tasks, including this"),
        ("short- and long-term", "", "short- and long-term"),
        ("self- supervised", "a supervised model", "self-supervised"),
        ("re- training", "we need retraining of", "retraining"),
        ("the fine- tuning", "fine-tuning helps", "the fine-tuning"),
        ("a foo- bar", "the bar is", "a foo- bar"),
    ],
)
def test_dehyphenation_joins_only_what_the_page_supports(text: str, page: str, whole: str) -> None:
    assert dehyphenate(text, whole_words(f"{page} {text}")) == whole
