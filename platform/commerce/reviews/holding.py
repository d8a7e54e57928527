"""Plain rules by which staff look at a review before it is shown: what is in it that has no place there.

They hold and never reject: a rule sees a web address, and not whether it is advertising.
"""

from __future__ import annotations

import re
import unicodedata

from phonenumbers import Leniency, PhoneNumberMatcher

from commerce.reviews.schemas import Hold

_LINK = re.compile(
    r"https?://|\bwww\.|\b[a-z0-9-]{2,}\.(?:com|net|org|info|biz|shop|store|io|co|de|at|ch|fr|it|es|nl|uk|eu|us|ru|cn)\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[^\s@<>()]+\s?(?:@|\(at\)|\[at\])\s?[^\s@<>()]+\.[a-z]{2,}", re.IGNORECASE)
_OVER_AND_OVER = re.compile(r"([^\s.\-_=*])\1{7,}")
_NO_WORD = re.compile(r"\W+")
SHORTEST_REPEATED = 40
"""Characters of a text that nobody writes twice by chance: "Very good!" is written by many."""


def found_in(title: str, body: str, locale: str) -> list[Hold]:
    """What speaks against showing a text unseen, each once; numbers as the country of `locale` writes them."""
    text = f"{title}\n{body}"
    mail = _MAIL.search(text) is not None
    holds: list[Hold] = []
    if _LINK.search(_MAIL.sub(" ", text)):
        holds.append("link")
    if mail or _has_number(text, locale):
        holds.append("contact")
    if _OVER_AND_OVER.search(text):
        holds.append("repeated")
    return holds


def told_apart_by(body: str) -> str | None:
    """What two texts share that are one but for case, spaces and marks; `None` when it is too short to tell."""
    said = _NO_WORD.sub(" ", unicodedata.normalize("NFKC", body).casefold()).strip()
    return said if len(said) >= SHORTEST_REPEATED else None


def _has_number(text: str, locale: str) -> bool:
    country = locale.partition("-")[2] or None
    return PhoneNumberMatcher(text, country, leniency=Leniency.VALID).has_next()
