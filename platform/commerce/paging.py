"""Pages of lists that go by the ids of what is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from commerce.http import decode_cursor, encode_cursor

FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)
Shown = TypeVar("Shown")


def place_of(cursor: str | None, start: UUID = FIRST) -> UUID:
    """The id that a page goes on from.

    Raises:
        MalformedCursor.
    """
    return decode_cursor(cursor)[1] if cursor else start


def page_of(
    found: Sequence[tuple[UUID, Shown]], limit: int, *, by: Callable[[Shown], int] = lambda _: 0
) -> dict[str, Any]:
    """The fields of a list of at most so many; `found` has one more when there are more.

    With `by` the list goes by that number, and not by the ids.
    """
    shown, more = found[:limit], len(found) > limit
    return {
        "items": [one for _, one in shown],
        "has_more": more,
        "next_cursor": encode_cursor(by(shown[-1][1]), shown[-1][0]) if more else None,
    }
