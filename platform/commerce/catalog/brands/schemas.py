"""Brands as staff see and write them."""

from __future__ import annotations

from commerce.catalog.schemas import Version
from commerce.catalog.words import Plain
from foundation.types import Input, Model, Slug


class BrandIn(Input):
    """A new brand."""

    name: Plain
    slug: Slug | None = None
    """Its part of addresses; made of the name when it is left out."""


class BrandChange(Input):
    """A brand as it is to be."""

    name: Plain
    """Its products get it, too."""
    slug: Slug
    version: Version


class BrandOut(Model):
    """A brand."""

    name: str
    slug: str
    version: int


class BrandList(Model):
    """A page of brands, in the order in which they were added."""

    items: list[BrandOut]
    has_more: bool
    next_cursor: str | None
