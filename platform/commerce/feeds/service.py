"""Product feeds as staff keep them: declared, given an address that only who was told it knows, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.archives.queue import Turn
from commerce.channels import service as channels
from commerce.feeds import builds
from commerce.feeds.schemas import BuildOut, FeedChange, FeedIn, FeedMade, FeedOut
from commerce.identity.secrets_shown_once import new_secret, shown_of
from commerce.media import leftovers
from commerce.tenancy.service import Shop
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id
from foundation.tokens import token_hash
from foundation.turns import in_turn

PREFIX = "twf_"
"""How the tokens of feeds begin."""
MOST = 20
"""Feeds of a shop."""


class FeedNotFound(NotFound):
    """There is no such product feed."""

    code = "feeds.not_found"


class FeedStale(Conflict):
    """The feed was changed meanwhile; look again."""

    code = "feeds.stale"

    version: int


class TooManyFeeds(Conflict):
    """The shop has as many product feeds as it may have."""

    code = "feeds.too_many"

    limit: int


class LanguageUnknown(Unprocessable):
    """The shop's catalogue is not read in this language."""

    code = "feeds.language_unknown"

    language: str


_BUILD = ", ".join(f"'{name}', b.{name}" for name in BuildOut.model_fields)
_LAST = "FROM product_feed_build b WHERE b.tenant_id = f.tenant_id AND b.feed_id = f.id"
_OWN = [name for name in FeedOut.model_fields if name not in {"served", "latest"}]
# ix_product_feed_build_feed
_SHOWN = f"""
    SELECT {", ".join(f"f.{name}" for name in _OWN)},
           (SELECT json_build_object({_BUILD}) {_LAST} AND b.status = 'ready'
            ORDER BY b.id DESC LIMIT 1)::text AS served,
           (SELECT json_build_object({_BUILD}) {_LAST} ORDER BY b.id DESC LIMIT 1)::text AS latest
    FROM product_feed f WHERE f.tenant_id = :tenant_id
"""  # noqa: S608  (names of columns)
# pk_product_feed: ids are ordered by time.
_PAGE = hot(text(f"{_SHOWN} AND f.id < CAST(:before AS uuid) ORDER BY f.id DESC LIMIT :limit"))
_ONE = hot(text(f"{_SHOWN} AND f.id = :id"))
_COUNT = hot(text("SELECT count(*) FROM product_feed WHERE tenant_id = :tenant_id"))
_ADD = hot(
    text(
        """
        INSERT INTO product_feed (tenant_id, id, name, language, channel, every_hours, home, token_hash, token_shown,
                                  created_at, rotated_at, version)
        VALUES (:tenant_id, :id, :name, CAST(:language AS text), :channel, :every_hours, :home,
                CAST(:token_hash AS bytea), :token_shown, CAST(:now AS timestamptz), CAST(:now AS timestamptz), 1)
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE product_feed SET name = :name, language = CAST(:language AS text), channel = :channel,
               every_hours = :every_hours, home = :home, version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id AND version = CAST(:version AS bigint) RETURNING id
        """
    )
)
_MOVE = hot(text("UPDATE product_feed SET home = :home WHERE tenant_id = :tenant_id AND id = :id RETURNING id"))
_ROTATE = hot(
    text(
        """
        UPDATE product_feed SET token_hash = CAST(:token_hash AS bytea), token_shown = :token_shown,
               rotated_at = CAST(:now AS timestamptz), version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id RETURNING home
        """
    )
)
_FILES = hot(text("SELECT id, attempt FROM product_feed_build WHERE tenant_id = :tenant_id AND feed_id = :id"))
_REMOVE = hot(text("DELETE FROM product_feed WHERE tenant_id = :tenant_id AND id = :id"))


