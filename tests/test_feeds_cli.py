"""Feeds from the command line and from the file that `citelight sync` reads."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingest.errors import InvalidInput
from ingest.feeds.config import QUESTIONS, FeedSpec, Keys, make_service, read_feeds
from service.app import open_library
from service.cli import cli
from service.records import feed_records
from tests.conftest import settings
from tests.fakes import feed_server as fake
from tests.fakes.feed_server import Asked, FeedServer, Reply, serving, works

WORKS = works(4, without=[1])


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with serving(fake.openalex(WORKS, 4)) as running:
        yield running


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def roofs(server: FeedServer, *more: object) -> Result:
    return run("ingest", "openalex", "--query", "roofs", "--base-url", server.url, *more)


def test_a_feed_reports_in_one_line_of_json(server: FeedServer) -> None:
    result = roofs(server, "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 0
    assert {k: report[k] for k in ("feed", "read", "new", "without_abstract", "papers")} == {
        "feed": "openalex:roofs",
        "read": 4,
        "new": 3,
        "without_abstract": 1,
        "papers": 3,
    }


def test_a_feed_reports_in_words(server: FeedServer) -> None:
    result = roofs(server)

    assert result.stdout.startswith(
        "openalex:roofs: 4 read, 3 new, 0 updated, 0 unchanged, 0 duplicates, 1 without abstract,"
        " 0 rejected\nThe library holds 3 papers, snapshot "
    )


def test_a_feed_that_fails_says_so_and_exits_with_1(server: FeedServer) -> None:
    server.answer = lambda _: Reply('{"error": "Invalid filter"}', 400)
    result = roofs(server)

    assert (result.exit_code, "answered 400: Invalid filter" in result.stderr) == (1, True)


def test_the_contact_address_is_sent(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITELIGHT_CONTACT", "ada@example.org")
    roofs(server)

    assert server.asked[0].params["mailto"] == "ada@example.org"


def test_a_contact_that_is_no_address_is_refused(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITELIGHT_CONTACT", "ada at example")
    result = roofs(server)

    assert (result.exit_code, "CONTACT" in result.stderr) == (1, True)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_feed_has_a_help_with_examples(name: str) -> None:
    result = run("ingest", name, "--help")

    assert (result.exit_code, result.stdout.count(f"citelight ingest {name} ")) == (0, 2)


def test_the_help_of_ingest_tells_of_paths_and_feeds() -> None:
    text = run("ingest", "--help").stdout

    assert all(word in text for word in ("PATHS...", "--json", *QUESTIONS))


def test_a_file_of_a_feeds_name_goes_before_the_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paper = {"title": "Rain", "abstract": "Flat roofs hold rain."}
    Path("arxiv").write_text(json.dumps(paper))
    report = json.loads(run("ingest", "arxiv", "--json").stdout)

    assert (report["new"], "feed" in report) == (1, False)


def test_ingest_without_anything_is_used_wrongly() -> None:
    assert run("ingest").exit_code == 2


def test_the_library_tells_when_a_feed_was_last_synced(server: FeedServer, tmp_path: Path) -> None:
    roofs(server)
    library = open_library(settings(tmp_path / "home"))
    (told,) = feed_records(library.catalogue)
    library.close()

    assert told["name"] == "openalex:roofs"
    assert told["last_synced"] is not None


# --- sync ---


def feeds_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "home" / "feeds.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_sync_runs_all_feeds_though_one_fails(server: FeedServer, tmp_path: Path) -> None:
    good = fake.openalex(WORKS, 4)
    server.answer = lambda a: Reply(status=404) if a.params["search"] == "bad" else good(a)
    feed = f'[[feed]]\nservice = "openalex"\nbase_url = "{server.url}"\nquery = '
    feeds_file(tmp_path, f'{feed}"bad"\n{feed}"roofs"\nsince = 2024-01-01\n')
    result = run("sync", "--json")
    reports = json.loads(result.stdout)["feeds"]

    assert (result.exit_code, [r["new"] for r in reports]) == (1, [0, 3])
    assert [r["error"] is None for r in reports] == [False, True]
    assert server.asked[-1].params["filter"] == "from_publication_date:2024-01-01"


def test_sync_without_a_file_shows_how_one_looks() -> None:
    result = run("sync")

    assert (result.exit_code, "[[feed]]" in result.stderr) == (1, True)


def test_the_file_takes_every_field(tmp_path: Path) -> None:
    file = feeds_file(
        tmp_path,
        '[[feed]]\nservice = "oai"\nurl = "https://x.org/oai"\nset = "cs"\nprefix = "oai_dc"\n'
        "since = 2024-01-01\nlimit = 10\n",
    )
    (spec,) = read_feeds(file)

    assert (spec.url, spec.set, spec.prefix, str(spec.since), spec.limit) == (
        "https://x.org/oai",
        "cs",
        "oai_dc",
        "2024-01-01",
        10,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold tables that begin with"),
        ("feeds = 3", "It has feeds instead"),
        ("[[feed]", "is not valid TOML"),
        ("feed = [1]", "feed 1: begin each feed with"),
        ('[[feed]]\nquery = "x"', "feed 1: say which service"),
        ('[[feed]]\nservice = "pubmd"\nquery = "x"', "There is no feed 'pubmd'"),
        ('[[feed]]\nservice = "arxiv"', "needs a query"),
        ('[[feed]]\nservice = "openalex"', "needs a query or a filter"),
        ('[[feed]]\nservice = "arxiv"\nquery = "x"\nset = "cs"', "has no set"),
        ('[[feed]]\nservice = "arxiv"\nqery = "x"', "there is no 'qery'"),
        ('[[feed]]\nservice = "arxiv"\nquery = "x"\nsince = "2024"', "since must be a day"),
        ('[[feed]]\nservice = "arxiv"\nquery = "x"\nlimit = 0', "at least 1"),
        ('[[feed]]\nservice = "arxiv"\nquery = "x"\nlimit = true', "limit must be a number"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_feeds(feeds_file(tmp_path, text))


def test_every_feed_can_be_written_down() -> None:
    specs = [
        FeedSpec(service=name, query="" if name == "oai" else "x", url="x" if name == "oai" else "")
        for name in QUESTIONS
    ]

    assert [make_service(spec, Keys()).name.partition(":")[0] for spec in specs] == [*QUESTIONS]


@pytest.mark.slow
def test_a_killed_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    many = works(300)
    whole = fake.openalex(many, 60)
    command = [sys.executable, "-c", "from service.cli import main; main()", "ingest", "openalex"]
    processes: list[subprocess.Popen[bytes]] = []

    def answer(asked: Asked) -> Reply:
        if asked.params["cursor"] == "240" and len(processes) == 1:
            os.kill(processes[0].pid, signal.SIGKILL)
        return whole(asked)

    with serving(answer) as server:
        for _ in range(2):
            arguments = [*command, "--query", "roofs", "--base-url", server.url]
            processes.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL))
            processes[-1].wait(120)
    library = open_library(settings(tmp_path / "home"))
    n_papers = library.catalogue.n_papers()
    library.close()

    assert [p.returncode for p in processes] == [-signal.SIGKILL, 0]
    assert n_papers == 300


@pytest.mark.slow
def test_a_run_that_waits_stops_at_once_when_told_to(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from service.cli import main; main()", "ingest", "openalex"]
    processes: list[subprocess.Popen[bytes]] = []
    asked_at: list[float] = []

    def answer(asked: Asked) -> Reply:
        asked_at.append(time.monotonic())
        threading.Timer(1.0, processes[0].send_signal, [signal.SIGINT]).start()
        return Reply(status=503, headers={"Retry-After": "200"})

    with serving(answer) as server:
        arguments = [*command, "--query", "roofs", "--base-url", server.url]
        processes.append(subprocess.Popen(arguments, stderr=subprocess.PIPE))
        _, said = processes[0].communicate(timeout=120)

    assert (processes[0].returncode, b"Aborted" in said) == (1, True)
    assert time.monotonic() - asked_at[0] < 60
