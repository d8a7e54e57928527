"""Changes to orders as they are kept: a row for each, and one that never changes for each of its actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter
from sqlalchemy import text

from commerce.cart.terms import TaxAmount
from commerce.orders.change_schemas import Preview
from commerce.orders.changes import Added, Change, Moved
from commerce.orders.held import Held
from commerce.pricing.schemas import ItemPrice
from commerce.taxes.schemas import TaxEngineOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.veil import ADDRESSES, CHANGE, Personal


class ChangeNotFound(NotFound):
    """The order has no such change."""

    code = "orders.change_not_found"


class ChangeOver(Conflict):
    """The change was confirmed or cancelled, or its time has run out."""

    code = "orders.change_over"

    state: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A change as it is kept."""

    id: UUID
    kind: str
    status: str
    version: int
    """The version of the order that it was made of."""
    asked: int
    """Minor units to be paid before it is applied."""
    return_id: UUID | None
    """The return that an exchange is about."""
    note: str
    preview: Preview
    """What it makes of the order."""
    expires_at: datetime
    change: Change


_OPEN = hot(
    text(
        """
        WITH opened AS (
            INSERT INTO order_change (tenant_id, id, order_id, kind, version, return_id, note, preview, retaxed,
                                      created_at, updated_at, expires_at)
            VALUES (:tenant_id, :id, :order_id, :kind, :version, CAST(:return_id AS uuid), :note,
                    CAST(CAST(:preview AS text) AS jsonb), :retaxed,
                    CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:expires_at AS timestamptz)))
        INSERT INTO order_change_action (tenant_id, id, change_id, kind, line_id, quantity, data)
        SELECT :tenant_id, a.id, :id, a.kind, a.line_id, a.quantity, CAST(a.data AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:line_ids AS uuid[]),
                    CAST(:quantities AS bigint[]), CAST(:data AS text[])) AS a (id, kind, line_id, quantity, data)
        """
    )
)

_FIND = hot(
    text(
        """
        SELECT id, kind, status, version, asked, return_id, note, preview::text AS preview, expires_at
        FROM order_change WHERE tenant_id = :tenant_id AND id = :change_id AND order_id = :order_id
        """
    )
)

# ix_order_change_order
_OF_RETURN = hot(
    text(
        """
        SELECT id, kind, status, version, asked, return_id, note, preview::text AS preview, expires_at
        FROM order_change WHERE tenant_id = :tenant_id AND order_id = :order_id AND return_id = :return_id
        """
    )
)

# ix_order_change_action_change
_ACTIONS = hot(
    text(
        """
        SELECT kind, line_id, quantity, data::text AS data FROM order_change_action
        WHERE tenant_id = :tenant_id AND change_id = :change_id ORDER BY id
        """
    )
)

# No row comes back when the change was in another state.
_BECOME = hot(
    text(
        """
        UPDATE order_change SET status = :status, asked = :asked, kept_back = :kept_back,
                                updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :change_id AND status = :was RETURNING id
        """
    )
)

# ix_order_change_expiry
_LAPSED = hot(
    text(
        """
        SELECT c.id, c.order_id FROM order_change c
        JOIN orders o ON o.tenant_id = c.tenant_id AND o.id = c.order_id
        WHERE c.tenant_id = :tenant_id AND c.status = 'awaiting_payment'
          AND (c.expires_at <= CAST(:now AS timestamptz) OR (c.kind = 'edit' AND c.version <> o.version))
        ORDER BY c.expires_at LIMIT :limit
        """
    )
)


async def open_change(
    held: Held,
    kind: str,
    change: Change,
    preview: Preview,
    *,
    note: str,
    expires_at: datetime,
    return_id: UUID | None = None,
    retaxed: int = 0,
) -> UUID:
    """Keep a new change, and what its addresses make of the order's total; gives its id."""
    change_id = new_id()
    actions = _actions(change)
    await held.tx.rows(
        _OPEN,
        {
            "id": change_id,
            "order_id": held.id,
            "kind": kind,
            "version": held.version,
            "return_id": return_id,
            "note": Personal(held.id, note),
            "preview": Personal(held.id, preview.model_dump_json(), ADDRESSES),
            "retaxed": retaxed,
            "at": clock.now(),
            "expires_at": expires_at,
            "ids": [new_id() for _ in actions],
            "kinds": [kind for kind, _, _, _ in actions],
            "line_ids": [line_id for _, line_id, _, _ in actions],
            "quantities": [quantity for _, _, quantity, _ in actions],
            "data": Personal(held.id, [json.dumps(data) for _, _, _, data in actions], CHANGE),
        },
    )
    return change_id


