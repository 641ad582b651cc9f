"""The addresses of the pages, and the headers that keep them safe and fast."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.web.assets import Asset, Assets
from service.web.reports import MAX_BYTES, ReportDesk

Endpoint = Callable[[Request], Awaitable[Response]]

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE_HEADERS = SAFE | {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}
ASSET_HEADERS = SAFE | {"Cache-Control": "public, max-age=31536000, immutable"}

PAGES = {
    "/": ("chat", "Citelight"),
    "/a/{id}": ("answer", "Answer · Citelight"),
    "/p/{id:path}": ("paper", "Paper · Citelight"),
    "/library": ("library", "Library · Citelight"),
}


def make_routes(assets: Assets, desk: ReportDesk) -> list[Route]:
    """The pages, `/assets/{version}/{name}`, `/favicon.ico` and `POST /browser-reports`."""
    pages = [
        Route(path, _fixed(assets.page(name, title), PAGE_HEADERS))
        for path, (name, title) in PAGES.items()
    ]
    return [
        *pages,
        Route(f"/assets/{assets.version}/{{name}}", _assets(assets)),
        Route("/favicon.ico", _fixed(assets.files["icon.svg"], SAFE)),
        Route("/browser-reports", _reports(desk), methods=["POST"]),
    ]


def _assets(assets: Assets) -> Endpoint:
    """The files of this version; those of an older one are gone, and a page never mixes two."""
    endpoints = {name: _fixed(asset, ASSET_HEADERS) for name, asset in assets.files.items()}

    async def endpoint(request: Request) -> Response:
        found = endpoints.get(request.path_params["name"])
        return await found(request) if found else Response(status_code=404, headers=SAFE)

    return endpoint


def _fixed(asset: Asset, headers: Mapping[str, str]) -> Endpoint:
    """An endpoint that always gives the same bytes, gzipped for those who take it."""
    base = {**headers, "Vary": "Accept-Encoding", "ETag": asset.etag}

    async def endpoint(request: Request) -> Response:
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=base)
        if "gzip" in request.headers.get("accept-encoding", ""):
            zipped = {**base, "Content-Encoding": "gzip"}
            return Response(asset.zipped, headers=zipped, media_type=asset.content_type)
        return Response(asset.plain, headers=base, media_type=asset.content_type)

    return endpoint


def _reports(desk: ReportDesk) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                break
        return Response(status_code=desk.take(body))

    return endpoint
