"""Calls to Slack's Web API: which failures pass, how long to be patient, one shared session."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

FAILURES = (SlackClientError, aiohttp.ClientError, TimeoutError)  # what a call may raise
_PASSING = {
    "fatal_error",
    "internal_error",
    "ratelimited",
    "rate_limited",
    "request_timeout",
    "service_unavailable",
}
# Slack's libraries log whole requests at INFO and DEBUG: questions, which no log may hold.
sdk_logger = logging.getLogger("service.slack.sdk")
sdk_logger.setLevel(logging.WARNING)

_MAX_WAIT_S = 30  # a longer Retry-After is a refusal
_RATE_LIMIT_TRIES = 4
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Patience:
    """The pauses in seconds between tries of a call that may be made again."""

    pauses: Sequence[float] = (0.2, 0.8, 2.0)
    sleep: Sleep = asyncio.sleep

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call until it succeeds, fails for good, or the pauses are used up.

        Raises:
            SlackClientError, aiohttp.ClientError, TimeoutError: the last failure.
        """
        for pause in self.pauses:
            try:
                return await call()
            except FAILURES as error:
                if not is_passing(error):
                    raise
            await self.sleep(pause)
        return await call()


class RateLimits(AsyncRetryHandler):
    """Waits as long as Slack says when it answers 429; the call was then not carried out."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(max_retry_count=_RATE_LIMIT_TRIES)
        self._sleep = sleep

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        return response is not None and response.status_code == 429 and _wait_of(response) >= 0

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        state.next_attempt_requested = True
        await self._sleep(_wait_of(response) if response else 1)
        state.increment_current_attempt()


def _wait_of(response: HttpResponse) -> int:
    """The seconds to wait; -1 if they are too many."""
    for name, values in response.headers.items():
        if name.lower() == "retry-after":
            value = values if isinstance(values, str) else values[0]
            wait = int(value) if value.isdigit() else 1
            return wait if wait <= _MAX_WAIT_S else -1
    return 1


def web_client(
    token: str | None, base_url: str, session: aiohttp.ClientSession, sleep: Sleep = asyncio.sleep
) -> AsyncWebClient:
    """A client on the shared session; retries rate limits only, since others may double text."""
    return AsyncWebClient(
        token=token,
        base_url=base_url,
        timeout=_TIMEOUT_S,
        session=session,
        retry_handlers=[RateLimits(sleep)],
        logger=sdk_logger,
    )


async def respond(
    url: str,
    session: aiohttp.ClientSession,
    *,
    text: str,
    blocks: list[dict[str, Any]],
    is_public: bool = False,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Sends a message by a response_url, to the asker or `is_public` to the channel.

    Raises:
        SlackClientError: refused, as when the URL is older than half an hour.
        aiohttp.ClientError, TimeoutError: it may succeed a moment later.
    """
    client = AsyncWebhookClient(
        url,
        timeout=_TIMEOUT_S,
        session=session,
        retry_handlers=[RateLimits(sleep)],
        logger=sdk_logger,
    )
    response = await client.send(
        text=text,
        blocks=blocks,
        response_type="in_channel" if is_public else "ephemeral",
        replace_original=False,
        unfurl_links=False,
        unfurl_media=False,
    )
    if response.status_code >= 500:
        raise aiohttp.ClientConnectionError(f"response_url: {response.status_code}")
    if response.status_code != 200:
        raise SlackRequestError(f"response_url: {response.status_code}")


def code_of(error: BaseException) -> str:
    """Slack's name for the error, as `channel_not_found`; empty where it gave none."""
    if isinstance(error, SlackApiError) and isinstance(getattr(error.response, "data", None), dict):
        return str(error.response.get("error") or "")
    return ""


def is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    if isinstance(error, SlackApiError):
        status = getattr(error.response, "status_code", 0)
        return code_of(error) in _PASSING or status >= 500 or status == 429
    return isinstance(error, aiohttp.ClientError | TimeoutError)
