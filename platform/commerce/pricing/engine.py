"""What one unit costs: the lowest of the prices that hold, and why. Pure: the time and the offers come in.

A channel comes first: while a price of the channel's own holds, one that names neither a group nor a quantity, it takes
the place of the list price and of every offer that names no channel. Of what is left the lowest holds, be it for a
group, from a quantity, or for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from commerce.pricing.schemas import ItemPrice, QuantityBreak, Source

_PREFERRED: tuple[Source, ...] = ("list", "channel", "sale", "quantity_break", "group", "quote")
"""Of equal prices, the one that is told: the plainest."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A price other than the list price, and when it holds."""

    amount: int
    min_quantity: int = 1
    group: str | None = None
    """Only for customers of this group; whoever asks belongs to it."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    """Not included."""
    decision_id: UUID | None = None
    """The decision that promised it to this shopper until it ends."""
    channel: str | None = None
    """Only on this sales channel; whoever asks is there."""

    def holds(self, *, quantity: int, at: datetime) -> bool:
        """Whether somebody who takes so many at that time gets it: from its start on, and before its end."""
        begun = self.starts_at is None or self.starts_at <= at
        ended = self.ends_at is not None and self.ends_at <= at
        return quantity >= self.min_quantity and begun and not ended

    @property
    def source(self) -> Source:
        """What kind of price it is."""
        if self.decision_id is not None:
            return "quote"
        if self.group is not None:
            return "group"
        if self.min_quantity > 1:
            return "quantity_break"
        return "sale" if self.channel is None else "channel"

    @property
    def reason(self) -> str:
        """What it is in words."""
        until = f" until {self.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.ends_at else ""
        if self.decision_id is not None:
            return f"quoted{until}"
        from_quantity = f" from {self.min_quantity}" if self.min_quantity > 1 else ""
        here = f" on {self.channel}" if self.channel else ""
        if self.group is not None:
            return f"group {self.group}{from_quantity}{here}{until}"
        if from_quantity:
            return f"quantity break{from_quantity}{here}{until}"
        return f"channel {self.channel}{until}" if self.channel else f"sale{until}"


def price_of(list_price: int, offers: Iterable[Offer], *, quantity: int, at: datetime) -> ItemPrice:
    """The price of one unit for somebody who takes `quantity` at that time.

    It is the lowest that holds, so nothing but a price of the channel's own makes anything dearer; the order of the
    offers says nothing.
    """
    holding = [offer for offer in offers if offer.holds(quantity=quantity, at=at)]
    if any(offer.source == "channel" for offer in holding):
        counting = [offer for offer in holding if offer.channel is not None or offer.decision_id is not None]
    else:
        counting = [offer for offer in holding if offer.amount < list_price]
    if not counting:
        return at_list(list_price)
    best = min(counting, key=_order)
    return ItemPrice(
        amount=best.amount,
        source=best.source,
        reason=best.reason,
        list_price=list_price,
        until=best.ends_at,
        decision_id=best.decision_id,
    )


def breaks_of(list_price: int, offers: Sequence[Offer], *, at: datetime) -> list[QuantityBreak]:
    """From which quantities one unit costs less than for somebody who takes fewer, and how much; the fewest first."""
    last = price_of(list_price, offers, quantity=1, at=at).amount
    breaks = []
    for quantity in sorted({offer.min_quantity for offer in offers}):
        price = price_of(list_price, offers, quantity=quantity, at=at)
        if price.amount < last:
            last = price.amount
            breaks.append(QuantityBreak(min_quantity=quantity, **dict(price)))
    return breaks


def next_change(offers: Iterable[Offer], *, at: datetime) -> datetime | None:
    """When one of the offers begins or ends next; before that no price changes by the clock alone."""
    ahead = [moment for offer in offers for moment in (offer.starts_at, offer.ends_at) if moment and moment > at]
    return min(ahead, default=None)


def at_list(amount: int) -> ItemPrice:
    """The list price, as the reason of an amount."""
    return ItemPrice(amount=amount, source="list", reason="list price", list_price=amount, until=None, decision_id=None)


def _order(offer: Offer) -> tuple[int, int, int, float, str, str, str]:
    lasts = -offer.ends_at.timestamp() if offer.ends_at else float("-inf")
    return (
        offer.amount,
        _PREFERRED.index(offer.source),
        offer.min_quantity,
        lasts,
        offer.group or "",
        offer.channel or "",
        str(offer.decision_id),
    )
