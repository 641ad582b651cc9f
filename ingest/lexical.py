"""Words: BM25 over titles and abstracts, kept in tantivy."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from ingest.disk import FULL
from ingest.errors import Unavailable

_WORD = re.compile(r"\w+")
_FIELDS = ("title", "abstract")
_HEAP_BYTES = 64 * 1024 * 1024

STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has
    have having how i if in into is it its itself just may me might more most must my no nor not
    of off on once only or other our out over own paper papers s same she he should so some such
    t than that the their them then there these they this those through to too under until up us
    use used uses using very was we were what when where whether which while who whom why will
    with would you your
    """.split()
)


_analyzer = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.remove_long(40))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)


def stems(text: str) -> list[str]:
    """The words of a text as the index holds them: lower-case English stems, in order."""
    return list(_analyzer.analyze(text))


@dataclass(frozen=True, slots=True)
class Entry:
    """What the word index holds of one paper; `ordinal` is its row in the catalogue."""

    ordinal: int
    title: str
    abstract: str


@dataclass(frozen=True, slots=True)
class Weights:
    """Words of a question against papers, a column for each different stem of them.

    `idf` is ln(1 + (N - n + 0.5) / (n + 0.5)), highest for a stem no paper has (n = 0); `bm25`,
    of shape (papers, stems), is 0 where a paper lacks the stem.
    """

    idf: NDArray[np.float32]
    bm25: NDArray[np.float32]


def terms(question: str) -> list[str]:
    """The words of a question worth searching, lower-case, in order, each once.

    Stop words are left out unless nothing else is there.
    """
    words = list(dict.fromkeys(_WORD.findall(question.casefold())))
    return [w for w in words if w not in STOP_WORDS] or words


class Words:
    """A word index in the folder `path`, open for reading."""

    def __init__(self, path: Path) -> None:
        self._index = tantivy.Index.open(str(path))
        self._searcher = self._index.searcher()

    @property
    def n_papers(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, words: Sequence[str], k: int, *, among: Iterable[int] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best papers for the words: `(ordinal, BM25)`, best first, scores above 0.

        A paper's score is the sum over title and abstract. `among` restricts the search to those
        ordinals, inside the engine.
        """
        wanted = roots(words)
        if not wanted or k < 1:
            return []
        query = _any([self._either(root) for root in wanted])
        return self._hits(query if among is None else self._restricted(query, among), k)

    def weigh(self, words: Sequence[str], among: Sequence[int]) -> Weights:
        """What each word is worth, and what it gives each of these papers."""
        wanted = roots(words)
        row = {ordinal: i for i, ordinal in enumerate(among)}
        bm25 = np.zeros((len(among), len(wanted)), np.float32)
        for column, root in enumerate(wanted):
            query = self._restricted(self._either(root), among)
            for ordinal, score in self._hits(query, len(among)) if among else []:
                bm25[row[ordinal], column] = score
        return Weights(np.array([self._idf(root) for root in wanted], np.float32), bm25)

    def _idf(self, root: str) -> float:
        n = max(self._searcher.doc_freq(name, root) for name in _FIELDS)
        return math.log(1 + (self.n_papers - n + 0.5) / (n + 0.5))

    def _either(self, root: str) -> tantivy.Query:
        schema = self._index.schema
        return _any([tantivy.Query.term_query(schema, name, root, "freq") for name in _FIELDS])

    def _restricted(self, query: tantivy.Query, among: Iterable[int]) -> tantivy.Query:
        allowed = tantivy.Query.term_set_query(self._index.schema, "ordinal", list(among))
        silent = tantivy.Query.const_score_query(allowed, 0.0)
        both = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, silent)]
        return tantivy.Query.boolean_query(both)

    def _hits(self, query: tantivy.Query, k: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, k, count=False).hits
        ordinals = self._searcher.fast_field_values("ordinal", [address for _, address in hits])
        return [(int(o or 0), float(s)) for o, (s, _) in zip(ordinals, hits, strict=True)]


def roots(words: Sequence[str]) -> list[str]:
    """The different stems of the words, in order."""
    return list(dict.fromkeys(stems(" ".join(words))))


def _any(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Adds papers to the word index in `path`, making it where there is none.

    Raises:
        Unavailable: the disk is full or cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        index = tantivy.Index(_schema(), path=str(path), reuse=True)
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for entry in entries:
            writer.add_document(_document(entry))
        writer.commit()
        writer.wait_merging_threads()
    except ValueError as error:  # what tantivy makes of all its errors
        is_full = "No space left" in str(error) or "File too large" in str(error)
        told = FULL if is_full else f"The word index cannot be written ({error})."
        raise Unavailable(told) from error


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("ordinal", stored=False, indexed=True, fast=True)
    builder.add_text_field("title", stored=False, tokenizer_name="en_stem")
    builder.add_text_field("abstract", stored=False, tokenizer_name="en_stem")
    return builder.build()


def _document(entry: Entry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("ordinal", entry.ordinal)
    document.add_text("title", entry.title)
    document.add_text("abstract", entry.abstract)
    return document
