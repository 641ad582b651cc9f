"""The command line, run as users run it: as a process of its own where it matters."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.conversations import Conversations
from tests.conftest import SHARED

SEEDS = SHARED / "seeds"

PAPERS = [
    {
        "id": "a1",
        "title": "Rain on flat roofs",
        "abstract": "Flat roofs hold rain. Moss on a flat roof holds 40 % of the rain.",
        "year": 2019,
        "authors": ["Ada Moss"],
    },
    {
        "id": "a2",
        "title": "Bees in cities",
        "abstract": "Bees live in cities. Urban bees find more flowers than rural bees.",
        "year": 2021,
    },
]


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    file = tmp_path / "papers.jsonl"
    file.write_text("\n".join(json.dumps(p) for p in PAPERS))
    return file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_ingest_ends_with_one_line_of_json(papers: Path) -> None:
    result = run("ingest", papers, "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 0
    assert {k: report[k] for k in ("found", "new", "unchanged", "papers")} == {
        "found": 2,
        "new": 2,
        "unchanged": 0,
        "papers": 2,
    }


def test_ingesting_again_changes_nothing(papers: Path) -> None:
    first = json.loads(run("ingest", papers, "--json").stdout)
    second = json.loads(run("ingest", papers, "--json").stdout)

    assert (second["new"], second["unchanged"]) == (0, 2)
    assert second["snapshot"] == first["snapshot"]


def test_ask_prints_the_answer_object(papers: Path) -> None:
    run("ingest", papers)
    answer = json.loads(run("ask", "How much rain does moss on a roof hold?", "--json").stdout)
    (evidence, *_) = answer["citations"][0]["evidence"]

    assert answer["citations"][0]["paper"]["title"] == "Rain on flat roofs"
    assert PAPERS[0]["abstract"][evidence["start"] : evidence["end"]] == evidence["quote"]  # type: ignore[index]


def test_ask_shows_people_the_quote(papers: Path) -> None:
    run("ingest", papers)
    shown = run("ask", "How much rain does moss on a roof hold?").stdout

    assert "[1] Rain on flat roofs" in shown
    assert "“Moss on a flat roof holds 40 % of the rain.”" in shown


def test_search_gives_hits_best_first(papers: Path) -> None:
    run("ingest", papers)
    hits = json.loads(run("search", "bees", "-k", 10, "--json").stdout)["hits"]

    assert [h["paper"]["title"] for h in hits] == ["Bees in cities", "Rain on flat roofs"]
    assert hits[0]["score"] > hits[1]["score"]


def test_paper_is_found_by_its_key_in_the_source(papers: Path) -> None:
    run("ingest", papers)
    paper = json.loads(run("paper", "a1", "--json").stdout)

    assert paper["abstract"] == PAPERS[0]["abstract"]
    assert [s["n"] for s in paper["sentences"]] == [0, 1]


def test_an_empty_home_gets_the_sample_library_on_ask() -> None:
    answer = json.loads(run("ask", "How does BM25 weigh query terms?", "--json").stdout)

    assert answer["citations"][0]["paper"]["is_summary"]


def test_an_empty_home_gets_no_sample_on_ingest(papers: Path) -> None:
    assert json.loads(run("ingest", papers, "--json").stdout)["papers"] == 2


def test_a_removed_sample_does_not_come_back() -> None:
    run("sample", "add")
    run("sample", "remove")
    result = run("ask", "How does BM25 weigh query terms?")

    assert result.exit_code == 1
    assert "The library is empty" in result.stderr


def test_removing_the_sample_keeps_other_papers(papers: Path) -> None:
    run("sample", "add")
    run("ingest", papers)
    run("sample", "remove")

    assert json.loads(run("ingest", papers, "--json").stdout)["papers"] == 2


@pytest.mark.parametrize("question", ["", "?", "x" * 100_000, "\x00\x01\x7f"])
def test_a_question_that_cannot_be_asked_is_an_error(question: str, papers: Path) -> None:
    run("ingest", papers)
    result = run("ask", question)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The question")


def bad_inputs(folder: Path) -> dict[str, Path]:
    empty = folder / "empty"
    (folder / "nothing").mkdir()
    empty.touch()
    (folder / "binary").write_bytes(bytes(range(256)) * 20)
    (folder / "prose").write_text("Dear diary,\nnothing happened today.\n")
    names = {"missing": folder / "missing", "empty": empty, "folder": folder / "nothing"}
    return names | {"binary": folder / "binary", "prose": folder / "prose"}


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "binary", "prose"])
def test_input_that_is_no_source_is_refused_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    result = run("ingest", bad_inputs(tmp_path)[kind])
    stored = tmp_path / "home" / "generations" / "CURRENT"

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert not stored.exists()


def test_some_rejected_records_are_exit_code_3(papers: Path) -> None:
    with papers.open("a") as file:
        file.write('\n{"id": "a3", "title": "Nothing said"}\n')
    result = run("ingest", papers, "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 3
    (rejected,) = report["rejected"]
    assert rejected["file"] == "papers.jsonl"
    assert rejected["reason"].startswith("no abstract")


def test_rejected_records_can_be_corrected_and_ingested(papers: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    papers.write_text(
        '{"id": "a3", "title": "Nothing said"}\n{"title": "U", "abstract": "A text."}'
    )
    first = run("ingest", papers, "--rejected", bad)
    bad.write_text(json.dumps(json.loads(bad.read_text()) | {"abstract": "Something is said."}))
    again = run("ingest", bad, "--json")

    assert (first.exit_code, again.exit_code) == (3, 0)
    assert [json.loads(again.stdout)[k] for k in ("new", "papers", "rejected")] == [1, 2, []]


def test_a_dry_run_counts_and_keeps_nothing(papers: Path, tmp_path: Path) -> None:
    result = run("ingest", papers, "--dry-run")

    assert (result.exit_code, result.stdout[:14]) == (0, "2 found, 2 new")
    assert not (tmp_path / "home" / "generations").exists()


def test_a_map_names_the_fields_of_a_file(papers: Path) -> None:
    papers.write_text("headline,body\nRain,Flat roofs hold rain.\n")
    report = run("ingest", papers, "--map", "title=headline", "--map", "abstract=body", "--dry-run")

    assert report.stdout.startswith("1 found, 1 new")


@pytest.mark.parametrize(
    ("pair", "said"), [("headline", "not FIELD=THEIRS"), ("name=x", "no field 'name'")]
)
def test_a_wrong_map_is_an_error(papers: Path, pair: str, said: str) -> None:
    result = run("ingest", papers, "--map", pair)

    assert (result.exit_code, said in result.stderr) == (1, True)


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITELIGHT_PORT", "many")
    result = run("search", "bees")

    assert result.exit_code == 1
    assert "PORT" in result.stderr


def test_usage_errors_are_exit_code_2() -> None:
    assert run("ingest").exit_code == 2


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help(name: str) -> None:
    assert run(name, "--help").exit_code == 0


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed pages (../shared/seeds) are not here")
def test_the_seed_pages_give_349_papers() -> None:
    report = json.loads(run("ingest", SEEDS, "--json").stdout)

    assert report["rejected"] == []
    assert [report[k] for k in ("found", "new", "duplicates", "papers")] == [361, 349, 12, 349]


def test_ask_stores_its_answer(papers: Path, tmp_path: Path) -> None:
    run("ingest", papers)
    answer = json.loads(run("ask", "How much rain does moss on a roof hold?", "--json").stdout)
    stored = Conversations(tmp_path / "home" / "conversations.sqlite").answer(answer["id"])

    assert stored == answer
