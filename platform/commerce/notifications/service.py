"""Telling somebody something: the message is queued with the fact it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import orjson
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id

Channel = Literal["email", "sms"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message is for."""

    subject_id: UUID
    """The person, by whose key it is sealed."""
    channel: Channel
    address: str
    """An e-mail address, or a number in E.164."""
    locale: str


_QUEUE = hot(
    text(
        """
        INSERT INTO message (tenant_id, id, channel, template, locale, recipient, content, next_attempt_at)
        VALUES (:tenant_id, :id, :channel, :template, :locale, :recipient, :content, CAST(:now AS timestamptz))
        """
    )
)


async def send(tx: Tx, template: str, to: Recipient, values: Mapping[str, str]) -> UUID:
    """Queue a message; it is sent once the transaction is committed, and never when it is not."""
    recipient, content = await sealing.seal(tx, to.subject_id, [to.address, orjson.dumps(dict(values)).decode()])
    message_id = new_id()
    await tx.rows(
        _QUEUE,
        {
            "id": message_id,
            "channel": to.channel,
            "template": template,
            "locale": to.locale,
            "recipient": recipient,
            "content": content,
            "now": clock.now(),
        },
    )
    return message_id
