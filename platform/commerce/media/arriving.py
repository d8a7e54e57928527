"""Pictures as they arrive: fetched or uploaded, from here on the same. Nothing of the file but the picture is kept.

What is kept is ours: upright, in sRGB, no larger than the largest that is made of it. Places, cameras and names that
stood in the file are gone before anything is written.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commerce.media.refusals import BrokenPicture, NotFetched, PictureTooLarge, SvgRefused, WrongType
from foundation import pictures
from foundation.outbound import Limits, Outbound

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
LONGEST_SIDE = 2_400
_HOPS = 3
_QUALITY = 95
_SECONDS = 15.0
_LOOKED_AT = 2_048
"""Bytes in which an SVG says what it is."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A picture as it is kept, to make others of."""

    body: bytes
    width: int
    height: int


async def fetch(outbound: Outbound, url: str, *, max_bytes: int) -> bytes:
    """What lies at an address that somebody named; what it is, is seen when it is read.

    Raises:
        AddressRefused, NoAnswer, AnswerRefused, NotFetched.
    """
    answer = await outbound.get(url, limits=Limits(seconds=_SECONDS, max_bytes=max_bytes), hops=_HOPS)
    if answer.status != 200:
        raise NotFetched(status_there=answer.status)
    return answer.body


def read(body: bytes) -> Arrived:
    """A picture out of what arrived. It blocks: call it in a thread.

    Raises:
        WrongType, SvgRefused, PictureTooLarge, BrokenPicture.
    """
    found = opened(body)
    found.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    kept = io.BytesIO()
    if found.mode == "RGBA":
        found.save(kept, "PNG", compress_level=1)
    else:
        found.save(kept, "JPEG", quality=_QUALITY, subsampling=0)
    return Arrived(kept.getvalue(), found.width, found.height)


def opened(body: bytes) -> Image:
    """A picture out of what arrived: upright, in sRGB, with nothing else of the file. It blocks: call it in a thread.

    Raises:
        WrongType, SvgRefused, PictureTooLarge, BrokenPicture.
    """
    try:
        found = _in_srgb(pictures.opened(body, FORMATS))
    except pictures.UnknownFormat as fault:
        raise (SvgRefused if _is_svg(body) else WrongType) from fault
    except pictures.TooManyPixels as fault:
        raise PictureTooLarge(most=pictures.MAX_PIXELS) from fault
    except pictures.NotAPicture as fault:
        raise BrokenPicture from fault
    found.info.clear()
    return found


def _is_svg(body: bytes) -> bool:
    return b"<svg" in body[:_LOOKED_AT].lower()


def _in_srgb(picture: Image) -> Image:
    """The colours that its profile means, for screens; a profile that can't be read means nothing."""
    from PIL import ImageCms  # noqa: PLC0415

    mode = "RGBA" if picture.has_transparency_data else "RGB"
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "CMYK"}:
        return picture.convert(mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        meant = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture.convert(mode)
    return picture.convert(mode) if meant is None else meant
