"""The command line: `citelight ...`. Results go to stdout, progress and logs to stderr.

Exit codes: 0 done, 1 failed, 2 used wrongly, 3 done but some records were rejected. Heavy modules
are imported when a command runs, so that `--help` answers at once.
"""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from ingest.errors import CitelightError, InvalidInput
from service.answer_commands import add_answer_evaluation, add_answers
from service.backup_commands import add_backup
from service.ingest_commands import add_ingest
from service.key_commands import add_keys
from service.slack.commands import slack_group
from service.upkeep import add_upkeep

if TYPE_CHECKING:
    from ingest.library import Library
    from service.app import Core
    from service.citations import Depth
    from service.settings import Settings

P = ParamSpec("P")

_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="citelight")
def cli() -> None:
    """Questions answered over paper abstracts, every sentence cited.

    \b
    Examples:
      citelight serve                      start the web page and the API
      citelight ask "What is BM25?"        answer in the terminal
      citelight ingest papers.jsonl        add papers

    All state lives in CITELIGHT_HOME (default ~/.local/share/citelight).
    """


def main() -> None:
    """Entry point of the `citelight` command."""
    cli()


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Prints our own errors as what they are: a sentence for the user; exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except CitelightError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except BrokenPipeError:
            sys.exit(1)

    return run


@cli.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: 8765]")
@_told
def serve(host: str | None, port: int | None) -> None:
    """Start the web page and the API.

    An empty library gets the bundled sample library first.

    \b
    Example:
      citelight serve --port 9000
    """
    from service.server import run

    settings = _settings()
    changes = {k: v for k, v in (("host", host), ("port", port)) if v is not None}
    run(settings.model_copy(update=changes))


@cli.command()
@_told
def mcp() -> None:
    """Serve an MCP client that starts this command, over standard input and output.

    Over HTTP, MCP is at /mcp of `citelight serve`.
    """
    from service.mcp import run_stdio

    core = _core_with_sample()
    try:
        run_stdio(core)
    finally:
        core.close()


@cli.command()
@click.argument("question")
@click.option("--year-from", type=int, help="Only papers of this year or later.")
@click.option("--year-to", type=int, help="Only papers of this year or earlier.")
@click.option(
    "--depth",
    type=click.Choice(["fast", "thorough"]),
    default="fast",
    show_default=True,
    help="thorough searches each part of the question apart and mends a model's draft.",
)
@_json_flag
@_told
def ask(
    question: str, year_from: int | None, year_to: int | None, depth: "Depth", as_json: bool
) -> None:
    """Answer a question from the library.

    \b
    Examples:
      citelight ask "How does dense passage retrieval differ from BM25?"
      citelight ask "What limits ColBERT, and how was it made smaller?" --depth thorough
    """
    from service.retrieve import Filters
    from service.terminal import ask as answer

    filters = Filters(year_from=year_from, year_to=year_to)
    core = _core_with_sample()
    try:
        answer(core, question, filters if filters else None, depth=depth, as_json=as_json)
    finally:
        core.close()


@cli.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Papers.")
@click.option("--year-from", type=int, help="Only papers of this year or later.")
@click.option("--year-to", type=int, help="Only papers of this year or earlier.")
@_json_flag
@_told
def search(query: str, k: int, year_from: int | None, year_to: int | None, as_json: bool) -> None:
    """Find papers, best first.

    \b
    Example:
      citelight search "late interaction" -k 5 --json
    """
    from service.retrieve import Filters
    from service.terminal import search as find

    filters = Filters(year_from=year_from, year_to=year_to)
    core = _core()
    try:
        find(core, query, k, filters if filters else None, as_json=as_json)
    finally:
        core.close()


@cli.command()
@click.argument("name")
@_json_flag
@_told
def paper(name: str, as_json: bool) -> None:
    """Show a paper by id, DOI, arXiv id, PubMed id or its key in a source.

    \b
    Example:
      citelight paper 1706.03762 --json
    """
    from service.terminal import paper as show

    core = _core()
    try:
        show(core, name, as_json=as_json)
    finally:
        core.close()


