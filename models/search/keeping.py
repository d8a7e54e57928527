"""Vectors that were made before: encoding a catalogue is the dearest step, and a second run needs none of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats
from models.search.encoder import Encoder


def encoded_once(encoder: Encoder, sentences: Sequence[str], folder: Path, *, progress: Progress = silent) -> Floats:
    """The vectors of the sentences, read from `folder` when the same encoder has made those of the same ones before."""
    digest = hashlib.sha256(encoder.name.encode())
    for sentence in sentences:
        digest.update(b"\0" + sentence.encode())
    file = folder / f"{digest.hexdigest()[:32]}.npy"
    if file.exists():
        kept: Floats = np.load(file)
        return kept
    vectors = encoder.encode(sentences, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    # Written beside, then moved: a file with its name is whole.
    partial = file.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.rename(file)
    return vectors
