"""Discount codes: found for a cart, redeemed with an order, given back with its cancellation, kept by the staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.promotions.codes import CODE, Code, read_codes
from commerce.promotions.schemas import CodeDetail, CodeIn, CodeOut, RedemptionOut
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import DiscountRedeemed, DiscountReleased, record
from foundation.ids import new_id
from foundation.outbox import announce

SHOWN_REDEMPTIONS = 50


class CodeUnknown(Unprocessable):
    """There is no such code for this cart."""

    code = "promotions.code_unknown"


class CodeNotFound(NotFound):
    """The shop has no such code."""

    code = "promotions.code_not_found"


class CodeNotRunning(Unprocessable):
    """The code does not hold now."""

    code = "promotions.code_not_running"


class CodeUsedUp(Conflict):
    """The code has been used as often as it may be; nothing was charged."""

    code = "promotions.code_used_up"

    discount: str


class BadCode(Unprocessable):
    """A code takes off a percentage or an amount, names the currency of its amounts, and ends after it starts."""

    code = "promotions.bad_code"


class LimitPassed(Conflict):
    """The code has been used more often than that already."""

    code = "promotions.limit_passed"

    used: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code that an order makes use of, and what it took off."""

    code: Code
    amount: int


# uq_discount_code_code
_FIND = hot(
    text(
        f"""
        SELECT jsonb_build_array({CODE})::text FROM discount_code d
        WHERE d.tenant_id = :tenant_id AND d.code = :code AND (d.currency IS NULL OR d.currency = :currency)
        """  # noqa: S608  (the fragment is a literal)
    )
)

# No row comes back when it is used up. Whoever waits for the row here counts its redemptions in a later statement, and
# so sees the ones that were made meanwhile.
_USE = hot(
    text(
        """
        UPDATE discount_code SET used = used + 1
        WHERE tenant_id = :tenant_id AND id = :code_id AND (usage_limit IS NULL OR used < usage_limit)
        RETURNING per_customer_limit
        """
    )
)

# ix_discount_redemption_holder and ix_orders_email: the same person by their account, their browser, or their address.
_REDEEM = hot(
    text(
        """
        INSERT INTO discount_redemption (tenant_id, id, code_id, order_id, holder_id, amount, currency, redeemed_at)
        SELECT :tenant_id, :id, CAST(:code_id AS uuid), CAST(:order_id AS uuid), CAST(:holder_id AS uuid),
               CAST(:amount AS bigint), CAST(:currency AS text), CAST(:now AS timestamptz)
        WHERE CAST(:per_customer_limit AS bigint) IS NULL OR CAST(:per_customer_limit AS bigint) > (
            SELECT count(*) FROM discount_redemption r JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
            WHERE r.tenant_id = :tenant_id AND r.code_id = :code_id AND r.released_at IS NULL
              AND (r.holder_id = :holder_id OR o.email_digest = CAST(:digest AS bytea)
                   OR (o.email_digest IS NULL AND o.email = CAST(:email AS text))))
        RETURNING id
        """
    )
)

# uq_discount_redemption_order
_GIVE_BACK = hot(
    text(
        """
        WITH given AS (
            UPDATE discount_redemption SET released_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND order_id = :order_id AND released_at IS NULL
            RETURNING code_id),
        locked AS (
            SELECT d.id FROM discount_code d
            WHERE d.tenant_id = :tenant_id AND d.id IN (SELECT code_id FROM given) ORDER BY d.id FOR UPDATE)
        UPDATE discount_code d SET used = d.used - 1 FROM locked
        WHERE d.tenant_id = :tenant_id AND d.id = locked.id
        RETURNING d.id
        """
    )
)

_SHOWN = """
    SELECT id, code, percent, amount, currency, minimum, starts_at, ends_at, usage_limit, per_customer_limit, used
    FROM discount_code WHERE tenant_id = :tenant_id
"""
_READ = hot(text(f"{_SHOWN} AND code = :code"))
_LIST = hot(text(f"{_SHOWN} AND code > :after ORDER BY code LIMIT :limit"))

# ix_discount_redemption_code
_REDEMPTIONS = hot(
    text(
        """
        SELECT order_id, amount, redeemed_at, released_at FROM discount_redemption
        WHERE tenant_id = :tenant_id AND code_id = :code_id ORDER BY id DESC LIMIT :limit
        """
    )
)