@cli.group()
def sample() -> None:
    """The bundled sample library of landmark papers."""


@sample.command("add")
@_told
def sample_add() -> None:
    """Put the sample library in."""
    from service.app import add_sample

    core = _core()
    try:
        click.echo(f"The library holds {add_sample(core.library).papers:,} papers.", err=True)
    finally:
        core.close()


@sample.command("remove")
@_told
def sample_remove() -> None:
    """Take the sample library out; it does not come back by itself."""
    from service.app import remove_sample

    core = _core()
    try:
        click.echo(f"Removed {remove_sample(core.library):,} sample papers.", err=True)
    finally:
        core.close()


def _opened() -> "Library":
    from service.app import open_library

    return open_library(_settings())


add_upkeep(cli, _told, _opened)


@cli.group("eval")
def evaluate() -> None:
    """Measure quality on sets with known right answers."""


@evaluate.command("retrieval")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="BEIR-layout folder.")
@click.option("--split", help="Judgements to use: SPLIT of qrels/SPLIT.tsv.")
@click.option("--home", type=click.Path(path_type=Path), help="Keep the index here; use it again.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(["ours", "dense", "bm25", "rrf", "all"]),
    help="What to measure; may be given again.  [default: ours]",
)
@click.option("--run-out", type=click.Path(path_type=Path), help="Write a TREC run file.")
@click.option("--compare", type=click.Path(path_type=Path), help="Compare with a TREC run file.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write the figures as SVG.")
@_json_flag
@_told
def eval_retrieval(
    data: Path,
    split: str | None,
    home: Path | None,
    methods: Sequence[str],
    run_out: Path | None,
    compare: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """nDCG@10, recall, MRR and success of retrieval on a folder in BEIR layout.

    The folder holds corpus.jsonl {id, title, abstract}, queries.jsonl {id, text} and qrels.tsv
    (query-id, doc-id, relevance) or qrels/test.tsv and the like; `_id` and `text`, as BEIR names
    them, do as well. It is indexed in a temporary library; yours is not touched.

    \b
    Examples:
      citelight eval retrieval --data scifact --json
      citelight eval retrieval --data nfcorpus --split dev
      citelight eval retrieval --data scifact --home /tmp/scifact --method all --plot scifact.svg
    """
    from service import evaluation
    from service.beir import RetrievalSet
    from service.metrics import read_run, write_run
    from service.terminal import show_measured

    other = read_run(compare) if compare else None
    chosen = evaluation.methods_of(methods)
    opened = RetrievalSet.open(data, split)
    measured = evaluation.retrieval(opened, _settings(), home=home, methods=chosen)
    (first, *_) = measured.runs
    if run_out:
        write_run(run_out, measured.runs[first], first)
    if plot:
        plot.write_text(evaluation.plot(measured), encoding="utf-8")
    compared = evaluation.comparison(measured, first, other) if other else None
    show_measured({m: measured.summary(m) for m in measured.runs}, compared, as_json=as_json)


def _open_core() -> "Core":
    return _core()


add_answers(cli, _open_core, _told)
add_answer_evaluation(evaluate, _open_core, _told)


def _settings() -> "Settings":
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise InvalidInput(f"The setting {name} is wrong: {first['msg']}.") from error


def _core() -> "Core":
    from service.app import build

    return build(_settings())


def _core_with_sample() -> "Core":
    from service.app import add_sample_if_empty
    from service.terminal import say

    core = _core()
    if core.library.is_empty:
        say("The library is empty: adding the bundled sample library (once).")
        add_sample_if_empty(core.library)
    return core


add_ingest(cli, _told, _settings)
add_keys(cli, _told, _settings)
add_backup(cli, _told, _settings, _opened)
cli.add_command(slack_group(_told, _settings, _core_with_sample))

if __name__ == "__main__":
    main()
