"""An encoder that sees colours, and pictures of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.visual_search.encoder import OnnxEncoder
from tests.models.visual_search.networks import write_vision


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vision(tmp_path_factory.mktemp("encoders") / "colours")


@pytest.fixture(scope="session")
def encoder(folder: Path) -> OnnxEncoder:
    return OnnxEncoder.load(folder, threads=1)


@pytest.fixture(scope="session")
def photographs() -> list[Image.Image]:
    """Twelve pictures, each of its own three colours."""
    random = np.random.default_rng(7)
    return [
        Image.fromarray(random.integers(0, 256, (3, 1, 3), dtype=np.uint8)).resize((90, 120), Image.Resampling.BILINEAR)
        for _ in range(12)
    ]
