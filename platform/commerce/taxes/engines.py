"""The engines that this process can ask, by name."""

from __future__ import annotations

from collections.abc import Mapping

from commerce.taxes import avatax, stripe, taxjar
from commerce.taxes.quotes import TaxEngine
from foundation.settings import Settings


def configured(settings: Settings) -> Mapping[str, TaxEngine]:
    """Those that have what they need; the table needs nothing and is not among them."""
    found: dict[str, TaxEngine] = {}
    if settings.stripe_secret_key is not None:
        secret = settings.stripe_secret_key.get_secret_value()
        found["stripe"] = stripe.StripeTax(secret, api_base=settings.stripe_api_base or stripe.API)
    if settings.avatax_account and settings.avatax_licence_key is not None and settings.avatax_company:
        found["avatax"] = avatax.AvaTax(
            settings.avatax_account,
            settings.avatax_licence_key.get_secret_value(),
            settings.avatax_company,
            api_base=settings.avatax_api_base or avatax.API,
        )
    if settings.taxjar_api_key is not None:
        key = settings.taxjar_api_key.get_secret_value()
        found["taxjar"] = taxjar.TaxJar(key, api_base=settings.taxjar_api_base or taxjar.API)
    return found
