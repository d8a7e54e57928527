"""Vectors that take less room."""

from __future__ import annotations

import numpy as np
import pytest

from models.arrays import Floats
from models.search.shortening import eight_bits, one_bit, principal, unit


@pytest.fixture(scope="module")
def vectors() -> Floats:
    """Of 24 dimensions, most of which say little."""
    random = np.random.default_rng(4)
    return unit((random.normal(size=(400, 24)) * np.geomspace(1, 0.01, 24)).astype(np.float32))


def test_a_turn_onto_all_components_changes_no_similarity(vectors: Floats) -> None:
    turned = vectors @ principal(vectors, 24)
    assert turned @ turned.T == pytest.approx(vectors @ vectors.T, abs=1e-5)


def test_the_first_components_keep_more_than_the_last_dimensions(vectors: Floats) -> None:
    def lost(short: Floats) -> float:
        return float(np.abs(unit(short) @ unit(short).T - vectors @ vectors.T).mean())

    assert lost(vectors @ principal(vectors, 6)) < lost(vectors[:, 6:12])


def test_a_byte_keeps_nearly_everything_and_a_bit_keeps_the_direction(vectors: Floats) -> None:
    assert len(np.unique(eight_bits(vectors))) <= 256
    assert (unit(eight_bits(vectors)) * vectors).sum(axis=1).min() > 0.9
    assert np.linalg.norm(one_bit(vectors), axis=1) == pytest.approx(1)
    assert ((one_bit(vectors) > 0) == (vectors > 0)).all()
