"""What is remembered of each feed between runs: how far it came, and when it was last complete.

It stands in the catalogue, beside the papers it speaks of: whoever loses the one loses the other,
and the next run starts from the beginning, as it must.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import orjson

from ingest.catalogue import Catalogue

_KEY = "feeds"


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed as its last run left it.

    `last_synced` is when the last complete run began. While a run is not complete, `cursor` is
    where to go on, `n_done` how many records lie before it, `started_at` when the run began and
    `changed` the day its news begin with. `since` belongs to both.
    """

    name: str
    since: date | None = None
    last_synced: datetime | None = None
    cursor: str | None = None
    n_done: int = 0
    started_at: datetime | None = None
    changed: date | None = None


def feed_states(catalogue: Catalogue) -> list[FeedState]:
    """The feeds that were ever run, by name."""
    stored = _load(catalogue)
    return [_state(name, stored[name]) for name in sorted(stored)]


def feed_state(catalogue: Catalogue, name: str) -> FeedState | None:
    """What is remembered of one feed, None before its first run."""
    stored = _load(catalogue).get(name)
    return None if stored is None else _state(name, stored)


def save_state(catalogue: Catalogue, state: FeedState) -> None:
    """Remembers a feed; what was known under its name is replaced."""
    with catalogue.transaction():
        values = {field: getattr(state, field) for field in FeedState.__slots__ if field != "name"}
        _store(catalogue, _load(catalogue) | {state.name: values})


def forget_states(catalogue: Catalogue, names: Iterable[str]) -> None:
    """Lets feeds start from the beginning at their next run, as when their papers are removed."""
    with catalogue.transaction():
        stored = _load(catalogue)
        for name in names:
            stored.pop(name, None)
        _store(catalogue, stored)


def _load(catalogue: Catalogue) -> dict[str, dict[str, object]]:
    stored: dict[str, dict[str, object]] = orjson.loads(catalogue.meta(_KEY) or "{}")
    return stored


def _store(catalogue: Catalogue, stored: dict[str, dict[str, object]]) -> None:
    catalogue.set_meta(_KEY, orjson.dumps(stored).decode())


def _state(name: str, values: dict[str, object]) -> FeedState:
    cursor, n_done = values.get("cursor"), values.get("n_done")
    return FeedState(
        name,
        since=_day(values.get("since")),
        last_synced=_time(values.get("last_synced")),
        cursor=cursor if isinstance(cursor, str) else None,
        n_done=n_done if isinstance(n_done, int) else 0,
        started_at=_time(values.get("started_at")),
        changed=_day(values.get("changed")),
    )


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
