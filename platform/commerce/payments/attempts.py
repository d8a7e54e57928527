"""Attempts to pay for a cart: with one payment or with several, all of them authorised or none.

An attempt holds the stock. It is over once its payments have become an order, or one was refused and the others let go.
Each step is one conditional UPDATE that locks the payments in the order of their ids, so of two that contend one wins
and the other finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.identity.acting import ActingStaff
from commerce.identity.service import Shopper
from commerce.payments.providers import ActionRequired, Authorised, Charge
from commerce.policies.limits import NONE
from foundation import clock, sealing
from foundation.database import HotStatement, Tx, hot
from foundation.events import Consent, Event, PaymentRefused, record
from foundation.ids import new_id
from foundation.outbox import announce, announcing, told
from foundation.veil import Personal

UNDECIDED = ("started", "action_required", "authorised")
"""What a payment without an order is while its attempt goes on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment that an attempt is to be made of; the amount is in minor units."""

    provider: str
    token: str
    amount: int


@dataclass(frozen=True, slots=True)
class Part:
    """A payment of an attempt, as it stands."""

    provider: str
    charge: Charge
    status: str = "started"
    order_id: UUID | None = None
    action_url: str | None = None
    refusal: str | None = None

    @property
    def id(self) -> UUID:
        """The payment's id."""
        return self.charge.payment_id


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who pays for which cart, with what."""

    id: UUID
    cart_id: UUID
    shopper: Shopper
    email: str | None
    checked: str
    """The cart as it was checked, in the words of whoever checked it: what is placed if all is authorised."""
    order_id: UUID | None
    """The order that stands already and is paid for again."""
    began_at: datetime
    parts: Sequence[Part]

    @property
    def is_over(self) -> bool:
        """Nothing is left to be decided."""
        return any(
            part.order_id or part.status not in ("started", "action_required", "authorised") for part in self.parts
        )

    @property
    def is_for_a_change(self) -> bool:
        """It pays for a change to an order, which ends it: see `orders.paying`."""
        return self.order_id is not None and self.checked != ""

    @property
    def waits(self) -> bool:
        """The shopper has something to do, and nobody is asking a provider at the moment."""
        statuses = {part.status for part in self.parts}
        return "action_required" in statuses and statuses <= {"action_required", "authorised"}

    @property
    def refusal(self) -> str | None:
        """Why a payment was refused, if one was."""
        return next((part.refusal for part in self.parts if part.refusal), None)


_BEGIN = announcing(
    """
    WITH attempt AS (
        INSERT INTO payment_attempt (tenant_id, id, cart_id, session_id, visitor_id, customer_id, consent, email,
                                     checked, checked_digest, order_id, created_at)
        VALUES (:tenant_id, :attempt_id, :cart_id, :session_id, :visitor_id, CAST(:customer_id AS uuid),
                CAST(:consent AS text[]), CAST(:email AS text), :checked, :checked_digest, CAST(:order_id AS uuid),
                CAST(:now AS timestamptz)))
    INSERT INTO payment (tenant_id, id, attempt_id, cart_id, provider, status, amount, currency, updated_at)
    SELECT :tenant_id, p.id, :attempt_id, :cart_id, p.provider, 'started', p.amount, CAST(:currency AS text),
           CAST(:now AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:providers AS text[]), CAST(:amounts AS bigint[]))
         AS p (id, provider, amount)
    """
)

# ix_payment_cart
_LOCKED = """
    WITH locked AS (
        SELECT id FROM payment
        WHERE tenant_id = :tenant_id AND cart_id = :cart_id AND attempt_id = :attempt_id ORDER BY id FOR UPDATE)
