"""Telling somebody something: the message is queued with the fact it tells of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.notifications.letters import LETTERS, Topic
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


class Unasked(Exception):
    """A letter that people may do without was to be sent without asking whether they want it: `offer` does."""


Wanted = Callable[[Tx, UUID, Topic, Channel], Awaitable[bool]]
"""Whether a customer is to be told of a topic in one way."""


async def _nobody_wants(*_: object) -> bool:
    return False


_wanted: Wanted = _nobody_wants


def ask_by(wanted: Wanted) -> None:
    """Ask customers so. Nobody is sent what they may do without before somebody has said how they are asked."""
    global _wanted  # noqa: PLW0603  (said once, as the core is loaded)
    _wanted = wanted


async def send(tx: Tx, template: str, to: Recipient, values: Mapping[str, str]) -> UUID:
    """Queue a message; it is sent once the transaction is committed, and never when it is not.

    Raises:
        Unasked: it is of a topic that people may do without.
    """
    if LETTERS[template].topic is not None:
        raise Unasked(template)
    return await _send(tx, template, to, values)


async def offer(tx: Tx, template: str, to: Recipient, values: Mapping[str, str]) -> UUID | None:
    """Queue a message of a topic to a customer (`to.subject_id`) who wants it: what is advertising to those alone who
    agree to it. `None`: it is not sent.
    """
    topic = LETTERS[template].topic
    if topic is not None and not await _wanted(tx, to.subject_id, topic, to.channel):
        return None
    return await _send(tx, template, to, values)


async def _send(tx: Tx, template: str, to: Recipient, values: Mapping[str, str]) -> UUID:
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
