"""How a total is shared between several payments."""

from __future__ import annotations

from collections.abc import Sequence

from foundation.errors import Unprocessable


class PaymentsDontAddUp(Unprocessable):
    """The payments do not add up to what the cart costs; only the last may leave its amount open."""

    code = "checkout.payments_dont_add_up"

    total: int
    given: int


def shares(total: int, amounts: Sequence[int | None]) -> list[int]:
    """What each payment comes to, in minor units: the amounts given, and for one left open at the end the rest.

    Raises:
        PaymentsDontAddUp: that is not the total, or nothing is left for a payment.
    """
    given = sum(amount or 0 for amount in amounts)
    *before, last = amounts
    if None in before:
        raise PaymentsDontAddUp(total=total, given=given)
    shared = [amount or 0 for amount in before] + [total - given if last is None else last]
    if sum(shared) != total or (min(shared) < 1 and len(shared) > 1):
        raise PaymentsDontAddUp(total=total, given=given)
    return shared