async def find(tx: Tx, order_id: UUID, change_id: UUID) -> Kept:
    """A change of an order's.

    Raises:
        ChangeNotFound.
    """
    row = await tx.one(_FIND, {"order_id": order_id, "change_id": change_id})
    if row is None:
        raise ChangeNotFound
    return await _read(tx, row)


async def of_return(tx: Tx, order_id: UUID, return_id: UUID) -> Kept | None:
    """What is wanted for a return, if anything is."""
    row = await tx.one(_OF_RETURN, {"order_id": order_id, "return_id": return_id})
    return None if row is None else await _read(tx, row)


async def become(tx: Tx, change_id: UUID, status: str, *, was: str, asked: int = 0, kept_back: int = 0) -> None:
    """Take a change from one state to another.

    Raises:
        ChangeOver: it is in another state by now.
    """
    values = {"change_id": change_id, "status": status, "was": was, "asked": asked, "kept_back": kept_back}
    if await tx.one(_BECOME, {**values, "now": clock.now()}) is None:
        raise ChangeOver(state=status)


async def lapsed(tx: Tx, *, limit: int = 50) -> Sequence[tuple[UUID, UUID]]:
    """Changes nobody paid for in time, or whose order has moved on: their ids, and their orders'."""
    rows = await tx.rows(_LAPSED, {"now": clock.now(), "limit": limit})
    return [(row["id"], row["order_id"]) for row in rows]


async def _read(tx: Tx, row: asyncpg.Record) -> Kept:
    actions = await tx.rows(_ACTIONS, {"change_id": row["id"]})
    read = [(action["kind"], action["line_id"], action["quantity"], orjson.loads(action["data"])) for action in actions]
    said = {**row, "preview": Preview.model_validate_json(row["preview"])}
    return Kept(**said, change=_change(read))


_MOVED = TypeAdapter(Moved)
Action = tuple[str, UUID | None, int | None, dict[str, Any]]


def _actions(change: Change) -> list[Action]:
    actions: list[Action] = [("remove", line_id, quantity, {}) for line_id, quantity in change.removed.items()]
    for added in change.added:
        data: dict[str, Any] = {
            "variant_id": str(added.variant_id),
            "product_id": str(added.product_id),
            "vendor_id": str(added.vendor_id) if added.vendor_id else None,
            "sku": added.sku,
            "title": added.title,
            "price": added.price.model_dump(mode="json"),
            "taxes": [asdict(tax) for tax in added.taxes],
            "consignment_id": str(added.consignment_id) if added.consignment_id else None,
            "promised_on": added.promised_on.isoformat() if added.promised_on else None,
            "components": added.components,
        }
        actions.append(("add", added.line_id, added.quantity, data))
    actions += [("address", None, None, _MOVED.dump_python(moved, mode="json")) for moved in change.moved]
    if change.delivery_note is not None:
        actions.append(("delivery_note", None, None, {"text": change.delivery_note}))
    if change.engine is not None:
        actions.append(("tax_engine", None, None, change.engine.model_dump(mode="json")))
    return actions


def _change(actions: Sequence[Action]) -> Change:
    said = {kind: data for kind, _, _, data in actions}
    return Change(
        added=[_added(line_id, units, data) for kind, line_id, units, data in actions if kind == "add"],
        removed={
            line_id: units or 0 for kind, line_id, units, _ in actions if kind == "remove" and line_id is not None
        },
        moved=[_moved(data) for kind, _, _, data in actions if kind == "address"],
        delivery_note=said["delivery_note"]["text"] if "delivery_note" in said else None,
        engine=TaxEngineOut.model_validate(said["tax_engine"]) if "tax_engine" in said else None,
    )


def _moved(data: dict[str, Any]) -> Moved:
    """An address that was kept alone, before it could bring taxes of its own, is that of the whole order."""
    return _MOVED.validate_json(orjson.dumps(data)) if "address" in data else Moved(None, data)


def _added(line_id: UUID | None, quantity: int | None, data: dict[str, Any]) -> Added:
    if line_id is None or quantity is None:
        raise RuntimeError("ck_order_change_action_units keeps these")
    consignment_id, promised_on = data.get("consignment_id"), data.get("promised_on")
    return Added(
        line_id=line_id,
        variant_id=UUID(data["variant_id"]),
        product_id=UUID(data["product_id"]),
        vendor_id=UUID(data["vendor_id"]) if data["vendor_id"] else None,
        sku=data["sku"],
        title=data["title"],
        quantity=quantity,
        price=ItemPrice.model_validate_json(json.dumps(data["price"])),
        taxes=tuple(TaxAmount(**tax) for tax in data["taxes"]),
        consignment_id=UUID(consignment_id) if consignment_id else None,
        promised_on=date.fromisoformat(promised_on) if promised_on else None,
        components=data.get("components"),
    )
