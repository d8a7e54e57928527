"""Money that comes after the goods, or in place of what could not be captured: collected, in parts too, or spared."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class NothingDue(Conflict):
    """No money is to come of this payment."""

    code = "payments.nothing_due"


class MoreThanDue(Conflict):
    """More was collected than is to come of this payment; what is too much is not the order's."""

    code = "payments.more_than_due"

    amount: int
    due: int


_COLLECTING = hot(
    text(
        """
        UPDATE payment SET status = 'capturing', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due' RETURNING id
        """
    )
)

_DUE_OF = hot(
    text(
        """
        SELECT amount - spared AS due FROM payment
        WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due' FOR UPDATE
        """
    )
)

# What has come is a payment of its own from then on, so it is booked, told and given back like any other.
_COLLECTING_PART = hot(
    text(
        """
        WITH due AS (
            UPDATE payment SET amount = amount - CAST(:amount AS bigint), updated_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due'
              AND amount - spared > CAST(:amount AS bigint)
            RETURNING tenant_id, attempt_id, cart_id, order_id, provider, provider_reference, due_on, currency,
                      created_at)
        INSERT INTO payment (tenant_id, id, attempt_id, cart_id, order_id, provider, provider_reference, status, amount,
                             due_on, currency, created_at, updated_at)
        SELECT tenant_id, CAST(:part_id AS uuid), attempt_id, cart_id, order_id, provider, provider_reference,
               'capturing', CAST(:amount AS bigint), due_on, currency, created_at, CAST(:now AS timestamptz)
        FROM due RETURNING id
        """
    )
)

_DUE_PAYMENTS = hot(
    text(
        """
        SELECT id, amount - spared AS due FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('due', 'capture_failed')
        ORDER BY created_at, id FOR UPDATE
        """
    )
)

_REPLACE = hot(
    text(
        """
        UPDATE payment SET status = 'replaced', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'capture_failed'
        """
    )
)

# Of what nothing is to come any more nothing is to be collected.
_SPARE = hot(
    text(
        """
        UPDATE payment SET spared = spared + CAST(:amount AS bigint), updated_at = CAST(:now AS timestamptz),
                           status = CASE WHEN amount - spared = CAST(:amount AS bigint) THEN 'voiding' ELSE status END
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status IN ('due', 'capture_failed')
          AND amount - spared >= CAST(:amount AS bigint)
        """
    )
)


async def begin_collect(tx: Tx, order_id: UUID, payment_id: UUID, amount: int | None = None) -> tuple[UUID, int]:
    """Money of a payment whose goods went before it has come: all that is due, or a part, which is a payment by itself
    then. Gives the payment that came, and its amount.

    Raises:
        NothingDue: the payment is none of the order's, or nothing of it is to come.
        MoreThanDue: so much is not to come.
    """
    values = {"order_id": order_id, "payment_id": payment_id}
    row = await tx.one(_DUE_OF, values)
    if row is None:
        raise NothingDue
    due: int = row["due"]
    if amount is not None and amount > due:
        raise MoreThanDue(amount=amount, due=due)
    if amount is None or amount == due:
        await tx.rows(_COLLECTING, {**values, "now": clock.now()})
        return payment_id, due
    part_id = new_id()
    await tx.rows(_COLLECTING_PART, {**values, "part_id": part_id, "amount": amount, "now": clock.now()})
    return part_id, amount


async def replace_failed(tx: Tx, order_id: UUID) -> None:
    """Other payments have come in place of those that could not be captured."""
    await tx.rows(_REPLACE, {"order_id": order_id, "now": clock.now()})


async def spare(tx: Tx, order_id: UUID, amount: int) -> None:
    """So much less has to come of what is due, or could not be captured; of the payment that was made first first."""
    for payment in await tx.rows(_DUE_PAYMENTS, {"order_id": order_id}):
        part = min(amount, payment["due"])
        amount -= part
        if part:
            await tx.rows(_SPARE, {"payment_id": payment["id"], "amount": part, "now": clock.now()})
