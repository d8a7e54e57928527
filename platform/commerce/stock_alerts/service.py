"""Waiting for what can't be had: a customer by their account, anybody else by an address that a mailed link proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

import commerce.stock_alerts.letters  # noqa: F401  (declared before any is sent)
from commerce.catalog.variants import sold_as
from commerce.identity import accounts, proofs
from commerce.identity.proofs import Purpose
from commerce.inventory.service import ON_HAND
from commerce.inventory.supply import ENDLESS
from commerce.sessions.sending import Sending
from commerce.sessions.signing_in import reached_at
from commerce.stock_alerts.schemas import StockAlertOut, StockAlerts
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import StockAlertRequested, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.tokens import token_hash
from foundation.turns import in_turn

MOST = 50
"""What one person waits for at a time."""
PAGE = "/stock-alerts"
_TURNS = 42

UNITS = f"""
    (SELECT coalesce(
        min((there.units + coalesce(greatest(y.backorder_limit - y.promised, 0), 0)) / l.quantity), {ENDLESS})
     FROM (SELECT v.tenant_id, v.id AS variant_id, 1 AS quantity WHERE NOT v.bundle
           UNION ALL SELECT b.tenant_id, b.component_id, b.quantity FROM bundle_component b
           WHERE v.bundle AND b.tenant_id = v.tenant_id AND b.variant_id = v.id) l
     CROSS JOIN LATERAL (SELECT {ON_HAND} AS units) there
     LEFT JOIN stock_policy y ON (y.tenant_id, y.variant_id) = (l.tenant_id, l.variant_id))::bigint
