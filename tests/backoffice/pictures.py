"""Pictures as people, and attackers, upload them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = b"52.5200N 13.4050E"


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100), mode: str = "RGB", **more: Any) -> bytes:
    """A picture of one colour."""
    drawn = io.BytesIO()
    Image.new(mode, size, more.pop("colour", 0x335577)).save(drawn, kind, **more)
    return drawn.getvalue()


def with_secrets(kind: str) -> bytes:
    """A picture with all that can come along: where it was taken, a comment, a colour profile."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    comment = PngInfo()
    comment.add_text("Comment", SECRET.decode())
    comments: dict[str, dict[str, Any]] = {"PNG": {"pnginfo": comment}, "JPEG": {"comment": SECRET}}
    more = comments.get(kind, {})
    return picture(kind, exif=exif, icc_profile=SECRET, **more)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A few kilobytes that say they are this many pixels, and would unpack to them."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
