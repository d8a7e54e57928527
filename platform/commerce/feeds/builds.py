"""Builds of product feeds: asked for by staff or when their time has come, made by workers, followed by the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.archives.queue import Leases, TakenOver, Turn, as_holder
from commerce.exchange.feeding import Sifted
from commerce.media import leftovers
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id
from foundation.naming import ObjectPath, object_path

QUEUE = Leases("product_feed_build", also=("feed_id",), failing=", finished_at = CAST(:now AS timestamptz)")


class FeedNotBuilt(Conflict):
    """The feed is being built for the first time: fetch it again in some minutes."""

    code = "feeds.not_built"


# uq_product_feed_build_due
_ASK = hot(
    text(
        """
        INSERT INTO product_feed_build (tenant_id, id, feed_id, status, requested_by, requested_at)
        VALUES (:tenant_id, :id, :feed_id, 'waiting', CAST(:by AS text), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, feed_id) WHERE status IN ('waiting', 'running') DO NOTHING
        """
    )
)
# ix_product_feed_build_feed
_DUE = hot(
    text(
        """
        SELECT f.id FROM product_feed f
        WHERE f.tenant_id = :tenant_id AND NOT EXISTS (
            SELECT FROM product_feed_build b
            WHERE b.tenant_id = f.tenant_id AND b.feed_id = f.id
              AND (b.status IN ('waiting', 'running')
                   OR b.requested_at > CAST(:now AS timestamptz) - f.every_hours * interval '1 hour'))
        """
    )
)
_FEED = hot(text("SELECT language, channel, home FROM product_feed WHERE tenant_id = :tenant_id AND id = :id"))
_PROGRESS = hot(
    text(
        f"""
        UPDATE product_feed_build SET products = CAST(:products AS bigint), total = CAST(:total AS bigint)
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_READY = hot(
    text(
        f"""
        UPDATE product_feed_build SET status = 'ready', items = CAST(:items AS bigint),
               left_out = CAST(CAST(:left_out AS text) AS jsonb), size = CAST(:size AS bigint),
               packed_size = CAST(:packed_size AS bigint), sha256 = :sha256, finished_at = CAST(:now AS timestamptz),
               changed_at = coalesce((
                   SELECT max(s.changed_at) FROM product_feed_build s
                   WHERE s.tenant_id = :tenant_id AND s.feed_id = product_feed_build.feed_id AND s.status = 'ready'
                     AND s.sha256 = :sha256), CAST(:now AS timestamptz))
        WHERE {QUEUE.mine} RETURNING feed_id
        """  # noqa: S608  (a literal of the queue)
    )
)
# Those before one that ended: what is fetched is the latest that is ready, and of failures the latest is told.
_FORGET = hot(
    text(
        """
        DELETE FROM product_feed_build b
        WHERE b.tenant_id = :tenant_id AND b.status IN ('ready', 'failed') AND EXISTS (
            SELECT FROM product_feed_build s
            WHERE s.tenant_id = b.tenant_id AND s.feed_id = b.feed_id AND s.id > b.id
              AND (s.status = 'ready' OR (s.status = 'failed' AND b.status = 'failed')))
        RETURNING b.id, b.attempt
        """
    )
)
# uq_product_feed_token_hash, ix_product_feed_build_feed
_SERVED = hot(
    text(
        """
        SELECT f.id AS feed_id, b.id, b.attempt, b.size, b.packed_size, b.sha256, b.changed_at
        FROM product_feed f LEFT JOIN product_feed_build b
            ON b.tenant_id = f.tenant_id AND b.feed_id = f.id AND b.status = 'ready'
        WHERE f.tenant_id = :tenant_id AND f.token_hash = CAST(:token_hash AS bytea)
        ORDER BY b.id DESC LIMIT 1
        """
    )
)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a build is of."""

    language: str | None
    channel: str
    home: str


@dataclass(frozen=True, slots=True)
class Written:
    """A feed's file, and the same packed by gzip."""

    size: int
    packed_size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Served:
    """What is fetched from an address."""

    feed_id: UUID
    turn: Turn
    written: Written
    changed_at: datetime


def path_of(tenant_id: UUID, turn: Turn, *, packed: bool = False) -> ObjectPath:
    """Where a file is written. Each attempt has its own: one that was given up and still writes spoils no other."""
    return object_path(tenant_id, "product-feeds", f"{turn.id}-{turn.attempt}.xml{'.gz' if packed else ''}")


def paths_of(tenant_id: UUID, last: Iterable[Turn]) -> list[ObjectPath]:
    """All files that attempts up to these may have written."""
    return [
        path_of(tenant_id, Turn(turn.id, attempt), packed=packed)
        for turn in last
        for attempt in range(1, turn.attempt + 1)
        for packed in (False, True)
    ]


async def ask(tx: Tx, feed_id: UUID, *, by: str | None) -> None:
    """Have a feed built, unless it waits for that or is being built."""
    await tx.rows(_ASK, {"id": new_id(), "feed_id": feed_id, "by": by, "now": clock.now()})


async def ask_due(tx: Tx) -> None:
    """Have those built whose time has come."""
    for row in await tx.rows(_DUE, {"now": clock.now()}):
        await ask(tx, row["id"], by=None)


async def declared(tx: Tx, feed_id: UUID) -> Declared:
    """What a feed is to be.

    Raises:
        TakenOver: it was taken back meanwhile.
    """
    row = await tx.one(_FEED, {"id": feed_id})
    if row is None:
        raise TakenOver
    return Declared(row["language"], row["channel"], row["home"])


async def go_on(tx: Tx, turn: Turn, *, products: int, total: int) -> None:
    """Say how far it is.

    Raises:
        TakenOver.
    """
    await as_holder(tx, _PROGRESS, turn, products=products, total=total)


async def ready(tx: Tx, turn: Turn, written: Written, sifted: Sifted) -> None:
    """It is made, and fetched from now on; those before it are forgotten, some time after with their files.

    Raises:
        TakenOver.
    """
    told = {"items": sifted.taken, "left_out": orjson.dumps(sifted.told).decode()}
    digest = {"size": written.size, "packed_size": written.packed_size, "sha256": written.sha256}
    await as_holder(tx, _READY, turn, **told, **digest, now=clock.now())
    before = [Turn(row["id"], row["attempt"]) for row in await tx.rows(_FORGET)]
    await leftovers.doom(tx, paths_of(tx.tenant_id, before), after=leftovers.WRITTEN_WITHIN)


async def served(tx: Tx, token_hash: bytes) -> Served | None:
    """What is fetched with a token; `None`: there is no such token.

    Raises:
        FeedNotBuilt.
    """
    row = await tx.one(_SERVED, {"token_hash": token_hash})
    if row is None:
        return None
    if row["id"] is None:
        raise FeedNotBuilt
    written = Written(row["size"], row["packed_size"], row["sha256"])
    return Served(row["feed_id"], Turn(row["id"], row["attempt"]), written, row["changed_at"])
