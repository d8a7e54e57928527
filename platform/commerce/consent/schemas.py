"""What somebody agreed to, in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from commerce.consent.wording import CURRENT, WORDINGS
from foundation.events import Consent
from foundation.types import Id, Input, Instant, Model

Source = Literal["banner", "account", "api", "import"]


def _shown(version: str) -> str:
    if version not in WORDINGS:
        raise ValueError("is no version of what is shown")
    return version


TextVersion = Annotated[str, Field(max_length=20), AfterValidator(_shown)]


class AnswersIn(Input):
    """Yes or no for each purpose that is named; the others stay as they are."""

    answers: Annotated[dict[Consent, bool], Field(min_length=1)]
    text_version: TextVersion = CURRENT
    """The words that were shown."""


class PurposeOut(Model):
    """A purpose, what is said of it, and how it stands."""

    purpose: Consent
    title: str
    says: str
    given: bool | None
    """`null`: not asked yet, which is no consent."""
    answered_at: Instant | None


class ConsentOut(Model):
    """What somebody agreed to."""

    text_version: str
    """The version of the words here."""
    asked: bool
    """They have answered, or their browser has: there is nothing to ask."""
    signal: bool
    """Their browser sends `Sec-GPC: 1`: while it does, nothing is recorded or chosen by what they do."""
    purposes: list[PurposeOut]


class AnswersQuery(Input):
    """Which answers."""

    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 25


class AnswerOut(Model):
    """An answer that was given."""

    id: Id
    purpose: Consent
    given: bool
    answered_at: Instant
    source: Source
    text_version: str


class AnswersOut(Model):
    """Answers, the newest first."""

    items: list[AnswerOut]
    has_more: bool
    next_cursor: str | None
