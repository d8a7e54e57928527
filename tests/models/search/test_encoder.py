"""The sentence encoder that comes with the packages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.search.encoder import Encoder, EncoderMissing, load


def test_sentences_that_mean_alike_point_alike(encoder: Encoder) -> None:
    sofa, couch, cable = encoder.encode(["a sofa", "a couch", "an HDMI cable"])
    assert sofa @ couch > 0.6
    assert sofa @ cable < 0.4


def test_vectors_have_the_length_that_is_said_and_point_only(encoder: Encoder) -> None:
    vectors = encoder.encode(["tea", "a longer sentence about green tea", ""])
    assert vectors.shape == (3, encoder.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_each_row_is_its_sentences(encoder: Encoder) -> None:
    """They are encoded in the order of their length, and given in their own."""
    sentences = ["a rather long sentence about a kettle for the kitchen", "tea", "running shoes for men"]
    together, alone = encoder.encode(sentences), np.concatenate([encoder.encode([one]) for one in sentences])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=0.02)


def test_nothing_is_encoded_as_nothing(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_a_folder_without_an_encoder_is_told(tmp_path: Path) -> None:
    with pytest.raises(EncoderMissing, match=r"model\.onnx"):
        load(tmp_path)
