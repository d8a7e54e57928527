"""The states of an order, what follows from them, and who may do what in which.

An order has a payment state, a fulfilment state and a return state. Each is derived from facts, never set; the status
that people are told is derived from the three.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from commerce.payments.settlement import Balance
from foundation.errors import Conflict

Role = Literal["staff", "shopper", "system"]
Status = Literal[
    "pending",
    "confirmed",
    "processing",
    "shipped",
    "out_for_delivery",
    "delivered",
    "cancelled",
    "returned",
    "refunded",
]
PaymentState = Literal["pending", "authorised", "due", "paid", "partially_refunded", "refunded", "voided"]
FulfilmentState = Literal["unfulfilled", "partially_fulfilled", "shipped", "out_for_delivery", "delivered", "cancelled"]
CAPTURED: frozenset[PaymentState] = frozenset({"paid", "partially_refunded", "refunded"})
"""The money came, whatever went back since."""
ReturnState = Literal["none", "in_progress", "partially_returned", "returned"]

PARCEL_PROGRESS = (
    "shipped",
    "in_transit",
    "out_for_delivery",
    "failed_attempt",
    "returned_to_sender",
    "delivered",
)
"""How far a parcel has come. It only moves on, so the order in which news of it arrives can't matter."""
PARCEL_STEPS: Mapping[str, tuple[str, ...]] = {
    status: PARCEL_PROGRESS[place + 1 :] for place, status in enumerate(PARCEL_PROGRESS)
}
RETURN_STEPS: Mapping[str, tuple[str, ...]] = {
    "requested": ("approve", "reject"),
    "approved": ("receive",),
    "rejected": (),
    "received": (),
}
CLAIM_STEPS: Mapping[str, tuple[str, ...]] = {
    "open": ("refund", "replace", "reject"),
    "refunded": (),
    "replaced": (),
    "rejected": (),
}


class IllegalTransition(Conflict):
    """That can't be done to the order as it stands."""

    code = "orders.illegal_transition"

    action: str
    state: str
    possible: list[str]


@dataclass(frozen=True, slots=True)
class States:
    """The three states of an order."""

    payment: PaymentState
    fulfilment: FulfilmentState
    returns: ReturnState

    @property
    def status(self) -> Status:
        """What a person is told."""
        if self.fulfilment == "cancelled":
            return "cancelled"
        if self.payment == "refunded":
            return "refunded"
        if self.returns == "returned" and self.fulfilment != "partially_fulfilled":
            return "returned"
        if self.fulfilment in ("shipped", "out_for_delivery", "delivered"):
            return self.fulfilment
        if self.fulfilment == "partially_fulfilled":
            return "processing"
        return "pending" if self.payment in ("pending", "voided") else "confirmed"


