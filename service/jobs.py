"""Uploads taken in by a process of their own, so that the service goes on answering."""

import asyncio
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from ingest.errors import NotFound
from service.conversations import new_id
from service.settings import Settings, environment_names

logger = logging.getLogger(__name__)

_KEPT = 100  # finished jobs that can still be asked for
_PARTLY_REJECTED = 3  # exit code of `citelight ingest`


@dataclass(slots=True)
class Job:
    """One upload. `report` is that of `citelight ingest`, `error` a sentence for the user."""

    id: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    report: dict[str, Any] | None = None
    error: str = ""


class Jobs:
    """The uploads of one service process, one after the other; belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        return bool(self._tasks)

    @property
    def n_open(self) -> int:
        """How many are waiting or running."""
        return len(self._tasks)

    def get(self, job_id: str) -> Job:
        """Raises `NotFound` for an unknown job."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("There is no such job; jobs end with the service's process.") from None

    async def start(self, files: Sequence[tuple[str, BinaryIO]]) -> str:
        """Keeps the files and takes them in when the jobs before are done; the job's id."""
        job = Job(new_id())
        folder = Path(tempfile.mkdtemp(prefix="citelight-upload-"))
        await asyncio.to_thread(_store, folder, files)
        for old in list(self._jobs)[: max(0, len(self._jobs) - _KEPT + 1)]:
            del self._jobs[old]
        self._jobs[job.id] = job
        task = asyncio.create_task(self._run(job, folder))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job.id

    async def close(self) -> None:
        """Ends what runs; a killed ingestion loses nothing that it had stored."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: Job, folder: Path) -> None:
        try:
            async with self._turn:
                job.state = "running"
                await self._ingest(job, folder)
        except asyncio.CancelledError:
            job.state, job.error = "failed", "The service was stopped. Send the file again."
            raise
        except Exception:
            logger.exception("an upload failed")
            job.state, job.error = "failed", "Something went wrong here. Send the file again."
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _ingest(self, job: Job, folder: Path) -> None:
        # -P: modules of the working folder must not stand in for ours.
        command = [sys.executable, "-P", "-m", "service.cli", "ingest", str(folder), "--json"]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment(self._settings),
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        lines = out.decode(errors="replace").strip().splitlines()
        if process.returncode in (0, _PARTLY_REJECTED) and lines:
            job.report, job.state = orjson.loads(lines[-1]), "done"
        else:
            told = err.decode(errors="replace").strip().splitlines()
            job.error = told[-1].removeprefix("Error: ") if told else "The file was not taken."
            job.state = "failed"


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give another process these settings."""
    values = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        secret = getattr(value, "get_secret_value", None)
        values[environment_names(name)[0]] = str(secret() if secret else value)
    return values


def _store(folder: Path, files: Sequence[tuple[str, BinaryIO]]) -> None:
    for n, (name, file) in enumerate(files):
        safe = Path(name.replace("\\", "/")).name.lstrip(".") or f"upload-{n}"
        target = folder / safe
        if target.exists():
            target = folder / f"{n}-{safe}"
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)
