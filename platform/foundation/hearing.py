"""The contract between the core and the decision service on what somebody said: which of the things that a speech
recogniser heard the catalogue has.

`POST /v1/decisions/hearing`, bearer token of the settings.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from foundation.search import LONGEST_QUERY
from foundation.types import Id, Input, Model, one_line

MOST_ALTERNATIVES = 10


class Heard(Input):
    """Something that may have been said."""

    transcript: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUERY),
        AfterValidator(one_line),
    ]
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    """As the recogniser has it; 0 where it has none, as some browsers."""


Alternatives = Annotated[list[Heard], Field(min_length=1, max_length=MOST_ALTERNATIVES)]


class HearingRequest(Input):
    """What may have been said, the likeliest first."""

    tenant_id: Id
    alternatives: Alternatives
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100


class Fit(Model):
    """How well something that may have been said goes with the catalogue."""

    transcript: str
    confidence: float
    fit: float
    """The share of its words that one product has, the rarer the more; from 0 to 1."""
    score: float


class HearingAnswer(Model):
    """What was probably said."""

    alternatives: list[Fit]
    """The likeliest first."""
