"""A shop's branding, in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commerce.configuration.schemas import Words
from foundation.types import Input, Model


class LogoOut(Model):
    """The shop's logo."""

    version: int
    """Of the configuration that says so."""
    logo: str | None
    """Its address; without one the shop's name stands in its place."""


class PlaceOut(Model):
    """A value that a message may name as `{{ name }}`."""

    name: str
    sample: str
    """What a preview shows in its place."""


class WordsOut(Model):
    """The words of a message. A text message is its body alone."""

    subject: str
    body: str
    action: str
    """What the button says; empty: there is none."""


class MessageOut(Model):
    """A message that the shop sends."""

    template: str
    words: WordsOut
    """As they are sent now."""
    platform: WordsOut
    """As they are without words of the shop's own."""
    is_own: bool
    places: list[PlaceOut]


class MessageList(Model):
    """The messages there are."""

    version: int
    """Of the configuration, to name when one is changed."""
    items: list[MessageOut]


class MessageIn(Words):
    """The shop's own words for a message, all of them: what is left out is the platform's."""

    version: Annotated[int, Field(ge=1, le=2**62)]
    """The version that was read: somebody else's change is not written over."""

    def words(self) -> Words:
        """The words alone."""
        return Words(subject=self.subject, body=self.body, action=self.action)


class PreviewIn(Input):
    """Words to look at; nothing is kept."""

    words: Words


class PreviewOut(Model):
    """A message as somebody would get it, with sample values."""

    subject: str
    text: str
    html: str


class TestSent(Model):
    """Where a test message goes."""

    email: str