@dataclass(frozen=True, slots=True)
class When:
    """The states in which something can be done; a state that is not named may be any."""

    payment: frozenset[PaymentState] | None = None
    fulfilment: frozenset[FulfilmentState] | None = None
    returns: frozenset[ReturnState] | None = None

    def fits(self, states: States) -> bool:
        """Whether it can be done now."""
        return (
            (self.payment is None or states.payment in self.payment)
            and (self.fulfilment is None or states.fulfilment in self.fulfilment)
            and (self.returns is None or states.returns in self.returns)
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that can be done to an order: by staff with `scope`, by its shopper, and when."""

    does: str
    scope: str
    staff: When
    shopper: When | None = None
    emits: tuple[str, ...] = ()


_PAYABLE: frozenset[PaymentState] = frozenset({"authorised", "paid", "partially_refunded"})
_SHIPPED = When(fulfilment=frozenset({"partially_fulfilled", "shipped", "out_for_delivery", "delivered"}))

TRANSITIONS: Mapping[str, Transition] = {
    "cancel": Transition(
        "Give up what has not left the warehouse: its stock is released and its share of the money credited.",
        "orders:write",
        staff=When(fulfilment=frozenset({"unfulfilled", "partially_fulfilled"})),
        shopper=When(fulfilment=frozenset({"unfulfilled"})),
        emits=("order.cancelled", "stock.changed", "payment.refunded"),
    ),
    "edit": Transition(
        "Add units, take some out, or send it elsewhere: a draft whose preview is what confirming it does. "
        "Shoppers add none.",
        "orders:write",
        staff=When(payment=_PAYABLE, fulfilment=frozenset({"unfulfilled", "partially_fulfilled"})),
        shopper=When(payment=_PAYABLE, fulfilment=frozenset({"unfulfilled"})),
        emits=("order.edited", "stock.changed", "payment.captured", "payment.refunded"),
    ),
    "fulfil": Transition(
        "Send a parcel with all or some of what has not left.",
        "orders:fulfil",
        staff=When(
            payment=frozenset({"paid", "partially_refunded", "due"}),
            fulfilment=frozenset({"unfulfilled", "partially_fulfilled"}),
        ),
        emits=("order.fulfilled",),
    ),
    "progress": Transition(
        "Say how far a parcel has come.",
        "orders:fulfil",
        staff=When(fulfilment=frozenset({"partially_fulfilled", "shipped", "out_for_delivery"})),
        emits=("order.delivered",),
    ),
    "request_return": Transition(
        "Announce units that come back; staff's own request is approved at once.",
        "orders:write",
        staff=_SHIPPED,
        shopper=_SHIPPED,
        emits=("return.requested", "exchange.requested"),
    ),
    "decide_return": Transition(
        "Approve or reject a return, or take it in: what arrived is credited, and restocked or written off.",
        "orders:write",
        staff=When(returns=frozenset({"in_progress"})),
        emits=("return.received", "exchange.completed", "stock.changed", "payment.refunded"),
    ),
    "claim": Transition(
        "Say that units came damaged, wrong or not at all.",
        "orders:write",
        staff=_SHIPPED,
        shopper=_SHIPPED,
        emits=("claim.raised",),
    ),
    "decide_claim": Transition(
        "Make a claim good, by its money or by other units at no charge, or reject it.",
        "orders:refund",
        staff=_SHIPPED,
        emits=("claim.resolved", "stock.changed", "payment.refunded"),
    ),
    "refund": Transition(
        "Give money back: an amount, or the share of some units.",
        "orders:refund",
        staff=When(payment=frozenset({"paid", "partially_refunded"})),
        emits=("payment.refunded",),
    ),
    "pay": Transition(
        "Pay again for an order whose payment could not be captured.",
        "payments:write",
        staff=When(payment=frozenset()),
        shopper=When(payment=frozenset({"pending"}), fulfilment=frozenset({"unfulfilled", "partially_fulfilled"})),
        emits=("payment.captured", "payment.refused"),
    ),
    "collect": Transition(
        "Write down that the money of a payment on delivery or on account has come.",
        "payments:write",
        staff=When(payment=frozenset({"due"})),
        emits=("payment.captured",),
    ),
    "note": Transition(
        "Write something down for other staff, or for the shopper to see.", "orders:write", staff=When()
    ),
}


def payment_state(balance: Balance) -> PaymentState:
    """Where the money is. An order without any payment was paid for elsewhere.

    One payment that is not there yet is enough for the order not to be paid: `pending` when it could not be captured
    for good, `due` when the goods go before the money.
    """
    if balance.failed:
        return "pending"
    if balance.held:
        return "authorised"
    if balance.due:
        return "due"
    if balance.taken:
        if not balance.refunded:
            return "paid"
        return "refunded" if balance.refunded >= balance.captured else "partially_refunded"
    return "voided" if balance.payments else "paid"


def fulfilment_state(ordered: int, cancelled: int, fulfilled: int, parcels: Collection[str]) -> FulfilmentState:
    """Where the goods are: units ordered, cancelled, sent, and how far each parcel has come."""
    if cancelled == ordered:
        return "cancelled"
    if not fulfilled:
        return "unfulfilled"
    if fulfilled + cancelled < ordered:
        return "partially_fulfilled"
    if all(parcel == "delivered" for parcel in parcels):
        return "delivered"
    on_the_way = {"shipped", "in_transit", "returned_to_sender"}
    return "shipped" if on_the_way.intersection(parcels) else "out_for_delivery"


def return_state(fulfilled: int, returned: int, *, is_open: bool) -> ReturnState:
    """What came back: units sent, units back, and whether a return is still on its way."""
    if is_open:
        return "in_progress"
    if not returned:
        return "none"
    return "returned" if returned == fulfilled else "partially_returned"


def possible(states: States, role: Role) -> Sequence[str]:
    """What somebody in that role could do now."""
    return [
        action
        for action, transition in TRANSITIONS.items()
        if (when := transition.staff if role == "staff" else transition.shopper) is not None and when.fits(states)
    ]


def require(states: States, action: str, role: Role) -> None:
    """Stop unless the action can be done now.

    Raises:
        IllegalTransition: it can't; says what can.
    """
    can = possible(states, role)
    if action not in can:
        raise IllegalTransition(action=action, state=states.status, possible=list(can))


def furthest(said: Iterable[str]) -> str:
    """How far a parcel has come, by all that was said of it."""
    return max(said, key=PARCEL_PROGRESS.index)


def step(steps: Mapping[str, tuple[str, ...]], now: str, action: str) -> None:
    """Stop unless a parcel or a return can go from where it is by `action`.

    Raises:
        IllegalTransition: it can't; says what can.
    """
    if action not in steps[now]:
        raise IllegalTransition(action=action, state=now, possible=list(steps[now]))
