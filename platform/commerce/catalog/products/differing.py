"""What a product says otherwise than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from commerce.catalog.products.schemas import Difference, ProductContent


def differences(before: ProductContent | None, after: ProductContent) -> list[Difference]:
    """What differs, by its path, a variant by its SKU; all of it when there was nothing before.

    What was not there, or is not any more, is `None`.
    """
    was, becomes = dict(_told(before)) if before else {}, dict(_told(after))
    return [
        Difference(path=path, before=was.get(path), after=becomes.get(path))
        for path in [*becomes, *(path for path in was if path not in becomes)]
        if was.get(path) != becomes.get(path)
    ]


def fields_of(changes: list[Difference]) -> list[str]:
    """Which fields differ: `title`, `attributes`, `variants`."""
    return sorted({one.path.partition(".")[0] for one in changes})


def _told(content: ProductContent) -> Iterator[tuple[str, Any]]:
    said: Mapping[str, Any] = content.model_dump(mode="json")
    for name, value in said.items():
        if name == "attributes":
            yield from ((f"attributes.{code}", one) for code, one in sorted(value.items()))
        elif name == "variants":
            yield from _variants(value)
        elif value not in (None, "", []):
            yield name, value


def _variants(variants: list[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    if len(variants) > 1:
        yield "variants", [one["sku"] for one in variants]
    for variant in variants:
        for name, value in variant.items():
            if name != "id" and value not in (None, {}):
                yield f"variants.{variant['sku']}.{name}", value
