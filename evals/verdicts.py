"""How often the verdicts are right: `uv run python -m evals.verdicts --data DIR`.

Made cases: sentences of abstracts reworded by rule (to be kept) and then damaged (to be caught),
each citing all sentences of its abstract. Found cases: SciFact's claims with the abstracts that
support or contradict them, and the authors' conclusions in PubMedQA, which the abstracts there do
not hold. Kept means verbatim or supported, caught means anything else.

The rules of `service` were written on `--seed 1` and on the first half of SciFact, of which only
totals were looked at; figures to quote come from another seed and from the second half.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import click
import numpy as np
from numpy.typing import NDArray

from evals import damage
from evals.rewording import reword
from ingest.embed import Embedder
from ingest.minilm import MiniLM
from ingest.sentences import split_sentences
from service.verify import EvidenceSentence, Verdict, verify

DAMAGES: dict[str, damage.Damage] = {
    "number": damage.change_number,
    "number moved": damage.move_number,
    "unit": damage.change_unit,
    "negation": damage.negate,
    "direction": damage.flip_direction,
}
GOALS = {
    "reworded": 0.97, "number": 0.99, "negation": 0.97, "direction": 0.85, "name": 0.97,
    "wrong paper": 0.99,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract with its sentences."""

    id: str
    title: str
    text: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence that cites an abstract, and whether the abstract says it."""

    kind: str
    sentence: str
    cited: Abstract
    is_true: bool
    how: str = ""


def read_abstracts(data: Path, name: str, n: int, random: Random) -> list[Abstract]:
    """`n` abstracts of a set, drawn at random, of at least four sentences."""
    path = data / name / "corpus.jsonl"
    if path.exists():
        lines = list(path.open(encoding="utf-8"))
    else:
        with gzip.open(f"{path}.gz", "rt", encoding="utf-8") as file:
            lines = list(file)
    drawn = (abstract_of(json.loads(line)) for line in random.sample(lines, min(len(lines), 2 * n)))
    return [a for a in drawn if len(a.sentences) >= 4][:n]


def abstract_of(row: dict[str, str]) -> Abstract:
    text = row["abstract"]
    sentences = tuple(text[start:end] for start, end in split_sentences(text))
    return Abstract(row["id"], row["title"], text, sentences)


def made_cases(
    abstracts: Sequence[Abstract], nearest: Sequence[Sequence[int]], random: Random
) -> Iterator[Case]:
    """Two sentences of each abstract, reworded, and each damage done to the rewording."""
    names = damage.name_pool([s for a in abstracts for s in a.sentences])
    for a, neighbours in zip(abstracts, nearest, strict=True):
        whole = [s for s in a.sentences if 8 <= len(s.split()) <= 45]
        for sentence in random.sample(whole, min(2, len(whole))):
            true, rules = reword(sentence, random)
            if not rules:
                continue
            yield Case("reworded", true, a, True, "+".join(rules))
            lightly, _ = reword(sentence, random, most=2)
            for kind, hurt in DAMAGES.items():
                false = hurt(lightly, a.text, random)
                if false and false != lightly:
                    yield Case(kind, false, a, False)
            false = damage.change_name(lightly, f"{a.title} {a.text}", random, names)
            if false:
                yield Case("name", false, a, False)
            yield Case("wrong paper", true, abstracts[neighbours[0]], False)
            yield Case("swapped citation", true, abstracts[random.choice(neighbours[:10])], False)
        yield Case("title", a.title, a, True)
        yield Case("title, wrong paper", a.title, abstracts[neighbours[0]], False)


def scifact_cases(data: Path, half: int) -> Iterator[Case]:
    """Claims with the abstracts that support or contradict them; half 0 or 1 of the claims."""
    folder = data / "scifact"
    corpus = {r["id"]: r for r in _rows(folder / "corpus.jsonl")}
    claims = {r["id"]: r["text"] for r in _rows(folder / "queries.jsonl")}
    for row in _rows(folder / "evidence.jsonl"):
        if sha256(row["query_id"].encode()).digest()[0] % 2 == half:
            is_true = row["label"] == "SUPPORT"
            cited = abstract_of(corpus[row["doc_id"]])
            kind = f"SciFact {row['label'].lower()}"
            yield Case(kind, claims[row["query_id"]], cited, is_true)
    found = {(r["query_id"], r["doc_id"]) for r in _rows(folder / "evidence.jsonl")}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        claim, doc, *_ = line.split("\t")
        if (claim, doc) not in found and sha256(claim.encode()).digest()[0] % 2 == half:
            yield Case("SciFact silent", claims[claim], abstract_of(corpus[doc]), False)


def conclusion_cases(data: Path, vectors: "Vectors") -> Iterator[Case]:
    """The first sentence of each conclusion with the abstract it concludes, and with another."""
    folder = data / "pubmedqa"
    corpus = {r["id"]: abstract_of(r) for r in _rows(folder / "corpus.jsonl")}
    rows = _rows(folder / "evidence.jsonl")
    cited = [corpus[row["doc_id"]] for row in rows]
    random = Random("conclusions")
    for row, own, others in zip(rows, cited, nearest(cited, vectors), strict=True):
        (start, end), *_ = split_sentences(row["long_answer"])
        conclusion = row["long_answer"][start:end]
        yield Case("conclusion", conclusion, own, True)
        yield Case("conclusion, wrong paper", conclusion, cited[others[0]], False)
        for kind in ("negation", "direction"):
            false = DAMAGES[kind](conclusion, own.text, random)
            if false:
                yield Case(f"conclusion, {kind}", false, own, False)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


class Vectors:
    """Vectors of sentences alone and of sentences within their abstracts, each made once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._abstracts: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self._sentences: dict[str, NDArray[np.float32]] = {}

    def add(self, cases: Sequence[Case]) -> None:
        """Makes the vectors for the cases."""
        self.add_abstracts({c.cited.text: c.cited for c in cases}.values())
        new = sorted({c.sentence for c in cases} - self._sentences.keys())
        self._sentences |= dict(zip(new, self._embedder.embed_sentences(new), strict=True))

    def add_abstracts(self, abstracts: Iterable[Abstract]) -> None:
        """Makes the vectors of the abstracts and of their sentences."""
        new = [a for a in abstracts if a.text not in self._abstracts]
        spans = [split_sentences(a.text) for a in new]
        whole, parts, _ = self._embedder.embed_chunks([a.text for a in new], spans)
        for a, own, sentences in zip(new, whole, parts, strict=True):
            self._abstracts[a.text] = own, sentences

    def whole(self, abstract: Abstract) -> NDArray[np.float32]:
        return self._abstracts[abstract.text][0]

    def similarities(self, case: Case) -> list[float]:
        sentences = self._abstracts[case.cited.text][1]
        return [float(cosine) for cosine in sentences @ self._sentences[case.sentence]]


