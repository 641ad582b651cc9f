"""The commands `citelight keys`: create, list, revoke."""

import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from service.keys import Keys, Role
    from service.settings import Settings

Told = Callable[[Callable[..., None]], Callable[..., None]]  # prints our errors as sentences
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def add_keys(cli: click.Group, told: Told, settings: Callable[[], "Settings"]) -> None:
    """Puts the commands into `cli`."""

    @cli.group()
    def keys() -> None:
        """Manage API keys, which callers from other machines need.

        \b
        Examples:
          citelight keys create laptop
          citelight keys create importer --role write
          citelight keys revoke laptop
        """

    @keys.command()
    @click.argument("name")
    @click.option(
        "--role",
        type=click.Choice(["read", "write", "admin"]),
        default="read",
        show_default=True,
        help="read asks and searches, write adds and deletes papers too, admin sees keys too.",
    )
    @click.option(
        "--per-minute",
        type=click.IntRange(min=0),
        default=120,
        show_default=True,
        help="Requests a minute; 0 is no limit.",
    )
    @_json_flag
    @told
    def create(name: str, role: str, per_minute: int, as_json: bool) -> None:
        """Make a key; it is shown this once."""
        with closing(_opened(settings())) as store:
            key = store.create(name, cast("Role", role), per_minute)
        if as_json:
            _print_json({"name": name, "role": role, "per_minute": per_minute, "key": key})
            return
        click.echo(key)
        if sys.stdout.isatty():
            click.echo("Keep it now: it cannot be shown again.", err=True)

    @keys.command("list")
    @click.option("--all", "with_revoked", is_flag=True, help="Revoked keys too.")
    @_json_flag
    @told
    def show(with_revoked: bool, as_json: bool) -> None:
        """List the keys and how much each was used."""
        with closing(_opened(settings())) as store:
            found = store.listing(with_revoked=with_revoked)
        if as_json:
            _print_json({"keys": found})
            return
        for key in found:
            last = key.last_used_at or "never"
            state = "  revoked" if key.revoked_at else ""
            click.echo(f"{key.name:20} {key.role:6} {key.requests:8,} requests, last {last}{state}")

    @keys.command()
    @click.argument("name")
    @told
    def revoke(name: str) -> None:
        """End a key, by name or id. It stops working at once."""
        with closing(_opened(settings())) as store:
            store.revoke(name)
        click.echo(f"The key {name} works no longer.", err=True)


def _opened(settings: "Settings") -> "Keys":
    from service.keys import KEYS_FILE, Keys

    return Keys(settings.home.expanduser() / KEYS_FILE)


def _print_json(content: Any) -> None:  # Any: dataclasses and plain values
    import orjson

    click.echo(orjson.dumps(content))
