"""Pictures for a large catalogue: real ones, encoded once, and for each product a vector beside one of theirs.

Nobody has a million photographs, and to encode as many would take hours. What is measured is what a shopper waits for:
a real picture is sent, read and encoded, and looked for among as many vectors as there are products, whose
neighbourhoods are those of the real ones.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image

from foundation import clock
from foundation.progress import Progress
from foundation.settings import Settings
from foundation.visual import LONGEST_SIDE
from models.arrays import Floats
from models.visual_search import dataset
from serving import visual_index
from serving.picture_encoders import PictureEncoders
from serving.visual_index import Look

MOST_ENCODED = 2_000
ASKED = 200
"""Pictures that are asked with; products are not multiplied from these."""
SPREAD = 0.35
"""How far a product's vector is from that of the picture it is made of, as a share of its length."""
_SEED = 11
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures to ask with, as JPEG."""

    files: Sequence[bytes]

    def forms(self) -> list[dict[str, str]]:
        """As they are sent to the shop."""
        return [{"path": "/v1/store/search/image", "file": _text(one)} for one in self.files]

    def bodies(self) -> list[dict[str, Any]]:
        """As the decision service is asked."""
        return [{"picture": _text(one)} for one in self.files]


def fill(
    settings: Settings, tenant_id: UUID, products: Sequence[UUID], folder: Path, *, progress: Progress
) -> Pictures:
    """Have these products found by looks, in a collection of their own; gives pictures to ask with.

    Raises:
        UnreadableFolder: it has no folders of pictures.
        EncoderMissing: there is nothing to encode with.
        IndexUnavailable: Qdrant can't be reached.
    """
    # The settings' own: whether the shop has a champion would be for MLflow to say, which this stack goes without.
    encoder = PictureEncoders(settings).called(Path(settings.picture_encoder).name)
    opened = [picture.convert("RGB") for picture in islice(_shuffled(folder).opened(), MOST_ENCODED)]
    asked, shown = opened[:ASKED], opened[ASKED:] or opened
    vectors = np.concatenate([encoder.encode(shown[first : first + 32]) for first in range(0, len(shown), 32)])
    version = f"{clock.now():%Y%m%d%H%M%S%f}"
    with visual_index.building(settings) as index:
        collection = index.create(tenant_id, version, encoder.name, encoder.dimensions)
        draw = np.random.default_rng(_SEED)
        for first in range(0, len(products), _BATCH):
            some = products[first : first + _BATCH]
            made = zip(some, _beside(vectors, len(some), draw), strict=True)
            index.write(tenant_id, collection, [Look(one, "made", vector) for one, vector in made])
            progress(first + len(some), len(products), "pictures")
        index.settle(collection)
        index.release(tenant_id, collection)
    return Pictures([_jpeg(one) for one in asked])


def _shuffled(folder: Path) -> dataset.Labelled:
    """Those of every class mixed."""
    found = dataset.load(folder)
    order = np.random.default_rng(_SEED).permutation(len(found.files))
    return dataset.Labelled([found.files[at] for at in order], found.labels[order])


def _beside(vectors: Floats, count: int, draw: np.random.Generator) -> Floats:
    """Vectors of length 1 beside some of these."""
    noise = draw.normal(size=(count, vectors.shape[1])).astype(np.float32)
    noise *= SPREAD / np.linalg.norm(noise, axis=1, keepdims=True)
    moved = vectors[draw.integers(0, len(vectors), count)] + noise
    result: Floats = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return result


def _jpeg(picture: Image.Image) -> bytes:
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()


def _text(file: bytes) -> str:
    return b64encode(file).decode()
