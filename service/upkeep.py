"""Commands that look after a library: doctor, reindex, sources, remove, papers duplicates."""

import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from ingest.errors import NotFound

if TYPE_CHECKING:
    from ingest.library import Library

_SHOWN_RUNS = 10
_COUNTS = ("new", "updated", "removed")  # of papers, in a run's report
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
Told = Callable[[Callable[..., None]], Callable[..., None]]  # prints our errors as sentences


def add_upkeep(cli: click.Group, told: Told, opened: Callable[[], "Library"]) -> None:
    """Puts the commands into `cli`; `opened` opens the library of the settings."""

    @cli.command()
    @_json_flag
    @told
    def doctor(as_json: bool) -> None:
        """Check every part of the library; say what is wrong and how to mend it.

        \b
        Example:
          citelight doctor
        """
        with closing(opened()) as library:
            is_well = _doctor(library, as_json=as_json)
        sys.exit(0 if is_well else 1)

    @cli.command()
    @told
    def reindex() -> None:
        """Build the indexes from the catalogue anew; only lost vectors are embedded again."""
        from ingest.build import reindex as rebuild

        with closing(opened()) as library:
            manifest = rebuild(library)
        n_papers, snapshot = (manifest.n_papers, manifest.snapshot) if manifest else (0, "-")
        click.echo(f"Indexed {n_papers:,} papers, snapshot {snapshot}.", err=True)

    @cli.command()
    @_json_flag
    @told
    def sources(as_json: bool) -> None:
        """List where the papers came from, and the last runs that changed something."""
        with closing(opened()) as library:
            _sources(library, as_json=as_json)

    @cli.command()
    @click.option("--source", required=True, help="A name that `citelight sources` shows.")
    @_json_flag
    @told
    def remove(source: str, as_json: bool) -> None:
        """Take out what a source gave; papers that others gave too stay.

        \b
        Example:
          citelight remove --source old-export.bib
        """
        with closing(opened()) as library:
            _remove(library, source, as_json=as_json)

    @cli.group()
    def papers() -> None:
        """Look at the papers of the library."""

    @papers.command()
    @_json_flag
    @told
    def duplicates(as_json: bool) -> None:
        """Show what was made one paper and why, and what looks alike but was kept apart."""
        with closing(opened()) as library:
            _duplicates(library, as_json=as_json)


def _doctor(library: "Library", *, as_json: bool) -> bool:
    from ingest.doctor import examine

    findings = []
    for finding in examine(library):
        findings.append(finding)
        if not as_json:
            sign = "ok  " if finding.is_well else "BAD "
            click.echo(f"{sign} {finding.part:12} {finding.problem or finding.told}")
            if finding.remedy:
                click.echo(f"     {'':12} {finding.remedy}")
    is_well = all(finding.is_well for finding in findings)
    if as_json:
        _print_json({"is_well": is_well, "findings": findings})
    return is_well


def _sources(library: "Library", *, as_json: bool) -> None:
    found, runs = library.catalogue.sources(), library.catalogue.runs(_SHOWN_RUNS)
    if as_json:
        named = [{"name": name, "papers": n} for name, n in found]
        _print_json({"sources": named, "runs": runs})
        return
    for name, n in found:
        click.echo(f"{n:8,} papers  {name}")
    if runs:
        click.echo("\nLast runs that changed something:")
    for run in runs:
        counts = [f"{run.report[c]:,} {c}" for c in _COUNTS if run.report.get(c)]
        told = ", ".join(counts) or ("cut off" if "cut_off" in run.report else "no new papers")
        if not run.finished_at:
            told = "under way or cut off"
        click.echo(f"{run.started_at}  {told}  ({', '.join(run.sources[:3])})")


def _remove(library: "Library", source: str, *, as_json: bool) -> None:
    from ingest.build import remove
    from ingest.feeds.state import forget_states

    if source not in dict(library.catalogue.sources()):
        raise NotFound(f"There is no source {source!r}. List them with: citelight sources")
    # First: a kill between the two costs a feed's next run some requests, never its papers.
    forget_states(library.catalogue, [source])
    n_papers = remove(library, source=source)
    if as_json:
        left = library.catalogue.n_papers()
        _print_json({"removed": n_papers, "papers": left, "snapshot": library.snapshot})
    else:
        click.echo(f"Removed {n_papers:,} papers that only {source} gave.", err=True)


def _duplicates(library: "Library", *, as_json: bool) -> None:
    from ingest.duplicates import joined, linked

    if as_json:
        together, apart = list(joined(library.catalogue)), list(linked(library.catalogue))
        _print_json({"joined": together, "linked": apart})
        return
    for paper in joined(library.catalogue):
        click.echo(f"{paper.paper_id}  {paper.title}")
        for part in paper.parts:
            why = f"joined by {part.why}" if part.why else "first"
            click.echo(f"    {part.source}, {part.record}: {why}")
    for group in linked(library.catalogue):
        click.echo(f"kept apart ({group.why_apart}), same {group.alike}:")
        for paper_id, title in zip(group.paper_ids, group.titles, strict=True):
            click.echo(f"    {paper_id}  {title}")


def _print_json(content: Any) -> None:  # Any: dataclasses and plain values
    import orjson

    click.echo(orjson.dumps(content))
