"""What pages show of a picture: squares cut around the point that matters, and the whole of it, in sizes and formats.

A file is named by a digest of all that it is made from: the picture, the point, and how it is made. Another picture,
point or way has another name, so what a name gives never changes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.naming import ObjectPath, picture_path

if TYPE_CHECKING:
    from uuid import UUID

    from PIL.Image import Image

SQUARES = (192, 384, 576, 800, 1200)
"""Pixels a side: lines of carts, cards, the picture on a product's page; each for screens of one to three dots."""
WHOLES = (640, 1280, 1920)
"""Pixels across."""
IN_LISTS = 576
"""The largest square that lists speak of."""
THUMBNAIL = 384
"""The square that is shown where one size has to do for all."""
_FORMATS: dict[str, dict[str, int]] = {
    "avif": {"quality": 60, "speed": 6, "max_threads": 1},
    "webp": {"quality": 80, "method": 4},
}
"""The most wanted first; a browser takes the first that it knows. The worker has other things to do beside."""
_RECIPE = repr((1, SQUARES, WHOLES, _FORMATS))


@dataclass(frozen=True, slots=True)
class Focal:
    """The point that matters: percent from the left, and from the top."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made."""

    path: ObjectPath
    shape: str
    format: str
    width: int
    height: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """What is said of a picture when its files are there."""

    document: dict[str, Any]
    """A `Picture` of the catalogue."""
    cover: dict[str, Any]
    """What lists show of it: a `PictureSet`."""
    thumbnail: str
    files: list[str]


def make(kept: bytes, picture_id: UUID, focal: Focal, *, slug: str) -> Iterator[Made]:
    """Each file of a picture, the small ones first. It blocks: call it in a thread."""
    from PIL import Image as Images  # noqa: PLC0415

    with Images.open(io.BytesIO(kept)) as picture:
        picture.load()
        square = picture.crop(cut(picture.width, picture.height, focal))
        mark = _mark(kept, picture_id, focal)
        for shape, source, widths in (("square", square, SQUARES), ("whole", picture, WHOLES)):
            for width in sizes(source.width, widths):
                sized = _sized(source, width)
                for name in _FORMATS:
                    path = picture_path(slug, "media", f"{mark}-{shape}-{width}.{name}")
                    yield Made(path, shape, name, sized.width, sized.height, _written(sized, name))


def shown(files: Sequence[Made]) -> Shown:
    """What is said of files that were made."""
    squares = [one for one in files if one.shape == "square"]
    wholes = [one for one in files if one.shape == "whole"]
    thumbnail = _largest([one for one in squares if one.width <= THUMBNAIL])
    return Shown(
        document={"square": _set(squares), "whole": _set(wholes)},
        cover=_set([one for one in squares if one.width <= IN_LISTS]),
        thumbnail=thumbnail.path,
        files=[one.path for one in files],
    )


def address(path: str) -> str:
    """Where the storefront gives a file."""
    return f"/images/objects/{path}"


def cut(width: int, height: int, focal: Focal) -> tuple[int, int, int, int]:
    """The largest square of a picture with the point as near its middle as can be: left, top, right, bottom."""
    side = min(width, height)
    left = min(max(round(width * focal.x / 100 - side / 2), 0), width - side)
    top = min(max(round(height * focal.y / 100 - side / 2), 0), height - side)
    return left, top, left + side, top + side


def sizes(there: int, wanted: Sequence[int]) -> list[int]:
    """The widths to make of a picture that is so wide: none is larger than it is."""
    smaller = [width for width in wanted if width < there]
    return smaller if len(smaller) == len(wanted) else [*smaller, there]


def _set(files: Sequence[Made]) -> dict[str, Any]:
    largest = _largest(files)
    sources = [
        {
            "type": f"image/{name}",
            "srcset": ", ".join(f"{address(one.path)} {one.width}w" for one in files if one.format == name),
        }
        for name in _FORMATS
    ]
    return {"src": address(largest.path), "width": largest.width, "height": largest.height, "sources": sources}


def _largest(files: Sequence[Made]) -> Made:
    """The largest that every browser shows."""
    return max((one for one in files if one.format == "webp"), key=lambda one: one.width)


def _mark(kept: bytes, picture_id: UUID, focal: Focal) -> str:
    """Two products may have the same picture: each has files of its own, so that either can go."""
    made_from = hashlib.blake2b(kept, digest_size=16)
    made_from.update(repr((picture_id.hex, focal, _RECIPE)).encode())
    return made_from.hexdigest()


def _sized(source: Image, width: int) -> Image:
    from PIL.Image import Resampling  # noqa: PLC0415

    if width == source.width:
        return source
    return source.resize((width, max(round(source.height * width / source.width), 1)), Resampling.LANCZOS)


def _written(picture: Image, name: str) -> bytes:
    written = io.BytesIO()
    picture.save(written, name.upper(), **_FORMATS[name])
    return written.getvalue()
