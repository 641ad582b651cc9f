"""Requests from Slack over HTTP, passed to Bolt, which checks their signature."""

from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from starlette.requests import Request
from starlette.responses import Response

from service.slack.acting import hear_buttons
from service.slack.door import Door
from service.slack.installations import oauth_flow
from service.slack.listening import bolt_app


class Desk:
    """Takes Slack's requests for a door."""

    def __init__(self, door: Door) -> None:
        self._app = bolt_app(door)
        hear_buttons(self._app, door)
        self._flow: AsyncOAuthFlow | None = None
        if door.installations:
            self._flow = oauth_flow(door.config, door.store, door.installations, door.client(None))

    async def events(self, request: Request, body: bytes) -> Response:
        """Events, buttons, forms, commands: whatever Slack signs."""
        try:
            asked = to_async_bolt_request(request, body)
        except UnicodeDecodeError:
            return Response(status_code=401)  # no signature of Slack's covers this
        return to_starlette_response(await self._app.async_dispatch(asked))

    async def install(self, request: Request) -> Response:
        """The page that sends an administrator to Slack."""
        assert self._flow
        return to_starlette_response(
            await self._flow.handle_installation(to_async_bolt_request(request, b""))
        )

    async def redirect(self, request: Request) -> Response:
        """Where Slack sends them back to."""
        assert self._flow
        return to_starlette_response(
            await self._flow.handle_callback(to_async_bolt_request(request, b""))
        )
