"""Conversations and stored answers."""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import NotFound
from service.citations import Answer, Timings, Usage, plain
from service.conversations import Conversations
from tests.fakes.protected import protected


@pytest.fixture
def history(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "conversations.sqlite")


def answer(answer_id: str, conversation_id: str | None = None) -> Answer:
    return Answer(
        id=answer_id,
        run_id=answer_id,
        conversation_id=conversation_id,
        question="Why?",
        query="Why?",
        state="answered",
        text="Because. 😀",
        sentences=(),
        citations=(),
        also_retrieved=(),
        notes=(),
        engine="extractive",
        prompt_version="",
        snapshot="s",
        settings_hash="h",
        usage=Usage(),
        timings=Timings(1.0, 2.0, 3.0),
        created_at="2026-01-01T00:00:00",
    )


def test_an_answer_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "conversations.sqlite"
    first = Conversations(file)
    first.save(answer("a"))
    first.close()

    assert Conversations(file).answer("a") == plain(answer("a"))


def test_an_unknown_answer_is_not_found(history: Conversations) -> None:
    with pytest.raises(NotFound):
        history.answer("nope")


def test_a_conversation_lists_its_answers_in_order(history: Conversations) -> None:
    conversation = history.start("ada", "Why?")
    for answer_id in ("a", "b", "c"):
        history.save(answer(answer_id, conversation))

    assert [turn["id"] for turn in history.turns(conversation)] == ["a", "b", "c"]


def test_owners_see_only_their_own(history: Conversations) -> None:
    history.start("ada", "Why?")

    assert history.of("bob") == []


def test_somebody_elses_conversation_is_not_found(history: Conversations) -> None:
    conversation = history.start("ada", "Why?")

    with pytest.raises(NotFound):
        history.delete(conversation, "bob")


def test_deleting_a_conversation_deletes_its_answers(history: Conversations) -> None:
    conversation = history.start("ada", "Why?")
    history.save(answer("a", conversation))
    history.delete(conversation, "ada")

    with pytest.raises(NotFound):
        history.answer("a")


def test_a_conversation_is_named_after_its_question_until_renamed(history: Conversations) -> None:
    conversation = history.start("ada", "Why do\nbees hum?")
    before = history.of("ada")[0].title
    history.rename(conversation, "ada", "Bees")

    assert (before, history.of("ada")[0].title) == ("Why do bees hum?", "Bees")


def test_titles_are_searched_as_they_are_written(history: Conversations) -> None:
    for title in ("Is 40 % much?", "What is a_b?", "Why moss?"):
        history.start("me", title)
    found = {w: [c.title for c in history.of("me", w)] for w in ("%", "_", "MOSS", "\\")}

    assert found == {"%": ["Is 40 % much?"], "_": ["What is a_b?"], "MOSS": ["Why moss?"], "\\": []}


@pytest.mark.parametrize(
    "act",
    [
        lambda h, c: h.of("me"),
        lambda h, c: h.of("me", "moss"),
        lambda h, c: h.check(c, "me"),
        lambda h, c: h.turns(c),
        lambda h, c: h.turns(c, 4),
        lambda h, c: h.save(answer("b", c)),
        lambda h, c: h.answer("a"),
        lambda h, c: h.last(5),
        lambda h, c: h.give_feedback("a", True),
        lambda h, c: h.delete(c, "me"),
    ],
    ids="list search check turns last-turns append answer last feedback delete".split(),
)
def test_no_statement_reads_or_sorts_a_whole_table(
    history: Conversations, act: Callable[[Conversations, str], object]
) -> None:
    conversation = history.start("me", "Why moss?")
    history.save(answer("a", conversation))
    statements: list[str] = []
    history._db.set_trace_callback(statements.append)
    act(history, conversation)
    history._db.set_trace_callback(None)
    queries = [s for s in statements if s.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    plans = [row[3] for s in queries for row in history._db.execute(f"EXPLAIN QUERY PLAN {s}")]

    assert [p for p in plans if "TEMP B-TREE" in p or p == "SCAN conversations"] == []


def test_answers_are_given_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with protected(tmp_path / "home") as place:
        history = Conversations(place / "conversations.sqlite")
        history.save(answer("a", history.start("me", "Why?")))
        found = history.answer("a")["text"]
        history.close()

    assert found == "Because. 😀"


def test_an_answer_to_a_conversation_that_is_gone_is_not_kept(history: Conversations) -> None:
    history.save(answer("a", "gone"))

    with pytest.raises(NotFound):
        history.answer("a")


def test_an_answer_is_given_though_the_disk_is_full(history: Conversations, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = replace(answer("a"), text="Because." * 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        history.save(big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(NotFound):
        history.answer("a")
