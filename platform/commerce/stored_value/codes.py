"""The codes of gift cards: 80 random bits, written so that people can read them out."""

from __future__ import annotations

import hashlib
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it looks like anything else in it."""
LENGTH = 16
GROUP = 4
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})


def new_code() -> str:
    """A code nobody can guess, in groups of four."""
    characters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(characters[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def hash_of(code: str) -> bytes:
    """What is kept of a code, however it was typed. A plain hash is enough, since a code has 80 bits."""
    return hashlib.sha256(_normal(code).encode()).digest()


def ending_of(code: str) -> str:
    """The last group, by which its owner and the staff know it."""
    return _normal(code)[-GROUP:]


def _normal(code: str) -> str:
    return code.upper().translate(_MISREAD)
