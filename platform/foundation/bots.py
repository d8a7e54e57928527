"""Programs among the visitors, by what they say they are.

The list is that of `crawler-user-agents`, which is kept by those who run shops and sites: crawlers, monitors, HTTP
libraries, headless browsers. Whoever pretends to be a person's browser is not found by it.
"""

from __future__ import annotations

from functools import lru_cache

from crawleruseragents import is_crawler

LONGEST = 500
"""Characters of a user agent that are looked at."""


@lru_cache(maxsize=10_000)
def is_bot(user_agent: str) -> bool:
    """Whether a program says by its user agent that it is one; who says nothing may be anybody."""
    return bool(is_crawler(user_agent[:LONGEST]))
