"""Refusals that several parts of the catalogue share."""

from __future__ import annotations

from foundation.errors import Conflict


class CatalogueStale(Conflict):
    """Somebody else has changed this meanwhile; look at it again."""

    code = "catalog.stale"

    version: int
    """What it is now."""


class SkuTaken(Conflict):
    """The shop has a variant of this SKU already."""

    code = "catalog.sku_taken"
