"""The guardrails of a shop's bulk price changes, as its configuration says."""

from __future__ import annotations

from pydantic import ValidationError

from commerce.pricing.limits import Limits
from commerce.tenancy.service import Shop

KEY = "bulk_pricing"
"""Of a shop's settings."""


def limits_of(shop: Shop) -> Limits:
    """A shop's guardrails; the platform's where what is kept is none."""
    try:
        return Limits.model_validate(shop.settings.get(KEY, {}))
    except ValidationError:
        return Limits()