async def page(tx: Tx, before: UUID, limit: int) -> list[tuple[UUID, FeedOut]]:
    """Feeds before one, the latest first."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"before": before, "limit": limit})]


async def one(tx: Tx, feed_id: UUID) -> FeedOut:
    """A feed, and how its file is.

    Raises:
        FeedNotFound.
    """
    row = await tx.one(_ONE, {"id": feed_id})
    if row is None:
        raise FeedNotFound
    return _out(row)


async def declare(tx: Tx, shop: Shop, body: FeedIn, *, by: str, home: str) -> FeedMade:
    """A new feed, and its address; it is built as soon as a worker has time. `home` is where the shop's pages are.

    Raises:
        LanguageUnknown, ChannelUnknown, TooManyFeeds.
    """
    await _require_sold(tx, shop, body)
    await in_turn(tx, f"product_feed:{tx.tenant_id}")
    counted = await tx.one(_COUNT)
    if counted is not None and counted[0] >= MOST:
        raise TooManyFeeds(limit=MOST)
    feed_id, token = new_id(), new_secret(PREFIX)
    await tx.rows(_ADD, {"id": feed_id, **body.model_dump(), "home": home, **_kept(token)})
    audit.made("product_feed", feed_id)
    await builds.ask(tx, feed_id, by=by)
    return _made(await one(tx, feed_id), home, token)


async def change(tx: Tx, shop: Shop, feed_id: UUID, body: FeedChange, *, by: str, home: str) -> FeedOut:
    """Make it another feed at the same address, and build it anew.

    Raises:
        FeedNotFound, FeedStale, LanguageUnknown, ChannelUnknown.
    """
    await _require_sold(tx, shop, body)
    if await tx.one(_CHANGE, {"id": feed_id, **body.model_dump(), "home": home}) is None:
        raise FeedStale(version=(await one(tx, feed_id)).version)
    await builds.ask(tx, feed_id, by=by)
    return await one(tx, feed_id)


async def build(tx: Tx, feed_id: UUID, *, by: str, home: str) -> FeedOut:
    """Have it built now. One that waits, or is being built, is not begun twice.

    Raises:
        FeedNotFound.
    """
    if await tx.one(_MOVE, {"id": feed_id, "home": home}) is None:
        raise FeedNotFound
    await builds.ask(tx, feed_id, by=by)
    return await one(tx, feed_id)


async def rotate(tx: Tx, feed_id: UUID) -> FeedMade:
    """Another address; the one that it had leads nowhere from now on.

    Raises:
        FeedNotFound.
    """
    token = new_secret(PREFIX)
    row = await tx.one(_ROTATE, {"id": feed_id, **_kept(token)})
    if row is None:
        raise FeedNotFound
    return _made(await one(tx, feed_id), row["home"], token)


async def revoke(tx: Tx, feed_id: UUID) -> None:
    """Take it back: its address leads nowhere from now on, and its files are deleted.

    Raises:
        FeedNotFound.
    """
    await one(tx, feed_id)
    turns = [Turn(row["id"], row["attempt"]) for row in await tx.rows(_FILES, {"id": feed_id})]
    await leftovers.doom(tx, builds.paths_of(tx.tenant_id, turns), after=leftovers.WRITTEN_WITHIN)
    await tx.rows(_REMOVE, {"id": feed_id})


async def _require_sold(tx: Tx, shop: Shop, body: FeedIn) -> None:
    if body.language is not None and body.language not in {shop.locale, *shop.locales}:
        raise LanguageUnknown(language=body.language)
    await channels.require_open(tx, body.channel)


def _kept(token: str) -> dict[str, object]:
    return {"token_hash": token_hash(token), "token_shown": shown_of(PREFIX, token), "now": clock.now()}


def _made(feed: FeedOut, home: str, token: str) -> FeedMade:
    return FeedMade(**dict(feed), address=f"{home}/feeds/{token}.xml")


def _out(row: Mapping[str, Any]) -> FeedOut:
    built = {name: None if row[name] is None else orjson.loads(row[name]) for name in ("served", "latest")}
    return FeedOut.model_validate({name: row[name] for name in _OWN} | built)
