"""Keeps the answers under way: a bounded number at once, one after another within a thread."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

Thread = tuple[str, ...]
Job = Callable[[], Awaitable[None]]

_FAREWELL_S = 3.0  # what cancelled jobs get to close their streams


class Supervisor:
    """Runs jobs; belongs to one event loop. A job that is cancelled says so to its user itself."""

    def __init__(self, limit: int = 8, most_waiting: int = 1_000) -> None:
        """At most `limit` jobs run and `most_waiting` wait."""
        self._slots = asyncio.Semaphore(limit)
        self._most_waiting = most_waiting
        self._waiting: dict[Thread, deque[Job]] = {}
        self._workers: dict[Thread, asyncio.Task[None]] = {}
        self._running: dict[Thread, asyncio.Task[None]] = {}
        self.is_draining = False

    @property
    def n_waiting(self) -> int:
        """Jobs that have not begun."""
        return sum(len(jobs) for jobs in self._waiting.values())

    async def idle(self) -> None:
        """Returns when no job runs or waits."""
        while workers := list(self._workers.values()):
            await asyncio.wait(workers)

    def submit(self, thread: Thread, job: Job) -> bool:
        """Takes a job, to run after those of the same thread; False when there are too many."""
        if self.is_draining or self.n_waiting >= self._most_waiting:
            return False
        self._waiting.setdefault(thread, deque()).append(job)
        if thread not in self._workers:
            self._workers[thread] = asyncio.create_task(self._work(thread))
        return True

    def stop(self, thread: Thread) -> bool:
        """Cancels the thread's running job; False if none runs."""
        task = self._running.get(thread)
        if task is None or task.cancelling():
            return False
        return task.cancel()

    async def stop_where(self, is_meant: Callable[[Thread], bool]) -> None:
        """Cancels what runs and drops what waits in these threads; returns when it has ended."""
        for thread in [t for t in self._waiting if is_meant(t)]:
            self._waiting[thread].clear()
        tasks = [task for thread, task in self._running.items() if is_meant(thread)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL_S)

    async def drain(self, timeout_s: float) -> None:
        """Takes no more jobs, begins none, and ends with those that run: cancelled if too slow."""
        self.is_draining = True
        self._waiting.clear()
        if running := list(self._running.values()):
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_FAREWELL_S)
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def _work(self, thread: Thread) -> None:
        try:
            while self._waiting.get(thread):
                async with self._slots:
                    if not self._waiting.get(thread):
                        break
                    await self._run(thread, self._waiting[thread].popleft())
        finally:
            del self._workers[thread]
            if not self._waiting.get(thread):
                self._waiting.pop(thread, None)

    async def _run(self, thread: Thread, job: Job) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(_as_coroutine(job))
        self._running[thread] = task
        try:
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()):
                logger.error("a job failed", exc_info=error)
        finally:
            del self._running[thread]


async def _as_coroutine(job: Job) -> None:
    await job()
