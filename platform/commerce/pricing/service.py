"""Prices as the staff keep them, and prices promised to shoppers by decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.channels import service as channels
from commerce.pricing import costs, history
from commerce.pricing.history import Said
from commerce.pricing.schemas import (
    CostIn,
    CustomerGroupOut,
    ListPriceIn,
    ListPriceOut,
    OfferIn,
    OfferOut,
    OfferSaid,
    OffersIn,
    PriceChangeOut,
    PriceSaid,
    PricesOut,
    QuoteIn,
    QuoteOut,
)
from foundation import audit, clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import OfferedPrice, PriceQuoted, PricesChanged, record
from foundation.ids import new_id
from foundation.outbox import announce, announce_many, announcement


@dataclass(frozen=True, slots=True)
class ListPrice:
    """What one unit costs when nothing else holds, in minor units."""

    amount: int
    compare_at: int | None = None
    """What it cost before."""


class UnknownSku(NotFound):
    """The shop has no variant with this SKU."""

    code = "pricing.unknown_sku"

    sku: str


class UnknownCustomer(NotFound):
    """The shop has no customer with this reference."""

    code = "pricing.unknown_customer"

    reference: str


class NoListPrice(Unprocessable):
    """This variant has no list price in that currency, so it can't be sold at any other."""

    code = "pricing.no_list_price"

    currency: str


class BadWindow(Unprocessable):
    """A price ends after it starts, and in the future when it is promised."""

    code = "pricing.bad_window"


class OffersChanged(Conflict):
    """The variant's offers were changed meanwhile; look again."""

    code = "pricing.offers_changed"


class QuoteDiffers(Conflict):
    """This decision has promised another price for the variant already."""

    code = "pricing.quote_differs"

    amount: int


# uq_variant_sku
_VARIANT = hot(text("SELECT id FROM variant WHERE tenant_id = :tenant_id AND sku = :sku"))

# uq_price_variant
_LIST_PRICES = hot(
    text(
        """
        SELECT currency, amount, compare_at FROM price
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY currency
        """
    )
)

# ix_price_offer_variant
_OFFERS = hot(
    text(
        """
        SELECT id, currency, amount, min_quantity, price_group AS "group", channel, starts_at, ends_at FROM
            price_offer
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY currency, id
        """
    )
)

_SET_LIST_PRICES = hot(
    text(
        """
        INSERT INTO price (tenant_id, id, variant_id, currency, amount, compare_at, updated_at)
        SELECT :tenant_id, t.id, t.variant_id, :currency, t.amount, t.compare_at, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:amounts AS bigint[]),
                    CAST(:compare_at AS bigint[])) AS t (id, variant_id, amount, compare_at)
        ON CONFLICT (tenant_id, variant_id, currency) DO UPDATE
            SET amount = excluded.amount, compare_at = excluded.compare_at, updated_at = excluded.updated_at
        """
    )
)

_FORGET_OFFERS = hot(
    text(
        """
        DELETE FROM price_offer
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND currency = :currency
        """
    )
)

_OFFER = hot(
    text(
        """
        INSERT INTO price_offer (tenant_id, id, variant_id, currency, amount, min_quantity, price_group, channel,
                                 starts_at, ends_at)
        VALUES (:tenant_id, :id, :variant_id, :currency, :amount, :min_quantity, CAST(:price_group AS text),
                CAST(:channel AS text), CAST(:starts_at AS timestamptz), CAST(:ends_at AS timestamptz))
        """
    )
)

# uq_price_quote_decision: no row comes back when this decision has promised something already.
_QUOTE = hot(
    text(
        """
        INSERT INTO price_quote (tenant_id, id, holder_id, variant_id, currency, amount, decision_id, quoted_at,
                                 expires_at)
        SELECT :tenant_id, :id, CAST(:holder_id AS uuid), v.id, CAST(:currency AS text), CAST(:amount AS bigint),
               CAST(:decision_id AS uuid), CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz)
        FROM variant v JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = :currency
        WHERE v.tenant_id = :tenant_id AND v.id = :variant_id
        ON CONFLICT (tenant_id, decision_id, holder_id, variant_id) DO NOTHING
        RETURNING id, amount, currency, decision_id, expires_at
        """
    )
)

_QUOTED = hot(
    text(
        """
        SELECT id, amount, currency, decision_id, expires_at FROM price_quote
        WHERE tenant_id = :tenant_id AND decision_id = :decision_id AND holder_id = :holder_id
          AND variant_id = :variant_id
        """
    )
)

# uq_customer_reference
_GROUP_OF = hot(text("SELECT price_group FROM customer WHERE tenant_id = :tenant_id AND id = :id"))

