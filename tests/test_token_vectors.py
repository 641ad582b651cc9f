"""Token vectors keep their direction in two bits a number."""

import numpy as np

from ingest.runtime import multiply_bytes
from ingest.token_vectors import BYTES, WIDTH, Tokens, TokenVectors, cosines, pack


def units(n: int) -> TokenVectors:
    vectors = np.random.default_rng(3).standard_normal((n, WIDTH))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_a_number_takes_two_bits() -> None:
    assert pack(units(5)).shape == (5, WIDTH * 2 // 8) == (5, BYTES)


def test_numbers_of_one_size_are_kept_as_they_are() -> None:
    vectors = np.asarray(np.sign(units(6)) / np.sqrt(WIDTH), np.float32)

    np.testing.assert_allclose(
        cosines(pack(vectors), vectors), vectors @ vectors.T, rtol=0, atol=1e-5
    )


def test_a_code_keeps_the_direction_of_its_vector() -> None:
    vectors = units(500)
    own = np.diagonal(cosines(pack(vectors), vectors))

    assert own.min() > 0.9
    assert own.mean() > 0.935  # 0.939 by Lloyd's levels: the square root of 1 - 0.1175


def test_cosines_are_hardly_off() -> None:
    vectors = units(500)
    errors = cosines(pack(vectors[:250]), vectors[250:]) - vectors[:250] @ vectors[250:].T

    assert np.sqrt(np.mean(errors**2)) < 0.04


def test_products_of_the_largest_bytes_are_exact() -> None:
    """Pairs of products must fit 16 bits, which is all that some processors have for them."""
    most, least = np.full((1, WIDTH), 127, np.uint8), np.full((1, WIDTH), 1, np.uint8)
    right = np.full((WIDTH, 1), 127, np.int8)
    found = multiply_bytes(np.concatenate([most, least]), right)

    assert found.ravel().tolist() == [63 * 127 * WIDTH, -63 * 127 * WIDTH]


def test_tokens_before_a_place_can_be_left_out() -> None:
    tokens = Tokens(units(3), np.array([[0, 4], [5, 9], [10, 12]]))

    assert np.array_equal(tokens.after(5), tokens.vectors[1:])


def test_no_tokens_have_no_codes() -> None:
    assert pack(Tokens.none().vectors).shape == (0, BYTES)
