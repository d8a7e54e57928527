"""Attributes and types of product, as staff see and write them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from commerce.catalog.schemas import Version
from commerce.catalog.words import Plain
from foundation.types import Input, Model, Slug

Kind = Literal["text", "number", "boolean", "choice", "colour", "date"]
AttributeCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""What an attribute is called by programs, the same in every type."""
Unit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9%°µΩ²³/.'-]{1,12}$")]
"""What a number counts: `kg`, `cm`, `W`, `%`."""
Hex = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
MOST_CHOICES = 200
MOST_OF_A_TYPE = 100


class Choice(Input):
    """A value that an attribute may have."""

    code: Slug
    """What products have."""
    name: Plain
    """What people read."""
    colour: Hex | None = None
    """`#1f2a44`; for an attribute of colours."""


Choices = Annotated[list[Choice], Field(max_length=MOST_CHOICES)]


def check_choices(kind: Kind, choices: list[Choice]) -> None:
    """Stop choices that don't fit the kind.

    Raises:
        ValueError.
    """
    if bool(choices) != (kind in {"choice", "colour"}):
        raise ValueError("choices are what an attribute of the kinds choice and colour has, and no other")
    if any((one.colour is not None) != (kind == "colour") for one in choices):
        raise ValueError("each choice of the kind colour says its colour, and no other does")
    if len({one.code for one in choices}) < len(choices):
        raise ValueError("two choices have the same code")


class AttributeIn(Input):
    """A new attribute."""

    code: AttributeCode
    name: Plain
    kind: Kind
    unit: Unit | None = None
    """What a number counts."""
    choices: Choices = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_choices(self.kind, self.choices)
        if self.unit is not None and self.kind != "number":
            raise ValueError("only a number has a unit")
        return self


class AttributeChange(Input):
    """An attribute as it is to be; its kind and its unit stay, as the values of products do."""

    name: Plain
    choices: Choices
    retired: bool
    """Products keep the values that they have; no other can be given."""
    version: Version


class AttributeOut(Model):
    """Something that can be said of products."""

    code: str
    name: str
    kind: Kind
    unit: str | None
    choices: list[Choice]
    retired: bool
    types: list[str]
    """The types of product that have it, by their codes."""
    version: int


class AttributeList(Model):
    """A page of attributes, in the order in which they were added."""

    items: list[AttributeOut]
    has_more: bool
    next_cursor: str | None


class TypeAttribute(Input):
    """An attribute that products of a type have."""

    attribute: AttributeCode
    required: bool = False
    """A product of the type isn't published without it."""


class _OfType(Input):
    name: Plain
    attributes: Annotated[list[TypeAttribute], Field(max_length=MOST_OF_A_TYPE)]
    """In the order in which people see them."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({one.attribute for one in self.attributes}) < len(self.attributes):
            raise ValueError("a type has an attribute once")
        return self


class ProductTypeIn(_OfType):
    """A new type of product."""

    code: Slug


class ProductTypeChange(_OfType):
    """A type as it is to be."""

    version: Version


class ProductTypeOut(Model):
    """A type of product: which attributes its products have."""

    code: str
    name: str
    attributes: list[TypeAttribute]
    version: int


class ProductTypeList(Model):
    """A page of types, in the order in which they were added."""

    items: list[ProductTypeOut]
    has_more: bool
    next_cursor: str | None
