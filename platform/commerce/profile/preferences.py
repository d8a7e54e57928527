"""What a customer wants to be told, and how."""

from __future__ import annotations

from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.consent import service as consenting
from commerce.notifications import service as notifications
from commerce.notifications.letters import Topic
from commerce.notifications.service import Channel
from commerce.profile.schemas import PreferenceIn, PreferenceOut, Preferences
from commerce.profile.topics import CHANNELS, KINDS
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.ids import new_id


class AlwaysTold(Unprocessable):
    """That is part of what was bought, and is always sent."""

    code = "profile.always_told"

    topic: str
    channel: str


# uq_notification_preference
_SAID = hot(
    text(
        """
        SELECT topic, channel, wanted FROM notification_preference
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id
        """
    )
)

_SAY = hot(
    text(
        """
        INSERT INTO notification_preference (tenant_id, id, customer_id, topic, channel, wanted, updated_at)
        SELECT :tenant_id, id, CAST(:customer_id AS uuid), topic, channel, wanted, CAST(:now AS timestamptz)
        FROM jsonb_to_recordset(CAST(:said AS jsonb)) AS s (id uuid, topic text, channel text, wanted bool)
        ON CONFLICT (tenant_id, customer_id, topic, channel) DO UPDATE
            SET wanted = excluded.wanted, updated_at = excluded.updated_at
        """
    )
)


async def preferences(tx: Tx, customer_id: UUID) -> Preferences:
    """Everything a customer can be told, each way by itself."""
    said = await _said(tx, customer_id)
    agrees = await consenting.has_given(tx, customer_id, "marketing")
    return Preferences(
        items=[
            PreferenceOut(
                topic=topic,
                channel=channel,
                wanted=_wanted(said, topic, channel),
                fixed=_fixed(topic, channel),
                withheld=KINDS[topic].is_advertising and not agrees,
            )
            for topic in KINDS
            for channel in CHANNELS
        ]
    )


async def prefer(tx: Tx, customer_id: UUID, said: list[PreferenceIn]) -> None:
    """Change what is named; of what is named twice the last counts.

    Raises:
        AlwaysTold: one of them can't be switched off. Nothing is changed.
    """
    for one in said:
        if _fixed(one.topic, one.channel) and not one.wanted:
            raise AlwaysTold(topic=one.topic, channel=one.channel)
    last = {(one.topic, one.channel): {**one.model_dump(), "id": str(new_id())} for one in said}
    values = {"customer_id": customer_id, "said": orjson.dumps(list(last.values())).decode(), "now": clock.now()}
    await tx.rows(_SAY, values)


async def wanted(tx: Tx, customer_id: UUID, topic: Topic, channel: Channel) -> bool:
    """Whether a customer is to be told of something in one way: advertising to nobody who doesn't agree to it. Every
    message of a topic is asked about here (`notifications.service.offer`).
    """
    if KINDS[topic].is_advertising and not await consenting.has_given(tx, customer_id, "marketing"):
        return False
    return _wanted(await _said(tx, customer_id), topic, channel)


async def _said(tx: Tx, customer_id: UUID) -> dict[tuple[str, str], bool]:
    rows = await tx.rows(_SAID, {"customer_id": customer_id})
    return {(row["topic"], row["channel"]): row["wanted"] for row in rows}


def _wanted(said: dict[tuple[str, str], bool], topic: Topic, channel: Channel) -> bool:
    return _fixed(topic, channel) or said.get((topic, channel), channel in KINDS[topic].default)


def _fixed(topic: Topic, channel: Channel) -> bool:
    return channel in KINDS[topic].always


notifications.ask_by(wanted)