def nearest(abstracts: Sequence[Abstract], vectors: Vectors) -> list[list[int]]:
    """For each abstract the others, the most alike first."""
    vectors.add_abstracts(abstracts)
    matrix = np.stack([vectors.whole(a) for a in abstracts])
    alike = matrix @ matrix.T
    np.fill_diagonal(alike, -1)
    return [[int(i) for i in row[:20]] for row in np.argsort(-alike, axis=1, kind="stable")]


def judge(case: Case, vectors: Vectors | None) -> Verdict:
    """The verdict on a case."""
    evidence = [EvidenceSentence(s, case.cited.title) for s in case.cited.sentences]
    similarities = vectors.similarities(case) if vectors else None
    return verify(case.sentence, evidence, similarities=similarities)


def table(judged: Sequence[tuple[Case, Verdict]]) -> str:
    """The figures by kind, as Markdown."""
    lines = [
        "| kind | n | right | goal | verbatim | supported | weak | altered |",
        "|---" * 8 + "|",
    ]
    for kind in dict.fromkeys(case.kind for case, _ in judged):
        own = [(case, verdict) for case, verdict in judged if case.kind == kind]
        counts = Counter(verdict.kind for _, verdict in own)
        n_right = sum(is_right(case, verdict) for case, verdict in own)
        shares = " | ".join(
            f"{counts[k] / len(own):.3f}" for k in ("verbatim", "supported", "weak", "altered")
        )
        goal = GOALS.get(kind, "")
        lines.append(f"| {kind} | {len(own)} | {n_right / len(own):.3f} | {goal} | {shares} |")
    return "\n".join(lines)


def is_right(case: Case, verdict: Verdict) -> bool:
    """Whether a true sentence was kept, or a false one caught."""
    return case.is_true == (verdict.kind in ("verbatim", "supported"))


def all_cases(data: Path, n: int, seed: int, half: int, vectors: Vectors) -> list[Case]:
    """The made cases over two sets, then the found ones."""
    cases: list[Case] = []
    for name in ("scifact", "arxiv_2020"):
        random = Random(f"{seed} {name}")
        abstracts = read_abstracts(data, name, n, random)
        cases += made_cases(abstracts, nearest(abstracts, vectors), random)
    return [*cases, *scifact_cases(data, half), *conclusion_cases(data, vectors)]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data"))
@click.option("--n", default=300, help="Abstracts drawn from each set.")
@click.option("--seed", default=2, help="1 was used for writing the rules.")
@click.option("--half", default=1, help="Half of SciFact's claims; 0 was used for writing.")
@click.option("--lexical", is_flag=True, help="Compare words only, without vectors.")
def main(data: Path, n: int, seed: int, half: int, lexical: bool) -> None:
    """Prints how often the verdicts are right, by kind of case."""
    vectors = Vectors(MiniLM.open())
    cases = all_cases(data, n, seed, half, vectors)
    if not lexical:
        vectors.add(cases)
    judged = [(case, judge(case, None if lexical else vectors)) for case in cases]
    click.echo(table(judged))


if __name__ == "__main__":
    main()
