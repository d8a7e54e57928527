"""Legal pages, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from commerce.configuration.schemas import Locale
from foundation.types import Input, Model, Text, clean

Kind = Literal["terms", "privacy", "imprint", "returns", "shipping"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: dict[Kind, str] = {
    "terms": "Terms of sale",
    "privacy": "Privacy notice",
    "imprint": "Imprint",
    "returns": "Returns",
    "shipping": "Shipping",
}
"""What a page is called that the shop gave no title."""
AT_CHECKOUT: tuple[Kind, ...] = ("terms", "returns", "privacy")
"""What is shown beside the button that pays, and accepted with it."""
LONGEST = 60_000
Version = Annotated[int, Field(ge=0, le=2**62)]


def _lines(value: str) -> str:
    return value.replace("\r\n", "\n")


Markdown = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST),
    AfterValidator(clean),
    AfterValidator(_lines),
]
"""CommonMark with tables. HTML in it is shown as it is written, and runs nothing."""


class PageIn(Input):
    """Another version of a page."""

    locale: Locale
    version: Version = 0
    """The version that was read: somebody else's is not written over. 0: there is none yet."""
    title: Text | None = None
    """What it is called in its language; without one, what the platform calls it in English."""
    markdown: Markdown


class PageQuery(Input):
    """Which page."""

    locale: Locale | None = None
    """What the reader would like; what comes nearest is shown."""
    version: Annotated[int, Field(ge=1, le=2**62, strict=False)] | None = None
    """An earlier one, of exactly that language."""


class VersionsQuery(Input):
    """The versions of a page in a language."""

    locale: Locale
    before: Annotated[int, Field(ge=1, le=2**62, strict=False)] = 2**62
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 20


class WithdrawQuery(Input):
    """Which page is taken back."""

    locale: Locale
    version: Annotated[int, Field(ge=1, le=2**62, strict=False)]
    """The version that was read."""


class PreviewIn(Input):
    """What a page would say."""

    markdown: Markdown


class PreviewOut(Model):
    """What a page looks like."""

    html: str


class PageHead(Model):
    """A version of a page, without its words."""

    id: UUID
    kind: Kind
    title: str
    locale: str
    version: int
    published_at: datetime


class PageOut(PageHead):
    """A version of a page."""

    markdown: str
    html: str
    """Safe to show: made from the Markdown, no HTML of anybody's in it."""


class PageList(Model):
    """The pages there are, each in its latest version."""

    items: list[PageHead]


class VersionOut(PageHead):
    """A version, and who published it."""

    published_by: str
    withdrawn: bool
    """The page was taken back with it."""


class VersionList(Model):
    """Versions, the latest first."""

    items: list[VersionOut]
    has_more: bool


class AcceptedOut(PageHead):
    """A version that the buyer accepted."""

    accepted_at: datetime


class AcceptedList(Model):
    """What the buyer accepted with the order."""

    items: list[AcceptedOut]
