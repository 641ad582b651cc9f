"""Feeds into a library: all pages, taken up where cut off, later only news."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from ingest.dense import EmbeddedChroma
from ingest.feeds.state import feed_state, feed_states, forget_states
from ingest.library import Library
from tests.fakes import feed_server as fake
from tests.fakes.embedder import HashEmbedder
from tests.fakes.feed_runs import SERVICES, WORKS, Run, running
from tests.fakes.feed_server import Answer, Reply

every_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path / "library") as made:
        yield made


# --- every service ---


@every_service
def test_a_feed_brings_all_pages_in(run: Run, name: str) -> None:
    report = run(*SERVICES[name])
    counts = (report.n_read, report.report.new, report.n_without_abstract, report.is_complete)

    assert (counts, report.failure) == ((7, 6, 1, True), None)
    assert run.titles() == [w.title for w in WORKS if w.abstract]


@every_service
def test_running_a_feed_again_embeds_nothing(run: Run, name: str) -> None:
    run(*SERVICES[name])
    embedder = run.library.embedder
    assert isinstance(embedder, HashEmbedder)
    n_before, snapshot = embedder.n_texts, run.library.snapshot
    report = run(*SERVICES[name])

    assert (report.report.unchanged, embedder.n_texts) == (6, n_before)
    assert run.library.snapshot == snapshot


@every_service
def test_a_feed_survives_a_service_that_misbehaves(run: Run, name: str) -> None:
    run.server.trouble.extend(
        [
            Reply(status=429, headers={"Retry-After": "9"}),
            Reply(status=503),
            Reply("<html>gateway</html>", kind="text/html"),
            Reply('{"half": "an ans', cut_at=8),
            Reply(""),
        ]
    )
    report = run(*SERVICES[name])

    assert (report.report.new, report.is_complete, 9.0 in run.time.slept) == (6, True, True)


@every_service
def test_an_answer_of_another_kind_ends_in_a_clear_failure(run: Run, name: str) -> None:
    wrong = '{"hello": 1}' if name in ("arxiv", "oai") else "<hello/>"
    report = run(SERVICES[name][0], lambda _: Reply(wrong))

    assert "sent an answer that cannot be read" in str(report.failure)


@every_service
def test_a_feed_asks_at_the_pace_of_its_service(run: Run, name: str) -> None:
    spec = replace(SERVICES[name][0], limit=3) if name == "arxiv" else SERVICES[name][0]
    run(spec, SERVICES[name][1])
    run(spec)
    pace = {"arxiv": 3.0, "openalex": 0.1, "pubmed": 0.34, "semanticscholar": 3.0}.get(name, 1.0)

    assert {round(s, 6) for s in run.time.slept} <= {pace}


@every_service
def test_a_feed_without_results_is_complete(run: Run, name: str) -> None:
    empty = {
        "arxiv": fake.arxiv([]),
        "openalex": fake.openalex([], 3),
        "crossref": fake.crossref([], 3),
        "pubmed": fake.pubmed([]),
        "semanticscholar": fake.semanticscholar([], 3),
        "oai": lambda _: Reply(fake.oai_page('<error code="noRecordsMatch">none</error>')),
    }
    report = run(SERVICES[name][0], empty[name])

    assert (report.n_read, report.is_complete, report.failure) == (0, True, None)


# --- going on ---

SLOW = fake.openalex(WORKS, 2)
ROOFS = SERVICES["openalex"][0]


def failing_at(cursor: str) -> Answer:
    """OpenAlex, out of order from one page on."""
    return lambda asked: Reply(status=500) if asked.params["cursor"] == cursor else SLOW(asked)


def test_what_came_before_a_failure_can_be_read(run: Run) -> None:
    report = run(ROOFS, failing_at("4"))

    assert (report.report.papers, report.is_complete) == (4, False)
    assert "answered 500, 6 times in a row" in str(report.failure)
    with run.library.pinned() as generation:
        assert generation.manifest.n_papers == 4


def test_a_run_that_was_cut_off_goes_on_from_there(run: Run) -> None:
    run(ROOFS, failing_at("4"))
    run.server.asked.clear()
    report = run(ROOFS, SLOW)

    assert [r.params["cursor"] for r in run.server.asked] == ["4", "6"]
    assert (report.report.new, report.is_complete, len(run.titles())) == (2, True, 6)


def test_a_cut_off_run_ends_with_the_same_snapshot(run: Run, tmp_path: Path) -> None:
    run(ROOFS, failing_at("4"))
    run(ROOFS, SLOW)
    other = Library(tmp_path / "other", HashEmbedder(), EmbeddedChroma())
    undisturbed = Run(other, run.server, run.time)(ROOFS, SLOW)
    other.close()

    assert run.library.snapshot == undisturbed.report.snapshot


def test_news_are_looked_for_from_the_begin_of_the_run_that_was_cut_off(run: Run) -> None:
    began = run.time.moment
    run(ROOFS, failing_at("4"))
    run.time.moment += timedelta(days=10)
    report = run(ROOFS, SLOW)

    assert report.last_synced == began


def test_a_place_that_is_no_longer_known_begins_anew(run: Run) -> None:
    run(ROOFS, failing_at("4"))
    refuse: Answer = lambda a: Reply(status=400) if a.params["cursor"] == "4" else OTHER(a)  # noqa: E731
    report = run(ROOFS, refuse)

    assert (report.n_read, report.report.unchanged, report.is_complete) == (7, 4, True)


OTHER = fake.openalex(WORKS, 3)


def test_a_limit_ends_a_run_and_the_next_goes_on(run: Run) -> None:
    first = run(replace(ROOFS, limit=3), SLOW)
    second = run(replace(ROOFS, limit=3), SLOW)

    assert (first.n_read, first.is_complete, first.last_synced) == (4, False, None)
    assert (second.n_read, second.is_complete) == (3, True)


def test_an_earlier_day_asks_for_everything_since(run: Run) -> None:
    run(replace(ROOFS, since=date(2024, 1, 1)), SLOW)
    run.server.asked.clear()
    run(replace(ROOFS, since=date(2020, 1, 1)))

    assert run.server.asked[0].params["filter"] == "from_publication_date:2020-01-01"


def test_all_asks_for_everything_again(run: Run) -> None:
    run(ROOFS, SLOW)
    run.server.asked.clear()
    run(ROOFS, is_full=True)

    assert "filter" not in run.server.asked[0].params


def test_a_forgotten_feed_begins_anew(run: Run) -> None:
    run(ROOFS, SLOW)
    forget_states(run.library.catalogue, [ROOFS.service + ":roofs"])

    assert feed_states(run.library.catalogue) == []


def test_a_failed_run_for_news_keeps_the_last_sync(run: Run) -> None:
    synced = run(ROOFS, SLOW).last_synced
    run.time.moment += timedelta(days=1)
    report = run(ROOFS, lambda _: Reply(status=500))

    assert (report.last_synced, report.is_complete) == (synced, False)


def test_deleted_records_are_counted(run: Run) -> None:
    report = run(SERVICES["oai"][0], fake.oai(WORKS, 3, deleted=[1, 2]))

    assert (report.report.new, report.n_deleted, list(report.report.rejected)) == (4, 2, [])


def test_the_report_is_plain(run: Run) -> None:
    report = run(ROOFS, SLOW).as_dict()

    assert {k: report[k] for k in ("feed", "read", "new", "without_abstract", "error")} == {
        "feed": "openalex:roofs",
        "read": 7,
        "new": 6,
        "without_abstract": 1,
        "error": None,
    }


def test_states_survive_writing(run: Run) -> None:
    run(ROOFS, failing_at("4"))
    state = feed_state(run.library.catalogue, "openalex:roofs")

    assert state is not None
    assert (state.cursor, state.n_done, state.last_synced) == ("4", 4, None)
    assert state.started_at is not None
