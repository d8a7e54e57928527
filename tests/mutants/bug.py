"""A bug that can be planted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug. Each replacement is (file below `platform`, text, what it becomes); the text is there exactly once."""

    name: str
    replacements: tuple[tuple[str, str, str], ...]
    caught_by: str
