"""Synonyms as staff see and write them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from commerce.catalog.schemas import Version
from foundation.steering import Phrase
from foundation.types import Id, Input, Model, one_line

MOST_PHRASES = 20


def _with_a_word(phrase: str) -> str:
    if not any(map(str.isalnum, phrase)):
        raise ValueError("needs a letter or a digit")
    return one_line(phrase)


Words = Annotated[Phrase, AfterValidator(_with_a_word)]


class SynonymIn(Input):
    """Words that stand for each other, or with `written` for that one alone."""

    phrases: Annotated[list[Words], Field(min_length=1, max_length=MOST_PHRASES)]
    """`tv`, `television`, `flat screen`"""
    written: Words | None = None
    """`laptop`, for which `notebook` is shown too; whoever asks for a notebook is shown no laptop for it."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = [*self.phrases, *([self.written] if self.written else [])]
        if len({one.casefold() for one in said}) < len(said):
            raise ValueError("the same words are there twice")
        if len(said) < 2:
            raise ValueError("needs two phrases, or one and what is written for it")
        return self


class SynonymChange(SynonymIn):
    """Synonyms as they are to be."""

    version: Version


class SynonymOut(Model):
    """Words that stand for each other, or with `written` for that one alone."""

    id: Id
    phrases: list[str]
    written: str | None
    version: int


class SynonymList(Model):
    """A page of synonyms, in the order in which they were added."""

    items: list[SynonymOut]
    has_more: bool
    next_cursor: str | None
