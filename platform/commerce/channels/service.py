"""Sales channels as staff keep them. `web`, the shop's pages, is always there and has no row until it is renamed."""

from __future__ import annotations

from sqlalchemy import text

from commerce.channels.schemas import ChannelChange, ChannelIn, ChannelOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id
from foundation.turns import in_turn

WEB = "web"
"""The channel of the shop's own pages, and of whoever asks without a program that has another."""
MOST = 50


class ChannelNotFound(NotFound):
    """The shop has no such sales channel."""

    code = "channels.not_found"


class ChannelUnknown(Unprocessable):
    """The shop has no such sales channel, or sells nothing on it any more."""

    code = "channels.unknown"

    channel: str


class ChannelTaken(Conflict):
    """The shop has a sales channel of this code already, be it a retired one."""

    code = "channels.taken"


class ChannelStale(Conflict):
    """The sales channel was changed meanwhile; look again."""

    code = "channels.stale"

    version: int


class TooManyChannels(Conflict):
    """The shop has as many sales channels as it may have."""

    code = "channels.too_many"

    limit: int


class WebIsKept(Conflict):
    """`web` is the shop's own pages, and can't be retired."""

    code = "channels.web_is_kept"


# uq_sales_channel_code
_ALL = hot(
    text(
        """
        SELECT code, name, retired_at, version FROM (
            SELECT id, code, name, retired_at, version FROM sales_channel WHERE tenant_id = :tenant_id
            UNION ALL
            SELECT NULL, 'web', 'Web shop', NULL, 1
            WHERE NOT EXISTS (SELECT FROM sales_channel WHERE tenant_id = :tenant_id AND code = 'web')) c
        ORDER BY code <> 'web', id
        """
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO sales_channel (tenant_id, id, code, name, version)
        VALUES (:tenant_id, :id, :code, :name, :version)
        """
    )
)
_RENAME = hot(
    text(
        "UPDATE sales_channel SET name = :name, version = version + 1 WHERE tenant_id = :tenant_id AND code = :code"
        " RETURNING id"
    )
)
_RETIRE = hot(
    text(
        """
        UPDATE sales_channel SET retired_at = CAST(:now AS timestamptz), version = version + 1
        WHERE tenant_id = :tenant_id AND code = :code AND retired_at IS NULL
        """
    )
)


async def channels(tx: Tx) -> list[ChannelOut]:
    """Every sales channel, retired ones too."""
    return [ChannelOut.model_validate(dict(row)) for row in await tx.rows(_ALL)]


async def channel(tx: Tx, code: str) -> ChannelOut:
    """A sales channel.

    Raises:
        ChannelNotFound.
    """
    found = next((one for one in await channels(tx) if one.code == code), None)
    if found is None:
        raise ChannelNotFound
    return found


async def require_open(tx: Tx, *codes: str | None) -> None:
    """Stop unless something is sold on each of these channels; `None` names none.

    Raises:
        ChannelUnknown.
    """
    asked = [code for code in codes if code is not None]
    if not asked:
        return
    there = {one.code for one in await channels(tx) if one.retired_at is None}
    for code in asked:
        if code not in there:
            raise ChannelUnknown(channel=code)


async def add(tx: Tx, body: ChannelIn) -> ChannelOut:
    """A new sales channel.

    Raises:
        ChannelTaken, TooManyChannels.
    """
    await _alone(tx)
    there = await channels(tx)
    if any(one.code == body.code for one in there):
        raise ChannelTaken
    if len(there) >= MOST:
        raise TooManyChannels(limit=MOST)
    await _write(tx, body.code, body.name, version=1)
    return await channel(tx, body.code)


async def rename(tx: Tx, code: str, body: ChannelChange) -> ChannelOut:
    """Call a sales channel otherwise.

    Raises:
        ChannelNotFound, ChannelStale.
    """
    await _alone(tx)
    present = await channel(tx, code)
    if present.version != body.version:
        raise ChannelStale(version=present.version)
    if await tx.one(_RENAME, {"code": code, "name": body.name}) is None:
        await _write(tx, code, body.name, version=2)
    return await channel(tx, code)


async def retire(tx: Tx, code: str) -> ChannelOut:
    """Sell nothing more on a channel. Its programs sell as `web` does then; carts of it are still honoured.

    Raises:
        ChannelNotFound, WebIsKept.
    """
    if code == WEB:
        raise WebIsKept
    await _alone(tx)
    await tx.rows(_RETIRE, {"code": code, "now": clock.now()})
    return await channel(tx, code)


async def _alone(tx: Tx) -> None:
    await in_turn(tx, f"sales_channel:{tx.tenant_id}")


async def _write(tx: Tx, code: str, name: str, *, version: int) -> None:
    await tx.rows(_ADD, {"id": new_id(), "code": code, "name": name, "version": version})
