"""Which sentence of an abstract says what was asked."""

import numpy as np

from service.app import Core
from service.evidence import score_sentences, score_texts


def best(query: str, sentences: list[str], cosines: list[float] | None = None) -> int:
    idf = dict.fromkeys(query.casefold().split(), 3.0)
    given = np.array(cosines or [0.5] * len(sentences), np.float32)
    return int(np.argmax(score_texts(query, idf, sentences, given)))


def test_a_sentence_has_one_score(core: Core) -> None:
    found = core.retriever.retrieve("How does BM25 weigh terms?", k=3)
    scores = [score_sentences(found, passage) for passage in found.passages]

    assert [s.shape for s in scores] == [(len(p.stored.sentences),) for p in found.passages]


def test_an_abstract_without_sentences_has_no_scores() -> None:
    assert score_texts("moss", {"moss": 1.0}, [], np.empty(0, np.float32)).shape == (0,)


def test_the_sentence_with_the_words_is_the_best() -> None:
    assert best("moss rain", ["Bees fly far.", "The moss holds rain.", "Roofs are flat."]) == 1


def test_the_nearer_sentence_is_the_better_of_two_alike() -> None:
    same = ["The moss holds rain."] * 2

    assert best("what holds rain", same, [0.2, 0.9]) == 1


def test_a_finding_beats_the_aim_that_has_the_same_words() -> None:
    aim = "We sought to determine whether moss holds rain."
    finding = "We found that moss holds rain."

    assert best("moss hold rain", [aim, finding]) == 1


def test_a_result_label_holds_until_the_next_label() -> None:
    sentences = ["RESULTS: Moss holds rain.", "Moss holds rain.", "METHODS: Moss holds rain."]
    scores = score_texts(
        "moss", {"moss": 3.0}, [*sentences, "Moss holds rain."], np.zeros(4, np.float32)
    )

    assert scores[1] > scores[3]


def test_an_open_question_minds_the_place_less() -> None:
    sentences = ["Moss holds rain.", "Moss holds rain."]
    claim = score_texts("moss holds rain", {"moss": 3.0}, sentences, np.zeros(2, np.float32))
    asked = score_texts("what does moss hold", {"moss": 3.0}, sentences, np.zeros(2, np.float32))

    assert abs(asked[1] - asked[0]) < abs(claim[1] - claim[0])


def test_a_query_without_known_words_is_scored_by_the_rest() -> None:
    scores = score_texts(
        "???", {}, ["Moss holds rain.", "Bees fly."], np.array([0.1, 0.8], np.float32)
    )

    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]
