"""Words: BM25 over titles and abstracts, kept in tantivy."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from ingest.disk import FULL, mirrored
from ingest.errors import Unavailable
from ingest.postings import Postings, Weights
from ingest.postings import write as write_postings
from ingest.stop_words import STOP_WORDS

_WORD = re.compile(r"\w+")
_FIELDS = ("title", "abstract")
_POSTINGS = "postings"  # a folder within the index's own
_HEAP_BYTES = 64 * 1024 * 1024

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


@lru_cache(10_000)
def stems_of(word: str) -> tuple[str, ...]:
    """The stems of one word of a question, of which several parts of a search ask."""
    return tuple(stems(word))


@dataclass(frozen=True, slots=True)
class Entry:
    """What the word index holds of one paper; `ordinal` is its row in the catalogue."""

    ordinal: int
    title: str
    abstract: str


def terms(question: str) -> list[str]:
    """The words of a question worth searching, lower-case, in order, each once.

    Stop words are left out unless nothing else is there.
    """
    words = list(dict.fromkeys(_WORD.findall(question.casefold())))
    return [w for w in words if w not in STOP_WORDS] or words


class Words:
    """A word index in the folder `path`, open for reading."""

    def __init__(self, path: Path) -> None:
        self._index, self._searcher = _opened(path)
        self._postings = Postings(path / _POSTINGS)
        if len(self._postings.ordinals) != self.n_papers:
            raise ValueError("the word lists hold other papers than the word index")

    @property
    def n_papers(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, wanted: Sequence[str], k: int, *, among: Iterable[int] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best papers for the stems: `(ordinal, BM25)`, best first, scores above 0.

        Stems are those that `roots` gives. Stemmed once more, one of 28 would be another.

        A paper's score is the sum over title and abstract. `among` restricts the search to those
        ordinals, inside the engine.
        """
        if not wanted or k < 1:
            return []
        # One flat union, of which tantivy skips most; nested ones it reads whole (twice as long).
        query = _any([self._holds(root, name) for root in wanted for name in _FIELDS])
        return self._hits(query if among is None else self._restricted(query, among), k)

    def weigh(self, wanted: Sequence[str], rows: NDArray[np.int64]) -> Weights:
        """What each of these different stems is worth, and what they give to these papers.

        `rows` are places among the papers by rising ordinal, and must rise.
        """
        return self._postings.weigh(wanted, rows)

    def weigh_all(
        self, wanted: Sequence[str], mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The places that `mask` allows and that have some of the stems, rising, and BM25 there."""
        return self._postings.weigh_all(wanted, mask)

    def with_phrase(self, phrase: str) -> list[int]:
        """Ordinals of the papers whose title or abstract has these words side by side.

        Words are compared by their stems.
        """
        wanted = stems(phrase)
        if len(wanted) < 2:
            return [ordinal for ordinal, _ in self.search(wanted, max(self.n_papers, 1))]
        words: list[str | tuple[int, str]] = list(wanted)
        schema = self._index.schema
        query = _any([tantivy.Query.phrase_query(schema, name, words) for name in _FIELDS])
        return [ordinal for ordinal, _ in self._hits(query, max(self.n_papers, 1))]

    def _holds(self, root: str, field: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._index.schema, field, root, "freq")

    def _restricted(self, query: tantivy.Query, among: Iterable[int]) -> tantivy.Query:
        allowed = tantivy.Query.term_set_query(self._index.schema, "ordinal", list(among))
        silent = tantivy.Query.const_score_query(allowed, 0.0)
        both = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, silent)]
        return tantivy.Query.boolean_query(both)

    def _hits(self, query: tantivy.Query, k: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, k, count=False).hits
        ordinals = self._searcher.fast_field_values("ordinal", [address for _, address in hits])
        return [(int(o or 0), float(s)) for o, (s, _) in zip(ordinals, hits, strict=True)]


def _opened(path: Path) -> tuple[tantivy.Index, tantivy.Searcher]:
    """The index and all its files, open; tantivy takes a lock, which it must be able to write."""
    try:
        index = tantivy.Index.open(str(path))
        return index, index.searcher()
    except ValueError as error:
        if "Lockfile" not in str(error):
            raise
    with mirrored(path) as links:
        index = tantivy.Index.open(str(links))
        return index, index.searcher()


def roots(words: Sequence[str]) -> list[str]:
    """The different stems of the words, in order."""
    return list(dict.fromkeys(stem for word in words for stem in stems_of(word)))


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

        def added() -> Iterator[tuple[int, list[str], list[str]]]:
            for entry in entries:
                writer.add_document(_document(entry))
                yield entry.ordinal, stems(entry.title), stems(entry.abstract)

        write_postings(path / _POSTINGS, added())
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
