"""What is looked at of a picture that somebody sends: the part they mean, upright, no larger than an encoder needs.

It is read as pictures of products are, and is never written anywhere.
"""

from __future__ import annotations

import io

from commerce.media import arriving
from commerce.visual_search.schemas import Crop
from foundation.visual import LONGEST_SIDE

_PAPER = (255, 255, 255)
_QUALITY = 92


def read(body: bytes, crop: Crop | None = None, *, longest: int = LONGEST_SIDE) -> bytes:
    """A JPEG of the part that is meant, its longer side no more than `longest`. It blocks: call it in a thread.

    Raises:
        WrongType, SvgRefused, PictureTooLarge, BrokenPicture.
    """
    from PIL import Image as Images  # noqa: PLC0415

    picture = arriving.opened(body)
    if crop is not None:
        left, top, width, height = crop
        right, bottom = (left + width) * picture.width, (top + height) * picture.height
        box = (round(left * picture.width), round(top * picture.height), round(right), round(bottom))
        picture = picture.crop((box[0], box[1], max(box[2], box[0] + 1), max(box[3], box[1] + 1)))
    picture.thumbnail((longest, longest))
    if picture.mode == "RGBA":
        paper = Images.new("RGB", picture.size, _PAPER)
        paper.paste(picture, mask=picture.getchannel("A"))
        picture = paper
    seen = io.BytesIO()
    picture.save(seen, "JPEG", quality=_QUALITY)
    return seen.getvalue()