_SET_GROUP = hot(
    text(
        """
        UPDATE customer SET price_group = CAST(:price_group AS text)
        WHERE tenant_id = :tenant_id AND reference = :reference RETURNING id
        """
    )
)


async def read(tx: Tx, sku: str) -> PricesOut:
    """All prices of a variant.

    Raises:
        UnknownSku.
    """
    variant_id = await _variant(tx, sku)
    listed = await tx.rows(_LIST_PRICES, {"variant_id": variant_id})
    offered = await tx.rows(_OFFERS, {"variant_id": variant_id})
    return PricesOut(
        sku=sku,
        variant_id=variant_id,
        list_prices=[ListPriceOut.model_validate(dict(row)) for row in listed],
        offers=[OfferOut.model_validate(dict(row)) for row in offered],
        costs=await costs.known(tx, variant_id),
    )


async def changes(tx: Tx, sku: str, before: UUID | None, limit: int) -> list[PriceChangeOut]:
    """What was changed of a variant's prices, before an id if one is given, the latest first.

    Raises:
        UnknownSku.
    """
    return await history.page(tx, [await _variant(tx, sku)], before, limit)


async def set_list_price(tx: Tx, sku: str, price: ListPriceIn) -> PricesOut:
    """Say what a variant costs when nothing else holds.

    Raises:
        UnknownSku.
    """
    variant_id = await _variant(tx, sku)
    await _set(tx, {variant_id: ListPrice(price.amount, price.compare_at)}, price.currency, by=audit.actor())
    prices = await read(tx, sku)
    await _announce(tx, [variant_id], {variant_id: _said(prices, price.currency)}, price.currency)
    return prices


async def set_cost(tx: Tx, sku: str, cost: CostIn) -> PricesOut:
    """Say what a variant costs the shop, or that nobody knows.

    Raises:
        UnknownSku.
    """
    await costs.say(tx, await _variant(tx, sku), cost)
    return await read(tx, sku)


async def set_list_prices(tx: Tx, prices: Mapping[UUID, ListPrice], currency: str, *, by: str | None) -> None:
    """Say what many variants cost, in as many statements as for one; those that cost that already stay as they are.

    `by` is the principal whose word it is.
    """
    if prices:
        changed, after = await _set(tx, prices, currency, by=by)
        await announce_changed(tx, changed, after, currency)


async def announce_changed(tx: Tx, changed: Sequence[UUID], said: Mapping[UUID, Said], currency: str) -> None:
    """Let everybody know what variants cost from now on."""
    await _announce(tx, changed, _told(said), currency)


def first_prices(
    prices: Mapping[UUID, ListPrice], currency: str, *, by: str | None
) -> Iterator[tuple[HotStatement, Mapping[str, Any]]]:
    """What `set_list_prices` has the database do of variants that the same transaction makes."""
    if not prices:
        return
    amounts, struck = [one.amount for one in prices.values()], [one.compare_at for one in prices.values()]
    yield history.beginnings(list(prices), amounts, struck, currency, by=by)
    facts = [
        (PricesChanged(variant_id=one, currency=currency, list_price=price.amount, offers=[]), one)
        for one, price in prices.items()
    ]
    yield announcement(facts)


async def set_offers(tx: Tx, sku: str, body: OffersIn, *, seen: Sequence[UUID] | None = None) -> PricesOut:
    """Put a variant's offers in a currency in place of those it had; only if they were `seen`, where that is said.

    Raises:
        UnknownSku, NoListPrice, BadWindow: the offers stay as they were.
        OffersChanged: so they do where it has others than were seen.
        ChannelUnknown: an offer names a sales channel that the shop hasn't got, or sells nothing on any more.
    """
    variant_id = await _variant(tx, sku)
    await channels.require_open(tx, *(offer.channel for offer in body.offers))
    which = {"variant_id": variant_id, "currency": body.currency}
    # Two who set the offers at once don't leave those of both.
    await history.alone(tx, [variant_id])
    if seen is not None and {*seen} != await _offered(tx, variant_id, body.currency):
        raise OffersChanged
    before = await history.said(tx, [variant_id], body.currency)
    if not before:
        raise NoListPrice(currency=body.currency)
    await tx.rows(_FORGET_OFFERS, which)
    for offer in body.offers:
        _require_window(offer)
        said = offer.model_dump()
        await tx.rows(_OFFER, {**said, **which, "id": new_id(), "price_group": said["group"]})
    after = await history.said(tx, [variant_id], body.currency)
    await history.keep(tx, body.currency, before, after, by=audit.actor())
    prices = await read(tx, sku)
    await _announce(tx, [variant_id], {variant_id: _said(prices, body.currency)}, body.currency)
    return prices


