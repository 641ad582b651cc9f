"""Answers under way: each runs once, can be watched by many, resumed and stopped."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from ingest.errors import CitelightError, InvalidInput, NotFound, Unavailable
from service import events
from service.events import Event

logger = logging.getLogger(__name__)

_GRACE_S = 15.0  # how long an answer that nobody watches goes on, for a reader who reloads
_KEPT = 200  # finished runs that can still be read from their beginning


@dataclass(slots=True)
class _Run:
    """One answer: what has happened so far, and who waits for more."""

    events: list[Event] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    is_over: bool = False
    watchers: int = 0
    task: asyncio.Task[None] | None = None
    farewell: asyncio.TimerHandle | None = None


class Runs:
    """All runs of one service process; belongs to one event loop."""

    def __init__(self, grace_s: float = _GRACE_S) -> None:
        self._runs: dict[str, _Run] = {}
        self._grace_s = grace_s

    async def start(self, stream: AsyncGenerator[Event]) -> str:
        """Starts an answer and returns its run id once its first event is there.

        Raises:
            CitelightError: the question was refused before anything happened.
        """
        first = await anext(stream)
        if not isinstance(first, events.Run):
            raise CitelightError("The answer could not be started. Ask again.")
        run = _Run(events=[first])
        self._forget_old()
        self._runs[first.id] = run
        run.task = asyncio.create_task(self._drive(run, stream))
        await asyncio.sleep(0)  # a task that is cancelled before it began closes nothing
        return first.id

    async def _drive(self, run: _Run, stream: AsyncGenerator[Event]) -> None:
        try:
            async with aclosing(stream):
                async for event in stream:
                    await self._add(run, event)
        except asyncio.CancelledError:
            await self._add(run, _STOPPED)
        except Exception as error:
            if not isinstance(error, CitelightError):
                logger.exception("an answer failed")
            await self._add(run, failure(error))
        finally:
            run.is_over = True
            async with run.changed:
                run.changed.notify_all()

    async def _add(self, run: _Run, event: Event) -> None:
        async with run.changed:
            run.events.append(event)
            run.changed.notify_all()

    async def watch(
        self, run_id: str, after: int = 0, *, is_resumable: bool = True
    ) -> AsyncGenerator[tuple[int, Event]]:
        """The events of a run after the first `after` ones, with their numbers, to the end.

        When the last watcher leaves early the run is stopped: at once, or if resumable after a
        time of grace.

        Raises:
            NotFound: no such run, or it ended too long ago.
        """
        run = self._get(run_id)
        run.watchers += 1
        if run.farewell:
            run.farewell.cancel()
            run.farewell = None
        try:
            while True:
                async with run.changed:
                    while len(run.events) <= after and not run.is_over:
                        await run.changed.wait()
                while after < len(run.events):
                    after += 1
                    yield after, run.events[after - 1]
                if run.is_over and after >= len(run.events):
                    return
        finally:
            run.watchers -= 1
            if not run.watchers and not run.is_over:
                self._leave(run, self._grace_s if is_resumable else 0.0)

    def _leave(self, run: _Run, grace_s: float) -> None:
        if run.task and grace_s <= 0:
            run.task.cancel()
        elif run.task:
            run.farewell = asyncio.get_running_loop().call_later(grace_s, run.task.cancel)

    def check(self, run_id: str) -> None:
        """Raises `NotFound` unless the run can be watched."""
        self._get(run_id)

    async def stop(self, run_id: str) -> None:
        """Stops a run; its watchers see it end. Nothing happens to one that is over.

        Raises:
            NotFound: no such run, or it ended too long ago.
        """
        run = self._get(run_id)
        if run.task and not run.is_over:
            run.task.cancel()

    async def close(self, timeout_s: float = 10.0) -> None:
        """Waits for the answers under way, then stops what is left."""
        tasks = [run.task for run in self._runs.values() if run.task and not run.task.done()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _get(self, run_id: str) -> _Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise NotFound(
                "This answer is no longer under way. Finished answers are at /v1/answers/{id}."
            ) from None

    def _forget_old(self) -> None:
        over = [run_id for run_id, run in self._runs.items() if run.is_over]
        for run_id in over[: max(0, len(over) - _KEPT + 1)]:
            del self._runs[run_id]


_STOPPED = events.Failed("stopped", "The answer was stopped", 499, "Ask again to start over.")


def failure(error: Exception) -> events.Failed:
    """The event that ends a run for this error. Errors not meant for users say only that."""
    kinds: dict[type[CitelightError], Callable[[str], events.Failed]] = {
        InvalidInput: lambda d: events.Failed("invalid-input", "This cannot be asked", 422, d),
        NotFound: lambda d: events.Failed("not-found", "There is no such thing here", 404, d),
        Unavailable: lambda d: events.Failed("unavailable", "A part does not answer", 503, d),
    }
    for kind, make in kinds.items():
        if isinstance(error, kind):
            return make(str(error))
    detail = str(error) if isinstance(error, CitelightError) else "Try again in a moment."
    return events.Failed("internal", "Something went wrong here", 500, detail)
