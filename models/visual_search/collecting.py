"""A shop's own pictures, out of the object store: as vectors, and with the classes that are to be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import numpy as np
import psycopg
import structlog

from foundation import objects, pictures
from foundation.naming import ObjectPath
from foundation.progress import Progress, silent
from models.arrays import Floats, Strings
from models.visual_search.encoder import PictureEncoder
from pipelines import product_pictures
from pipelines.product_pictures import Pictured

if TYPE_CHECKING:
    from PIL.Image import Image

log = structlog.get_logger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
AT_ONCE = 32


class Classes(StrEnum):
    """What makes two pictures alike."""

    CATEGORY = "category"
    """Their products are of one category."""
    PRODUCT = "product"
    """They show one product; for shops with several pictures of each."""


class Seen(NamedTuple):
    """A picture of a product, and its vector."""

    product: Pictured
    path: str
    vector: Floats


def seen(store: str, products: Sequence[Pictured], encoder: PictureEncoder) -> Iterator[Seen]:
    """The pictures of products that the object store has and that can be read.

    Raises:
        OSError: the object store can't be read now.
    """
    wanted = [(product, path) for product in products for path in product.paths]
    for first in range(0, len(wanted), AT_ONCE):
        found = [
            (product, path, picture)
            for product, path in wanted[first : first + AT_ONCE]
            if (picture := _picture(store, path)) is not None
        ]
        if found:
            vectors = encoder.encode([picture for _, _, picture in found])
            yield from (Seen(product, path, vector) for (product, path, _), vector in zip(found, vectors, strict=True))


def labelled(
    connection: psycopg.Connection[Any],
    store: str,
    tenant_id: UUID,
    encoder: PictureEncoder,
    classes: Classes,
    *,
    progress: Progress = silent,
) -> tuple[Floats, Strings]:
    """The vectors of a tenant's pictures and the class of each; what has no class is left out.

    Raises:
        OSError: the object store can't be read now.
        psycopg.Error.
    """
    vectors, labels = [], []
    for batch in product_pictures.published(connection, tenant_id):
        for one in seen(store, batch, encoder):
            label = one.product.category_id if classes is Classes.CATEGORY else one.product.product_id
            if label is not None:
                vectors.append(one.vector)
                labels.append(str(label))
        progress(len(vectors), None, "pictures")
    shape = (len(vectors), encoder.dimensions)
    return np.array(vectors, np.float32).reshape(shape), np.array(labels, dtype=np.str_)


def _picture(store: str, path: str) -> Image | None:
    body = objects.get(store, ObjectPath(path))
    if body is None:
        return None
    try:
        return pictures.opened(body, FORMATS)
    except pictures.NotAPicture as fault:
        log.warning("visual_search.unreadable", path=path, error=str(fault))
        return None
