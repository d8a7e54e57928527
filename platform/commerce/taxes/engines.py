"""The engines that this process can ask, by name."""

from __future__ import annotations

from collections.abc import Mapping

from commerce.taxes.quotes import TaxEngine
from commerce.taxes.stripe import API, StripeTax
from foundation.settings import Settings


def configured(settings: Settings) -> Mapping[str, TaxEngine]:
    """Those that have what they need; the table needs nothing and is not among them."""
    if settings.stripe_secret_key is None:
        return {}
    secret = settings.stripe_secret_key.get_secret_value()
    return {"stripe": StripeTax(secret, api_base=settings.stripe_api_base or API)}
