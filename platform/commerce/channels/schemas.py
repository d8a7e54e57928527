"""Sales channels in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from foundation.types import Input, Model, Slug, Text

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ChannelIn(Input):
    """A new sales channel."""

    code: Slug
    """What prices, programs and orders name it by, such as `marketplace`; it never changes."""
    name: Text


class ChannelChange(Input):
    """What of a sales channel is to be otherwise."""

    name: Text
    version: Version


class ChannelOut(Model):
    """A sales channel."""

    code: str
    name: str
    retired_at: datetime | None
    """Since when nothing is sold on it any more."""
    version: int


class ChannelList(Model):
    """The shop's sales channels, `web` first, then in the order in which they were added."""

    items: list[ChannelOut]
