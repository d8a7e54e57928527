"""Pictures from outside: read by Pillow only if it is safe to, and never kept as they came."""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000


def picture_body(*kinds: str) -> dict[str, Any]:
    """What OpenAPI says of a body that is a picture of one of these kinds."""
    content = {f"image/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


PICTURE_BODY = picture_body("jpeg", "png", "webp")


class NotAPicture(ValueError):
    """It is none of the formats that are taken, it is broken, or it would unpack to too much."""


class UnknownFormat(NotAPicture):
    """Its first bytes are of none of the formats that are taken."""


class TooManyPixels(NotAPicture):
    """It would unpack to too much."""


def opened(upload: bytes, formats: tuple[str, ...], *, max_pixels: int = MAX_PIXELS) -> Image:
    """What was uploaded, as pixels the right way up; nothing else that was in the file comes along.

    Its size stands in its head, which is read first: what would be more than `max_pixels` is not unpacked.

    Raises:
        UnknownFormat, TooManyPixels, NotAPicture.
    """
    _careful()
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415

    bombs = (Image.DecompressionBombWarning, Image.DecompressionBombError)
    try:
        with Image.open(io.BytesIO(upload), formats=formats) as picture:
            if picture.width * picture.height > max_pixels:
                raise TooManyPixels(f"more than {max_pixels} pixels")
            return ImageOps.exif_transpose(picture)
    except NotAPicture:
        raise
    except UnidentifiedImageError as fault:
        raise UnknownFormat(str(fault)) from fault
    except bombs as fault:
        raise TooManyPixels(str(fault)) from fault
    except (OSError, SyntaxError, ValueError) as fault:
        raise NotAPicture(str(fault)) from fault


@cache
def _careful() -> None:
    """Pillow's warning of what may be a bomb is an error in all of the process: filters are no thread's own."""
    from PIL import Image  # noqa: PLC0415

    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
