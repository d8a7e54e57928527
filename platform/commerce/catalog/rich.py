"""Rich text: the few elements of HTML that a description may have, and nothing in it that acts."""

from __future__ import annotations

import nh3
from markupsafe import Markup

from commerce.catalog.words import is_html

ELEMENTS = frozenset(
    "a b br caption em h3 h4 i li ol p strong sub sup table tbody td th thead tr u ul".split()  # noqa: SIM905
)
_CLEANER = nh3.Cleaner(tags=set(ELEMENTS), attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})


def sanitised(words: str) -> str:
    """Text as it is when there is no markup in it; else HTML of the `ELEMENTS` alone, its links to the web or to mail.

    That of what is sanitised is itself.
    """
    return _CLEANER.clean(words).strip() if is_html(words) else words


def shown(words: str) -> Markup:
    """Text as a page shows it, wherever it came from: HTML without what acts, plain text in its lines."""
    if is_html(words):
        return Markup(sanitised(words))  # noqa: S704  (that is what it is for)
    return Markup('<p class="whitespace-pre-line">{}</p>').format(words)
