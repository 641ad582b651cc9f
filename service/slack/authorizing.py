"""Which token answers a workspace, asked of Slack once a token."""

import asyncio
from collections.abc import Awaitable, Callable

from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from ingest.errors import Unavailable
from service.slack.calls import FAILURES, Patience, is_passing

TokenOf = Callable[[str | None, str | None], Awaitable[str | None]]


class Authorizer:
    """Finds tokens and who we are with them; one `auth.test` a token, however many events come."""

    def __init__(
        self, token_of: TokenOf, client_of: Callable[[str], AsyncWebClient], patience: Patience
    ) -> None:
        self._token_of = token_of
        self._client_of = client_of
        self._patience = patience
        self._lock = asyncio.Lock()
        self._results: dict[str, AuthorizeResult] = {}

    async def authorize(
        self, enterprise_id: str | None, team_id: str | None
    ) -> AuthorizeResult | None:
        """What Bolt needs to know of an event's workspace; None where we are not installed.

        Raises:
            Unavailable: Slack does not say now; it sends the event again.
            SlackClientError: the token is good no more.
        """
        token = await self._token_of(enterprise_id, team_id)
        if token is None:
            return None
        async with self._lock:
            if token not in self._results:
                self._results[token] = await self._test(token)
        return self._results[token]

    async def _test(self, token: str) -> AuthorizeResult:
        client = self._client_of(token)
        try:
            response = await self._patience.insist(lambda: client.auth_test())
        except FAILURES as error:
            if is_passing(error):
                raise Unavailable("Slack does not answer now.") from error
            raise
        return AuthorizeResult.from_auth_test_response(bot_token=token, auth_test_response=response)

    def forget(self) -> None:
        """Asks Slack again, as after an uninstall."""
        self._results.clear()
