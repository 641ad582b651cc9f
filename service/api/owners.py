"""Whose history it is: a random name in a cookie that scripts cannot read."""

import re
import secrets

from fastapi import Request, Response

_COOKIE = "citelight"
_NAME = re.compile(r"[\w-]{22,64}")
_YEAR_S = 365 * 24 * 3600


def owner_of(request: Request) -> str:
    """The browser's owner name; a new one for a browser without, or with a forged cookie."""
    name = request.cookies.get(_COOKIE, "")
    return name if _NAME.fullmatch(name) else secrets.token_urlsafe(24)


def remember(response: Response, request: Request, owner: str) -> Response:
    """Sets the cookie, where the browser does not have it yet."""
    if request.cookies.get(_COOKIE) != owner:
        response.set_cookie(
            _COOKIE,
            owner,
            max_age=_YEAR_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response
