"""What a request must pass before any door sees it: host, origin, key, rate and size."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access, key_in
from service.api.limits import Allowance, Limiter
from service.api.problems import problem
from service.events import Failed
from service.keys import Key, Keys, Role

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = ("/healthz", "/readyz", "/slack/")  # Slack signs its requests itself
_COUNTED = ("/v1/", "/mcp")
_TOO_LARGE = "The request is too large. Send less at once, or raise the limit in the settings."


class Gate:
    """ASGI middleware that refuses what `access` does not allow. A key is in `scope["state"]`."""

    def __init__(self, app: ASGIApp, access: Access, keys: Keys | None) -> None:
        self._app = app
        self._access = access
        self._keys = keys
        self._limiter = Limiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        failed, told = self._foreign(scope, headers), dict[str, str]()
        if failed is None and not scope["path"].startswith(_OPEN):
            failed, told = self._admit(scope, headers)
        if failed is None and _size(headers) > self._limit(scope):
            failed = Failed("too-large", "This is too large", 413, _TOO_LARGE)
        if failed:
            await problem(Request(scope), failed, told)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, self._limit(scope)), _telling(send, told))

    def _foreign(self, scope: Scope, headers: Headers) -> Failed | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._access.knows_host(host):
            return Failed(
                "wrong-host",
                "This is not the host asked for",
                421,
                f"This service does not answer as {host[:100]!r}. Name it in "
                f"CITELIGHT_ALLOWED_HOSTS, or use the address it was started with.",
            )
        if scope["method"] in _SAFE or origin is None:
            return None
        if self._access.trusts_origin(origin, host):
            return None
        return Failed(
            "foreign-origin",
            "A foreign page may not do this",
            403,
            "Web pages of other origins must be named in CITELIGHT_CORS_ORIGINS.",
        )

    def _admit(self, scope: Scope, headers: Headers) -> tuple[Failed | None, dict[str, str]]:
        """Whether key and rate allow the request, and headers for its response."""
        shown = key_in(headers)
        key = self._keys.check(shown) if self._keys and shown else None
        scope.setdefault("state", {})["key"] = key
        if self._access.needs_key:
            if key is None:
                return _no_key(shown), _challenge(scope, headers)
            if not key.may(role := needed(scope["method"], scope["path"])):
                detail = f"The key {key.name!r} has the role {key.role}; this needs {role}."
                return Failed("forbidden", "This key may not do that", 403, detail), {}
        return self._count(scope, key)

    def _count(self, scope: Scope, key: Key | None) -> tuple[Failed | None, dict[str, str]]:
        per_minute = key.per_minute if key else self._access.per_minute
        if not per_minute or not scope["path"].startswith(_COUNTED):
            return None, {}
        client = scope.get("client")
        allowance = self._limiter.take(
            f"key:{key.id}" if key else f"address:{client[0] if client else ''}", per_minute
        )
        return (_too_many(allowance) if allowance.wait_s else None), allowance.headers()

    def _limit(self, scope: Scope) -> int:
        is_upload = scope["path"].rstrip("/") == "/v1/papers"
        return self._access.max_upload if is_upload else self._access.max_body


def needed(method: str, path: str) -> Role:
    """The role that a request needs where keys are needed."""
    if path.startswith(("/v1/keys", "/v1/feedback")):  # feedback holds everybody's questions
        return "admin"
    is_change = path.startswith("/v1/papers") and method not in _SAFE
    return "write" if is_change else "read"


def _no_key(shown: str) -> Failed:
    detail = (
        "This API key is wrong or was revoked."
        if shown
        else "Send an API key as `Authorization: Bearer KEY`. In a browser, sign in with any name "
        "and the key as password."
    )
    return Failed("no-key", "An API key is needed", 401, detail)


def _challenge(scope: Scope, headers: Headers) -> dict[str, str]:
    """Browsers that open a page ask for the key; nobody else is to."""
    is_page = "text/html" in headers.get("accept", "") and not scope["path"].startswith("/v1/")
    return {"WWW-Authenticate": ("Basic" if is_page else "Bearer") + ' realm="citelight"'}


def _too_many(allowance: Allowance) -> Failed:
    detail = f"{allowance.limit} requests a minute are allowed. Wait {allowance.wait_s} s."
    return Failed("rate-limit", "Too many requests", 429, detail)


def _size(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def _bounded(receive: Receive, limit: int) -> Receive:
    """Fails once more than `limit` bytes came, whatever the headers said."""
    n_received = 0

    async def bounded() -> Message:
        nonlocal n_received
        message = await receive()
        n_received += len(message.get("body", b""))
        if n_received > limit:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded


def _telling(send: Send, told: dict[str, str]) -> Send:
    if not told:
        return send

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(told)
        await send(message)

    return telling
