"""Cards by Stripe."""

from commerce.payments.providers.stripe.provider import StripeProvider

__all__ = ["StripeProvider"]
