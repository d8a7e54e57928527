"""An order held against everyone else for a transaction: its lines are counted, its states follow, its timeline grows.

Whatever changes an order takes its row first, then payments, then reservations and stock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.cart.wrapping import shares_of
from commerce.documents import issuing
from commerce.giving import service as giving
from commerce.identity.service import Shopper
from commerce.orders.lines import Line, UnknownLine, at_most, by_line, gift_of
from commerce.orders.states import CAPTURED, Role, States, fulfilment_state, payment_state, require, return_state
from commerce.payments import settlement
from commerce.payments.settlement import Balance
from commerce.policies.limits import NONE, Giver, Limits
from commerce.vendors import earning
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import NotFound, Unprocessable
from foundation.events import Context, LineUnits, OrderRestated, Payload, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.veil import Personal


class OrderNotFound(NotFound):
    """You have no such order."""

    code = "orders.not_found"


class NoCustomer(Unprocessable):
    """The order is a guest's, and store credit needs a customer."""

    code = "orders.no_customer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something to an order."""

    role: Role
    name: str
    """As the timeline has it."""
    context: Context | None = None
    giver: Giver | None = None
    """In whose name they give value away; shoppers, of whom nobody acts as one, and the system give none."""

    @property
    def limits(self) -> Limits:
        """What bounds them."""
        return self.giver.limits if self.giver is not None else NONE


SYSTEM = Actor("system", "system")


def by_shopper(shopper: Shopper) -> Actor:
    """The shopper whose order it is, or one of the staff who acts as them, under their own name."""
    name = f"acting:member {shopper.acting.membership_id}" if shopper.acting else "shopper"
    giver = shopper.acting.giver if shopper.acting else None
    return Actor("shopper", name, shopper.context(), giver)


@dataclass(slots=True)
class Held:
    """An order in a transaction that holds its row."""

    tx: Tx
    id: UUID
    customer_id: UUID | None
    currency: str
    total: int
    credited: int
    invoice_on: str | None
    """When the shop invoices its orders, if it does."""
    states: States
    lines: dict[UUID, Line]
    version: int
    told_owed: tuple[int, int] = field(init=False)
    """The total and what is credited of it, as it was last announced."""

    def __post_init__(self) -> None:
        self.told_owed = self.total, self.credited

    def require(self, action: str, actor: Actor) -> None:
        """Stop unless the actor can do that now.

        Raises:
            IllegalTransition.
        """
        require(self.states, action, actor.role)

    def line(self, line_id: UUID) -> Line:
        """A line of the order.

        Raises:
            UnknownLine.
        """
        if line_id not in self.lines:
            raise UnknownLine(line_id=line_id)
        return self.lines[line_id]


OWNED = """
    (CAST(:anyone AS boolean) OR o.customer_id = CAST(:customer_id AS uuid)
     OR (CAST(:customer_id AS uuid) IS NULL AND o.customer_id IS NULL AND o.visitor_id = CAST(:visitor_id AS uuid)))
"""
"""An order `o` is the one's who asks: a customer's own, or a visitor's who had not signed in."""

# The primary key; the owner is checked where the row is locked.
_HOLD = hot(
    text(
        f"""
        SELECT o.id, o.customer_id, o.currency, o.total, o.credited, o.tax_included, o.payment_state,
               o.fulfilment_state, o.return_state, o.version, o.gift::text,
               o.fees + CASE WHEN o.tax_included THEN 0 ELSE o.fees_tax END AS fees,
               (SELECT i.invoice_on FROM document_issuer i WHERE i.tenant_id = o.tenant_id) AS invoice_on
        FROM orders o
        WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND {OWNED} FOR UPDATE
        """  # noqa: S608  (the fragment is a literal of this module)
    )
)

