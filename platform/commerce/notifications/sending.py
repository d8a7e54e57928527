"""Messages are sent: taken from the queue for a while, handed over, and crossed off.

Whoever takes some has them for `LEASE`. If it dies before it has crossed one off that it handed over, that one is sent
a second time when the lease is over, under the same Message-ID; nothing is lost. What can't be handed over is tried
again after longer and longer waits, and given up after some. What was in a message is gone once it is sent: it may be a
link that signs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import structlog
from sqlalchemy import text

from commerce.logos import service as logos
from commerce.notifications.carriers import (
    LOGO_AT,
    Letterhead,
    Mail,
    NotDelivered,
    Texts,
    Undeliverable,
    mail_of,
    texts_of,
)
from commerce.notifications.rendering import rendered, text_message
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import clock, sealing
from foundation.database import Database, DatabaseUnavailable, hot
from foundation.settings import Settings

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 1.0
BATCH = 20
LEASE = timedelta(minutes=10)
"""Longer than a batch takes when every message waits for its time-out."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=6)
ATTEMPTS = 8
"""Over about a day."""

# ix_message_due. As a subquery of the UPDATE it might be run for each row anew, and take more than it may.
_TAKE = hot(
    text(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM message WHERE tenant_id = :tenant_id AND status = 'queued'
               AND next_attempt_at <= CAST(:now AS timestamptz)
            ORDER BY next_attempt_at, id LIMIT :most FOR UPDATE SKIP LOCKED)
        UPDATE message m SET attempts = attempts + 1, next_attempt_at = CAST(:leased AS timestamptz)
        FROM due WHERE m.tenant_id = :tenant_id AND m.id = due.id
        RETURNING m.id, m.channel, m.template, m.recipient, m.content, m.attempts
        """
    )
)
_SENT = hot(
    text(
        """
        UPDATE message SET status = 'sent', sent_at = CAST(:now AS timestamptz), content = '', error = NULL
        WHERE tenant_id = :tenant_id AND id = :message_id
        """
    )
)
_FAILED = hot(
    text(
        """
        UPDATE message SET status = 'failed', content = '', error = :error
        WHERE tenant_id = :tenant_id AND id = :message_id
        """
    )
)
_LATER = hot(
    text(
        """
        UPDATE message SET next_attempt_at = CAST(:at AS timestamptz), error = :error
        WHERE tenant_id = :tenant_id AND id = :message_id
        """
    )
)


@dataclass(frozen=True, slots=True)
class Post:
    """The way out for messages."""

    database: Database
    mail: Mail
    texts: Texts
    settings: Settings

    async def send_due(self, shop: Shop) -> int:
        """Send what is due in one shop: how many were taken."""
        async with self.database.tx(shop.id) as tx:
            now = clock.now()
            taken = await tx.rows(_TAKE, {"now": now, "leased": now + LEASE, "most": BATCH})
        for row in taken:
            await self._send(shop, row)
        return len(taken)

    async def _send(self, shop: Shop, row: Mapping[str, Any]) -> None:
        try:
            async with self.database.tx(shop.id, read_only=True) as tx:
                recipient, content = await sealing.unseal(tx, [row["recipient"], row["content"]])
            await self._hand_over(shop, row, recipient, content)
        except DatabaseUnavailable:
            raise  # it is sent once the lease is over
        except Undeliverable as fault:
            await self._note(shop, _FAILED, row["id"], error=str(fault))
            log.warning("message.failed", tenant=shop.slug, message=str(row["id"]), error=str(fault))
        except NotDelivered as fault:
            await self._put_off(shop, row, str(fault))
        except Exception as fault:
            log.exception("message.broke", tenant=shop.slug, message=str(row["id"]))
            await self._put_off(shop, row, type(fault).__name__)
        else:
            await self._note(shop, _SENT, row["id"], now=clock.now())

    async def _hand_over(self, shop: Shop, row: Mapping[str, Any], recipient: str | None, content: str | None) -> None:
        if recipient is None or content is None:
            raise Undeliverable("its recipient was erased")
        values, logo = orjson.loads(content), None
        try:
            if row["channel"] == "sms":
                words = text_message(shop, row["template"], values)
            else:
                logo = await logos.load(self.settings, shop.id, logos.mark_of(shop.settings))
                letter = rendered(shop, row["template"], values, logo_at=LOGO_AT if logo else None)
        except KeyError as fault:
            # An older worker may not know yet what a newer one of the web sends.
            raise NotDelivered(f"there is no message {row['template']}") from fault
        if row["channel"] == "sms":
            await self.texts.send(recipient, words)
        else:
            await self.mail.send(Letterhead(row["id"], shop.name, recipient, logo), letter)

    async def _put_off(self, shop: Shop, row: Mapping[str, Any], error: str) -> None:
        if row["attempts"] >= ATTEMPTS:
            await self._note(shop, _FAILED, row["id"], error=error)
        else:
            await self._note(shop, _LATER, row["id"], error=error, at=clock.now() + wait_after(row["attempts"]))
        log.warning("message.not_delivered", tenant=shop.slug, message=str(row["id"]), error=error)

    async def _note(self, shop: Shop, statement: Any, message_id: UUID, **values: Any) -> None:
        async with self.database.tx(shop.id) as tx:
            await tx.rows(statement, {"message_id": message_id, **values})


def wait_after(attempts: int) -> timedelta:
    """How long a message waits after so many tries: four times as long each time, up to some hours."""
    return min(FIRST_WAIT * int(4 ** (attempts - 1)), LONGEST_WAIT)


async def run(database: Database, settings: Settings, client: httpx.AsyncClient) -> None:
    """Send what is due in every shop, until it is cancelled."""
    post = Post(database, mail_of(settings), texts_of(settings, client), settings)
    await keep_going_round("messages", database, post.send_due, every=PERIOD_SECONDS)
