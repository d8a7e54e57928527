"""The kinds of messages a customer can ask for or do without.

What belongs to a contract (an order was placed, a password was changed) is always sent by mail. What is advertising is
sent to nobody who has not asked for it (Directive 2002/58/EC, article 13): they choose it, and agree to
`marketing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from commerce.notifications.letters import Topic
from commerce.notifications.service import Channel


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: how it is sent when nobody has said anything, and how it always is."""

    says: str
    """What the customer reads."""
    default: frozenset[Channel] = frozenset()
    always: frozenset[Channel] = frozenset()
    is_advertising: bool = False
    """It is sent to those alone who agree to `marketing`."""


_MAIL: frozenset[Channel] = frozenset({"email"})

KINDS: Mapping[Topic, Kind] = {
    "orders": Kind("Your orders: placed, on their way, delivered, refunded", always=_MAIL),
    "back_in_stock": Kind("Something you asked for is there again", default=_MAIL),
    "price_drops": Kind("Something you watch costs less", default=_MAIL),
    "reviews": Kind("We would like to know how you liked it", is_advertising=True),
    "news": Kind("News and offers", is_advertising=True),
}
CHANNELS: tuple[Channel, ...] = ("email", "sms")
