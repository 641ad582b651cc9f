"""Commands about answers already given: `citelight export` and `citelight replay`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from service.app import Core

_FORMATS = ("markdown", "plain", "bibtex", "ris", "csl-json", "csv", "json")

Told = Callable[[Callable[..., None]], Callable[..., None]]


def add_answers(cli: click.Group, open_core: Callable[[], "Core"], told: Told) -> None:
    """Adds the commands; `told` wraps each so that our errors are printed."""

    @cli.command("export")
    @click.argument("answer_id")
    @click.option("--format", "name", type=click.Choice(_FORMATS), default="markdown")
    @told
    def export_answer(answer_id: str, name: str) -> None:
        """Write an answer, or the papers it cites, to standard output.

        \b
        Example:
          citelight export dGhpcyBpcyBpdA --format bibtex > cited.bib
        """
        from service.exports import export

        core = open_core()
        try:
            click.echo(export(core.conversations.answer(answer_id), name).text, nl=False)
        finally:
            core.close()

    @cli.command()
    @click.argument("answer_id")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @told
    def replay(answer_id: str, as_json: bool) -> None:
        """Answer a question again as it was answered, and tell what differs and why.

        Exit code 0 if the text is the same to the byte, 1 if it differs.

        \b
        Example:
          citelight replay dGhpcyBpcyBpdA
        """
        import asyncio
        import sys

        from service.replay import replay as again
        from service.terminal import print_json

        core = open_core()
        try:
            replayed = asyncio.run(again(core.assistant, core.conversations.answer(answer_id)))
        finally:
            core.close()
        if as_json:
            print_json(replayed)
        else:
            _tell(replayed)
        sys.exit(0 if replayed.is_same else 1)


def _tell(replayed: Any) -> None:  # a Replay, whose module is not loaded for --help
    if replayed.is_same:
        click.echo("The same answer, to the byte.")
    for reason in replayed.reasons:
        click.echo(f"- {reason}")
    if replayed.difference:
        click.echo(replayed.difference)
