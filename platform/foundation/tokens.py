"""Tokens that are shown once: what is kept of them."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> bytes:
    """What a random token is found by: its SHA-256, 32 bytes. A token of 256 random bits needs no salt."""
    return hashlib.sha256(token.encode()).digest()
