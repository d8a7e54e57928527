"""What a form holds when it is shown again: what was typed, and what is in the way, at its field where it has one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request

from foundation.errors import Problem
from foundation.http import InvalidFields
from pages.forms import sent

_LINE = re.compile(r"\.[0-9]+$")
"""One of several lines: the field holds them all."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it came, and why it was refused. One that nobody has sent yet holds nothing."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    """By the field's name."""
    problem: Problem | None = None

    @property
    def status(self) -> int:
        """What the page is answered with."""
        return self.problem.status if self.problem else 200

    @property
    def more(self) -> list[str]:
        """What a refusal names one by one."""
        members = self.problem.members() if self.problem else {}
        return [str(one) for name in ("faults", "links") for one in members.get(name, ())]

    def value(self, name: str, present: object = "") -> str:
        """What stands in a field: what was typed, else what is kept."""
        if self.problem is not None and name in self.values:
            return self.values[name][-1]
        return "" if present is None else str(present)

    def holds(self, name: str, value: str, present: object = ()) -> bool:
        """Whether a box is ticked, or an option chosen."""
        if self.problem is not None:
            return value in self.values.get(name, ())
        return value in (present if isinstance(present, list | tuple | set | frozenset) else (str(present),))

    def fault(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.faults.get(name)


NOTHING = Typed()


async def refused(request: Request, problem: Problem, *, field: str | None = None) -> Typed:
    """A form that was refused. `field` is where a problem stands that names no field by itself."""
    values: dict[str, list[str]] = {}
    for name, value in await sent(request):
        values.setdefault(name, []).append(value)
    faults: dict[str, str] = {}
    if isinstance(problem, InvalidFields):
        faults = {_LINE.sub("", error["param"]): _words(error["message"]) for error in reversed(problem.errors)}
    elif field is not None:
        faults = {field: problem.title()}
    return Typed(values, faults, problem)


def _words(message: str) -> str:
    said = message.removeprefix("Value error, ")
    return said[:1].upper() + said[1:]
