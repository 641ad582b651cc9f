"""Late interaction: each token of the question looks for its like in the best candidates.

Khattab and Zaharia 2020 (ColBERT), over the tokens of the embedder that the library holds anyway.
"""

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors
from ingest.generation import Generation
from ingest.lexical import stems_of
from ingest.token_vectors import Tokens, cosines
from ingest.vectors import rows_of
from service.candidates import Candidates, Positions, weighed

# Best chunk, best sentence, BM25, tokens: fitted with each of five sets left out in turn and
# rounded (evals/LOG.md). The share of the question's words adds nothing to these.
WEIGHTS = (0.22, 0.18, 0.19, 0.41)
_DEPTH = 24  # candidates looked at: with 16 nDCG@10 is 0.001 less, with all 0.0004 more
_WORD = re.compile(r"\w+")


def late_scores(
    generation: Generation, found: Candidates, asked: Tokens, text: str, words: Collection[str]
) -> Vectors | None:
    """How well each candidate meets the question's tokens, 0 to 1; None where nothing tells.

    The best cosine of each token, squared, weighed by what its word is worth. NaN where it was
    not computed: beyond the best candidates, and for papers without token vectors.
    """
    weights = _weights(found, asked, text, words)
    if not weights.any():
        return None
    best = np.sort(np.argsort(-found.fused, kind="stable")[:_DEPTH])
    codes, counts = _tokens_of(generation, found.positions[best])
    if not counts.any():
        return None
    near = cosines(codes, asked.vectors[weights > 0])
    starts = (np.cumsum(counts) - counts)[counts > 0]
    nearest = np.maximum(np.maximum.reduceat(near, starts, axis=0), 0)
    scores = np.full(len(found.positions), np.nan, np.float32)
    scores[best[counts > 0]] = np.square(nearest) @ weights[weights > 0]
    return scores


def fused(found: Candidates, late: Vectors) -> Vectors:
    """What ranks the candidates; one whose late score is unknown counts as the middle one."""
    known = np.sort(late[~np.isnan(late)])
    late = np.where(np.isnan(late), known[len(known) // 2], late)
    parts = (found.dense, found.best_sentence, np.sqrt(found.share), late)
    return weighed(WEIGHTS, parts)


def _weights(found: Candidates, asked: Tokens, text: str, words: Collection[str]) -> Vectors:
    """What each token of the question is worth, 1 in all: its word's idf, shared by its pieces."""
    idf = dict(zip(found.stems, found.idf.tolist(), strict=True))
    spans, worth = [], []
    for match in _WORD.finditer(text):
        word = match.group().casefold()
        spans.append(match.span())
        known = (idf.get(stem, 0.0) for stem in stems_of(word)) if word in words else ()
        worth.append(max(known, default=0.0))
    if not (spans and len(asked.spans)):
        return np.zeros(len(asked.spans), np.float32)
    starts, ends = np.array(spans).T
    word_of = np.maximum(np.searchsorted(starts, asked.spans[:, 0], side="right") - 1, 0)
    is_within = asked.spans[:, 1] <= ends[word_of]
    pieces = np.bincount(word_of[is_within], minlength=len(spans))
    weights = np.where(is_within, np.array(worth)[word_of] / np.maximum(pieces[word_of], 1), 0.0)
    return np.asarray(weights / (weights.sum() or 1.0), np.float32)


def _tokens_of(
    generation: Generation, positions: Positions
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The codes of the papers' tokens, one paper after the other, and how many each has."""
    columns = generation.columns
    n_chunks = columns.n_chunks[positions]
    codes, counts = generation.vectors.tokens(rows_of(columns.chunk_rows[positions], n_chunks))
    owners = np.repeat(np.arange(len(positions)), n_chunks)
    return codes, np.bincount(owners, counts, minlength=len(positions)).astype(np.int64)