"""
_UNDECIDED = f"p.order_id IS NULL AND p.status IN {UNDECIDED}"

_AUTHORISED = hot(
    text(
        f"""
        {_LOCKED}
        UPDATE payment p SET status = a.status, provider_reference = a.reference, order_id = :order_id,
                             due_on = a.due_on, action_url = NULL, updated_at = CAST(:now AS timestamptz)
        FROM locked JOIN unnest(CAST(:ids AS uuid[]), CAST(:references AS text[]), CAST(:statuses AS text[]),
                                CAST(:due_on AS date[])) AS a (id, reference, status, due_on) ON a.id = locked.id
        WHERE p.tenant_id = :tenant_id AND p.id = locked.id AND {_UNDECIDED}
        RETURNING p.id
        """  # noqa: S608  (the fragments are literals of this module)
    )
)

_WAIT = hot(
    text(
        f"""
        {_LOCKED}
        UPDATE payment p SET status = a.status, provider_reference = a.reference, action_url = a.url,
                             updated_at = CAST(:now AS timestamptz)
        FROM locked JOIN unnest(CAST(:ids AS uuid[]), CAST(:references AS text[]), CAST(:statuses AS text[]),
                                CAST(:urls AS text[])) AS a (id, reference, status, url) ON a.id = locked.id
        WHERE p.tenant_id = :tenant_id AND p.id = locked.id AND {_UNDECIDED}
        RETURNING p.id
        """  # noqa: S608  (the fragments are literals of this module)
    )
)

_LET_GO = hot(
    text(
        f"""
        {_LOCKED}
        UPDATE payment p
        SET status = CASE WHEN p.id = CAST(:refused_id AS uuid) THEN 'refused' ELSE 'voiding' END,
            refusal = CASE WHEN p.id = CAST(:refused_id AS uuid) THEN CAST(:reason AS text) END,
            action_url = NULL, updated_at = CAST(:now AS timestamptz)
        FROM locked WHERE p.tenant_id = :tenant_id AND p.id = locked.id AND {_UNDECIDED}
        RETURNING p.id, p.status, p.provider
        """  # noqa: S608  (the fragments are literals of this module)
    )
)


def _find(which: str) -> HotStatement:
    return hot(
        text(
            f"""
            SELECT a.id AS attempt_id, a.cart_id, a.session_id, a.visitor_id, a.customer_id, a.consent, a.email,
                   a.checked, a.order_id AS paid_order_id, a.created_at,
                   p.id, p.provider, p.provider_reference, p.status, p.amount, p.currency,
                   p.order_id, p.action_url, p.refusal,
                   g.id AS acting_id, m.account_id AS acting_account_id, g.membership_id, g.ends_at
            FROM payment_attempt a
            JOIN payment p ON p.tenant_id = a.tenant_id AND p.cart_id = a.cart_id AND p.attempt_id = a.id
            LEFT JOIN session s ON s.tenant_id = a.tenant_id AND s.id = a.session_id AND s.acting_id IS NOT NULL
            LEFT JOIN acting g ON g.tenant_id = s.tenant_id AND g.id = s.acting_id
            LEFT JOIN membership m ON m.tenant_id = g.tenant_id AND m.id = g.membership_id
            WHERE a.tenant_id = :tenant_id AND a.id = {which} ORDER BY p.id
            """  # noqa: S608  (the fragments are literals of this module)
        )
    )


_BY_ID = _find("CAST(:attempt_id AS uuid)")

# ix_payment_cart
_LATEST = _find(
    """(SELECT attempt_id FROM payment WHERE tenant_id = :tenant_id AND cart_id = :cart_id
        ORDER BY attempt_id DESC LIMIT 1)"""
)

# ix_payment_cart
_LATEST_FOR = _find(
    """(SELECT b.id FROM payment_attempt b
        JOIN payment q ON q.tenant_id = b.tenant_id AND q.cart_id = b.cart_id AND q.attempt_id = b.id
        WHERE q.tenant_id = :tenant_id AND q.cart_id = :cart_id AND (b.checked_digest = :digest OR b.checked = :checked)
        ORDER BY b.id DESC LIMIT 1)"""
)

# The primary key, or ix_payment_reference.
_OF_PAYMENT = _find(
    """(SELECT attempt_id FROM payment WHERE tenant_id = :tenant_id AND provider = :provider
        AND (id = CAST(:payment_id AS uuid) OR provider_reference = CAST(:reference AS text)) LIMIT 1)"""
)

# ix_payment_unfinished
_STUCK = hot(
    text(
        f"""
        SELECT p.attempt_id, min(p.updated_at) AS since FROM payment p
        WHERE p.tenant_id = :tenant_id AND p.updated_at < CAST(:before AS timestamptz) AND {_UNDECIDED}
        GROUP BY p.attempt_id ORDER BY since LIMIT :limit
        """  # noqa: S608  (the fragment is a literal of this module)
    )
)


async def begin(
    tx: Tx,
    shopper: Shopper,
    cart_id: UUID,
    asked: Sequence[Asked],
    *,
    currency: str,
    email: str | None,
    checked: str,
    return_url: str | None,
    order_id: UUID | None = None,
    events: Sequence[Event] = (),
) -> Attempt:
    """A new attempt to pay for a cart, or for its order that was not paid in the end; no provider knows of it yet.

    `events` are announced with it.
    """
    parts = [
        Part(
            payment.provider,
            Charge(
                tenant_id=tx.tenant_id,
                payment_id=payment_id,
                amount=payment.amount,
                currency=currency,
                token=payment.token,
                return_url=return_url,
                customer_id=shopper.customer_id,
            ),
        )
        for payment_id, payment in zip(sorted(new_id() for _ in asked), asked, strict=True)
    ]
    attempt = Attempt(new_id(), cart_id, shopper, email, checked, order_id, clock.now(), parts)
    await tx.rows(
        _BEGIN,
        {
            "attempt_id": attempt.id,
            "cart_id": cart_id,
            "session_id": shopper.session_id,
            "visitor_id": shopper.visitor_id,
            "customer_id": shopper.customer_id,
            "consent": list(shopper.consent),
            "email": Personal(shopper.customer_id or cart_id, email),
            # Of a change to an order it is the change's id; of a cart it is all that was shown, addresses too.
            "checked": Personal(shopper.customer_id or cart_id, checked) if order_id is None else checked,
            "checked_digest": sealing.digest(tx.tenant_id, "checked", checked),
            "order_id": order_id,
            "currency": currency,
            "ids": [part.id for part in parts],
            "providers": [part.provider for part in parts],
            "amounts": [part.charge.amount for part in parts],
            "now": attempt.began_at,
            **told(events),
        },
    )
    return attempt


async def get(tx: Tx, attempt_id: UUID) -> Attempt | None:
    """An attempt as it stands, if there is one."""
    return _attempt(tx, await tx.rows(_BY_ID, {"attempt_id": attempt_id}))


async def latest(tx: Tx, cart_id: UUID) -> Attempt | None:
    """The last attempt to pay for a cart, if there was one."""
    return _attempt(tx, await tx.rows(_LATEST, {"cart_id": cart_id}))


async def latest_for(tx: Tx, cart_id: UUID, checked: str) -> Attempt | None:
    """The last attempt for a cart that was begun with these words, if there was one."""
    digest = sealing.digest(tx.tenant_id, "checked", checked)
    return _attempt(tx, await tx.rows(_LATEST_FOR, {"cart_id": cart_id, "checked": checked, "digest": digest}))


async def of_payment(tx: Tx, *, provider: str, payment_id: UUID | None, reference: str | None) -> Attempt | None:
    """The attempt that a payment is of, by its id or by the name that its provider has for it, if there is one."""
    values = {"provider": provider, "payment_id": payment_id, "reference": reference}
    return _attempt(tx, await tx.rows(_OF_PAYMENT, values))


async def authorised(
    tx: Tx, attempt: Attempt, answers: Mapping[UUID, Authorised], order_id: UUID, *, due: frozenset[UUID]
) -> bool:
    """The order stands and its money is vouched for: it is captured from here on, but for the payments that are due.

    `False` when somebody else has decided the attempt: the transaction has to be rolled back then.
    """
    values = {
        "cart_id": attempt.cart_id,
        "attempt_id": attempt.id,
        "order_id": order_id,
        "ids": [part.id for part in attempt.parts],
        "references": [answers[part.id].reference for part in attempt.parts],
        "due_on": [answers[part.id].due_on for part in attempt.parts],
        "statuses": ["due" if part.id in due else "capturing" for part in attempt.parts],
        "now": clock.now(),
    }
    return len(await tx.rows(_AUTHORISED, values)) == len(attempt.parts)


async def wait(tx: Tx, attempt: Attempt, answers: Mapping[UUID, Authorised | ActionRequired]) -> Attempt | None:
    """The shopper has to act first: the attempt as it stands then, or `None` when it is decided already."""
    parts = [_answered(part, answers[part.id]) for part in attempt.parts]
    values = {
        "cart_id": attempt.cart_id,
        "attempt_id": attempt.id,
        "ids": [part.id for part in parts],
        "references": [part.charge.reference for part in parts],
        "statuses": [part.status for part in parts],
        "urls": [part.action_url for part in parts],
        "now": clock.now(),
    }
    waits = await tx.rows(_WAIT, values)
    return replace(attempt, parts=parts) if len(waits) == len(parts) else None


async def let_go(tx: Tx, attempt: Attempt, *, refused_id: UUID | None = None, reason: str | None = None) -> bool:
    """Give the attempt up: one payment was refused, if so it is said, and what the others may hold will be voided.

    `False` when somebody else has decided it.
    """
    values = {"cart_id": attempt.cart_id, "attempt_id": attempt.id, "refused_id": refused_id, "reason": reason}
    rows = await tx.rows(_LET_GO, {**values, "now": clock.now()})
    for row in rows:
        if row["status"] == "refused":
            said = PaymentRefused(
                payment_id=row["id"], cart_id=attempt.cart_id, provider=row["provider"], reason=reason or "refused"
            )
            context = attempt.shopper.context()
            await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=attempt.cart_id, context=context)])
    return bool(rows)


async def stuck(tx: Tx, *, older_than: timedelta, limit: int = 50) -> Sequence[UUID]:
    """Attempts of which nothing was heard for so long, the oldest first."""
    rows = await tx.rows(_STUCK, {"before": clock.now() - older_than, "limit": limit})
    return [row["attempt_id"] for row in rows]


def _answered(part: Part, answer: Authorised | ActionRequired) -> Part:
    charge = replace(part.charge, reference=answer.reference)
    if isinstance(answer, ActionRequired):
        return replace(part, charge=charge, status="action_required", action_url=answer.url)
    return replace(part, charge=charge, status="authorised", action_url=None)


def _attempt(tx: Tx, rows: Sequence[asyncpg.Record]) -> Attempt | None:
    if not rows:
        return None
    first = rows[0]
    consent = cast("tuple[Consent, ...]", tuple(first["consent"]))
    shopper = Shopper(
        tx.tenant_id,
        first["session_id"],
        first["visitor_id"],
        first["customer_id"],
        display_name=None,
        consent=consent,
        acting=_acting(first),
    )
    return Attempt(
        id=first["attempt_id"],
        cart_id=first["cart_id"],
        shopper=shopper,
        email=first["email"],
        checked=first["checked"],
        order_id=first["paid_order_id"],
        began_at=first["created_at"],
        parts=[_part(tx, row, shopper) for row in rows],
    )


def _acting(row: asyncpg.Record) -> ActingStaff | None:
    """The member of staff who paid as the customer; what they are called is nothing that a payment tells, and it gives
    nothing away.
    """
    if row["acting_id"] is None:
        return None
    return ActingStaff(row["acting_id"], row["acting_account_id"], row["membership_id"], "", row["ends_at"], NONE)


def _part(tx: Tx, row: asyncpg.Record, shopper: Shopper) -> Part:
    charge = Charge(
        tenant_id=tx.tenant_id,
        payment_id=row["id"],
        amount=row["amount"],
        currency=row["currency"],
        reference=row["provider_reference"],
        customer_id=shopper.customer_id,
    )
    return Part(row["provider"], charge, row["status"], row["order_id"], row["action_url"], row["refusal"])
