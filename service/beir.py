"""Retrieval sets in BEIR layout: documents, queries, and judgements of which document helps."""

import csv
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar, cast

import orjson

from ingest.errors import InvalidInput
from service.metrics import Qrels

T = TypeVar("T")
_USUAL = ("test", "dev", "train")  # the split that is meant when none is named, first there is


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """A set that was found whole: the file of its documents, its queries and judgements.

    `queries` maps ids to texts, of the judged ones only; `qrels` has those with a relevant
    document.
    """

    corpus: Path
    queries: dict[str, str]
    qrels: Qrels

    @classmethod
    def open(cls, folder: Path, split: str | None = None) -> "RetrievalSet":
        """Reads `folder`: corpus.jsonl, queries.jsonl, and qrels.tsv or qrels/SPLIT.tsv.

        Each may be gzipped. Without a `split`: qrels.tsv, else test, dev or train, whichever is
        there first.

        Raises:
            InvalidInput: a file is missing or cannot be read, or no query is judged.
        """
        corpus = _file(folder, "corpus.jsonl")
        qrels = _read(_judgements(folder, split), _qrels)
        queries = _read(_file(folder, "queries.jsonl"), _queries)
        judged = {query: own for query, own in qrels.items() if query in queries}
        if not judged:
            raise InvalidInput(f"{folder}: no query of queries.jsonl has a relevant document.")
        return cls(corpus, {query: queries[query] for query in judged}, judged)


def _judgements(folder: Path, split: str | None) -> Path:
    if split:
        return _file(folder, f"qrels/{split}.tsv")
    names = ("qrels.tsv", *(f"qrels/{usual}.tsv" for usual in _USUAL))
    found = (path for name in names if (path := _found(folder, name)))
    return next(found, None) or _file(folder, "qrels.tsv")


def _found(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _file(folder: Path, name: str) -> Path:
    if path := _found(folder, name):
        return path
    raise InvalidInput(
        f"{folder / name} is missing. The folder needs corpus.jsonl, queries.jsonl and qrels.tsv "
        "(or qrels/test.tsv and the like)."
    )


def _read(path: Path, parse: Callable[[TextIO, str], T]) -> T:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            return parse(cast(TextIO, file), path.name)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}).") from error


def _qrels(lines: Iterable[str], name: str) -> Qrels:
    """Judgements of a table with a header line; queries with none above 0 are left out."""
    qrels: Qrels = {}
    rows = csv.reader(lines, delimiter="\t")
    next(rows, None)
    for row in rows:
        try:
            qrels.setdefault(row[0], {})[row[1]] = int(row[2])
        except (IndexError, ValueError) as error:
            raise InvalidInput(
                f"{name}, line {rows.line_num}: expected query-id, doc-id, relevance."
            ) from error
    return {query: own for query, own in qrels.items() if any(g > 0 for g in own.values())}


def _queries(lines: Iterable[str], name: str) -> dict[str, str]:
    """Query texts by id."""
    queries = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            queries[str(row["_id"] if "_id" in row else row["id"])] = str(row["text"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InvalidInput(f'{name}, line {number}: expected {{"id", "text"}}.') from error
    return queries
