"""Commands about answers already given: `citelight export`, `replay` and `feedback`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.errors import InvalidInput

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

    _add_feedback(cli, open_core, told)


def _add_feedback(cli: click.Group, open_core: Callable[[], "Core"], told: Told) -> None:
    """Adds `citelight feedback export`."""

    @cli.group()
    def feedback() -> None:
        """What readers thought of answers."""

    @feedback.command("export")
    @told
    def export_feedback() -> None:
        """Write all feedback to standard output as JSON lines, oldest first.

        Each line is a case that `citelight eval answers --questions` takes: the question, and the
        titles of the papers that a reader found helpful.

        \b
        Example:
          citelight feedback export > cases.jsonl
        """
        from service.terminal import print_json

        core = open_core()
        try:
            for case in core.conversations.feedback():
                print_json(case)
        finally:
            core.close()


def add_answer_evaluation(
    evaluate: click.Group, open_core: Callable[[], "Core"], told: Told
) -> None:
    """Adds `citelight eval answers`."""

    @evaluate.command("answers")
    @click.option(
        "--questions",
        type=click.Path(path_type=Path),
        help='JSON lines {"question": ..., "titles": [...]} to ask now; the titles, which may be '
        "missing, are of papers to be cited first.  [default: the stored answers]",
    )
    @click.option("--last", default=1000, show_default=True, help="Stored answers to look at.")
    @click.option(
        "--gate",
        multiple=True,
        metavar="NAME=LEAST",
        help="Fail unless a metric is at least this; may be given often.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @told
    def eval_answers(
        questions: Path | None, last: int, gate: tuple[str, ...], as_json: bool
    ) -> None:
        """Validity of citations, support by them, refusals, latency and tokens of answers.

        \b
        Examples:
          citelight eval answers --json
          citelight eval answers --questions q.jsonl --gate offset_validity=1 --gate recall=0.95
        """
        import sys

        from service.answer_evaluation import ask_all, metrics, read_cases, right_first
        from service.terminal import print_json

        cases = read_cases(questions) if questions else []
        core = open_core()
        try:
            asked = [case.question for case in cases]
            answers = ask_all(core, asked) if questions else core.conversations.last(last)
            found = metrics(answers, core.library.catalogue)
            if questions:
                found["right_first"] = right_first(answers, cases)
        finally:
            core.close()
        if as_json:
            print_json(found)
        else:
            for name, value in found.items():
                click.echo(f"{name:18} {value:.4f}")
        missed = missed_gates(found, gate)
        for line in missed:
            click.echo(line, err=True)
        sys.exit(1 if missed else 0)


def missed_gates(found: Mapping[str, float], gates: Sequence[str]) -> list[str]:
    """A line for each gate, as "recall=0.95", that the metrics do not reach.

    Raises:
        InvalidInput: a gate names no metric or no number.
    """
    missed = []
    for gate in gates:
        name, _, least = gate.partition("=")
        try:
            if found[name] < float(least):
                missed.append(f"{name} is {found[name]:.4f}, at least {float(least):.4f} is wanted")
        except (KeyError, ValueError) as error:
            names = ", ".join(found)
            raise InvalidInput(
                f"The gate {gate!r} is not NAME=NUMBER with one of: {names}."
            ) from error
    return missed


def _tell(replayed: Any) -> None:  # a Replay, whose module is not loaded for --help
    if replayed.is_same:
        click.echo("The same answer, to the byte.")
    for reason in replayed.reasons:
        click.echo(f"- {reason}")
    if replayed.difference:
        click.echo(replayed.difference)
