"""Categories as staff see and write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from foundation.types import Id, Input, Model, Text

CategorySlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", max_length=200)]
"""The category's part of an address."""


class CategoriesQuery(Input):
    """Which categories."""

    parent_id: Id | None = None
    """Only those right below this one."""
    roots: Annotated[bool, Field(strict=False)] = False
    """Only those below none."""
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class CategoryIn(Input):
    """A new category."""

    name: Text
    slug: CategorySlug | None = None
    """Made of the name when it is left out."""
    parent_id: Id | None = None
    """`null` for one at the top."""


class CategoryChange(Input):
    """A category as it is to be."""

    name: Text
    slug: CategorySlug
    parent_id: Id | None
    """What is below it goes along. `null` puts it at the top."""


class CategoryNode(Model):
    """A category in the tree."""

    id: Id
    parent_id: Id | None
    name: str
    slug: str
    depth: int
    """How many are above it."""
    children: int
    """How many are right below it."""
    product_count: int
    """Published products in it and below it."""


class CategoryDetail(CategoryNode):
    """A category, and where it is."""

    ancestors: list[CategoryNode]
    """From the top down to its parent."""


class CategoryNodeList(Model):
    """A page of the tree, level by level."""

    items: list[CategoryNode]
    has_more: bool
    next_cursor: str | None
