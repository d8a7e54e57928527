"""Subscriptions: made, changed, given a new secret, taken away. Secrets and contacts are kept sealed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.webhooks.fanning import open_cursor
from commerce.webhooks.schemas import Secret, Subscription, SubscriptionChange, SubscriptionIn, SubscriptionMade
from foundation import clock, sealing, webhooks
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id

MOST = 50
"""Subscriptions of a tenant."""
OVERLAP = timedelta(hours=24)
"""How long a secret that was replaced signs beside the new one."""


class UnknownSubscription(NotFound):
    """There is no such webhook subscription."""

    code = "webhooks.unknown_subscription"


class TooManySubscriptions(Conflict):
    """The shop has as many webhook subscriptions as it may have."""

    code = "webhooks.too_many_subscriptions"

    limit: int


_COLUMNS = """
    s.id, s.url, s.description, s.events, s.contact, s.status, s.disabled_reason, s.failures, s.failing_since,
    CASE WHEN s.failures > 0 AND s.status = 'active' THEN s.next_attempt_at END AS next_attempt_at,
    (SELECT count(*) FROM (SELECT FROM webhook_delivery d WHERE d.tenant_id = s.tenant_id AND d.subscription_id = s.id
                             AND d.status = 'pending' LIMIT 1000) p) AS pending,
    s.created_at
"""
# pk_webhook_subscription, ix_webhook_delivery_pending
_ALL = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM webhook_subscription s WHERE s.tenant_id = :tenant_id AND s.deleted_at IS NULL
        ORDER BY s.id
        """  # noqa: S608  (a literal)
    )
)
_ONE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM webhook_subscription s
        WHERE s.tenant_id = :tenant_id AND s.id = :id AND s.deleted_at IS NULL
        """  # noqa: S608  (a literal)
    )
)
# pk_webhook_cursor. Those who make one at the same moment wait for each other, so that they count each other.
_HOLD = hot(text("SELECT tenant_id FROM webhook_cursor WHERE tenant_id = :tenant_id FOR UPDATE"))
_COUNT = hot(text("SELECT count(*) FROM webhook_subscription WHERE tenant_id = :tenant_id AND deleted_at IS NULL"))
_MAKE = hot(
    text(
        """
        INSERT INTO webhook_subscription
            (tenant_id, id, url, description, events, contact, secret, next_attempt_at, created_at)
        VALUES (:tenant_id, :id, :url, :description, :events, :contact, :secret, CAST(:now AS timestamptz),
                CAST(:now AS timestamptz))
        """
    )
)
# What is set to active begins anew: its failures are forgotten, and it is tried at once.
_CHANGE = hot(
    text(
        """
        UPDATE webhook_subscription SET
            url = coalesce(CAST(:url AS text), url), description = coalesce(CAST(:description AS text), description),
            events = coalesce(CAST(:events AS text[]), events), contact = coalesce(CAST(:contact AS text), contact),
            status = coalesce(CAST(:status AS text), status),
            disabled_reason = CASE WHEN CAST(:status AS text) IS NULL THEN disabled_reason END,
            failures = CASE WHEN CAST(:status AS text) = 'active' THEN 0 ELSE failures END,
            failing_since = CASE WHEN CAST(:status AS text) = 'active' THEN NULL ELSE failing_since END,
            next_attempt_at = CASE WHEN CAST(:status AS text) = 'active' THEN CAST(:now AS timestamptz)
                                   ELSE next_attempt_at END
        WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL RETURNING id
        """
    )
)
_ROTATE = hot(
    text(
        """
        UPDATE webhook_subscription
        SET previous_secret = secret, previous_until = CAST(:until AS timestamptz), secret = :secret
        WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL RETURNING id
        """
    )
)
# What still waits is not sent any more.
_DELETE = hot(
    text(
        """
        WITH gone AS (UPDATE webhook_subscription SET deleted_at = CAST(:now AS timestamptz), status = 'disabled'
                      WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL RETURNING id)
        UPDATE webhook_delivery d SET status = 'failed', ended_at = CAST(:now AS timestamptz)
        FROM gone WHERE d.tenant_id = :tenant_id AND d.subscription_id = gone.id AND d.status = 'pending'
        """
    )
)


async def subscriptions(tx: Tx) -> list[Subscription]:
    """A tenant's subscriptions, in the order they were made."""
    rows = await tx.rows(_ALL)
    contacts = await sealing.unseal(tx, [row["contact"] for row in rows])
    return [_shown(row, contact) for row, contact in zip(rows, contacts, strict=True)]


async def subscription(tx: Tx, subscription_id: UUID) -> Subscription:
    """One of them.

    Raises:
        UnknownSubscription: it isn't there.
    """
    row = await tx.one(_ONE, {"id": subscription_id})
    if row is None:
        raise UnknownSubscription
    (contact,) = await sealing.unseal(tx, [row["contact"]])
    return _shown(row, contact)


def _shown(row: asyncpg.Record, contact: str | None) -> Subscription:
    return Subscription(**{**dict(row), "contact": contact})


async def subscribe(tx: Tx, asked: SubscriptionIn) -> SubscriptionMade:
    """A new subscription, told of what happens from now on. Its address was checked before.

    Raises:
        TooManySubscriptions: there are `MOST` already.
    """
    await open_cursor(tx)
    await tx.rows(_HOLD)
    counted = await tx.one(_COUNT)
    if counted is not None and counted[0] >= MOST:
        raise TooManySubscriptions(limit=MOST)
    subscription_id, secret = new_id(), webhooks.new_secret()
    sealed_secret, contact = await sealing.seal(tx, subscription_id, [secret, asked.contact])
    values = {
        "id": subscription_id,
        "url": asked.url,
        "description": asked.description or "",
        "events": asked.events,
        "contact": contact,
        "secret": sealed_secret,
        "now": clock.now(),
    }
    await tx.rows(_MAKE, values)
    made = await subscription(tx, subscription_id)
    return SubscriptionMade(**made.model_dump(), secret=secret)


async def change(tx: Tx, subscription_id: UUID, asked: SubscriptionChange) -> Subscription:
    """Change what is given; `active` also ends a pause or a disabling.

    Raises:
        UnknownSubscription: it isn't there.
    """
    contact = (await sealing.seal(tx, subscription_id, [asked.contact]))[0] if asked.contact else None
    values = {**asked.model_dump(), "id": subscription_id, "contact": contact, "now": clock.now()}
    if await tx.one(_CHANGE, values) is None:
        raise UnknownSubscription
    return await subscription(tx, subscription_id)


async def rotate(tx: Tx, subscription_id: UUID) -> Secret:
    """A new secret; the old one signs beside it for `OVERLAP`, so that a receiver can change at its leisure.

    Raises:
        UnknownSubscription: it isn't there.
    """
    secret, until = webhooks.new_secret(), clock.now() + OVERLAP
    (sealed,) = await sealing.seal(tx, subscription_id, [secret])
    if await tx.one(_ROTATE, {"id": subscription_id, "secret": sealed, "until": until}) is None:
        raise UnknownSubscription
    return Secret(secret=secret, previous_until=until)


async def unsubscribe(tx: Tx, subscription_id: UUID) -> None:
    """Tell it nothing any more; what was told can still be read for a while.

    Raises:
        UnknownSubscription: it isn't there.
    """
    await subscription(tx, subscription_id)
    await tx.rows(_DELETE, {"id": subscription_id, "now": clock.now()})
