"""Links between products, as staff write them and as the shop shows them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from commerce.catalog.schemas import ProductCard, Version
from foundation.types import Id, Input, Model

LinkKind = Literal["related", "up_sell", "cross_sell"]
KINDS: tuple[LinkKind, ...] = ("related", "up_sell", "cross_sell")
MOST = 24


Named = TypeVar("Named")


def once(ids: list[Named]) -> list[Named]:
    """Products of which each is there once.

    Raises:
        ValueError.
    """
    if len(set(ids)) < len(ids):
        raise ValueError("a product is there once")
    return ids


Others = Annotated[list[Id], Field(max_length=MOST), AfterValidator(once)]
"""Products in the order in which people see them."""


class LinksIn(Input):
    """What is to be shown beside a product, all of it."""

    related: Others = Field(default_factory=list)
    """What is like it."""
    up_sell: Others = Field(default_factory=list)
    """What one may rather want: better, or larger."""
    cross_sell: Others = Field(default_factory=list)
    """What goes with it."""
    version: Version
    """The product's."""


class LinkedOut(Model):
    """A product that is shown beside another."""

    id: Id
    title: str
    handle: str
    status: str
    """Shoppers see it only where it is published."""


class LinksOut(Model):
    """What is shown beside a product."""

    related: list[LinkedOut]
    up_sell: list[LinkedOut]
    cross_sell: list[LinkedOut]
    version: int
    """The product's."""


class LinkedCards(Model):
    """What the shop shows beside a product, at the caller's prices."""

    related: list[ProductCard]
    up_sell: list[ProductCard]
    cross_sell: list[ProductCard]
