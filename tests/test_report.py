"""Counts that add up, and rejected records that can be corrected and fed again."""

from pathlib import Path

import orjson

from ingest.build import ingest
from ingest.report import Rejected, Rejections, Tally
from ingest.sources import discover
from tests.fakes.given import library


def test_a_rejected_json_record_keeps_its_fields() -> None:
    rejected = Rejected("a.jsonl", "line 3", "no abstract", '{"title": "T", "x": 1}')

    assert orjson.loads(rejected.line()) == {
        "title": "T",
        "x": 1,
        "_file": "a.jsonl",
        "_record": "line 3",
        "_reason": "no abstract",
    }


def test_another_rejected_record_gets_fields_to_fill_in() -> None:
    told = orjson.loads(Rejected("a.bib", "entry 3", "no abstract", "@article{x}").line())

    assert (told["title"], told["abstract"], told["_raw"]) == ("", "", "@article{x}")


def test_a_corrected_record_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"title": "T"}\n{"title": "U", "abstract": "A text."}\n')
    lib = library(tmp_path / "home")
    report = ingest(lib, list(discover(tmp_path / "a.jsonl")))
    (rejected,) = report.rejected
    told = orjson.loads(rejected.line()) | {"abstract": "Another text."}
    (tmp_path / "b.jsonl").write_bytes(orjson.dumps(told))
    again = ingest(lib, list(discover(tmp_path / "b.jsonl")))
    lib.close()

    assert (again.new, list(again.rejected)) == (1, [])


def test_counts_of_records_add_up_to_those_found() -> None:
    tally = Tally()
    for paper_id in ("a", "b", "a", "c"):
        tally.see(paper_id)
    tally.change("a", is_new=True)
    tally.change("a", is_new=False)
    tally.change("b", is_new=False)
    report = tally.settle()

    assert (report.new, report.updated, report.unchanged, report.duplicates) == (1, 1, 1, 1)


def test_a_new_paper_that_is_absorbed_is_not_new() -> None:
    tally = Tally()
    tally.see("a")
    tally.change("a", is_new=True)
    tally.see("b")
    tally.absorb("a")
    report = tally.settle()

    assert (report.new, report.unchanged, report.duplicates) == (0, 1, 1)


def test_many_rejected_records_are_kept_in_order_off_memory() -> None:
    told = Rejections()
    given = [Rejected("a.jsonl", f"line {n}", "no abstract \udc80", "{}") for n in range(1500)]
    for rejected in given:
        told.append(rejected)
        if len(told) == 1200:
            assert told[1190:1210] == given[1190:1200]

    assert (list(told), len(told), told[:3]) == (given, 1500, given[:3])
