"""Logos: a PNG of our own making and an icon made of it, kept under the digest of the PNG.

What is kept is never written over, so an address of a logo shows the same for ever, and a configuration that is gone
back to finds the logo that it had.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from foundation import objects, pictures
from foundation.errors import Problem, Unavailable, Unprocessable
from foundation.naming import ObjectPath, object_path
from foundation.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 1_000_000
MAX_PIXELS = 16_000_000
LARGEST = (640, 240)
"""Pixels across and down: more than any place shows it in."""
ICON = 64
_ADDRESS = re.compile(r"^/shop/logo/([0-9a-f]{32})\.png$")
Part = Literal["logo", "icon"]


class NotALogo(Problem):
    """A logo is a PNG, JPEG or WebP picture of at most 1 MB and 16 million pixels."""

    status = 415
    code = "logos.not_a_logo"


class LogosUnavailable(Unavailable):
    """This installation has no object store to keep logos in."""

    code = "logos.unavailable"


class LogoUnknown(Unprocessable):
    """No logo was uploaded that has this address; upload it first, which also puts it in place."""

    code = "logos.unknown"


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo as it is kept."""

    png: bytes
    icon: bytes
    """Square, for the tab of a browser."""

    @property
    def mark(self) -> str:
        """What it is kept and asked for under."""
        return hashlib.blake2b(self.png, digest_size=16).hexdigest()

    @property
    def address(self) -> str:
        """Where pages find it."""
        return f"/shop/logo/{self.mark}.png"


def mark_of(settings: Mapping[str, Any]) -> str | None:
    """The mark of the uploaded logo in a shop's settings; `None` where there is none, or one that lies elsewhere."""
    theme = settings.get("theme")
    return _mark(theme.get("logo") if isinstance(theme, Mapping) else None)


async def require_kept(settings: Settings, tenant_id: UUID, address: str | None, *, present: str | None) -> None:
    """Stop if this is the address of a logo that was never uploaded; the one of the mark that is in place was. Call it
    outside any transaction.

    Raises:
        LogoUnknown.
        LogosUnavailable: there is no object store, or it can't be read now.
    """
    mark = _mark(address)
    if mark is None or mark == present:
        return
    if settings.objects_url is None:
        raise LogosUnavailable
    try:
        await asyncio.to_thread(_load, settings.objects_url, _path(tenant_id, mark, "logo"))
    except KeyError as fault:
        raise LogoUnknown from fault
    except OSError as fault:
        raise LogosUnavailable from fault


def read(upload: bytes) -> Logo:
    """What was uploaded, upright and no larger than need be; nothing else that was in the file is kept.

    Raises:
        NotALogo.
    """
    if len(upload) > MAX_BYTES:
        raise NotALogo
    try:
        picture = pictures.opened(upload, FORMATS, max_pixels=MAX_PIXELS)
        shown = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except (pictures.NotAPicture, ValueError) as fault:
        raise NotALogo from fault
    # Colour profiles, comments and the like would be written again.
    shown.info.clear()
    shown.thumbnail(LARGEST)
    return Logo(_png(shown), _png(_icon(shown)))


async def keep(settings: Settings, tenant_id: UUID, logo: Logo) -> None:
    """Put a logo where its address finds it. Call it outside any transaction.

    Raises:
        LogosUnavailable: there is no object store, or it takes nothing now.
    """
    if settings.objects_url is None:
        raise LogosUnavailable
    try:
        for part, body in (("logo", logo.png), ("icon", logo.icon)):
            await asyncio.to_thread(objects.put, settings.objects_url, _path(tenant_id, logo.mark, part), body)
    except OSError as fault:
        raise LogosUnavailable from fault


async def load(settings: Settings, tenant_id: UUID, mark: str | None, part: Part = "logo") -> bytes | None:
    """A logo's PNG, or its icon's; `None` where there is none, or it can't be read now. Call it outside any
    transaction.
    """
    if settings.objects_url is None or mark is None:
        return None
    try:
        return await asyncio.to_thread(_load, settings.objects_url, _path(tenant_id, mark, part))
    except (OSError, KeyError):
        return None


@lru_cache(maxsize=64)
def _load(url: str, path: ObjectPath) -> bytes:
    """A file that never changes. One that is not there may still come: that is not remembered.

    Raises:
        KeyError: it is not there.
        OSError: it can't be read now.
    """
    body = objects.get(url, path)
    if body is None:
        raise KeyError(path)
    return body


def _mark(address: object) -> str | None:
    found = _ADDRESS.match(address) if isinstance(address, str) else None
    return found[1] if found else None


def _path(tenant_id: UUID, mark: str, part: str) -> ObjectPath:
    return object_path(tenant_id, "logos", f"{mark}.{part}.png")


def _icon(shown: Image) -> Image:
    from PIL import Image as Images  # noqa: PLC0415

    small = shown.convert("RGBA")
    small.thumbnail((ICON, ICON))
    square = Images.new("RGBA", (ICON, ICON), (0, 0, 0, 0))
    square.paste(small, ((ICON - small.width) // 2, (ICON - small.height) // 2))
    return square


def _png(picture: Image) -> bytes:
    kept = io.BytesIO()
    picture.save(kept, "PNG", optimize=True)
    return kept.getvalue()
