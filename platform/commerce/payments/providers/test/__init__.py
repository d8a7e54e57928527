"""A bank of our own: no money moves, the card says what happens."""

from commerce.payments.providers.test.provider import TestProvider

__all__ = ["TestProvider"]
