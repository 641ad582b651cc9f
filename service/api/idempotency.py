"""Writes that are sent twice and done once: the `Idempotency-Key` header."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request, Response

from ingest.errors import InvalidInput

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="Any text of yours, new for every write. Sent again within a day with the "
        "same content, the write is not done again and the first response comes back.",
    ),
]

_KEPT = 1000
_KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Write:
    fingerprint: str
    done: asyncio.Future[Response]
    begun_at: float


class Idempotency:
    """The writes of one service process; belongs to one event loop."""

    def __init__(self) -> None:
        self._writes: OrderedDict[str, _Write] = OrderedDict()

    async def once(
        self,
        request: Request,
        key: str | None,
        content: bytes,
        write: Callable[[], Awaitable[Response]],
    ) -> Response:
        """Does the write, or gives the response it got when it was first sent with this key.

        A write that fails is forgotten, so that it can be tried again.

        Raises:
            InvalidInput: the key was sent before with something else.
        """
        if key is None:
            return await write()
        name = f"{_caller(request)} {request.method} {request.url.path} {key}"
        fingerprint = hashlib.sha256(content).hexdigest()
        self._forget_old()
        if known := self._writes.get(name):
            if known.fingerprint != fingerprint:
                raise InvalidInput(
                    "This Idempotency-Key was sent before with other content. Use a new one."
                )
            return _replayed(await asyncio.shield(known.done))
        done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._writes[name] = _Write(fingerprint, done, time.monotonic())
        try:
            response = await write()
        except BaseException as error:
            del self._writes[name]
            done.set_exception(error)
            done.exception()  # nobody may be waiting, which is no fault
            raise
        done.set_result(response)
        return response

    def _forget_old(self) -> None:
        oldest = time.monotonic() - _KEPT_S
        while self._writes:
            name, write = next(iter(self._writes.items()))
            if len(self._writes) < _KEPT and write.begun_at > oldest:
                return
            del self._writes[name]


def _caller(request: Request) -> str:
    key = getattr(request.state, "key", None)
    return str(key.id) if key else request.cookies.get("citelight", "")


def _replayed(response: Response) -> Response:
    again = Response(response.body, response.status_code, media_type=response.media_type)
    again.headers["Idempotency-Replayed"] = "true"
    return again
