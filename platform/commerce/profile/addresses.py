"""A customer's address book. One address at most is offered first for delivery, and one for bills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.delivery import addresses as rules
from commerce.delivery.schemas import AddressOut
from commerce.profile.schemas import KeptAddresses, KeptAddressIn, KeptAddressOut
from foundation import clock, sealing
from foundation.database import HotStatement, Tx, hot
from foundation.errors import NotFound, Unprocessable
from foundation.ids import new_id
from foundation.turns import in_turn

MAX_ADDRESSES = 50
_TURNS = 33
"""One at a time for each customer: one address is the first, and the limit is not passed by two at once."""


class AddressNotFound(NotFound):
    """You have kept no such address."""

    code = "profile.address_not_found"


class TooManyAddresses(Unprocessable):
    """You have kept as many addresses as one can."""

    code = "profile.too_many_addresses"

    limit: int


# ix_customer_address_customer
_ALL = hot(
    text(
        """
        SELECT id, content, default_shipping, default_billing, created_at, updated_at FROM customer_address
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id
        ORDER BY default_shipping DESC, created_at DESC, id DESC
        """
    )
)

_STEP_BACK = hot(
    text(
        """
        UPDATE customer_address
        SET default_shipping = default_shipping AND NOT CAST(:default_shipping AS bool),
            default_billing = default_billing AND NOT CAST(:default_billing AS bool)
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND id <> :id
          AND ((default_shipping AND :default_shipping) OR (default_billing AND :default_billing))
        """
    )
)

_ADD = hot(
    text(
        """
        INSERT INTO customer_address (tenant_id, id, customer_id, content, default_shipping, default_billing,
                                      created_at, updated_at)
        VALUES (:tenant_id, :id, :customer_id, :content, :default_shipping, :default_billing,
                CAST(:now AS timestamptz), CAST(:now AS timestamptz))
        """
    )
)

_CHANGE = hot(
    text(
        """
        UPDATE customer_address SET content = :content, default_shipping = :default_shipping,
            default_billing = :default_billing, updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND customer_id = :customer_id RETURNING id
        """
    )
)

_REMOVE = hot(
    text(
        """
        DELETE FROM customer_address WHERE tenant_id = :tenant_id AND id = :id AND customer_id = :customer_id
        RETURNING id
        """
    )
)


async def kept(tx: Tx, customer_id: UUID) -> KeptAddresses:
    """The customer's addresses; what can't be opened any more is left out."""
    rows = await tx.rows(_ALL, {"customer_id": customer_id})
    opened = await sealing.unseal(tx, [row["content"] for row in rows])
    return KeptAddresses(
        items=[_out(row, content) for row, content in zip(rows, opened, strict=True) if content is not None]
    )


async def keep(tx: Tx, customer_id: UUID, given: KeptAddressIn) -> UUID:
    """Keep an address; the first is offered first for everything.

    Raises:
        AddressInvalid: it does not look like one of its country.
        TooManyAddresses.
    """
    rules.check(given.address)
    await in_turn(tx, str(customer_id), seed=_TURNS)
    there = len(await tx.rows(_ALL, {"customer_id": customer_id}))
    if there >= MAX_ADDRESSES:
        raise TooManyAddresses(limit=MAX_ADDRESSES)
    first = given.model_copy(update={"default_shipping": True, "default_billing": True})
    address_id = new_id()
    await _write(tx, customer_id, address_id, given if there else first, _ADD)
    return address_id


async def change(tx: Tx, customer_id: UUID, address_id: UUID, given: KeptAddressIn) -> None:
    """Put another address in its place. Orders that went to the old one keep it.

    Raises:
        AddressInvalid, AddressNotFound.
    """
    rules.check(given.address)
    await in_turn(tx, str(customer_id), seed=_TURNS)
    await _write(tx, customer_id, address_id, given, _CHANGE)


async def remove(tx: Tx, customer_id: UUID, address_id: UUID) -> None:
    """Keep it no longer.

    Raises:
        AddressNotFound.
    """
    if await tx.one(_REMOVE, {"customer_id": customer_id, "id": address_id}) is None:
        raise AddressNotFound


async def _write(tx: Tx, customer_id: UUID, address_id: UUID, given: KeptAddressIn, statement: HotStatement) -> None:
    (content,) = await sealing.seal(tx, customer_id, [given.address.model_dump_json()])
    firsts = {"default_shipping": given.default_shipping, "default_billing": given.default_billing}
    of_it = {"customer_id": customer_id, "id": address_id, **firsts}
    await tx.rows(_STEP_BACK, of_it)
    written = await tx.one(statement, {**of_it, "content": content, "now": clock.now()})
    if statement is _CHANGE and written is None:
        raise AddressNotFound


def _out(row: Mapping[str, Any], content: str) -> KeptAddressOut:
    return KeptAddressOut(
        id=row["id"],
        address=AddressOut.model_validate_json(content),
        default_shipping=row["default_shipping"],
        default_billing=row["default_billing"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
