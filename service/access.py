"""Who is let in: hosts, origins and keys, worked out from the settings."""

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ingest.errors import InvalidInput
from service.keys import Keys
from service.settings import Settings

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """The rules at the door. `hosts` are the names it answers to; none means any."""

    needs_key: bool = False
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    per_minute: int = 0
    max_body: int = 1_000_000
    max_upload: int = 200_000_000

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this service.

        A bare address always does: nobody can make one point elsewhere.
        """
        name = name_of(host) or ""
        return not self.hosts or name in self.hosts or _is_address(name)

    def trusts_origin(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may change something here."""
        named = "*" in self.origins or origin in self.origins
        return named or urlsplit(origin).netloc == host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def access_of(settings: Settings) -> Access:
    """The rules that these settings ask for.

    Without keys, only names of this machine and those in the settings are answered to: a page
    whose name is made to point here would else read the library through a browser.
    """
    needs_key = settings.access == "keys" or (
        settings.access == "auto" and not is_loopback(settings.host)
    )
    public = urlsplit(settings.public_url)
    hosts = set(_listed(settings.allowed_hosts))
    if not needs_key or hosts:
        hosts |= _LOCAL | {name for name in (name_of(settings.host), public.hostname) if name}
    origins = set(_listed(settings.cors_origins))
    if public.netloc:
        origins.add(f"{public.scheme}://{public.netloc}")
    return Access(
        needs_key=needs_key,
        hosts=frozenset(hosts),
        origins=frozenset(origins),
        per_minute=settings.rate_limit,
        max_body=settings.max_body_kb * 1000,
        max_upload=settings.max_upload_mb * 1_000_000,
    )


def check_keys(access: Access, keys: Keys, host: str) -> None:
    """Raises `InvalidInput` if a key is needed and there is none."""
    if access.needs_key and not keys.listing():
        raise InvalidInput(
            f"{host} can be reached from elsewhere, so an API key is needed, and there is none. "
            f"Make one with: citelight keys create NAME. Or, if something else keeps strangers "
            f"out, set CITELIGHT_ACCESS=open."
        )


def key_in(headers: Mapping[str, str]) -> str:
    """The key that a request shows: as bearer token, or as password of a browser's sign-in."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def name_of(host: str) -> str | None:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname if host.count(":") < 2 or "[" in host else host
    except ValueError:
        return None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
