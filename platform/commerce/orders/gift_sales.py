"""Gift cards sold as goods: good for their price once they are sent, and void when they are given back.

What buys a card is owed to whoever holds it, so it is posted against `gift_cards_sold` and taxed when it is spent. The
code is made when its buyer asks to see it, and shown once: until then nobody knows it, and afterwards only its hash is
kept. A card that was spent from is not given back as a unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders.held import Actor, Held, enter, hold, tell
from commerce.stored_value import codes
from commerce.stored_value import service as stored_value
from commerce.stored_value.movements import account_for, move
from commerce.stored_value.service import GiftCardNotFound, Issue
from commerce.taxes.schemas import GIFT_CARDS
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.events import GiftCardDelivered
from foundation.ids import new_id

SOLD = "gift_cards_sold"
"""The ledger's account of what was taken for cards, which is no revenue yet."""


class ProductNotFound(NotFound):
    """There is no such product."""

    code = "gift_cards.product_not_found"


class NotPaidYet(Conflict):
    """A gift card is not sent before its money is here."""

    code = "gift_cards.not_paid_yet"


class GiftCardUsed(Conflict):
    """Fewer cards of the line are as good as they were sold; give an amount back instead."""

    code = "gift_cards.used"

    line_id: UUID
    quantity: int
    possible: int


class CodeShown(Conflict):
    """The code was shown before, and is not kept."""

    code = "gift_cards.code_shown"


# uq_product_handle
_MARK = hot(
    text(
        """
        UPDATE product SET gift_card = :gift_card, tax_class = :tax_class, version = version + 1
        WHERE tenant_id = :tenant_id AND handle = :handle RETURNING id
        """
    )
)

# The primary keys. What replaces a card at no charge is good for what it would have cost.
_GIFTS = hot(
    text(
        """
        SELECT l.id, o.currency,
               CASE WHEN l.unit_price > 0 THEN l.unit_price
                    ELSE (l.explanation->'price'->>'list_price')::bigint END AS worth
        FROM order_line l
        JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        JOIN product p ON p.tenant_id = l.tenant_id AND p.id = l.product_id AND p.gift_card
        WHERE l.tenant_id = :tenant_id AND l.id = ANY(CAST(:line_ids AS uuid[])) ORDER BY l.id
        """
    )
)

_SELL = hot(
    text(
        """
        INSERT INTO sold_gift_card (tenant_id, id, order_id, order_line_id, value_id, delivered_at)
        SELECT :tenant_id, c.id, :order_id, c.line_id, c.value_id, CAST(:at AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:value_ids AS uuid[]))
             AS c (id, line_id, value_id)
        """
    )
)

# ix_sold_gift_card_line. A line of cards none of which is untouched has a row without one.
_UNTOUCHED = hot(
    text(
        """
        SELECT l.id AS line_id, c.value_id, c.issued FROM order_line l
        JOIN product p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
        LEFT JOIN LATERAL (
            SELECT s.value_id, v.issued FROM sold_gift_card s
            JOIN stored_value v ON v.tenant_id = s.tenant_id AND v.id = s.value_id AND v.available = v.issued
            WHERE s.tenant_id = l.tenant_id AND s.order_line_id = l.id) c ON true
        WHERE l.tenant_id = :tenant_id AND l.id = ANY(CAST(:line_ids AS uuid[]))
          AND (p.gift_card OR EXISTS (SELECT FROM sold_gift_card s
                                      WHERE s.tenant_id = l.tenant_id AND s.order_line_id = l.id))
        ORDER BY c.value_id
        """
    )
)

# uq_sold_gift_card_value. No row comes back when the code was shown before.
_SHOW = hot(
    text(
        """
        WITH shown AS (
            UPDATE sold_gift_card SET shown_at = CAST(:at AS timestamptz)
            WHERE tenant_id = :tenant_id AND value_id = :card_id AND order_id = :order_id AND shown_at IS NULL
            RETURNING value_id)
        UPDATE stored_value v SET code_hash = CAST(:code_hash AS bytea), code_ending = :code_ending
        FROM shown WHERE v.tenant_id = :tenant_id AND v.id = shown.value_id RETURNING v.id
        """
    )
)

_LET_SHOW = hot(
    text(
        """
        UPDATE sold_gift_card SET shown_at = NULL
        WHERE tenant_id = :tenant_id AND value_id = :card_id AND order_id = :order_id RETURNING id
        """
    )
)

