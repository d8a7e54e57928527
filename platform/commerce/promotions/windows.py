"""When something holds, by a shop's own clocks."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

When = Literal["before", "within", "after"]


def zone_of(name: str | None) -> tzinfo:
    """A shop's zone by its setting, such as `Europe/Berlin`; UTC when it has none, or one that nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC


def moment(wall: datetime, zone: tzinfo) -> datetime:
    """When a shop's clocks show a time.

    A time has one moment, so that what ends at a time and what starts at it meet: the first of two in the night when
    clocks go back; and in the hour they leave out, the moment at which they would have shown it.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def when(at: datetime, *, starts: datetime | None, ends: datetime | None, zone: tzinfo) -> When:
    """Where a moment is to a window of wall times. It holds from its start on, and not at its end any more."""
    if starts is not None and at < moment(starts, zone):
        return "before"
    return "after" if ends is not None and at >= moment(ends, zone) else "within"