# ix_order_line_order
_LINES = hot(
    text(
        """
        SELECT id, product_id, variant_id, quantity,
               total + CASE WHEN CAST(:tax_included AS boolean) THEN 0 ELSE tax END AS total,
               fulfilled, cancelled, in_return, returned, credited, vendor_id, consignment_id,
               components::text, tax, claimed, compensated, gift::text
        FROM order_line WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY id
        """
    )
)

_SAVE_LINES = hot(
    text(
        """
        UPDATE order_line l SET fulfilled = u.fulfilled, cancelled = u.cancelled, in_return = u.in_return,
                                returned = u.returned, credited = u.credited, claimed = u.claimed,
                                compensated = u.compensated
        FROM unnest(CAST(:ids AS uuid[]), CAST(:fulfilled AS bigint[]), CAST(:cancelled AS bigint[]),
                    CAST(:in_return AS bigint[]), CAST(:returned AS bigint[]), CAST(:credited AS bigint[]),
                    CAST(:claimed AS bigint[]), CAST(:compensated AS bigint[]))
             AS u (id, fulfilled, cancelled, in_return, returned, credited, claimed, compensated)
        WHERE l.tenant_id = :tenant_id AND l.id = u.id
        """
    )
)

_FACTS = hot(
    text(
        f"""
        SELECT ARRAY(SELECT status FROM fulfilment WHERE tenant_id = :tenant_id AND order_id = :order_id) AS parcels,
               EXISTS (SELECT FROM order_return WHERE tenant_id = :tenant_id AND order_id = :order_id
                       AND status IN ('requested', 'approved')) AS is_returning, balance.*
        FROM ({settlement.BALANCE}) balance
        """  # noqa: S608  (the fragment is a literal of its module)
    )
)

_STATES = """
    UPDATE orders SET credited = :credited, status = :status, payment_state = :payment_state,
                      fulfilment_state = :fulfilment_state, return_state = :return_state, version = :version
    WHERE tenant_id = :tenant_id AND id = :order_id
"""
_ENTRY = """
    INSERT INTO order_entry (tenant_id, id, order_id, kind, actor, note, data, visible, at)
    VALUES (:tenant_id, :entry_id, :order_id, :kind, :actor, :note, CAST(CAST(:data AS text) AS jsonb), :visible,
            CAST(:at AS timestamptz))
"""
_SAVE = hot(text(_STATES))
_ENTER = hot(text(_ENTRY))
_SAVE_AND_ENTER = hot(text(f"WITH entered AS ({_ENTRY}) {_STATES}"))

# ix_order_change_order
_KEPT_BACK = hot(
    text(
        """
        SELECT coalesce(sum(kept_back), 0)::bigint AS amount FROM order_change
        WHERE tenant_id = :tenant_id AND order_id = :order_id
        """
    )
)


def whose(owner: Shopper | None) -> dict[str, object]:
    """The values `OWNED` takes; no owner is anyone."""
    return {
        "anyone": owner is None,
        "customer_id": owner.customer_id if owner else None,
        "visitor_id": owner.visitor_id if owner else None,
    }


async def hold(tx: Tx, order_id: UUID, *, owner: Shopper | None = None) -> Held:
    """Take an order; with an `owner`, only if it is theirs.

    Raises:
        OrderNotFound.
    """
    order = await tx.one(_HOLD, {"order_id": order_id, **whose(owner)})
    if order is None:
        raise OrderNotFound
    rows = await tx.rows(_LINES, {"order_id": order_id, "tax_included": order["tax_included"]})
    wraps = shares_of(order["fees"], gift_of(order["gift"]), [gift_of(row["gift"]) for row in rows])
    lines = [
        Line(**{name: value for name, value in row.items() if name != "gift"}, wrap=wrap)
        for row, wrap in zip(rows, wraps, strict=True)
    ]
    states = States(order["payment_state"], order["fulfilment_state"], order["return_state"])
    by_id = {line.id: line for line in lines}
    return Held(
        tx,
        order["id"],
        order["customer_id"],
        order["currency"],
        order["total"],
        order["credited"],
        order["invoice_on"],
        states,
        by_id,
        order["version"],
    )


