"""Commands that bring papers in: ingest files or a feed, sync a list of feeds."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.feed_commands import FILES, Asked, PathsOrFeed, add_feeds

if TYPE_CHECKING:
    from service.settings import Settings

_PARTLY_REJECTED = 3
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
Told = Callable[[Callable[..., None]], Callable[..., None]]  # prints our errors as sentences


def add_ingest(cli: click.Group, told: Told, settings_of: Callable[[], "Settings"]) -> None:
    """Puts the commands into `cli`; `settings_of` reads the settings."""

    @cli.group(cls=PathsOrFeed)
    def ingest() -> None:
        """Add papers from files, folders, or a feed; `-` reads standard input.

        Files are told by content. What is known already costs nothing; run it again at will.

        \b
        Examples:
          citelight ingest exports/ library.bib
          citelight ingest corpus.jsonl.gz --json
          citelight ingest arxiv --query "cat:cs.IR" --since 2024-01-01
        """

    _add_files(ingest, told, settings_of)
    _add_feeds(ingest, told, settings_of)
    _add_sync(cli, told, settings_of)


def _add_files(ingest: click.Group, told: Told, settings_of: Callable[[], "Settings"]) -> None:
    @ingest.command(FILES, hidden=True)
    @click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
    @click.option("--dry-run", is_flag=True, help="Only tell what would happen; keep nothing.")
    @click.option(
        "--rejected",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write rejected records to this JSONL file, to be corrected and ingested.",
    )
    @click.option(
        "--map",
        "mapped",
        multiple=True,
        metavar="FIELD=THEIRS",
        help="Read a field from one of another name, in JSON and tables; may be given again.",
    )
    @_json_flag
    @told
    def ingest_files(
        paths: Sequence[Path],
        dry_run: bool,
        rejected: Path | None,
        mapped: Sequence[str],
        as_json: bool,
    ) -> None:
        """Add papers from files and folders; `-` reads standard input.

        Files are told by content. What is known already costs nothing; run it again at will.

        \b
        Examples:
          citelight ingest exports/ library.bib
          citelight ingest corpus.jsonl.gz --json
          citelight ingest export.csv --rejected bad.jsonl
          citelight ingest news.csv --map title=headline --map abstract=body
        """
        from service.app import open_library
        from service.terminal import field_map_of
        from service.terminal import ingest as take

        field_map = field_map_of(mapped)
        library = open_library(settings_of())
        try:
            n_rejected = take(
                library,
                paths,
                as_json=as_json,
                is_dry_run=dry_run,
                rejected_to=rejected,
                field_map=field_map,
            )
        finally:
            library.close()
        sys.exit(_PARTLY_REJECTED if n_rejected else 0)


def _add_feeds(ingest: click.Group, told: Told, settings_of: Callable[[], "Settings"]) -> None:
    @told
    def ingest_feed(asked: Asked, is_full: bool, as_json: bool) -> None:
        from service.app import open_library
        from service.feeds import run_feed

        settings = settings_of()
        library = open_library(settings)
        try:
            rejected = run_feed(library, settings, asked, is_full=is_full, as_json=as_json)
        finally:
            library.close()
        sys.exit(_PARTLY_REJECTED if rejected else 0)

    add_feeds(ingest, ingest_feed)


def _add_sync(cli: click.Group, told: Told, settings_of: Callable[[], "Settings"]) -> None:
    @cli.command()
    @click.option(
        "--file", type=click.Path(path_type=Path), help="[default: feeds.toml in CITELIGHT_HOME]"
    )
    @_json_flag
    @told
    def sync(file: Path | None, as_json: bool) -> None:
        """Run the feeds that a file lists, each from where it was last; for cron and compose.

        \b
        Example of such a file:
          [[feed]]
          service = "arxiv"
          query = "cat:cs.IR"
          since = 2024-01-01

        \b
        Examples:
          citelight sync
          citelight sync --file feeds.toml --json
        """
        from service.app import home_of, open_library
        from service.feeds import FEEDS_FILE, run_feeds

        settings = settings_of()
        library = open_library(settings)
        try:
            n_failed = run_feeds(
                library, settings, file or home_of(settings) / FEEDS_FILE, as_json=as_json
            )
        finally:
            library.close()
        sys.exit(1 if n_failed else 0)