"""  # noqa: S608  (the fragment is a literal)
"""How many of a variant `v` can be had, now or as its policy promises; a bundle as often as its parts allow."""


class UnknownVariant(Unprocessable):
    """This shop sells no such variant."""

    code = "stock_alerts.unknown_variant"


class CanBeHad(Conflict):
    """It can be had now: there is nothing to wait for."""

    code = "stock_alerts.can_be_had"


class AddressNeeded(Unprocessable):
    """Say an e-mail address, or sign in to an account whose address is confirmed."""

    code = "stock_alerts.address_needed"


class TooManyAlerts(Unprocessable):
    """You wait for as many things as one can."""

    code = "stock_alerts.too_many"

    limit: int


class AlertNotFound(NotFound):
    """You don't wait for that."""

    code = "stock_alerts.not_found"


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Who wants to be told, and by which link they are known."""

    id: UUID
    customer_id: UUID | None = None
    email: str | None = None
    token: str | None = None


_VARIANT = hot(
    text(
        f"""
        SELECT v.id, v.product_id, p.title AS product_title, v.title AS variant_title, p.handle, {UNITS} AS units
        FROM variant v JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        WHERE v.tenant_id = :tenant_id AND v.id = :variant_id AND NOT v.discontinued AND p.status = 'published'
        """  # noqa: S608  (the fragment is a literal)
    )
)

# ix_stock_alert_customer, ix_stock_alert_address
_COUNT = hot(
    text(
        """
        SELECT count(*) AS many FROM stock_alert
        WHERE tenant_id = :tenant_id AND told_at IS NULL AND variant_id <> :variant_id
          AND (customer_id = CAST(:customer_id AS uuid) OR email_digest = CAST(:email_digest AS bytea))
        """
    )
)

# uq_stock_alert_customer, uq_stock_alert_address: whoever waits already waits on, at their place.
_ADD = hot(
    text(
        """
        INSERT INTO stock_alert (tenant_id, id, variant_id, customer_id, email, email_digest, token_hash, locale, home,
                                 asked_at)
        VALUES (:tenant_id, :id, :variant_id, CAST(:customer_id AS uuid), CAST(:email AS text),
                CAST(:email_digest AS bytea), CAST(:token_hash AS bytea), :locale, :home, CAST(:now AS timestamptz))
        ON CONFLICT DO NOTHING RETURNING id
        """
    )
)

# uq_stock_alert_token_hash
_BY_TOKEN = hot(
    text("SELECT id, told_at FROM stock_alert WHERE tenant_id = :tenant_id AND token_hash = CAST(:token_hash AS bytea)")
)

# ix_stock_alert_customer
_OF_CUSTOMER = hot(
    text(
        """
        SELECT a.variant_id, v.product_id, p.handle, p.title AS product_title, v.title AS variant_title,
               a.asked_at
        FROM stock_alert a JOIN variant v ON v.tenant_id = a.tenant_id AND v.id = a.variant_id
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        WHERE a.tenant_id = :tenant_id AND a.customer_id = :customer_id AND a.told_at IS NULL
        ORDER BY a.id DESC
        """
    )
)
# uq_stock_alert_customer
_STOP = hot(
    text(
        """
        DELETE FROM stock_alert
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND customer_id = :customer_id AND told_at IS NULL
        RETURNING id
        """
    )
)
_STOP_BY_TOKEN = hot(
    text(
        """
        DELETE FROM stock_alert
        WHERE tenant_id = :tenant_id AND token_hash = CAST(:token_hash AS bytea) AND told_at IS NULL RETURNING id
        """
    )
)


async def ask(
    sending: Sending, variant_id: UUID, *, customer_id: UUID | None, email: str | None
) -> Literal["waiting", "confirmation_sent"]:
    """Have somebody wait for a variant: by their account at once, by any other address once a link to it is shown.

    Whether an address is known here, or waits already, makes no difference to the answer.

    Raises:
        UnknownVariant, CanBeHad, AddressNeeded, TooManyAlerts.
        TooManyAttempts: too much was sent there, or from here.
    """
    core, shop, asking = sending.core, sending.shop, sending.asking
    async with core.database.tx(shop.id) as tx:
        variant = await _variant(tx, variant_id)
        if variant["units"] > 0:
            raise CanBeHad
        if customer_id is not None and await _is_theirs(tx, customer_id, email, shop.locale):
            await _wait(tx, variant, _Waiter(new_id(), customer_id), asking.locale, asking.home)
            return "waiting"
    if email is None:
        raise AddressNeeded
    await sending.count_mail(email)
    async with core.database.tx(shop.id) as tx:
        target = sealing.digest(tx.tenant_id, "stock_alert", f"{variant_id} {email.strip().lower()}")
        subject_id = new_id()
        content = {"email": email, "variant_id": str(variant_id)}
        token = await proofs.issue_token(tx, Purpose.STOCK_ALERT, target=target, subject_id=subject_id, content=content)
        link = f"{asking.home}{PAGE}/link?token={token}"
        await sending.mail(tx, "stock_alert_confirm", subject_id, email, product=_called(variant), link=link)
    return "confirmation_sent"


async def confirm(tx: Tx, token: str, *, locale: str, home: str) -> None:
    """Have whoever shows the link wait for what they asked about; shown again, they wait as they did.

    Raises:
        ProofNotGood: the link is over, or they were told.
        UnknownVariant, TooManyAlerts.
    """
    there = await tx.one(_BY_TOKEN, {"token_hash": token_hash(token)})
    if there is not None and there["told_at"] is None:
        return
    shown = await proofs.redeem(tx, Purpose.STOCK_ALERT, token)
    variant = await _variant(tx, UUID(shown.content["variant_id"]))
    waiter = _Waiter(shown.subject_id, email=shown.content["email"], token=token)
    await _wait(tx, variant, waiter, locale, home)


async def waiting(tx: Tx, customer_id: UUID) -> StockAlerts:
    """What a customer waits for, the last first."""
    rows = await tx.rows(_OF_CUSTOMER, {"customer_id": customer_id})
    return StockAlerts(items=[_out(row) for row in rows])


async def stop(tx: Tx, customer_id: UUID, variant_id: UUID) -> None:
    """A customer waits for it no longer.

    Raises:
        AlertNotFound.
    """
    if await tx.one(_STOP, {"variant_id": variant_id, "customer_id": customer_id}) is None:
        raise AlertNotFound


async def stop_by_link(tx: Tx, token: str) -> None:
    """Whoever has the link waits no longer, and their address is forgotten. A link that is over changes nothing."""
    gone = await tx.one(_STOP_BY_TOKEN, {"token_hash": token_hash(token)})
    if gone is not None:
        await sealing.drop(tx, gone["id"])


async def is_waiting(tx: Tx, token: str) -> bool:
    """Whether somebody waits by this link."""
    there = await tx.one(_BY_TOKEN, {"token_hash": token_hash(token)})
    return there is not None and there["told_at"] is None


async def _variant(tx: Tx, variant_id: UUID) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_VARIANT, {"variant_id": variant_id})
    if row is None:
        raise UnknownVariant
    return row


async def _is_theirs(tx: Tx, customer_id: UUID, email: str | None, locale: str) -> bool:
    """Whether a customer is reached by their account, at that address if one is said."""
    account = await accounts.by_customer(tx, customer_id)
    reached = reached_at(account, locale) if account is not None else None
    if reached is None or reached.channel != "email":
        return False
    return email is None or email.strip().lower() == reached.address.strip().lower()


async def _wait(tx: Tx, variant: Mapping[str, Any], waiter: _Waiter, locale: str, home: str) -> None:
    digest = accounts.email_digest(tx.tenant_id, waiter.email) if waiter.email else None
    await in_turn(tx, str(waiter.customer_id or (digest or b"").hex()), seed=_TURNS)
    who = {"customer_id": waiter.customer_id, "email_digest": digest, "variant_id": variant["id"]}
    count = await tx.one(_COUNT, who)
    if count is not None and count["many"] >= MOST:
        raise TooManyAlerts(limit=MOST)
    sealed = await sealing.seal(tx, waiter.id, [waiter.email]) if waiter.email else [None]
    values = {
        **who,
        "id": waiter.id,
        "email": sealed[0],
        "token_hash": token_hash(waiter.token) if waiter.token else None,
        "locale": locale,
        "home": home,
        "now": clock.now(),
    }
    if await tx.one(_ADD, values) is not None:
        fact = StockAlertRequested(alert_id=waiter.id, variant_id=variant["id"], product_id=variant["product_id"])
        await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=variant["id"])])


def _out(row: Mapping[str, Any]) -> StockAlertOut:
    said = {name: row[name] for name in StockAlertOut.model_fields if name != "title"}
    return StockAlertOut(**said, title=_called(row))


def _called(row: Mapping[str, Any]) -> str:
    return sold_as(row["product_title"], row["variant_title"])
