"""Which variant of a product somebody looks at, and where each choice leads.

Each is an address, so that it works without a script, can be sent to others, and goes back with the browser's button.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from commerce.catalog.schemas import Medium, ProductDetail, VariantOut


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of an option, such as size 42."""

    words: str
    variant_id: UUID
    """The variant that it leads to."""
    chosen: bool
    available: bool
    """Whether it can be had with what else is chosen."""


@dataclass(frozen=True, slots=True)
class Option:
    """What a product's variants differ by."""

    name: str
    choices: Sequence[Choice]


def looked_at(product: ProductDetail, asked: UUID | None) -> VariantOut | None:
    """The variant that was asked for, else the first that can be had, else the first."""
    by_id = {one.id: one for one in product.variants}
    first = next((one for one in product.variants if one.available), next(iter(product.variants), None))
    return by_id.get(asked, first) if asked is not None else first


def media_of(product: ProductDetail, at: VariantOut | None) -> list[Medium]:
    """What is shown beside the variant that is looked at: first what shows it, nothing of the others."""
    own = [one for one in product.media if at is not None and one.variant_id == at.id]
    return own + [one for one in product.media if one.variant_id is None] or list(product.media)


def options_of(product: ProductDetail, at: VariantOut | None) -> list[Option]:
    """What one can choose, beside the variant that is looked at; nothing, where variants don't come by options."""
    if at is None or not product.options or any(set(one.options) != set(product.options) for one in product.variants):
        return []
    return [
        Option(name, [_choice(product, at, name, words) for words in _values(product, name)])
        for name in product.options
    ]


def _values(product: ProductDetail, name: str) -> list[str]:
    return list(dict.fromkeys(one.options[name] for one in product.variants))


def _choice(product: ProductDetail, at: VariantOut, name: str, words: str) -> Choice:
    with_it = [one for one in product.variants if one.options[name] == words]
    others = [other for other in product.options if other != name]

    def likeness(one: VariantOut) -> tuple[bool, ...]:
        return (*(one.options[other] == at.options[other] for other in others), one.available)

    nearest = max(with_it, key=likeness)  # of two that are as like, the first
    exact = all(nearest.options[other] == at.options[other] for other in others)
    return Choice(words, nearest.id, words == at.options[name], exact and nearest.available)
