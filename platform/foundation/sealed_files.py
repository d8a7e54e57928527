"""Files that are sealed as they are written and opened as they are read, in frames, so that neither takes memory.

Each frame is AES-256-GCM (NIST SP 800-38D) under a key of the file's own. Its nonce is its number, and it is bound to
whether it is the last, so frames can't be left out, moved, repeated or cut off (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). A key seals one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from foundation.sealing import Unreadable

FRAME = 2**18
"""Bytes in a frame, but for the last."""
_TAG = 16


def new_key() -> bytes:
    """A key for one file."""
    return os.urandom(32)


class Sealing:
    """A stream to write a file to; it is whole once it is finished, and can't be opened before."""

    def __init__(self, out: IO[bytes], key: bytes) -> None:
        self._out, self._cipher = out, AESGCM(key)
        self._waiting = bytearray()
        self._number = 0

    def write(self, content: bytes) -> int:
        """Add to the file."""
        self._waiting += content
        # The last frame is written by `finish` alone, so one is always kept back.
        while len(self._waiting) > FRAME:
            self._write(bytes(self._waiting[:FRAME]), last=False)
            del self._waiting[:FRAME]
        return len(content)

    def flush(self) -> None:
        """Nothing: what waits is no frame yet."""

    def finish(self) -> None:
        """Write the last frame."""
        self._write(bytes(self._waiting), last=True)

    def _write(self, content: bytes, *, last: bool) -> None:
        nonce, bound = _of(self._number, last=last)
        self._out.write(self._cipher.encrypt(nonce, content, bound))
        self._number += 1


def opened(source: IO[bytes], key: bytes) -> Iterator[bytes]:
    """A sealed file as it was, in pieces; no piece is given before it is known to be what was written.

    Raises:
        Unreadable: it is another file, or something was left out, moved or changed.
    """
    cipher, number = AESGCM(key), 0
    frame = source.read(FRAME + _TAG)
    while True:
        following = source.read(FRAME + _TAG)
        nonce, bound = _of(number, last=not following)
        try:
            yield cipher.decrypt(nonce, frame, bound)
        except InvalidTag as fault:
            raise Unreadable("a sealed file") from fault
        if not following:
            return
        frame, number = following, number + 1


def _of(number: int, *, last: bool) -> tuple[bytes, bytes]:
    return number.to_bytes(12), b"last" if last else b"more"
