"""The commands that look after a library, run as users run them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from tests.fakes import feed_server as fake
from tests.fakes.feed_server import FeedServer, serving, works

A, B = "Flat roofs hold rain. Moss holds 40 % of it.", "Bees live in cities. They find flowers."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of two papers, one of them from two files; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    rain = {"title": "Rain", "abstract": A, "doi": "10.1234/rain"}
    rows = [json.dumps(rain), json.dumps({"title": "Bees", "abstract": B})]
    (folder / "a.jsonl").write_text(rows[0])
    (folder / "b.jsonl").write_text("\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITELIGHT_HOME", str(folder / "home"))
        run("ingest", folder / "a.jsonl", folder / "b.jsonl")
    return folder / "home"


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it that the commands work on."""
    return shutil.copytree(made, tmp_path / "home")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def told(*arguments: object) -> dict[str, object]:
    values: dict[str, object] = json.loads(run(*arguments, "--json").stdout)
    return values


def problems() -> list[str]:
    """The parts that `doctor` finds unwell, but for the disk of the machine that runs the tests."""
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    return [f["part"] for f in findings if f["problem"] and f["part"] != "disk"]


def test_doctor_finds_a_library_well(home: Path) -> None:
    assert problems() == []


def test_doctor_says_what_is_wrong_and_reindex_mends_it(home: Path) -> None:
    (home / "generations" / "CURRENT").unlink()
    shown = run("doctor")
    mended = run("reindex")

    assert shown.exit_code == 1
    assert "BAD  generations" in shown.stdout
    assert "citelight reindex" in shown.stdout
    assert mended.stderr.startswith("Indexed 2 papers, snapshot ")
    assert problems() == []


def test_sources_lists_sources_and_runs(home: Path) -> None:
    shown = run("sources").stdout
    listed = told("sources")

    assert listed["sources"] == [{"name": "b.jsonl", "papers": 2}, {"name": "a.jsonl", "papers": 1}]
    assert "2 new  (a.jsonl, b.jsonl)" in shown


def test_removing_a_source_keeps_what_others_gave(home: Path) -> None:
    removed = told("remove", "--source", "b.jsonl")

    assert (removed["removed"], removed["papers"]) == (1, 1)


def test_removing_an_unknown_source_is_an_error(home: Path) -> None:
    result = run("remove", "--source", "c.jsonl")

    assert (result.exit_code, "citelight sources" in result.stderr) == (1, True)


def test_duplicates_shows_what_was_joined_and_why(home: Path) -> None:
    shown = run("papers", "duplicates").stdout

    assert "b.jsonl, record 1: joined by doi:10.1234/rain" in shown.replace("line", "record")


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with serving(fake.openalex(works(4), 4)) as running:
        yield running


def test_a_removed_feed_starts_from_the_beginning(server: FeedServer) -> None:
    roofs = ("ingest", "openalex", "--query", "roofs", "--base-url", server.url)
    run(*roofs)
    again = run(*roofs)
    n_again = len(server.asked)
    run("remove", "--source", "openalex:roofs")
    told(*roofs)
    news, anew = server.asked[n_again - 1], server.asked[n_again]

    assert again.exit_code == 0
    assert "from_" in news.params.get("filter", "")
    assert "from_" not in anew.params.get("filter", "")
