"""The answer without a model: the sentences of the abstracts that say the most, verbatim."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest.embed import Vectors
from ingest.lexical import stems, terms
from service.cues import is_chrome, leans_on_previous, role_score, tells_of_own_work
from service.evidence import MARGIN, score_texts
from service.inert import inert_title
from service.retrieve import Passage, Retrieval

MIN_SENTENCES, MAX_SENTENCES = 3, 6
_MAX_PER_PAPER = 2  # and one more where a single paper answers
_MAX_PAPERS = 4
_NEAR_BEST = 0.8  # of the best paper's score: what falls below shares words, not the subject
_KEEP = 0.85  # of the best sentence's score: what falls below adds words, not an answer
_KEEP_ALONE = 0.5  # the same for filling up to MIN_SENTENCES from the best paper
_NEAREST, _SCORE, _WORDS = 0.75, 1.0, 0.25  # for the order of papers
_SAME = 0.85  # cosine from which two sentences say the same
_REDUNDANCY = 0.3  # weight of similarity to what is already chosen (MMR)
# Log-odds, as `service.evidence` gives them: what the paper's score as a share of the best one's,
# a sentence's role (-0.6 to 0.03), and standing in the introduction are worth.
_PAPER, _ROLE, _BEFORE_OWN = 8.0, 12.0, 0.8


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence chosen for the answer: `sentence` is its index in the passage's abstract.

    `score` is 0 to 1, a share of the best one's.
    """

    passage: Passage
    sentence: int
    score: float

    @property
    def text(self) -> str:
        return self.passage.stored.sentence(self.sentence)

    @property
    def paper(self) -> str:
        return self.passage.stored.id


def choose(retrieval: Retrieval, *, most: int = MAX_SENTENCES) -> list[Quote]:
    """The sentences that answer the query, in reading order: the likeliest paper first.

    Sentences of a paper keep the order of its abstract, which goes from aim to finding to caveat.
    The same query on the same snapshot gives the same sentences.
    """
    papers = sorted(near_best(retrieval.passages), key=lambda p: (-_likeliness(p), p.stored.id))
    quotes = scored(retrieval.query, papers)
    if not quotes:
        return []
    best = next(q for q in quotes if q.paper == papers[0].stored.id)
    chosen = _diverse(best, quotes, min(most, MAX_SENTENCES))
    standing = _standing(_filled(chosen, quotes, min(most, MIN_SENTENCES)), quotes)
    place = {p.stored.id: i for i, p in enumerate(papers)}
    return sorted(standing, key=lambda q: (place[q.paper], q.sentence))


def _likeliness(passage: Passage) -> float:
    """How likely the paper answers: how near its best sentence and the two best are, its score,
    and a little for the question's words that it has.

    Right paper first for 50 of 54 test questions, as for all weights a fifth around these; by
    the score alone 47.
    """
    nearest = sorted((float(s) for s in passage.sentence_scores), reverse=True)[:2] or [0.0]
    near = sum(nearest) / len(nearest) + _NEAREST * nearest[0]
    return near + _SCORE * passage.score + _WORDS * passage.coverage


def near_best(passages: Sequence[Passage]) -> list[Passage]:
    """The papers that score nearly as high as the best one, at most four, best first."""
    top = max((p.score for p in passages), default=0.0)
    return [p for p in passages if p.score >= _NEAR_BEST * top][:_MAX_PAPERS]


def scored(query: str, passages: Sequence[Passage]) -> list[Quote]:
    """Every sentence of the passages with its score, best first.

    The best one has 1; a sentence that is `MARGIN` below it in log-odds has `_KEEP`.
    """
    sentences = [[p.stored.sentence(n) for n in range(len(p.sentence_scores))] for p in passages]
    stemmed = [[stems(text) for text in texts] for texts in sentences]
    weights = _weights(query, stemmed)
    top = max((p.score for p in passages), default=1.0) or 1.0
    odds: list[tuple[Passage, int, float]] = []
    for passage, texts, words in zip(passages, sentences, stemmed, strict=True):
        own = _own_work(passage)
        scores = score_texts(query, weights, texts, passage.sentence_scores, words)
        for n, (text, score) in enumerate(zip(texts, scores, strict=True)):
            more = _PAPER * passage.score / top + _ROLE * role_score(text)
            odds.append((passage, n, float(score) + more - (_BEFORE_OWN if n < own else 0.0)))
    best = max((score for _, _, score in odds), default=0.0)
    quotes = [Quote(p, n, round(_KEEP ** ((best - score) / MARGIN), 6)) for p, n, score in odds]
    return sorted(quotes, key=lambda q: (-q.score, q.paper, q.sentence))


