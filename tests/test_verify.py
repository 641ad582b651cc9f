"""A sentence is kept when its sources say it, and marked with the reason when they do not."""

import json
from pathlib import Path
from random import Random

import pytest

from evals import damage, verdicts
from service.verify import EvidenceSentence, Verdict, verify

SENTENCES = (
    "We propose sparse attention (SA) for long documents.",
    "On the LongQA benchmark, accuracy rose from 71.3% to 83.7% for 1,200 questions in 2019.",
    "SA increases throughput two-fold and reduces memory use by 12.4 GB.",
    "It does not improve results on short texts.",
    "Whether it helps in Chinese remains unclear.",
)
EVIDENCE = [EvidenceSentence(s, "Sparse Attention. Ada Smith. 2021") for s in SENTENCES]

KEPT = [
    "Sparse attention is proposed for long documents.",
    "Accuracy on LongQA rose from 71.3 percent to 83.7 percent [1].",
    "On LongQA the accuracy for 1200 questions rose to about 84 %.",
    "Memory use falls by 12.4 GB and throughput doubles with SA.",
    "On LongQA, accuracy rose by 12.4 points from 71.3% to 83.7%.",
    "Results on short texts are not improved.",
    "According to Smith (2021), sparse attention increases throughput.",
    "Sparse attention doesn't improve results on short texts.",
    "It is unclear whether sparse attention helps in Chinese.",
]


@pytest.mark.parametrize("sentence", KEPT)
def test_a_true_rewording_is_kept(sentence: str) -> None:
    verdict = verify(sentence, EVIDENCE)

    assert (verdict.kind, verdict.reason) == ("supported", "the source says this in other words")


ALTERED = {
    "On LongQA, accuracy rose from 71.3% to 93.7%.": "93.7% is not in the source, which says 83.7%",
    "SA increases throughput two-fold and reduces memory use by 12.4 MB.": (
        "12.4 MB is not in the source, which says 12.4 GB"
    ),
    "SA decreases throughput two-fold.": (
        "the source says “increases” where this says “decreases”"
    ),
    "SA does not reduce memory use.": "the source does not say “not reduce”",
    "It improves results on short texts.": "the source says “not improve”",
    "On SQuAD, accuracy rose from 71.3% to 83.7%.": "“SQuAD” is not in the source",
    "On the LongQA benchmark, accuracy rose from 83.7% to 71.3% for 1,200 questions.": (
        "the source says 71.3% where this says 83.7%"
    ),
}


@pytest.mark.parametrize(("sentence", "reason"), ALTERED.items())
def test_a_changed_fact_is_named(sentence: str, reason: str) -> None:
    verdict = verify(sentence, EVIDENCE)

    assert (verdict.kind, verdict.reason) == ("altered", reason)


def test_another_count_of_the_same_parts_is_altered() -> None:
    sources = "A framework for smooth functions is laid out.", "Proofs fill a two-part annex."
    sentence = "A framework for smooth functions is the matter of an eight-part work."
    verdict = verify(sentence, [EvidenceSentence(s, "") for s in sources])

    assert (verdict.kind, verdict.reason) == ("altered", "eight is not in the source")


def test_a_range_is_no_gain_worked_out_from_its_ends() -> None:
    source = "TGF release was enhanced in the range of 15%-66% over baseline."
    verdict = verify(
        "TGF release was enhanced in the range of 51%-66%.", [EvidenceSentence(source, "")]
    )

    assert verdict.kind == "altered"


def test_a_whole_source_sentence_is_verbatim_whatever_its_marks() -> None:
    verdict = verify("**It does not improve results on short texts.** [2, 3]", EVIDENCE)

    assert verdict == Verdict("verbatim", "word for word in the source", (3,))


def test_a_part_of_a_source_sentence_without_its_denial_is_not_verbatim() -> None:
    assert verify("It does improve results on short texts.", EVIDENCE).kind == "altered"


def test_a_changed_sign_is_not_verbatim() -> None:
    source = [EvidenceSentence("The groups differ in weight (p > 0.05).", "")]

    assert verify("The groups differ in weight (p < 0.05).", source).kind != "verbatim"


def test_another_papers_sentence_is_weak() -> None:
    verdict = verify("Vitamin D lowers the risk of fractures in women.", EVIDENCE)

    assert (verdict.kind, verdict.reason) == ("weak", "no sentence of the source is close to this")


def test_a_sentence_that_cites_nothing_is_uncited() -> None:
    assert verify("It works.", []) == Verdict("uncited", "no source is cited", ())


def test_similarity_keeps_what_words_alone_do_not() -> None:
    sentence = "Storage requirements shrink by 12.4 GB thanks to it."
    alone = verify(sentence, EVIDENCE).kind
    together = verify(sentence, EVIDENCE, similarities=[0.3, 0.2, 0.9, 0.1, 0.1]).kind

    assert (alone, together) == ("weak", "supported")


def test_the_best_evidence_comes_first() -> None:
    verdict = verify("Throughput doubles, but short texts do not improve.", EVIDENCE)

    assert set(verdict.best) >= {2, 3}
    assert verdict.best[0] in (2, 3)


DATA = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared data sets")
def test_damage_to_real_abstracts_is_caught_and_rewordings_are_kept() -> None:
    random = Random(7)
    lines = (DATA / "scifact" / "corpus.jsonl").read_text(encoding="utf-8").split("\n")
    abstracts = [verdicts.abstract_of(json.loads(line)) for line in random.sample(lines[:-1], 40)]
    others = [[(i + 1) % 40] * 10 for i in range(40)]
    cases = [c for c in verdicts.made_cases(abstracts, others, random) if "title" not in c.kind]
    right = [verdicts.is_right(case, verdicts.judge(case, None)) for case in cases]

    assert len(cases) > 300
    assert sum(right) > 0.95 * len(cases)


def test_damage_changes_one_thing() -> None:
    hurt = damage.flip_direction("Accuracy is higher.", "", Random(1))

    assert hurt == "Accuracy is lower."
