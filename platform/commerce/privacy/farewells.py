"""Customers who ask to be forgotten: they have a week to think it over, are told at both ends, and are then erased.

What is asked for is carried out by the worker. The last mail is sealed by a key that erasure throws away, so it is sent
first, and they are erased once it has gone, or has not within a day. Where something is open between the shop and them,
they are forgotten when it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.privacy import unsettled
from commerce.privacy.erasing import UnknownPerson, everything_of
from commerce.privacy.schemas import FarewellOut, StaysOut
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.turns import in_turn
from foundation.types import MoneyOut

GRACE = timedelta(days=7)
MAIL_WITHIN = timedelta(days=1)
"""How long the last mail may take."""
MAIL_AGAIN_AFTER = timedelta(minutes=1)
"""How long whoever waits for the last mail is left alone, so that others don't wait for it too."""
AGAIN_AFTER = timedelta(hours=6)
"""How long whoever waits for something to be settled, or could not be forgotten, is left alone."""


class FarewellNotFound(NotFound):
    """You have not asked to be forgotten."""

    code = "privacy.farewell_not_found"


class NothingToWithdraw(NotFound):
    """They have not asked to be forgotten, or are."""

    code = "privacy.nothing_to_withdraw"


class ErasureBegun(Conflict):
    """They were told that they are forgotten now, so it can't be withdrawn any more."""

    code = "privacy.erasure_begun"


@dataclass(frozen=True, slots=True)
class Farewell:
    """Somebody whose time of grace is over."""

    id: UUID
    customer_id: UUID
    told_at: datetime | None
    """When the last mail was written."""
    is_told: bool
    """It has gone, or can't."""