def _own_work(passage: Passage) -> int:
    """The index of the first sentence in which the authors speak of their own work.

    What stands before it is what others did; 0 where no sentence tells, and in summaries.
    """
    stored = passage.stored
    if stored.paper.is_summary:
        return 0
    speaks = (n for n in range(len(stored.sentences)) if tells_of_own_work(stored.sentence(n)))
    return next(speaks, 0)


def _weights(query: str, stemmed: Sequence[Sequence[Sequence[str]]]) -> dict[str, float]:
    """What each stem of the query is worth: the more, the fewer of the sentences have it.

    `stemmed` are the stems of each sentence of each passage.
    """
    held = [set(words) for sentences in stemmed for words in sentences]
    counts = Counter(stem for words in held for stem in words)
    wanted = sorted(set(stems(" ".join(terms(query)))))
    return {stem: math.log(1 + (len(held) + 1) / (counts[stem] + 1)) for stem in wanted}


def _vectors(quotes: Sequence[Quote]) -> Vectors:
    return np.stack([q.passage.sentence_vectors[q.sentence] for q in quotes])


def _diverse(best: Quote, quotes: Sequence[Quote], most: int) -> list[Quote]:
    """Greedy maximal marginal relevance after `best`, with caps per paper and a floor."""
    kept = [q for q in quotes if q.score >= _KEEP * quotes[0].score and q is not best]
    quotes = [best, *kept]
    vectors = _vectors(quotes)
    chosen = [0]
    while len(chosen) < most:
        papers = Counter(quotes[c].paper for c in chosen)
        likeness = _likeness(vectors, chosen)
        open_ones = [
            i
            for i, q in enumerate(quotes)
            if i not in chosen and papers[q.paper] < _MAX_PER_PAPER and likeness[i] < _SAME
        ]
        if not open_ones:
            break
        marginal = {i: quotes[i].score * (1 - _REDUNDANCY * likeness[i]) for i in open_ones}
        chosen.append(max(open_ones, key=lambda i: (marginal[i], -i)))
    return [quotes[i] for i in chosen]


def _likeness(vectors: Vectors, chosen: Sequence[int]) -> list[float]:
    """The cosine of each vector with the chosen one nearest to it, 0 to 1."""
    return [max(float(x), 0.0) for x in (vectors @ vectors[list(chosen)].T).max(axis=1)]


def _filled(chosen: Sequence[Quote], quotes: Sequence[Quote], least: int) -> list[Quote]:
    """The chosen ones, and where they are few, more of the papers already chosen: no filler."""
    filled = list(chosen)
    mine = {q.paper for q in filled}
    for quote in quotes:
        if len(filled) >= least:
            break
        is_good = quote.score >= _KEEP_ALONE * quotes[0].score and not is_chrome(quote.text)
        if quote.paper in mine and all(quote is not f for f in filled) and is_good:
            filled.append(quote)
    return filled


def _standing(chosen: Sequence[Quote], quotes: Sequence[Quote]) -> list[Quote]:
    """The chosen sentences, each with the one before it where it would hang in the air."""
    standing = list(chosen)
    known = {(q.paper, q.sentence): q for q in quotes}
    taken = {(q.paper, q.sentence) for q in chosen}
    for quote in chosen:
        before = (quote.paper, quote.sentence - 1)
        if before in taken or before not in known or not leans_on_previous(quote.text):
            continue
        if len(standing) < MAX_SENTENCES:
            standing.append(known[before])
            taken.add(before)
        elif quote is not chosen[0]:
            standing.remove(quote)
            taken.discard((quote.paper, quote.sentence))
    return standing


def lead(passage: Passage) -> str:
    """What stands before the sentences of a paper: its name, so that "we" and "this" have one."""
    paper = passage.stored.paper
    names = [inert_title(name.split()[-1], 40) for name in paper.authors[:2] if name.split()]
    by = f"{names[0]} et al." if len(paper.authors) > 2 and names else " and ".join(names)
    facts = ", ".join(fact for fact in (by, str(paper.year or "")) if fact)
    return f"**{inert_title(paper.title)}**{f' ({facts})' if facts else ''}: "
