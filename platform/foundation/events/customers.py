"""What happens to customers."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id


class CustomerRegistered(Payload):
    """A customer is known to the shop."""

    name = "customer.registered"

    customer_id: Id
