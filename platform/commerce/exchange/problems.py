"""What keeps a file, or a row of one, from being taken."""

from __future__ import annotations

from dataclasses import dataclass


class FileRefused(Exception):
    """Nothing of the file can be taken: it is not of the form that it should be."""

    def __init__(self, reason: str, column: str = "", line: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.column, self.line = reason, column, line


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is not taken."""

    column: str
    """Empty where it is none's alone."""
    reason: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row as it came, and why it is not taken."""

    line: int
    cells: list[str]
    problems: list[Problem]