async def save(held: Held) -> None:
    """Write the lines and what follows for the order's states; it is another version then."""
    held.version += 1
    lines = list(held.lines.values())
    await held.tx.rows(
        _SAVE_LINES,
        {
            "ids": [line.id for line in lines],
            "fulfilled": [line.fulfilled for line in lines],
            "cancelled": [line.cancelled for line in lines],
            "in_return": [line.in_return for line in lines],
            "returned": [line.returned for line in lines],
            "credited": [line.credited for line in lines],
            "claimed": [line.claimed for line in lines],
            "compensated": [line.compensated for line in lines],
        },
    )
    await save_states(held)


async def save_states(held: Held) -> None:
    """Write what follows for the order's states, its lines being as they were."""
    await _save(held, _SAVE, {})


async def save_and_enter(held: Held, kind: str, actor: Actor, *, note: str = "", **data: Any) -> None:
    """`save_states` and `enter`, in one statement."""
    await _save(held, _SAVE_AND_ENTER, _entry(held, kind, actor, note=note, data=data))


async def _save(held: Held, statement: HotStatement, entry: Mapping[str, Any]) -> None:
    held.states = await derived(held)
    await held.tx.rows(
        statement,
        {
            "order_id": held.id,
            "credited": held.credited,
            "status": held.states.status,
            "payment_state": held.states.payment,
            "fulfilment_state": held.states.fulfilment,
            "return_state": held.states.returns,
            "version": held.version,
            **entry,
        },
    )
    if held.told_owed != (held.total, held.credited):
        await _restate(held)
    if held.states.payment in CAPTURED:
        await earning.accrue(held.tx, held.id, _kept_by_vendor(held))
    if held.invoice_on is not None:
        await _invoice(held)


async def _restate(held: Held) -> None:
    held.told_owed = held.total, held.credited
    fact = OrderRestated(order_id=held.id, currency=held.currency, total=held.total, credited=held.credited)
    await tell(held, SYSTEM, fact)


def _kept_by_vendor(held: Held) -> dict[UUID, int]:
    kept: dict[UUID, int] = {}
    for line in held.lines.values():
        if line.vendor_id is not None:
            kept[line.vendor_id] = kept.get(line.vendor_id, 0) + line.kept
    return kept


async def _invoice(held: Held) -> None:
    """Bring the order's invoices and credit notes up to what it has become."""
    paid = held.states.payment in CAPTURED
    sent = any(line.fulfilled for line in held.lines.values())
    for issued in await issuing.keep_up(held.tx, held.id, due=paid if held.invoice_on == "captured" else sent):
        await enter(held, issued.kind, SYSTEM, document_id=issued.id, number=issued.number, amount=issued.total)


async def enter(held: Held, kind: str, actor: Actor, *, note: str = "", visible: bool = False, **data: Any) -> None:
    """Put something into the order's timeline; its shopper sees the note when it is `visible`."""
    await held.tx.rows(_ENTER, _entry(held, kind, actor, note=note, visible=visible, data=data))


def _entry(
    held: Held, kind: str, actor: Actor, *, note: str, visible: bool = False, data: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "entry_id": new_id(),
        "order_id": held.id,
        "kind": kind,
        "actor": actor.name,
        "note": Personal(held.id, note),
        "data": json.dumps(data, default=str),
        "visible": visible,
        "at": clock.now(),
    }


async def tell(held: Held, actor: Actor, *said: Payload) -> None:
    """Announce what happened to the order."""
    tenant_id = held.tx.tenant_id
    events = [record(fact, tenant_id=tenant_id, aggregate_id=held.id, context=actor.context) for fact in said]
    await announce(held.tx, events)


