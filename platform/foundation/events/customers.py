"""What happens to customers."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id


class CustomerRegistered(Payload):
    """A customer is known to the shop."""

    name = "customer.registered"

    customer_id: Id


class CustomerErased(Payload):
    """A customer asked to be forgotten, and is: whatever was derived of them goes."""

    name = "customer.erased"

    customer_id: Id
    visitor_ids: list[Id]
    """The browsers they were signed in with."""
