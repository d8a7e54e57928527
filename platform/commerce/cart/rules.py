"""What a cart may hold, and what is refused."""

from __future__ import annotations

from uuid import UUID

from foundation.errors import Conflict, NotFound, Unprocessable

MAX_LINES = 100
MAX_QUANTITY = 9_999
MAX_CODES = 5
MAX_NOTE = 1_000


class CartNotFound(NotFound):
    """You have no such cart."""

    code = "cart.not_found"


class LineNotFound(NotFound):
    """The cart has no such line."""

    code = "cart.line_not_found"


class ConsignmentNotFound(NotFound):
    """The cart has no such consignment."""

    code = "cart.consignment_not_found"


class CartNotOpen(Conflict):
    """The cart is being paid or has become an order."""

    code = "cart.not_open"


class CartFull(Unprocessable):
    """A cart holds at most 100 lines and 9,999 of each variant."""

    code = "cart.full"


class DeliveryUnavailable(Unprocessable):
    """This cart can't be delivered that way."""

    code = "delivery.unavailable"

    delivery: str


class VariantNotForSale(Unprocessable):
    """This variant can't be bought here."""

    code = "catalog.variant_not_for_sale"

    variant_id: UUID
