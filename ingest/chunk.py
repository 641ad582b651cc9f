"""Chunks: the spans of an abstract that are embedded, each under the embedder's token budget."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.sentences import Span

NEVER_IN_TEXT = "\x00"  # stored texts hold no control characters


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of an abstract, in code points, and the indexes of the sentences it touches."""

    start: int
    end: int
    sentences: tuple[int, ...]


def chunk(
    abstract: str, sentences: Sequence[Span], *, budget: int, count_tokens: Callable[[str], int]
) -> list[Chunk]:
    """The abstract cut into as few chunks of whole sentences as fit `budget` tokens each.

    Chunks are in order, do not overlap and leave out nothing but white space. Only a sentence
    that is longer than the budget is cut, at punctuation, else between words, else inside one.
    No sentences, no chunks.

    Raises:
        ValueError: a single character has more tokens than `budget`.
    """
    if not sentences:
        return []
    if count_tokens(abstract) <= budget:
        # What SentenceSplitter would return; saves the seconds that its import costs.
        return [Chunk(sentences[0][0], sentences[-1][1], tuple(range(len(sentences))))]
    texts = _split(abstract, sentences, budget, count_tokens)
    return list(_located(abstract, sentences, texts))


def chunk_id(paper_id: str, n: int, text: str) -> str:
    """The name of the `n`th chunk of a paper: the same text has the same name in every index."""
    return f"{paper_id}#{n}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _split(
    abstract: str, sentences: Sequence[Span], budget: int, count_tokens: Callable[[str], int]
) -> list[str]:
    from llama_index.core.node_parser import SentenceSplitter

    borders = [0, *(start for start, _ in sentences[1:]), len(abstract)]

    def cut(text: str) -> list[str]:
        """The whole abstract into its sentences; a piece of one is left to the finer cuts."""
        if len(text) < len(abstract):
            return [text]
        return [text[a:b] for a, b in pairwise(borders)]

    splitter = SentenceSplitter(
        chunk_size=budget,
        chunk_overlap=0,
        tokenizer=lambda text: range(count_tokens(text)),  # only its length is asked for
        paragraph_separator=NEVER_IN_TEXT,
        chunking_tokenizer_fn=cut,
    )
    return splitter.split_text(abstract)


def _located(abstract: str, sentences: Sequence[Span], texts: Sequence[str]) -> Iterator[Chunk]:
    starts, ends = [start for start, _ in sentences], [end for _, end in sentences]
    end = 0
    for text in texts:
        start = abstract.index(text, end)  # exact: only white space lies between two chunks
        end = start + len(text)
        yield Chunk(start, end, tuple(range(bisect_right(ends, start), bisect_left(starts, end))))
