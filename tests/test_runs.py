"""Runs: watching, resuming, stopping."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ingest.errors import NotFound, Unavailable
from service import events
from service.events import Event
from service.runs import Runs

pytestmark = pytest.mark.anyio


class Script:
    """A stream of events that goes on when told to, and remembers that it was closed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.closed = asyncio.Event()
        self._error = error

    async def events(self) -> AsyncGenerator[Event]:
        try:
            yield events.Run("r1", "question", None)
            yield events.Delta("one")
            await self.go.wait()
            if self._error:
                raise self._error
            yield events.Delta("two")
        finally:
            self.closed.set()


async def watched(runs: Runs, run_id: str, after: int = 0) -> list[Event]:
    return [event async for _, event in runs.watch(run_id, after)]


async def test_all_watchers_see_all_events() -> None:
    runs, script = Runs(), Script()
    run_id = await runs.start(script.events())
    first = asyncio.create_task(watched(runs, run_id))
    script.go.set()
    seen = await watched(runs, run_id)

    assert seen == await first
    assert seen[1:] == [events.Delta("one"), events.Delta("two")]


async def test_a_run_can_be_taken_up_after_an_event() -> None:
    runs, script = Runs(), Script()
    script.go.set()
    run_id = await runs.start(script.events())

    assert await watched(runs, run_id, after=2) == [events.Delta("two")]


async def test_stop_closes_the_stream_and_says_so() -> None:
    runs, script = Runs(), Script()
    run_id = await runs.start(script.events())
    watching = asyncio.create_task(watched(runs, run_id))
    await asyncio.sleep(0)
    await runs.stop(run_id)
    seen = await watching

    assert script.closed.is_set()
    assert isinstance(seen[-1], events.Failed)
    assert seen[-1].type == "stopped"


async def test_the_stream_is_closed_when_nobody_watches_any_more() -> None:
    runs, script = Runs(), Script()
    run_id = await runs.start(script.events())
    watcher = runs.watch(run_id, is_resumable=False)
    await anext(watcher)
    await watcher.aclose()
    await asyncio.wait_for(script.closed.wait(), 5)

    assert script.closed.is_set()


async def test_a_resumable_run_outlives_its_watcher() -> None:
    runs, script = Runs(grace_s=60), Script()
    run_id = await runs.start(script.events())
    watcher = runs.watch(run_id)
    await anext(watcher)
    await watcher.aclose()
    script.go.set()

    assert (await watched(runs, run_id))[-1] == events.Delta("two")


async def test_a_failure_becomes_the_last_event() -> None:
    runs, script = Runs(), Script(Unavailable("Chroma is away."))
    script.go.set()
    run_id = await runs.start(script.events())
    last = (await watched(runs, run_id))[-1]

    assert last == events.Failed("unavailable", "A part does not answer", 503, "Chroma is away.")


async def test_an_error_not_meant_for_users_keeps_its_text_to_itself() -> None:
    runs, script = Runs(), Script(RuntimeError("secret path"))
    script.go.set()
    run_id = await runs.start(script.events())
    last = (await watched(runs, run_id))[-1]

    assert "secret" not in repr(last)


async def test_an_unknown_run_is_not_found() -> None:
    with pytest.raises(NotFound):
        await Runs().stop("nope")
