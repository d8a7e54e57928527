"""What shoppers do, in GA4's e-commerce terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import AfterValidator, Field

from foundation.events.envelope import CONTRACTS, Consent, Context, Count, Event, Payload
from foundation.types import Currency, Id, Input, MinorUnits, Text


class Item(Input):
    """One of GA4's `items[]`, by our ids."""

    item_id: Id
    """The product."""
    variant_id: Id | None = None
    quantity: Annotated[int, Field(ge=1, le=9_999)] | None = None
    price: MinorUnits | None = None
    """Minor units, of one."""
    index: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """The place in the list, from 0."""
    item_list_id: Text | None = None
    """The list it was shown in, such as `home`."""
    decision_id: Id | None = None


class Traffic(Input):
    """What brought somebody to the shop, as the address that they came by says."""

    source: Text
    """`utm_source`, or else the host of the page they came from."""
    medium: Text | None = None
    """`utm_medium`."""
    campaign: Text | None = None
    """`utm_campaign`."""


class Behaviour(Payload):
    """What a shopper did, in GA4's terms."""

    items: Annotated[list[Item], Field(max_length=200)] = Field(default_factory=list)
    currency: Currency | None = None
    value: MinorUnits | None = None
    item_list_id: Text | None = None
    traffic: Traffic | None = None
    """Of the first event since somebody came from elsewhere."""


RECORDED_FOR: frozenset[Consent] = frozenset({"analytics", "personalisation"})
"""The purposes that behaviour is written down for."""


def may_be_recorded(who: Context | Event) -> bool:
    """Whether somebody agreed to what their behaviour is written down for."""
    return not RECORDED_FOR.isdisjoint(who.consent)


def recordable(events: Iterable[Event]) -> list[Event]:
    """Events as they may be written down: behaviour of those who have not agreed to it is counted alone; what is a fact
    of the shop's own stays as it is.
    """
    return [event if not _is_behaviour(event) or may_be_recorded(event) else counted(event) for event in events]


def counted(event: Event) -> Event:
    """What is left of behaviour that nobody agreed to: that it happened, in which shop and in which hour.

    It says neither who, nor what about, nor what happened beside it: the id is made anew, so that not even the instant
    in a UUIDv7 is left, and always as the same one, so that a second delivery still counts once.
    """
    hour = event.occurred_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    event_id = counted_id(event.tenant_id, event.event_id)
    return Event(
        event_id=event_id,
        tenant_id=event.tenant_id,
        name=event.name,
        version=event.version,
        occurred_at=hour,
        recorded_at=event.recorded_at,
        aggregate_id=event_id,
        is_bot=event.is_bot,
        is_internal=event.is_internal,
        payload={},
    )


def counted_id(tenant_id: UUID, event_id: UUID) -> UUID:
    """The id that an event is counted by; it doesn't lead back to its own."""
    return uuid5(tenant_id, str(event_id))


def _is_behaviour(event: Event) -> bool:
    contract = CONTRACTS.get((event.name, event.version))
    return contract is not None and issubclass(contract, Behaviour)


def _not_empty(items: list[Item]) -> list[Item]:
    if not items:
        raise ValueError("needs at least one item")
    return items


Items = Annotated[list[Item], Field(max_length=200), AfterValidator(_not_empty)]


class ViewItemList(Behaviour):
    """A list of products was shown."""

    name = "view_item_list"

    items: Items


class SelectItem(Behaviour):
    """A product of a list was chosen."""

    name = "select_item"

    items: Items


class ViewItem(Behaviour):
    """A product's page was seen."""

    name = "view_item"

    items: Items


class AddToCart(Behaviour):
    """Something was put into the cart."""

    name = "add_to_cart"

    items: Items


class RemoveFromCart(Behaviour):
    """Something was taken out of the cart."""

    name = "remove_from_cart"

    items: Items


class AddToWishlist(Behaviour):
    """Something was put on a wishlist."""

    name = "add_to_wishlist"

    items: Items


class ViewCart(Behaviour):
    """The cart was looked at."""

    name = "view_cart"


class BeginCheckout(Behaviour):
    """The checkout was entered."""

    name = "begin_checkout"

    items: Items


class Purchase(Behaviour):
    """An order was completed, as the shopper saw it; `order.placed` is the fact."""

    name = "purchase"

    transaction_id: Id
    items: Items


class Search(Behaviour):
    """Words were searched for."""

    name = "search"

    search_term: Text
    results: Count | None = None


def behaviour_contracts() -> Iterator[type[Behaviour]]:
    """The contracts a client may send events for; facts come only from the core itself."""
    return (contract for contract in CONTRACTS.values() if issubclass(contract, Behaviour))
