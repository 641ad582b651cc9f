"""What may differ from channel to channel, from a file or from the App Home."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ingest.errors import InvalidInput
from service.retrieve import Filters

_YEARS = range(1000, 3000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How the app behaves in one channel.

    `mention_only`: answer in threads only when mentioned. `is_private`: only the asker sees the
    answer, and may post it. The rest filters the papers.
    """

    mention_only: bool = False
    is_private: bool = False
    year_from: int | None = None
    year_to: int | None = None
    venues: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def filters(self) -> Filters | None:
        found = Filters(
            year_from=self.year_from,
            year_to=self.year_to,
            venues=self.venues,
            sources=self.sources,
        )
        return found or None

    def as_dict(self) -> dict[str, Any]:
        """The rule as plain values, for `rule_from`."""
        return asdict(self)


def rule_from(values: Mapping[str, Any]) -> Rule:
    """A rule of plain values; those left out are the default.

    Raises:
        InvalidInput: a name is unknown or a value does not fit it.
    """
    known = {f.name for f in fields(Rule)}
    if unknown := sorted(set(values) - known):
        raise InvalidInput(f"A channel rule has no {unknown[0]!r}; it takes {sorted(known)}.")
    fitting: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("venues", "sources"):
            is_fit = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
            value = tuple(value) if is_fit else value
        elif name in ("year_from", "year_to"):
            is_fit = value is None or (type(value) is int and value in _YEARS)
        else:
            is_fit = isinstance(value, bool)
        if not is_fit:
            raise InvalidInput(f"The channel rule {name!r} cannot be {value!r}.")
        fitting[name] = value
    return Rule(**fitting)


def rules_file(path: Path) -> dict[str, Rule]:
    """The rules by channel id: tables `[C0123456789]` of a TOML file.

    Raises:
        InvalidInput: the file cannot be read or a rule in it does not fit.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"The channel rules in {path.name} cannot be read: {error}") from error
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    if wrong:
        raise InvalidInput(
            f"{path.name} has {wrong[0]!r} outside a table; begin with [C0123456789]."
        )
    return {channel: rule_from(table) for channel, table in tables.items()}
