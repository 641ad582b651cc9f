"""Records as a test gives them, and a library to put them in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.dense import EmbeddedChroma
from ingest.library import Library
from ingest.papers import Paper, Record, Rejection
from tests.fakes.embedder import HashEmbedder

TOPICS = "owls bats moles hares toads newts crows doves wrens finch".split()


@dataclass(frozen=True)
class Given:
    """A source of the records it was made with."""

    name: str
    items: Sequence[Record | Rejection]

    def records(self) -> Iterator[Record | Rejection]:
        yield from self.items


def paper(n: int = 0, **facts: Any) -> Paper:
    """The `n`th of many different papers; `facts` replace its fields."""
    topic = TOPICS[n % len(TOPICS)]
    values: dict[str, Any] = {
        "title": f"On {topic} number {n}",
        "abstract": f"We watch {topic} w{n} x{n}. They fly y{n} z{n} nights.",
        "authors": (f"Ada Writer{n}",),
        "year": 2020,
    }
    return Paper(**(values | facts))


def record(n: int = 0, *, key: str | None = None, raw: str | None = None, **facts: Any) -> Record:
    """A record of `paper(n, **facts)`."""
    own = paper(n, **facts)
    return Record(own, f"record {n}", raw if raw is not None else own.abstract, key)


def given(*records: Record | Rejection, name: str = "a.jsonl") -> list[Given]:
    return [Given(name, records)]


def many(n: int, *, name: str = "many.jsonl", start: int = 0) -> list[Given]:
    """`n` different papers in one source."""
    return [Given(name, [record(i, key=f"k{i}") for i in range(start, start + n)])]


def library(home: Path, embedder: HashEmbedder | None = None) -> Library:
    """A library under `home` with embedded Chroma; to be closed by the caller."""
    return Library(home, embedder or HashEmbedder(), EmbeddedChroma())