# uq_erasure_request_open
_OPEN = hot(
    text(
        """
        SELECT id, requested_at, due_at FROM erasure_request
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND ended_at IS NULL
        """
    )
)
_HOLD = hot(
    text(
        """
        SELECT told_at FROM erasure_request
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND ended_at IS NULL FOR UPDATE
        """
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO erasure_request (tenant_id, id, customer_id, requested_by, requested_at, due_at, next_at)
        SELECT :tenant_id, :id, c.id, :by, CAST(:now AS timestamptz), CAST(:due_at AS timestamptz),
               CAST(:due_at AS timestamptz)
        FROM customer c
        WHERE c.tenant_id = :tenant_id AND c.id = CAST(:customer_id AS uuid) AND c.erased_at IS NULL
        RETURNING id
        """
    )
)
_KEEP = hot(
    text(
        """
        UPDATE erasure_request SET ended_at = CAST(:now AS timestamptz), outcome = 'kept'
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND ended_at IS NULL RETURNING id
        """
    )
)
# uq_erasure_request_open; locked, so that whoever chooses to stay is heard before or not at all.
_DUE = hot(
    text(
        """
        SELECT r.id, r.customer_id, r.told_at,
               r.told_at IS NOT NULL
                   AND (r.told_at < CAST(:given_up AS timestamptz) OR m.id IS NULL OR m.status <> 'queued') AS is_told
        FROM erasure_request r LEFT JOIN message m ON m.tenant_id = r.tenant_id AND m.id = r.message_id
        WHERE r.tenant_id = :tenant_id AND r.ended_at IS NULL AND r.next_at <= CAST(:now AS timestamptz)
        ORDER BY r.next_at, r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
        """
    )
)
_TOLD = hot(
    text(
        """
        UPDATE erasure_request SET told_at = CAST(:now AS timestamptz), message_id = CAST(:message_id AS uuid)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_LATER = hot(
    text("UPDATE erasure_request SET next_at = CAST(:at AS timestamptz) WHERE tenant_id = :tenant_id AND id = :id")
)
_END = hot(
    text(
        """
        UPDATE erasure_request SET ended_at = CAST(:now AS timestamptz), outcome = 'erased'
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
# ix_document_order
_PAPERS = hot(
    text("SELECT count(*) FROM document WHERE tenant_id = :tenant_id AND order_id = ANY (CAST(:orders AS uuid[]))")
)
# ix_stored_value_customer
_CREDIT = hot(
    text(
        """
        SELECT currency, sum(available)::bigint AS amount FROM stored_value
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND status = 'active'
        GROUP BY currency HAVING sum(available) > 0 ORDER BY currency
        """
    )
)


async def ask(tx: Tx, customer_id: UUID, *, by: str, reason: str | None = None) -> tuple[FarewellOut, bool]:
    """Ask to be forgotten once the time of grace is over; and whether that is new. Asked twice it is as it was.

    Raises:
        UnknownPerson: there is no such customer, or they are forgotten.
    """
    await in_turn(tx, str(customer_id), seed=37)
    there = await pending(tx, customer_id)
    if there is not None:
        return there, False
    now = clock.now()
    values = {"id": new_id(), "customer_id": customer_id, "by": by, "now": now, "due_at": now + GRACE}
    if await tx.one(_ADD, values) is None:
        raise UnknownPerson
    object_ = f"customer:{customer_id}"
    await audit.record(tx, actor=by, action="privacy.erasure_asked", object=object_, reason=reason, about=customer_id)
    return FarewellOut(requested_at=now, due_at=now + GRACE), True


async def keep(tx: Tx, customer_id: UUID, *, by: str) -> None:
    """Stay after all.

    Raises:
        FarewellNotFound: they have not asked to be forgotten, or are.
    """
    if await tx.one(_KEEP, {"customer_id": customer_id, "now": clock.now()}) is None:
        raise FarewellNotFound
    await audit.record(tx, actor=by, action="privacy.erasure_withdrawn", object=f"customer:{customer_id}")


async def withdraw(tx: Tx, customer_id: UUID, *, by: str, reason: str) -> None:
    """Somebody stays after all who asked the shop's staff for it.

    Raises:
        NothingToWithdraw.
        ErasureBegun: their last mail is written.
    """
    row = await tx.one(_HOLD, {"customer_id": customer_id})
    if row is None:
        raise NothingToWithdraw
    if row["told_at"] is not None:
        raise ErasureBegun
    await tx.rows(_KEEP, {"customer_id": customer_id, "now": clock.now()})
    await audit.record(
        tx,
        actor=by,
        action="privacy.erasure_withdrawn",
        object=f"customer:{customer_id}",
        reason=reason,
        about=customer_id,
    )


async def pending(tx: Tx, customer_id: UUID) -> FarewellOut | None:
    """When somebody is forgotten, if they have asked for it."""
    row = await tx.one(_OPEN, {"customer_id": customer_id})
    return FarewellOut(requested_at=row["requested_at"], due_at=row["due_at"]) if row else None


async def what_stays(tx: Tx, customer_id: UUID) -> StaysOut:
    """What stands in the way of forgetting somebody, what is kept without them, and what they lose.

    Raises:
        UnknownPerson: there is nobody, or they are forgotten.
    """
    theirs = await everything_of(tx, customer_id)
    left = await unsettled.of(tx, theirs["orders"])
    papers = await tx.one(_PAPERS, {"orders": theirs["orders"]})
    credit = await tx.rows(_CREDIT, {"customer_id": customer_id})
    return StaysOut(
        waits_for=left,
        invoices=papers[0] if papers is not None else 0,
        credit=[MoneyOut(amount=one["amount"], currency=one["currency"]) for one in credit],
    )


async def due(tx: Tx) -> Farewell | None:
    """Somebody whose time of grace is over, held until the transaction ends."""
    now = clock.now()
    row = await tx.one(_DUE, {"now": now, "given_up": now - MAIL_WITHIN})
    return Farewell(**row) if row else None


async def told(tx: Tx, farewell: Farewell, message_id: UUID | None) -> None:
    """The last mail is written; without an address there is none."""
    await tx.rows(_TOLD, {"id": farewell.id, "now": clock.now(), "message_id": message_id})


async def later(tx: Tx, farewell: Farewell, after: timedelta) -> None:
    """Look again after some time."""
    await tx.rows(_LATER, {"id": farewell.id, "at": clock.now() + after})


async def end(tx: Tx, farewell: Farewell) -> None:
    """They are forgotten."""
    await tx.rows(_END, {"id": farewell.id, "now": clock.now()})
