"""What the commands print: answers, hits, reports; tables for people, JSON for scripts."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from ingest.build import Report
from ingest.build import ingest as ingest_sources
from ingest.errors import InvalidInput, NotFound
from ingest.library import Library
from ingest.sources import discover
from service.app import Core
from service.citations import Answer, Depth, card, plain
from service.progress import progress
from service.records import paper_record, search_record
from service.retrieve import Filters

_SHOWN_REJECTIONS = 10


def say(text: str) -> None:
    """Tells the person at the terminal something that is no result."""
    click.echo(text, err=True)


def print_json(content: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(orjson.dumps(plain(content), default=plain))


def ask(core: Core, question: str, filters: Filters | None, *, depth: Depth, as_json: bool) -> None:
    answer = asyncio.run(core.assistant.answer(question, filters=filters, depth=depth))
    if as_json:
        print_json(answer)
    else:
        _print_answer(answer)


def _print_answer(answer: Answer) -> None:
    for note in answer.notes:
        say(f"Note: {note}")
    click.echo(answer.text)
    if answer.citations:
        click.echo()
    for citation in answer.citations:
        paper = citation.paper
        by = ", ".join(paper.authors[:3]) + (" et al." if len(paper.authors) > 3 else "")
        facts = " · ".join(str(f) for f in (by, paper.venue, paper.year, paper.url) if f)
        click.echo(f"[{citation.n}] {paper.title}" + (f"\n    {facts}" if facts else ""))
        for quoted in citation.evidence:
            click.echo(f"    “{quoted.quote}”")
    if answer.state in ("nearby", "not_in_library"):
        click.echo("\nNearest papers:")
        for nearest in answer.also_retrieved:
            click.echo(f"  - {nearest.title}")
    if answer.suggestions:
        click.echo("\nYou could ask:")
    for suggestion in answer.suggestions:
        click.echo(f"  - {suggestion}")


def search(core: Core, query: str, k: int, filters: Filters | None, *, as_json: bool) -> None:
    found = core.retriever.retrieve(query, k=k, filters=filters)
    if as_json:
        print_json(search_record(found))
        return
    for rank, passage in enumerate(found.passages, 1):
        paper = passage.stored.paper
        click.echo(f"{rank:3}. {passage.score:.3f}  {paper.title}")


def paper(core: Core, name: str, *, as_json: bool) -> None:
    stored = core.library.catalogue.find(name)
    if stored is None:
        raise NotFound(f"The library has no paper {name!r}. Find ids with: citelight search")
    if as_json:
        print_json(paper_record(stored))
        return
    shown = card(stored)
    click.echo(shown.title)
    for fact in (", ".join(shown.authors), shown.venue, shown.year, shown.url):
        if fact:
            click.echo(str(fact))
    click.echo(f"\n{stored.paper.abstract}")


def ingest(
    library: Library,
    paths: Sequence[Path],
    *,
    as_json: bool,
    is_dry_run: bool = False,
    rejected_to: Path | None = None,
    field_map: Mapping[str, str] | None = None,
) -> int:
    """Ingests files and prints the report; how many records were rejected.

    Those go to the file `rejected_to`, in a form that can be corrected and ingested. `field_map`
    gives the files' own names for fields of ours.

    Raises:
        InvalidInput: nothing in the files could be taken.
    """
    sources = [source for path in paths for source in discover(path, field_map)]
    with progress(sources) as advance:
        report = ingest_sources(library, sources, progress=advance, rehearse=is_dry_run)
    if rejected_to:
        _write_rejected(report, rejected_to)
    if as_json:
        print_json(report.as_dict())
    else:
        if is_dry_run:
            say("Dry run: nothing was kept.")
        _print_report(report)
    if report.rejected and len(report.rejected) == report.found:
        raise InvalidInput("No record could be taken; the reasons stand above.")
    return len(report.rejected)


def field_map_of(pairs: Sequence[str]) -> dict[str, str]:
    """Our field names to the files' own, from `title=headline` and the like.

    Raises:
        InvalidInput: a pair has no `=`, or nothing on one side of it.
    """
    parts = [pair.partition("=") for pair in pairs]
    if wrong := next((p for p, part in zip(pairs, parts, strict=True) if not all(part)), None):
        raise InvalidInput(f"--map {wrong!r} is not FIELD=THEIRS, for example title=headline.")
    return {ours: theirs for ours, _, theirs in parts}


def _write_rejected(report: Report, path: Path) -> None:
    try:
        with path.open("wb") as file:
            file.writelines(rejected.line() for rejected in report.rejected)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}).") from error


def _print_report(report: Report) -> None:
    for rejected in report.rejected[:_SHOWN_REJECTIONS]:
        say(f"rejected: {rejected.file}, {rejected.record}: {rejected.reason}")
    if (more := len(report.rejected) - _SHOWN_REJECTIONS) > 0:
        say(f"rejected: and {more:,} more; --json lists them all")
    counts = ("found", "new", "updated", "unchanged", "duplicates")
    parts = [f"{getattr(report, name):,} {name}" for name in counts]
    click.echo(", ".join([*parts, f"{len(report.rejected):,} rejected"]))
    click.echo(f"The library holds {report.papers:,} papers, snapshot {report.snapshot}.")


def show_measured(
    summaries: Mapping[str, Mapping[str, Any]],
    compared: Mapping[str, Any] | None,
    *,
    as_json: bool,
) -> None:
    """Figures by method; the first method's stand at the top of the JSON."""
    if as_json:
        (first, *_) = summaries.values()
        extra = {"comparison": compared} if compared else {}
        print_json({**first, "methods": summaries, **extra})
        return
    for method, summary in summaries.items():
        click.echo(f"{method} ({summary['queries']} queries)")
        for name, (low, high) in summary["intervals"].items():
            click.echo(f"  {name:12} {summary[name]:.4f}  [{low:.4f}, {high:.4f}]")
    if compared:
        click.echo("difference to the other run")
        for name, found in compared["metrics"].items():
            click.echo(f"  {name:12} {found['difference']:+.4f}  p = {found['p']:.4f}")
        for row in compared["queries"]:
            click.echo(f"  {row['ndcg@10']:+.3f}  {row['query']}  {row['text'][:80]}")
