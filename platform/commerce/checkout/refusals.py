"""Why a cart is not paid for."""

from __future__ import annotations

from typing import Any

from foundation.errors import Conflict


class RequirementsUnmet(Conflict):
    """Something in the cart must be put right first."""

    code = "checkout.requirements_unmet"

    requirements: list[dict[str, Any]]


class TotalChanged(Conflict):
    """The cart no longer costs what was shown."""

    code = "checkout.total_changed"

    expected: int
    total: int


class ReservationLost(Conflict):
    """The payment took so long that the stock was given back; nothing was charged."""

    code = "checkout.reservation_lost"


class NothingToContinue(Conflict):
    """No payment of this cart waits for the shopper."""

    code = "checkout.nothing_to_continue"


class TaxesUnquoted(Conflict):
    """The cart changed while its taxes were asked for; look at it and try again."""

    code = "checkout.taxes_unquoted"


class NothingToPay(Conflict):
    """The order is paid for, or given up; what was just authorised is let go."""

    code = "checkout.nothing_to_pay"
