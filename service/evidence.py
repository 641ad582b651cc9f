"""Which sentence of an abstract says what was asked: words, cosine, cues and place in one score.

The weights are of a softmax over an abstract's sentences, fitted on the rationales of 505 claims
(evals/LOG.md): hit@1 0.71, hit@3 0.92, where the cosine alone has 0.49 and 0.82.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vectors
from ingest.lexical import stems
from service.retrieve import Passage, Retrieval

MARGIN = 1.0  # a sentence this far below the best is not evidence: F1 0.58 with at most three

_K1, _B = 1.2, 0.75
_COSINE, _BM25, _LOCAL, _COVERAGE, _NEIGHBOURS = 3.2, 4.5, 1.0, 1.1, 0.9
_LENGTH, _DIGIT, _AIM, _RESULT, _FINDING = 0.8, 0.4, -1.3, 0.4, 0.2
_LABELS = (-0.3, -0.5, 0.55, 0.4)  # background, methods, results, conclusions
_PLACE, _PLACE_SQUARED = 4.0, -2.6  # highest at three quarters of the abstract
# Cues and place were learned on claims, which results prove. A question that opens with such a
# word may as well be about a method or a thing: for it they count less.
_OPEN = re.compile(r"\W*(?:what|which|who|whose|whom|how|when|where|why)\b", re.IGNORECASE)
_OPEN_SHARE = 0.35

_LABEL = re.compile(
    r"""^\W*(?:
    (?P<background>backgrounds?|objectives?|aims?|purpose|introduction|context|importance
        |rationale|hypothesis)
    |(?P<methods>(?:(?:materials?|patients|subjects)\sand\s|study\s)?methods?|(?:study\s)?design
        |settings?|participants|patients|interventions?|main\soutcomes?|data\ssources?
        |study\sselection|measurements?|methodology|data\s(?:extraction|synthesis))
    |(?P<results>(?:main\s|principal\s)?(?:results?|findings))
    |(?P<conclusions>conclusions?|interpretation|discussion|implications|significance|limitations?)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_SET_OFF = re.compile(r"^\W*(?:[A-Z]{4,}|\w+(?:\s\w+){0,3}\s?[:.–—])")
_FINDS = re.compile(
    r"""\b(?:we|our|here|this|these|the)\s(?:\w+\s){0,3}?
    (?:found|finds?|show(?:s|ed|n)?|report(?:s|ed)?|demonstrat\w+|observed|identif\w+|reveal\w*
    |indicat\w+|suggest\w*|conclude[ds]?)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_AIMS = re.compile(
    r"""\b(?:(?:we|to)\s(?:sought|aimed?|investigat\w+|examin\w+|assess\w*|evaluat\w+|determine
    |test|explore|compared?|analy[sz]ed?|stud(?:y|ied)|measured|performed)
    |remains?|unknown|unclear|poorly\sunderstood|controversial|little\sis\sknown
    |were\s(?:randomly|enrolled|recruited|included|measured|assessed|collected)
    |we\s(?:review|discuss|describe))\b""",
    re.VERBOSE | re.IGNORECASE,
)
_RESULTS = re.compile(
    r"""\b(?:significant\w*|p\s?[<=]|95%\s?ci|confidence\sinterval|odds\sratio|hazard\sratio|versus
    |compared\s(?:with|to)|associated\swith|increase[ds]?|decrease[ds]?|reduce[ds]?|higher|lower
    |outperform\w*|improve[ds]?|achieve[ds]?|inhibit\w*|induc\w+|promot\w*|required|leads?\sto
    |resulted\sin|enhanc\w+|impair\w+|correlat\w+)\b""",
    re.VERBOSE | re.IGNORECASE,
)


def score_sentences(retrieval: Retrieval, passage: Passage) -> Vectors:
    """How well each sentence of the passage's abstract answers the query, shape `(sentences,)`.

    The scores are log-odds up to a constant: comparable within an abstract, where a difference
    of `MARGIN` is a clear one. Across abstracts add what ranks the papers.
    """
    stored = passage.stored
    sentences = [stored.sentence(n) for n in range(len(stored.sentences))]
    return score_texts(retrieval.query, retrieval.idf, sentences, passage.sentence_scores)


def score_texts(
    query: str,
    idf: Mapping[str, float],
    sentences: Sequence[str],
    cosines: Vectors,
    words: Sequence[Sequence[str]] = (),
) -> Vectors:
    """As `score_sentences`, of an abstract's sentences and their cosines to the query.

    `idf` holds the stems of the query's words, `words` those of each sentence where they are
    known.
    """
    if not sentences:
        return np.empty(0, np.float32)
    words = words or [stems(sentence) for sentence in sentences]
    share = _OPEN_SHARE if _OPEN.match(query) else 1.0
    score = _COSINE * cosines + _worded(words, idf) + share * _cued(sentences)
    return np.asarray(score, np.float32)


def _worded(words: Sequence[Sequence[str]], idf: Mapping[str, float]) -> Vectors:
    """What the query's words and the length give to each sentence."""
    weights = np.array(list(idf.values()), np.float32)
    total = float(weights.sum()) or 1.0
    lengths = np.array([len(own) for own in words], np.float32)
    gain = _saturation(words, list(idf), lengths)
    coverage = (gain > 0) @ weights / total
    before, after = np.roll(coverage, 1), np.roll(coverage, -1)
    before[0], after[-1] = coverage[0], coverage[-1]
    held = (gain > 0).sum(axis=0)
    rare_here = np.log(1 + (len(words) - held + 0.5) / (held + 0.5))
    local = gain @ rare_here
    score = (
        _BM25 * (gain @ weights) / (total * (_K1 + 1))
        + _LOCAL * local / (float(local.max()) or 1.0)
        + _COVERAGE * coverage
        + _NEIGHBOURS * (before + after) / 2
        + _LENGTH * np.log1p(lengths)
    )
    return np.asarray(score, np.float32)


def _saturation(
    words: Sequence[Sequence[str]], wanted: Sequence[str], lengths: Vectors
) -> NDArray[np.float32]:
    """BM25's share without idf, 0 to 2.2, of shape (sentences, wanted stems)."""
    counts = [Counter(own) for own in words]
    times = np.array([[own[stem] for stem in wanted] for own in counts], np.float32)
    norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
    gain = times * (_K1 + 1) / (times + norm[:, None] + 1e-9)
    return np.asarray(gain, np.float32)


def _cued(sentences: Sequence[str]) -> Vectors:
    """What phrasing, section labels and the place in the abstract give to each sentence."""
    place = np.arange(len(sentences)) / max(len(sentences) - 1, 1)
    score = _PLACE * place + _PLACE_SQUARED * place**2
    label = 0.0
    for n, sentence in enumerate(sentences):
        label = _label(sentence) or label  # holds until the next one
        score[n] += label
        score[n] += _AIM * bool(_AIMS.search(sentence)) + _FINDING * bool(_FINDS.search(sentence))
        score[n] += _RESULT * bool(_RESULTS.search(sentence))
        score[n] += _DIGIT * any(c.isdigit() for c in sentence)
    return np.asarray(score, np.float32)


def _label(sentence: str) -> float:
    """What the section label that opens the sentence is worth; 0 where none does."""
    found = _LABEL.match(sentence)
    if not found or not _SET_OFF.match(sentence) or found.lastgroup is None:
        return 0.0
    return _LABELS[("background", "methods", "results", "conclusions").index(found.lastgroup)]
