"""How a long job says how far it is; who shows it, and how, is not the job's affair."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told from time to time by a job that works."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        """`done` of `total` are through (of an unknown number, when None); `note` says what is being done."""


def silent(done: float, total: float | None = None, note: str = "") -> None:
    """Progress that nobody watches."""
