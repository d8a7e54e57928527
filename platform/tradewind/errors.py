"""Faults of the local stack."""

from __future__ import annotations


class StackError(RuntimeError):
    """A fault whose message is all that a person needs; the command line prints it without a traceback."""
