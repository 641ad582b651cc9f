"""The polite HTTP client of the feeds: one request at a time, spaced, retried, identified.

httpx2 is imported here only. Keys travel in addresses where a service wants them so; therefore no
address is logged or shown, only its host.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from ingest.errors import InvalidInput, Unavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")

N_TRIES = 6  # with the pauses below a service may be gone for a minute
FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 60.0
MAX_WAIT_S = 300.0  # a service that asks for more is left alone until the next run
MAX_BODY = 64 << 20  # bytes; 1,000 works of Crossref have 5 MB
MAX_BODY_S = 300.0  # for one body, however slowly it trickles
_TIMEOUT = httpx2.Timeout(60.0, connect=15.0)
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, replaceable in tests."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Garbled(Exception):
    """An answer came that cannot be one: cut, of another kind, or empty where it must not be."""


class Client:
    """Fetches from one service, at most once every `interval_s` seconds.

    The system's proxies are used, except for this machine itself. `contact` is the e-mail address
    that services ask for; it goes into the User-Agent.
    """

    def __init__(self, *, contact: str = "", interval_s: float = 1.0, clock: Clock | None = None):
        self.contact = contact
        self.clock = clock or Clock()
        self._interval_s = interval_s
        self._last: datetime | None = None
        # It logs whole addresses, keys included, at INFO.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self._http = httpx2.Client(
            headers={"User-Agent": _user_agent(contact)},
            timeout=_TIMEOUT,
            follow_redirects=True,
            mounts={pattern: httpx2.HTTPTransport() for pattern in _LOOPBACK},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def fetch(
        self,
        url: str,
        params: Mapping[str, str],
        read: Callable[[bytes], T],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """What `read` makes of the answer's body. `read` raises `Garbled` to have it sent again.

        Raises:
            InvalidInput: the service refuses this request.
            Unavailable: it does not answer well after several tries, or asks for a long wait.
        """
        address = _address(url, params)
        host = address.host
        pause = FIRST_PAUSE_S
        trouble = ""
        for n_try in range(1, N_TRIES + 1):
            wait = pause
            try:
                self._keep_pace()
                response, body = self._get(address, headers or {})
                if response.status_code == 200:
                    return read(_checked(response, body))
                trouble = _refusal(host, response.status_code, body)
                wait = _asked_wait(response, self.clock.now(), trouble) or pause
            except Garbled as error:
                trouble = f"{host} sent an answer that cannot be read ({error})"
            except httpx2.RequestError as error:
                trouble = f"{host} does not answer ({_kind(error)})"
            if n_try < N_TRIES:
                logger.warning("%s; trying again in %.0f s", trouble, wait)
                self.clock.sleep(wait)
                pause = min(pause * 2, MAX_PAUSE_S)
        raise Unavailable(
            f"{trouble}, {N_TRIES} times in a row. Run this again later; it goes on from here."
        )

    def _keep_pace(self) -> None:
        if self._last is not None:
            rest = self._interval_s - (self.clock.now() - self._last).total_seconds()
            if rest > 0:
                self.clock.sleep(min(rest, self._interval_s))
        self._last = self.clock.now()

    def _get(
        self, address: httpx2.URL, headers: Mapping[str, str]
    ) -> tuple[httpx2.Response, bytes]:
        started = self.clock.now()
        body = bytearray()
        with self._http.stream("GET", address, headers=headers) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_BODY:
                    raise Garbled(f"more than {MAX_BODY >> 20} MB")
                if (self.clock.now() - started).total_seconds() > MAX_BODY_S:
                    raise Garbled("too slow")
            self._heed_limit(response)
            return response, bytes(body)

    def _heed_limit(self, response: httpx2.Response) -> None:
        """Slows down to the rate that the service announces, as Crossref does."""
        limit = response.headers.get("x-rate-limit-limit", "")
        interval = response.headers.get("x-rate-limit-interval", "").removesuffix("s")
        if limit.isdecimal() and interval.isdecimal() and int(limit) > 0:
            announced = min(int(interval) / int(limit), MAX_PAUSE_S)
            self._interval_s = max(self._interval_s, announced)


def _user_agent(contact: str) -> str:
    return f"Citelight/{version('citelight')}" + (f" (mailto:{contact})" if contact else "")


def _address(url: str, params: Mapping[str, str]) -> httpx2.URL:
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InvalidInput(f"{url!r} is not a web address ({error}).") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidInput(f"{url!r} is not a web address. It must start with https://")
    return address.copy_merge_params(dict(params))


def _checked(response: httpx2.Response, body: bytes) -> bytes:
    if not body.strip():
        raise Garbled("it is empty")
    if response.headers.get("content-type", "").startswith("text/html"):
        raise Garbled("it is a web page")
    return body


def _asked_wait(response: httpx2.Response, now: datetime, trouble: str) -> float:
    """The seconds that the service asks to wait, 0 where it does not say.

    Raises:
        InvalidInput: waiting will not help.
        Unavailable: the wait is too long.
    """
    if response.status_code not in _TRANSIENT:
        raise InvalidInput(f"{trouble}. Correct the request and run this again.")
    wait = _seconds(response.headers.get("retry-after", ""), now)
    if wait > MAX_WAIT_S:
        raise Unavailable(
            f"{trouble}, and asks to wait {wait / 60:,.0f} minutes."
            " Run this again then; it goes on from here."
        )
    return wait


def _seconds(retry_after: str, now: datetime) -> float:
    """A Retry-After header, which is a number of seconds or a date, as seconds from now."""
    text = retry_after.strip()
    if text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def _refusal(host: str, status: int, body: bytes) -> str:
    """The answer's status with the service's own words, if it has any."""
    said = _said(body.decode("utf-8", "replace"))
    hint = " (is the API key right?)" if status in (401, 403) else ""
    return f"{host} answered {status}{hint}" + (f": {said}" if said else "")


def _said(text: str) -> str:
    """The reason in an error's body, in at most 200 characters."""
    try:
        value = json.loads(text)
    except ValueError:
        summary = re.search(r"<(summary|error|ERROR)\b[^>]*>(.*?)</\1>", text, re.DOTALL)
        if not summary and "<html" in text[:2000].casefold():
            return ""
        return " ".join(_TAG.sub(" ", summary[2] if summary else text).split())[:200]
    parts = value if isinstance(value, dict) else {}
    said = [parts.get(key) for key in ("error", "message")]
    return "; ".join(" ".join(str(part).split()) for part in said if part)[:200]


def _kind(error: httpx2.RequestError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "it took too long"
    if isinstance(error, httpx2.ConnectError):
        return "no connection"
    if isinstance(error, httpx2.TooManyRedirects):
        return "it redirects without end"
    return "the connection broke off"
