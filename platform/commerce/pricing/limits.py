"""The guardrails of many prices changed at once, as a shop's configuration has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from foundation.types import Input


class Limits(Input):
    """What no bulk price change may do."""

    most_percent: Annotated[int, Field(ge=1, le=1_000)] = 50
    """How far it may raise or lower the price of a SKU, in per cent of what it was."""
    most_skus: Annotated[int, Field(ge=1, le=200_000)] = 50_000
    """How many SKUs it may be about."""
    least_markup_percent: Annotated[int, Field(ge=0, le=1_000)] = 0
    """How far above its cost a price stays at least, in per cent of the cost, where the cost is known."""
    prior_price: bool = True
    """No price is raised within 30 days before a reduction that is announced, and none is called reduced that was as
    low within the 30 days before: Directive 98/6/EC, article 6a."""
