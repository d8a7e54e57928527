"""Words as parts of addresses."""

from __future__ import annotations

import re
import unicodedata

_NO_WORD = re.compile(r"[^a-z0-9]+")


def slug_of(words: str) -> str:
    """Words as part of an address: letters and digits of ASCII with dashes between."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return _NO_WORD.sub("-", plain).strip("-") or "item"