async def credit(held: Held, actor: Actor, amount: int, *, given: int | None = None) -> int:
    """The shopper owes so much less (minor units); never more than the whole. Gives what it came to.

    It counts against the actor's limit, or at most `given` of it does.

    Raises:
        RefundTooMuch: it is more than the actor may give back; nothing is credited.
    """
    added = min(amount, held.total - held.credited)
    await give(held, actor, added if given is None else min(added, given))
    held.credited += added
    return added


async def give(held: Held, actor: Actor, amount: int) -> None:
    """The actor gives so much (minor units) of the order away: what counts against a limit, if they have one.

    Raises:
        RefundTooMuch.
    """
    if actor.giver is not None:
        await giving.give(held.tx, actor.giver, amount, held.currency, order_id=held.id)


async def start_due_refunds(held: Held, *, reason: str, to: str | None = None) -> bool:
    """Start to give back what was captured beyond what is owed, and is not on its way back yet; `False` when that is
    nothing.

    What an exchange keeps back until it is paid stays. The rest goes back to where it came from, or to what `to` names.
    What has not come yet, because the goods went before the money or it could not be captured, need not come so far;
    what is in dispute is not given back while it is, nor when the dispute was lost.

    Raises:
        NoCustomer: it can't become store credit.
    """
    if to is not None and held.customer_id is None:
        raise NoCustomer
    balance = await settlement.balance(held.tx, held.id)
    to_come = balance.due + balance.failing
    too_much = balance.captured + to_come - balance.set_aside - (held.total - held.credited) - await _kept_back(held)
    spared = min(max(too_much, 0), to_come)
    if spared:
        await settlement.spare(held.tx, held.id, spared)
    due = min(too_much - spared, balance.refundable)
    if due > 0:
        await settlement.start_refunds(held.tx, held.id, due, reason=reason, to=to)
    return due > 0 or spared > 0


async def _kept_back(held: Held) -> int:
    row = await held.tx.one(_KEPT_BACK, {"order_id": held.id})
    return row["amount"] if row else 0


def by_variant(held: Held, units: Mapping[UUID, int]) -> dict[UUID, int]:
    """Units of stock by variant, of units by line: a bundle's are its components'."""
    wanted = Counter[UUID]()
    for line_id, quantity in units.items():
        for need in held.line(line_id).needs:
            wanted[need.variant_id] += quantity * need.quantity
    return dict(wanted)


def open_units(held: Held, asked: Iterable[tuple[UUID, int]] | None) -> dict[UUID, int]:
    """The units by line that are meant: those asked for, or all that have neither left nor been cancelled.

    Raises:
        UnknownLine, TooManyUnits.
    """
    if asked is None:
        return {line.id: line.open for line in held.lines.values() if line.open}
    units = by_line(asked)
    for line_id, quantity in units.items():
        at_most(line_id, quantity, held.line(line_id).open)
    return units


def told(held: Held, units: Mapping[UUID, int]) -> list[LineUnits]:
    """Units by line as an event has them."""
    return [
        LineUnits(line_id=line.id, product_id=line.product_id, variant_id=line.variant_id, quantity=units[line.id])
        for line in held.lines.values()
        if units.get(line.id)
    ]


async def derived(held: Held) -> States:
    """The states that follow from the order's lines as they are held, its parcels, returns and payments."""
    facts = await held.tx.one(_FACTS, {"order_id": held.id})
    if facts is None:
        raise RuntimeError("an aggregate gave no row")
    money = dict(facts)
    parcels, is_returning = money.pop("parcels"), money.pop("is_returning")
    lines = held.lines.values()
    fulfilled = sum(line.fulfilled for line in lines)
    return States(
        payment=payment_state(Balance(**money)),
        fulfilment=fulfilment_state(
            sum(line.quantity for line in lines), sum(line.cancelled for line in lines), fulfilled, parcels
        ),
        returns=return_state(fulfilled, sum(line.returned for line in lines), is_open=is_returning),
    )
