"""The Slack app on the command line: `citelight slack` and what belongs to it."""

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ingest.errors import InvalidInput

if TYPE_CHECKING:
    from service.app import Core
    from service.settings import Settings

Told = Callable[[Callable[..., None]], Callable[..., None]]


def slack_group(
    told: Told, settings: Callable[[], "Settings"], core: Callable[[], "Core"]
) -> click.Group:
    """The commands; `told` prints our errors, `settings` and `core` are made when they run."""

    @click.group("slack", invoke_without_command=True)
    @click.pass_context
    @told
    def slack(context: click.Context) -> None:
        """Answer in Slack by Socket Mode; over HTTP `citelight serve` does it.

        \b
        Examples:
          citelight slack manifest --socket    what to paste at api.slack.com/apps
          citelight slack preview "What is BM25?"
          citelight slack                      connect and answer
        """
        if context.invoked_subcommand is None:
            _serve(settings(), core)

    @slack.command("manifest")
    @click.option("--name", default="Citelight", show_default=True, help="Name of the app.")
    @click.option(
        "--socket", "is_socket", is_flag=True, help="For Socket Mode, without an address."
    )
    @click.option("--mention-only", is_flag=True, help="Without reading channels: fewer scopes.")
    @told
    def manifest(name: str, is_socket: bool, mention_only: bool) -> None:
        """Print the app manifest for CITELIGHT_PUBLIC_URL or Socket Mode."""
        from service.slack.manifest import manifest as made

        url = settings().public_url
        _print(made(name=name, url=url, is_socket=is_socket, mention_only=mention_only))

    @slack.command("preview")
    @click.argument("question")
    @told
    def preview(question: str) -> None:
        """Print the reply to a question as Slack would get it, without Slack."""
        _preview(question, settings(), core)

    @slack.command("key")
    @told
    def key() -> None:
        """Print a new CITELIGHT_SLACK_KEY, which seals the tokens of many workspaces."""
        _check_extra(settings())
        from service.slack.installations import new_key

        click.echo(new_key())

    return slack


def _serve(settings: "Settings", core: Callable[[], "Core"]) -> None:
    from service.slack.config import config_of
    from service.slack.serving import check, parts_of

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    config = config_of(settings)
    if missing := config.missing(is_socket=True):
        raise InvalidInput(missing)
    check(config)
    from service.slack.socketmode import run

    opened = core()
    parts = parts_of(opened)
    try:
        opened.library.refresh()
        asyncio.run(run(config, parts))
    finally:
        parts.store.close()
        opened.close()


def _preview(question: str, settings: "Settings", core: Callable[[], "Core"]) -> None:
    _check_extra(settings)
    from service.slack.preview import reply_of

    opened = core()
    try:
        answer = asyncio.run(opened.assistant.answer(question))
    finally:
        opened.close()
    url = settings.public_url.rstrip("/")
    _print(reply_of(answer, page=f"{url}/a/{answer.id}" if url else None))


def _check_extra(settings: "Settings") -> None:
    from service.slack.config import EXTRA, config_of

    if config_of(settings).missing() == EXTRA:
        raise InvalidInput(EXTRA)


def _print(content: Any) -> None:
    import orjson

    click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
