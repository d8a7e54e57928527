"""Vectors that take less room: fewer dimensions, fewer bits.

The encoder was not trained to be cut (Kusupati et al., NeurIPS 2022, call that Matryoshka), so dimensions are first
turned by the catalogue's own principal components; then the first ones hold what differs most.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Floats


def principal(vectors: Floats, dimensions: int) -> Floats:
    """The turn onto the first principal components, column by column; vectors and questions are multiplied by it."""
    _, _, components = np.linalg.svd(vectors.T @ vectors / len(vectors), hermitian=True)
    turn: Floats = components[:dimensions].T.astype(np.float32)
    return turn


def unit(vectors: Floats) -> Floats:
    """Vectors of length 1 that point where these do."""
    result: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return result


def eight_bits(vectors: Floats, *, quantile: float = 0.99) -> Floats:
    """What is left of vectors kept as bytes, as Qdrant's scalar quantization does it: all but the outermost values."""
    low, high = np.quantile(vectors, [(1 - quantile) / 2, (1 + quantile) / 2])
    step = (high - low) / 255
    result: Floats = (np.round((np.clip(vectors, low, high) - low) / step) * step + low).astype(np.float32)
    return result


def one_bit(vectors: Floats) -> Floats:
    """Only on which side of nought each value is, as Qdrant's binary quantization keeps it."""
    return unit(np.where(vectors > 0, np.float32(1), np.float32(-1)))