# No row comes back when it has been used more often than the new limit allows.
_PUT = hot(
    text(
        """
        INSERT INTO discount_code AS d (tenant_id, id, code, percent, amount, currency, minimum, starts_at, ends_at,
                                        usage_limit, per_customer_limit)
        VALUES (:tenant_id, :id, :code, CAST(:percent AS numeric), CAST(:amount AS bigint), CAST(:currency AS text),
                :minimum, CAST(:starts_at AS timestamp), CAST(:ends_at AS timestamp), CAST(:usage_limit AS bigint),
                CAST(:per_customer_limit AS bigint))
        ON CONFLICT (tenant_id, code) DO UPDATE SET
            percent = excluded.percent, amount = excluded.amount, currency = excluded.currency,
            minimum = excluded.minimum, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
            usage_limit = excluded.usage_limit, per_customer_limit = excluded.per_customer_limit
        WHERE excluded.usage_limit IS NULL OR d.used <= excluded.usage_limit
        RETURNING id
        """
    )
)


async def find(tx: Tx, shopper: Shopper, code: str, *, currency: str) -> Code:
    """A code as it stands for a shopper with a cart in that currency.

    Raises:
        CodeUnknown.
    """
    whose = {"customer_id": shopper.customer_id, "visitor_id": shopper.visitor_id}
    row = await tx.one(_FIND, {**whose, "code": code, "currency": currency})
    if row is None:
        raise CodeUnknown
    return read_codes(row[0])[0]


async def redeem(
    tx: Tx, shopper: Shopper, redemptions: Sequence[Redemption], *, order_id: UUID, currency: str, email: str | None
) -> None:
    """Use codes for an order, in the transaction that places it.

    In the order of their ids, so that two orders with the same codes can't deadlock.

    Raises:
        CodeUsedUp: somebody was quicker, or this shopper has had their share; the transaction must not go on.
    """
    for redemption in sorted(redemptions, key=lambda found: found.code.id):
        code_id = redemption.code.id
        used = await tx.one(_USE, {"code_id": code_id})
        values = {
            "id": new_id(),
            "code_id": code_id,
            "order_id": order_id,
            "holder_id": shopper.customer_id or shopper.visitor_id,
            "amount": redemption.amount,
            "currency": currency,
            "email": email,
            "digest": sealing.digest_or_none(tx.tenant_id, "email", email),
            "now": clock.now(),
        }
        if used is None or not await tx.one(_REDEEM, {**values, "per_customer_limit": used["per_customer_limit"]}):
            raise CodeUsedUp(discount=redemption.code.code)
        fact = DiscountRedeemed(code_id=code_id, order_id=order_id, currency=currency, amount=redemption.amount)
        context = shopper.context()
        await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=code_id, context=context)])


async def give_back(tx: Tx, order_id: UUID) -> None:
    """An order came to nothing: what it used of codes can be used again. Nothing happens a second time."""
    given = await tx.rows(_GIVE_BACK, {"order_id": order_id, "now": clock.now()})
    facts = [DiscountReleased(code_id=row["id"], order_id=order_id) for row in given]
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=fact.code_id) for fact in facts])


async def read(tx: Tx, code: str) -> CodeDetail:
    """A code with its last redemptions.

    Raises:
        CodeNotFound.
    """
    row = await tx.one(_READ, {"code": code})
    if row is None:
        raise CodeNotFound
    said = dict(row)
    redeemed = await tx.rows(_REDEMPTIONS, {"code_id": said.pop("id"), "limit": SHOWN_REDEMPTIONS})
    return CodeDetail(**said, redemptions=[RedemptionOut.model_validate(dict(found)) for found in redeemed])


async def page(tx: Tx, *, after: str, limit: int) -> list[CodeOut]:
    """Codes by name, after the one named."""
    rows = await tx.rows(_LIST, {"after": after, "limit": limit})
    return [CodeOut.model_validate({name: row[name] for name in CodeOut.model_fields}) for row in rows]


async def put(tx: Tx, code: str, body: CodeIn) -> CodeDetail:
    """Add a code, or change the one there is; what it took off orders that are placed stays.

    Raises:
        BadCode: it takes off nothing or two things, an amount has no currency, or it ends before it starts.
        LimitPassed: it has been used more often than that.
    """
    _require_sense(body)
    if await tx.one(_PUT, {**body.model_dump(), "id": new_id(), "code": code}) is None:
        raise LimitPassed(used=(await read(tx, code)).used)
    return await read(tx, code)


def _require_sense(body: CodeIn) -> None:
    has_amounts = body.amount is not None or body.minimum > 0
    backwards = body.starts_at is not None and body.ends_at is not None and body.ends_at <= body.starts_at
    if (body.percent is None) == (body.amount is None) or (has_amounts and body.currency is None) or backwards:
        raise BadCode
