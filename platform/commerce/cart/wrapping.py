"""What of the gift wrap each line has cost. Pure, in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.money import apportion


def shares_of(fee: int, whole: Mapping[str, Any] | None, lines: Sequence[Mapping[str, Any] | None]) -> list[int]:
    """The fee's share of each line, by how the whole order and its lines are given away.

    One wrap around all of it belongs to no line.
    """
    wrapped = [int(bool(gift and gift.get("wrap"))) for gift in lines]
    if (whole and whole.get("wrap")) or not any(wrapped):
        return [0] * len(lines)
    return apportion(fee, wrapped)