async def _offered(tx: Tx, variant_id: UUID, currency: str) -> set[UUID]:
    rows = await tx.rows(_OFFERS, {"variant_id": variant_id})
    return {row["id"] for row in rows if row["currency"] == currency}


async def quote(tx: Tx, promise: QuoteIn) -> QuoteOut:
    """Promise a shopper a price until a time: it is honoured till then, whatever becomes of the others.

    The same decision asked for again gives the quote that there is.

    Raises:
        BadWindow: it would have ended already.
        NoListPrice: the variant is not sold in that currency, or does not exist.
        QuoteDiffers: the decision has promised something else for the variant.
    """
    now = clock.now()
    if promise.expires_at <= now:
        raise BadWindow
    values = promise.model_dump()
    made = await tx.one(_QUOTE, {**values, "id": new_id(), "now": now})
    if made is not None:
        said = QuoteOut.model_validate(dict(made))
        await _announce_quote(tx, promise, said)
        return said
    there = await tx.one(_QUOTED, values)
    if there is None:
        raise NoListPrice(currency=promise.currency)
    said = QuoteOut.model_validate(dict(there))
    if (said.amount, said.currency, said.expires_at) != (promise.amount, promise.currency, promise.expires_at):
        raise QuoteDiffers(amount=said.amount)
    return said


async def group_of(tx: Tx, customer_id: UUID) -> str | None:
    """The price group of a customer."""
    row = await tx.one(_GROUP_OF, {"id": customer_id})
    return None if row is None else row["price_group"]


async def set_group(tx: Tx, reference: str, group: str | None) -> CustomerGroupOut:
    """Say which group of customers somebody belongs to, for prices; `None` takes them out.

    Raises:
        UnknownCustomer.
    """
    if await tx.one(_SET_GROUP, {"reference": reference, "price_group": group}) is None:
        raise UnknownCustomer(reference=reference)
    return CustomerGroupOut(reference=reference, group=group)


def _listed(prices: Mapping[UUID, ListPrice], currency: str) -> dict[str, Any]:
    return {
        "ids": [new_id() for _ in prices],
        "variant_ids": list(prices),
        "amounts": [one.amount for one in prices.values()],
        "compare_at": [one.compare_at for one in prices.values()],
        "currency": currency,
        "now": clock.now(),
    }


async def _set(
    tx: Tx, prices: Mapping[UUID, ListPrice], currency: str, *, by: str | None
) -> tuple[list[UUID], Mapping[UUID, Said]]:
    """Write what variants cost; which of them cost something else then, and what is said of them."""
    await history.alone(tx, list(prices))
    before = await history.said(tx, list(prices), currency)
    await tx.rows(_SET_LIST_PRICES, _listed(prices, currency))
    after = await history.said(tx, list(prices), currency)
    return await history.keep(tx, currency, before, after, by=by), after


async def _announce(tx: Tx, changed: Sequence[UUID], said: Mapping[UUID, PriceSaid], currency: str) -> None:
    await announce_many(tx, [(_changed(one, currency, said[one]), one) for one in changed])


def _told(said: Mapping[UUID, Said]) -> dict[UUID, PriceSaid]:
    return {one: PriceSaid.model_validate_json(told.body) for one, told in said.items()}


def _said(prices: PricesOut, currency: str) -> PriceSaid:
    listed = next(one for one in prices.list_prices if one.currency == currency)
    offers = [one for one in prices.offers if one.currency == currency]
    return PriceSaid(
        amount=listed.amount,
        compare_at=listed.compare_at,
        offers=[OfferSaid(**one.model_dump(exclude={"id", "currency"})) for one in offers],
    )


def _changed(variant_id: UUID, currency: str, said: PriceSaid) -> PricesChanged:
    offers = [OfferedPrice(**dict(offer)) for offer in said.offers]
    return PricesChanged(variant_id=variant_id, currency=currency, list_price=said.amount, offers=offers)


async def _announce_quote(tx: Tx, promise: QuoteIn, said: QuoteOut) -> None:
    fact = PriceQuoted(
        quote_id=said.id,
        variant_id=promise.variant_id,
        currency=said.currency,
        amount=said.amount,
        expires_at=said.expires_at,
    )
    event = record(fact, tenant_id=tx.tenant_id, aggregate_id=said.id, decision_id=said.decision_id)
    await announce(tx, [event])


def _require_window(offer: OfferIn) -> None:
    if offer.starts_at is not None and offer.ends_at is not None and offer.ends_at <= offer.starts_at:
        raise BadWindow


async def _variant(tx: Tx, sku: str) -> UUID:
    row = await tx.one(_VARIANT, {"sku": sku})
    if row is None:
        raise UnknownSku(sku=sku)
    found: UUID = row["id"]
    return found
