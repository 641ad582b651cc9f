"""Sentences are cut where a reader would cut them, and their offsets are exact."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import split_sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


WHOLE = [
    "We compare models, e.g. BERT and GPT-2, i.e. two Transformers.",
    "Vaswani et al. (2017) proposed it, and Liu et al. BERT variants followed.",
    "See Fig. 2, Figs. 3 and 4, Eq. (5), Sec. IV and Ref. [6] for details.",
    "CNNs vs. RNNs, cf. Table 1, w.r.t. cost, resp. memory, approx. 3.5 GB.",
    "Dr. Smith and J. R. Firth studied S. Aureus and E. coli in the U.S. Army.",
    "Accuracy rose from 71.3% to 75.9% (p < 0.05; n = 24. CI 3-4) with version 2.0.1 of it.",
    "Code is at https://github.com/A/B.git and www.example.org/x.The.html for Node.js users.",
    "Sorting costs $O(n. N)$ or O(n log n) for values in [0, 1] and {0. One}.",
    "The variables x_1, ..., x_n are i.i.d. Gaussian with mean zero.",
    "The set was split at p = 0. 05 as before.",
    "RESULTS: Of the 32,441 samples 16 were positive.",
    "METHODS. Mice were fed daily.",
    "1. Introduce a baseline for the task",
    "It can (1) rank, (2) rerank (i.e. sort again), and (3) answer.",
    "Yahoo! answers are used as a corpus.",
    "No. 7 of vol. 3 holds pp. 12-14",
]


@pytest.mark.parametrize("sentence", WHOLE)
def test_a_stop_inside_a_sentence_does_not_cut_it(sentence: str) -> None:
    assert cut(sentence) == [sentence]


CUT = [
    ("It works.", "We show why."),
    ("We follow Kim et al.", "The model is small."),
    ("It is a symptom of MS.", "Interleukin-17 is not."),
    ("It took 5 sec.", "Then it stopped."),
    ("Does it work?!", "Yes!", "It does."),
    ('They call it "attention."', "We do not."),
    ("They call it “attention”.", "“Why?”", "We do not know."),
    ("It holds (see the proof.)", "(The proof is long.", "It is also dull.)", "Done."),
    ("In 2019 it was 3.5.", "30 patients left."),
    ("It grows with $n$.", "$k$ stays fixed."),
    ("It binds introns.", "mRNA is cut.", "p53 was seen.", "k-means groups it."),
    ("It is known.[3,4]", "It is said."),
    ("And so on ...", "Here we stop."),
    ("Do this:", "- one thing", "- another thing"),
    ("We do: (1) ranking.", "(2) Reading.", "3) Answering."),
]


@pytest.mark.parametrize("sentences", CUT, ids=lambda s: s[0])
def test_a_stop_between_sentences_cuts(sentences: tuple[str, ...]) -> None:
    joined = "\n".join(sentences) if sentences[0] == "Do this:" else " ".join(sentences)

    assert cut(joined) == list(sentences)


def test_a_missing_space_after_the_stop_still_cuts() -> None:
    assert cut("We propose a method.We test it.") == ["We propose a method.", "We test it."]


def test_cjk_stops_cut_without_space() -> None:
    assert cut("我们提出方法。它很好！真的吗？") == ["我们提出方法。", "它很好！", "真的吗？"]


def test_a_blank_line_cuts_and_a_line_break_does_not() -> None:
    assert cut("A heading\n\nOne sentence\nin two lines.") == [
        "A heading",
        "One sentence\nin two lines.",
    ]


def test_blank_text_has_no_sentences() -> None:
    assert split_sentences(" \n\t ") == split_sentences("") == []


TEXTISH = st.lists(
    st.sampled_from(
        ["We", "e.g.", "et al.", "3", ".", "...", "?", "!", "。", " ", "\n", "\n\n", "(", ")", "[",
         "]", "$", '"', "”", "•", "- ", "RESULTS", ":", "mRNA", "U.S.", "é", "\u2028", "\xa0", "x"]
    )
).map("".join)  # fmt: skip


@given(st.one_of(TEXTISH, st.text()))
def test_spans_are_ordered_stripped_and_cover_all_but_space(text: str) -> None:
    spans = split_sentences(text)
    gaps = [0, *(offset for span in spans for offset in span), len(text)]

    assert all(
        text[start:end] and text[start:end] == text[start:end].strip() for start, end in spans
    )
    assert gaps == sorted(gaps)
    assert not "".join(text[a:b] for a, b in zip(gaps[::2], gaps[1::2], strict=True)).strip()


HOSTILE = [
    ".",
    ". ",
    "a.",
    "A.",
    "A. ",
    "(",
    "(.",
    "$a",
    "\n",
    "\n ",
    " ",
    "?(",
    "Results.\n",
    "e.g. ",
]


@pytest.mark.parametrize("unit", [*HOSTILE, "We find that it is so. "])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = (unit * (300_000 // len(unit))) + "1"
    began = time.process_time()
    split_sentences(text)

    assert time.process_time() - began < 10  # quadratic time would be minutes
