"""An answer in the making: its text, marks, sentences and citations as they come about."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from ingest.embed import Embedder, Vectors
from ingest.sentences import split_sentences
from service import events
from service.citations import (
    Answer,
    AnswerSentence,
    Depth,
    Ledger,
    State,
    Timings,
    Usage,
    card,
)
from service.conversations import new_id
from service.refusals import further
from service.retrieve import Filters, Passage, Retrieval
from service.verify import EvidenceSentence, Verdict, verify

EXTRACTIVE = "extractive"
_UNFINISHED = "unfinished: the model reached its limit"
_WHOLE = re.compile(r"[.!?。！？…:|][\"”’)\]*_]*(?:\s*\[\d+\])*\s*\Z")
_NEAREST = 3  # papers offered where nothing answers
_ENDED = re.compile(r"[.!?。！？…:|][\"”’)\]*_]*\Z")
_MARK = re.compile(r"\[(\d+)\]")
_MARKS = re.compile(r"\s*(?:\[\d+\])+")
_LINE_LEAD = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)]|#{1,6}|>)[ \t]+")


@dataclass(slots=True)
class Draft:
    """What is known of an answer while it is written."""

    question: str
    conversation_id: str | None
    depth: Depth = "fast"
    filters: Filters | None = None
    is_literal: bool = False
    id: str = field(default_factory=new_id)
    text: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    sentences: list[AnswerSentence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    is_cut: bool = False  # the model's limit ended the text, perhaps inside a sentence
    engine: str = EXTRACTIVE
    prompt_version: str = ""
    usage: Usage = field(default_factory=Usage)
    searched_ms: float = 0.0
    vectors: dict[str, Vectors] = field(default_factory=dict)  # of sentences, each embedded once
    _first_delta_ms: float = 0.0
    _started: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 1)

    def write(self, text: str) -> events.Delta:
        """Adds to the text."""
        self._first_delta_ms = self._first_delta_ms or self.elapsed_ms()
        self.text += text
        return events.Delta(text)

    def cite(self, n: int, passage: Passage, sentences: Iterable[int]) -> events.Cites:
        """Lets mark `n` point at sentences of the passage's paper."""
        return events.Cites((self.ledger.cite(n, passage.stored, list(sentences)),))

    def start_over(self, note: str) -> events.Restart:
        """Throws away what was written, and says why in a note."""
        self.rewrite("", [])
        self.ledger = Ledger()
        self.engine, self.prompt_version = EXTRACTIVE, ""
        self.notes.append(note)
        return events.Restart(note)

    def start_again(self) -> events.Restart:
        """Throws away what was written for a form that fits better; nothing to tell of."""
        self.rewrite("")
        self.ledger = Ledger()
        return events.Restart("")

    def rewrite(self, text: str, sentences: Sequence[AnswerSentence] = ()) -> None:
        """Puts another text in the place of what was written."""
        self.text, self.sentences, self.is_cut = text, list(sentences), False

    def answer(self, retrieval: Retrieval, state: State, settings_hash: str) -> Answer:
        """The finished answer."""
        uncited = self._uncited(retrieval, state)
        return Answer(
            id=self.id,
            run_id=self.id,
            conversation_id=self.conversation_id,
            question=self.question,
            query=retrieval.query,
            state=state,
            text=self.text,
            sentences=tuple(self.sentences),
            citations=self.ledger.citations(),
            also_retrieved=tuple(card(p.stored, p) for p in uncited),
            notes=tuple(self.notes),
            engine=self.engine,
            prompt_version=self.prompt_version,
            snapshot=retrieval.snapshot,
            settings_hash=settings_hash,
            usage=self.usage,
            timings=Timings(self.searched_ms, self._first_delta_ms, self.elapsed_ms()),
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            suggestions=tuple(self.suggestions or further(uncited)),
            depth=self.depth,
            filters=self.filters,
            operators=retrieval.operators,
            is_literal=self.is_literal,
        )

    def _uncited(self, retrieval: Retrieval, state: State) -> Sequence[Passage]:
        cited = self.ledger.cited_ids()
        rest = [p for p in retrieval.passages if p.stored.id not in cited]
        return rest[:_NEAREST] if state in ("not_in_library", "nearby") else rest

    # --- checking what a model wrote ---

    def clause(self) -> str:
        """The sentence being written, without marks: what a mark set now stands for."""
        line = self.text.rsplit("\n", 1)[-1]
        spans = split_sentences(line)
        return _bare(line[spans[-1][0] :]) if spans else ""

    def nearest(self, passage: Passage, embedder: Embedder) -> int:
        """The sentence of the passage that is nearest to the clause."""
        clause = self.clause()
        # As the sentence will read if it ends with this mark: the check then knows its vector.
        whole = clause if _ENDED.search(clause) else clause + "."
        (vector,) = self._embedded([whole], embedder)
        return int(np.argmax(passage.sentence_vectors @ vector))

    def _embedded(self, texts: Sequence[str], embedder: Embedder) -> list[Vectors]:
        """A vector for each text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if missing:
            self.vectors |= zip(missing, embedder.embed_sentences(missing), strict=True)
        return [self.vectors[text] for text in texts]

    def check(self, passages: dict[int, Passage], embedder: Embedder) -> None:
        """Gives every sentence its verdict, and every mark the sentences that support it.

        `passages` are by mark number.
        """
        self.sentences = []
        written = self.written()
        vectors = self._embedded([_bare(s) for s in written], embedder)
        ledger = Ledger()
        for text, vector in zip(written, vectors, strict=True):
            found = dict.fromkeys(int(n) for n in _MARK.findall(text))
            marks = tuple(n for n in found if n in passages)  # others are indexes, as in a[7]
            cited = [(n, passages[n], s) for n in marks for s in _indexes(passages[n])]
            similarities = [float(p.sentence_vectors[s] @ vector) for _, p, s in cited]
            verdict = verify(
                _bare(text),
                [EvidenceSentence(p.stored.sentence(s), about(p)) for _, p, s in cited],
                similarities=similarities,
            )
            self.sentences.append(AnswerSentence(_bare(text), marks, verdict.kind, verdict.reason))
            _support(ledger, marks, cited, similarities, verdict)
        self.ledger = ledger
        if self.is_cut and self.sentences:
            last = self.sentences[-1]
            self.sentences[-1] = replace(last, verdict="weak", reason=_UNFINISHED)

    def written(self) -> list[str]:
        """The sentences of the text, each with its marks, as they stand there."""
        return [s for line in self.text.split("\n") for s in _sentences(line)]

    def refused(self) -> list[AnswerSentence]:
        """The checked sentences that must not stand as facts."""
        return [s for s in self.sentences if is_refused(s)]

    def end(self) -> Iterator[events.Event]:
        """Marks a text that the limit ended inside a sentence."""
        if self.is_cut and not _WHOLE.search(self.text):
            yield self.write(" …")
        else:
            self.is_cut = False


def is_refused(sentence: AnswerSentence) -> bool:
    """Whether the sources do not say the sentence, or nothing is cited, or its end is missing."""
    return sentence.verdict in ("altered", "uncited") or sentence.reason == _UNFINISHED


def about(passage: Passage) -> str:
    """What is known of a paper beside its abstract: names and figures that need no sentence."""
    paper = passage.stored.paper
    facts = [paper.title, *paper.authors, paper.venue, paper.year]
    return " ".join(str(fact) for fact in facts if fact)


def _support(
    ledger: Ledger,
    marks: Sequence[int],
    cited: Sequence[tuple[int, Passage, int]],
    similarities: Sequence[float],
    verdict: Verdict,
) -> None:
    """Notes the sentences the verdict rests on, and for a mark without any its nearest one."""
    best = [cited[i] for i in verdict.best]
    for n in marks:
        mine = [s for m, _, s in best if m == n]
        own = [i for i, (m, _, _) in enumerate(cited) if m == n]
        if not mine and own:
            mine = [cited[max(own, key=lambda i: (similarities[i], -i))][2]]
        passage = next(p for m, p, _ in cited if m == n)
        ledger.cite(n, passage.stored, mine)


def _indexes(passage: Passage) -> range:
    return range(len(passage.stored.sentences))


def _bare(sentence: str) -> str:
    return _LINE_LEAD.sub("", _MARKS.sub("", sentence)).strip()


def _sentences(line: str) -> list[str]:
    """The sentences of a line of the answer, each with the marks that follow it."""
    found: list[str] = []
    for start, end in split_sentences(line):
        part = line[start:end]
        if not any(c.isalpha() for c in part) and found:
            found[-1] += " " + part  # marks alone belong to the sentence before them
        elif (lead := re.match(r"(?:\[\d+\]\s*)+", part)) and found:
            found[-1] += " " + lead[0].strip()
            found.append(part[lead.end() :])
        else:
            found.append(part)
    return [s for s in found if any(c.isalpha() for c in _bare(s))]
