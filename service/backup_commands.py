"""The commands `citelight backup` and `citelight restore`."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingest.library import Library
    from service.settings import Settings

Told = Callable[[Callable[..., None]], Callable[..., None]]  # prints our errors as sentences
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def add_backup(
    cli: click.Group,
    told: Told,
    settings: Callable[[], "Settings"],
    opened: Callable[[], "Library"],
) -> None:
    """Puts the commands into `cli`; `opened` opens the library of the settings."""

    @cli.command()
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @_json_flag
    @told
    def backup(file: Path, as_json: bool) -> None:
        """Write papers, vectors, conversations and keys to one file; the service may run on.

        A name that ends with .gz is packed. The file lets in whoever has it: keep it safe.

        \b
        Example:
          citelight backup citelight.tar.gz
        """
        from service.backup import back_up

        with closing(opened()) as library:
            made = back_up(library, file)
        if as_json:
            _print_json(made)
        else:
            megabytes = made.bytes / 1e6
            click.echo(f"Kept {made.papers:,} papers ({megabytes:,.1f} MB) in {file}.", err=True)

    @cli.command()
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @click.option("--force", is_flag=True, help="Replace the library there; it is kept aside.")
    @_json_flag
    @told
    def restore(file: Path, force: bool, as_json: bool) -> None:
        """Put a backup into CITELIGHT_HOME and build its indexes; nothing is embedded again.

        Stop the service first, or start it again afterwards.

        \b
        Example:
          CITELIGHT_HOME=/srv/citelight citelight restore citelight.tar.gz
        """
        from ingest.build import reindex
        from service.backup import unpack

        restored = unpack(file, settings().home.expanduser(), is_forced=force)
        with closing(opened()) as library:
            reindex(library)
        if as_json:
            _print_json(restored)
            return
        click.echo(f"Put back {restored.papers:,} papers, snapshot {restored.snapshot}.", err=True)
        if restored.aside:
            click.echo(f"What was there before is in {restored.aside}.", err=True)


def _print_json(content: Any) -> None:  # Any: dataclasses
    import orjson

    click.echo(orjson.dumps(content))