_SOLD = hot(
    text("SELECT FROM sold_gift_card WHERE tenant_id = :tenant_id AND value_id = :card_id AND order_id = :order_id")
)


async def mark(tx: Tx, handle: str, *, gift_card: bool) -> None:
    """Say that a product is a gift card, or not any more. As one it is not taxed when it is sold.

    Raises:
        ProductNotFound.
    """
    values = {"handle": handle, "gift_card": gift_card, "tax_class": GIFT_CARDS if gift_card else "standard"}
    if await tx.one(_MARK, values) is None:
        raise ProductNotFound


async def deliver(held: Held, units: Mapping[UUID, int], actor: Actor) -> None:
    """Some units were sent: those that are gift cards become good.

    Raises:
        NotPaidYet: the order's money is still to come; the transaction has to be rolled back.
    """
    gifts = await held.tx.rows(_GIFTS, {"line_ids": list(units)})
    if not gifts:
        return
    if held.states.payment == "due":
        raise NotPaidYet
    sold: list[GiftCardDelivered] = []
    for gift in gifts:
        for _ in range(units[gift["id"]]):
            issued = Issue("gift_card", gift["worth"], gift["currency"], SOLD, "sold", code=codes.new_code())
            card_id = new_id()
            await stored_value.issue(held.tx, issued, value_id=card_id, actor=actor.name)
            sold.append(
                GiftCardDelivered(
                    order_id=held.id,
                    line_id=gift["id"],
                    card_id=card_id,
                    amount=gift["worth"],
                    currency=gift["currency"],
                )
            )
    await held.tx.rows(
        _SELL,
        {
            "order_id": held.id,
            "at": clock.now(),
            "ids": [new_id() for _ in sold],
            "line_ids": [card.line_id for card in sold],
            "value_ids": [card.card_id for card in sold],
        },
    )
    await enter(held, "gift_cards_delivered", actor, cards=[str(card.card_id) for card in sold])
    await tell(held, actor, *sold)


async def void(held: Held, units: Mapping[UUID, int], actor: Actor, reason: str) -> None:
    """Units are given back: as many cards, none of which was spent from, are good for nothing any more.

    Raises:
        GiftCardUsed: there are not so many; the transaction has to be rolled back.
        NotMovable: one is being spent at this moment.
    """
    rows = await held.tx.rows(_UNTOUCHED, {"line_ids": [line_id for line_id, quantity in units.items() if quantity]})
    by_line: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in rows:
        by_line[row["line_id"]].update({row["value_id"]: row["issued"]} if row["value_id"] else {})
    amounts: dict[UUID, int] = {}
    for line_id, untouched in by_line.items():
        if len(untouched) < units[line_id]:
            raise GiftCardUsed(line_id=line_id, quantity=units[line_id], possible=len(untouched))
        amounts.update(list(untouched.items())[: units[line_id]])
    if amounts:
        moved = await move(held.tx, "withdrawn", amounts, actor=actor.name, reason=reason)
        await account_for(held.tx, "withdrawn", moved)
        await enter(held, "gift_cards_voided", actor, note=reason, cards=[str(card_id) for card_id in amounts])


async def show(tx: Tx, order_id: UUID, card_id: UUID, actor: Actor, *, owner: Shopper) -> str:
    """The code of a card that a shopper bought, made now; it is good from now on, and shown this once.

    Raises:
        OrderNotFound, GiftCardNotFound, CodeShown.
    """
    held = await hold(tx, order_id, owner=owner)
    code = codes.new_code()
    values = {"code_hash": codes.hash_of(code), "code_ending": codes.ending_of(code), "at": clock.now()}
    if await tx.one(_SHOW, {"card_id": card_id, "order_id": order_id, **values}) is None:
        if await tx.one(_SOLD, {"card_id": card_id, "order_id": order_id}) is None:
            raise GiftCardNotFound
        raise CodeShown
    await enter(held, "gift_card_shown", actor, card_id=card_id)
    return code


async def let_show(tx: Tx, order_id: UUID, card_id: UUID, actor: Actor) -> None:
    """Let the buyer of a card see a code once more: a new one, with which the former is good for nothing.

    Raises:
        OrderNotFound, GiftCardNotFound.
    """
    held = await hold(tx, order_id)
    if await tx.one(_LET_SHOW, {"card_id": card_id, "order_id": order_id}) is None:
        raise GiftCardNotFound
    await enter(held, "gift_card_renewed", actor, card_id=card_id)
