"""Rules of the order of searches and category pages: written, looked at before and after, published, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.merchandising.schemas import RuleChange, RuleIn, RuleOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id
from foundation.steering import SearchRule

MOST = 500
"""How many a shop may have."""


class RuleNotFound(NotFound):
    """There is no such rule in this shop."""

    code = "search.rule_not_found"


class RuleStale(Conflict):
    """Somebody else has changed this rule meanwhile; look at it again."""

    code = "search.rule_stale"

    version: int
    """What it is now."""


class RuleNotPreviewed(Conflict):
    """Nobody has looked at what this version makes of the order: preview it, then publish it."""

    code = "search.rule_not_previewed"

    version: int


class TooManyRules(Conflict):
    """The shop has as many rules as there may be: take some away first."""

    code = "search.too_many_rules"

    most: int = MOST


class RuleNamesNothing(Unprocessable):
    """The rule names products or categories that the shop does not have."""

    code = "search.rule_names_nothing"

    missing: list[str]


_PAGE = hot(
    text(
        """
        SELECT id, draft::text AS draft, version, previewed, published, published_at FROM search_rule
        WHERE tenant_id = :tenant_id AND id > :after ORDER BY id LIMIT :limit
        """
    )
)
_ONE = hot(
    text(
        """
        SELECT id, draft::text AS draft, version, previewed, published, published_at FROM search_rule
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_LOCK = hot(text("SELECT version FROM search_rule WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"))
_ADD = hot(
    text(
        """
        INSERT INTO search_rule (tenant_id, id, name, draft)
        SELECT :tenant_id, :id, CAST(:name AS text), CAST(CAST(:draft AS text) AS jsonb)
        WHERE (SELECT count(*) FROM search_rule WHERE tenant_id = :tenant_id) < CAST(:most AS bigint)
        RETURNING id
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE search_rule
        SET name = CAST(:name AS text), draft = CAST(CAST(:draft AS text) AS jsonb), version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_PREVIEWED = hot(
    text(
        """
        UPDATE search_rule SET previewed = CAST(:version AS bigint)
        WHERE tenant_id = :tenant_id AND id = :id AND version = CAST(:version AS bigint)
        """
    )
)
_PUBLISH = hot(
    text(
        """
        UPDATE search_rule SET live = draft, published = version, published_at = :now
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_WITHDRAW = hot(
    text(
        """
        UPDATE search_rule SET live = NULL, published = NULL, published_at = NULL
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_REMOVE = hot(text("DELETE FROM search_rule WHERE tenant_id = :tenant_id AND id = :id RETURNING id"))
_LIVE = hot(
    text(
        """
        SELECT id, live::text AS live FROM search_rule WHERE tenant_id = :tenant_id AND live IS NOT NULL ORDER BY id
        """
    )
)
_MISSING = hot(
    text(
        """
        SELECT given.id FROM unnest(CAST(:products AS uuid[])) AS given (id)
        WHERE NOT EXISTS (SELECT FROM product p WHERE p.tenant_id = :tenant_id AND p.id = given.id)
        UNION ALL
        SELECT given.id FROM unnest(CAST(:categories AS uuid[])) AS given (id)
        WHERE NOT EXISTS (SELECT FROM category c WHERE c.tenant_id = :tenant_id AND c.id = given.id)
        """
    )
)


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, RuleOut]]:
    """Rules after one, as they were added."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"after": after, "limit": limit})]


async def read(tx: Tx, rule_id: UUID) -> RuleOut:
    """A rule.

    Raises:
        RuleNotFound.
    """
    row = await tx.one(_ONE, {"id": rule_id})
    if row is None:
        raise RuleNotFound
    return _out(row)


async def add(tx: Tx, body: RuleIn) -> RuleOut:
    """A draft, which changes nothing yet.

    Raises:
        RuleNamesNothing, TooManyRules.
    """
    await _require_named(tx, body)
    rule_id = new_id()
    values = {"id": rule_id, "name": body.name, "draft": body.model_dump_json(), "most": MOST}
    if await tx.one(_ADD, values) is None:
        raise TooManyRules
    return await read(tx, rule_id)


async def change(tx: Tx, rule_id: UUID, body: RuleChange) -> RuleOut:
    """Write the draft anew; what holds stays as it is.

    Raises:
        RuleNotFound, RuleStale, RuleNamesNothing.
    """
    await _locked(tx, rule_id, body.version)
    await _require_named(tx, body)
    draft = body.model_dump_json(exclude={"version"})
    await tx.rows(_CHANGE, {"id": rule_id, "name": body.name, "draft": draft})
    return await read(tx, rule_id)


async def looked_at(tx: Tx, rule: RuleOut) -> None:
    """Remember that somebody saw what this version makes of the order, unless it has been changed meanwhile."""
    await tx.rows(_PREVIEWED, {"id": rule.id, "version": rule.version})


async def publish(tx: Tx, rule_id: UUID, version: int) -> RuleOut:
    """Have the draft hold; searches know it within seconds.

    Raises:
        RuleNotFound, RuleStale, RuleNotPreviewed.
    """
    rule = await _locked(tx, rule_id, version)
    if not rule.previewed:
        raise RuleNotPreviewed(version=rule.version)
    await tx.rows(_PUBLISH, {"id": rule_id, "now": clock.now()})
    return await read(tx, rule_id)


async def withdraw(tx: Tx, rule_id: UUID) -> RuleOut:
    """Have it hold no longer; the draft stays.

    Raises:
        RuleNotFound.
    """
    await tx.rows(_WITHDRAW, {"id": rule_id})
    return await read(tx, rule_id)


async def remove(tx: Tx, rule_id: UUID) -> None:
    """Take a rule away; if it holds, it holds no longer.

    Raises:
        RuleNotFound.
    """
    if await tx.one(_REMOVE, {"id": rule_id}) is None:
        raise RuleNotFound


async def told(tx: Tx) -> list[SearchRule]:
    """The rules that are published, as searches know them."""
    return [RuleIn.model_validate_json(row["live"]).told(row["id"]) for row in await tx.rows(_LIVE)]


async def _locked(tx: Tx, rule_id: UUID, version: int) -> RuleOut:
    row = await tx.one(_LOCK, {"id": rule_id})
    if row is None:
        raise RuleNotFound
    if row["version"] != version:
        raise RuleStale(version=row["version"])
    return await read(tx, rule_id)


async def _require_named(tx: Tx, body: RuleIn) -> None:
    targets = (body.boost, body.bury, body.hide)
    products = [*body.pin, *(one for each in targets for one in each.products)]
    categories = [one for each in targets for one in each.categories]
    if body.category_id is not None:
        categories.append(body.category_id)
    missing = await tx.rows(_MISSING, {"products": products, "categories": categories})
    if missing:
        raise RuleNamesNothing(missing=[str(row["id"]) for row in missing])


def _out(row: Mapping[str, Any]) -> RuleOut:
    return RuleOut(
        id=row["id"],
        draft=RuleIn.model_validate_json(row["draft"]),
        version=row["version"],
        previewed=row["previewed"] == row["version"],
        published=row["published"],
        published_at=row["published_at"],
    )
