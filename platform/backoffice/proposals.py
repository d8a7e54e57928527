"""Changes that are shown before they are made: the form is sent once more by whoever has seen what it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request

from commerce.configuration.differences import differences
from commerce.configuration.schemas import Difference
from foundation.types import Input
from pages.forms import sent

AGREED = "agreed"


class Proposed(Input):
    """A form that changes something when it is sent by a page that showed what it changes."""

    agreed: Literal["1"] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a form would change."""

    changes: Sequence[Difference] = ()
    fields: Sequence[tuple[str, str]] = ()
    """The form as it came, to be sent again."""


NO_PROPOSAL = Proposal()


async def proposal(request: Request, before: Mapping[str, Any], after: Mapping[str, Any]) -> Proposal:
    """What would be otherwise, by the names of what is."""
    fields = [(name, value) for name, value in await sent(request) if name != AGREED]
    return Proposal(differences(before, after), fields)
