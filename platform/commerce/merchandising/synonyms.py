"""Synonyms as staff keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.merchandising.schemas import SynonymChange, SynonymIn, SynonymOut
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.steering import Synonym

MOST = 2_000
"""How many a shop may have: each is looked for in every query."""


class SynonymNotFound(NotFound):
    """There are no such synonyms in this shop."""

    code = "search.synonym_not_found"


class SynonymStale(Conflict):
    """Somebody else has changed these synonyms meanwhile; look at them again."""

    code = "search.synonym_stale"

    version: int
    """What it is now."""


class TooManySynonyms(Conflict):
    """The shop has as many synonyms as there may be: take some away first."""

    code = "search.too_many_synonyms"

    most: int = MOST


_PAGE = hot(
    text(
        """
        SELECT id, phrases, written, version FROM search_synonym
        WHERE tenant_id = :tenant_id AND id > :after ORDER BY id LIMIT :limit
        """
    )
)
_ONE = hot(
    text(
        "SELECT id, phrases, written, version FROM search_synonym WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO search_synonym (tenant_id, id, phrases, written)
        SELECT :tenant_id, :id, CAST(:phrases AS text[]), CAST(:written AS text)
        WHERE (SELECT count(*) FROM search_synonym WHERE tenant_id = :tenant_id) < CAST(:most AS bigint)
        RETURNING id, phrases, written, version
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE search_synonym
        SET phrases = CAST(:phrases AS text[]), written = CAST(:written AS text), version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id RETURNING id, phrases, written, version
        """
    )
)
_REMOVE = hot(text("DELETE FROM search_synonym WHERE tenant_id = :tenant_id AND id = :id RETURNING id"))
_ALL = hot(text("SELECT phrases, written FROM search_synonym WHERE tenant_id = :tenant_id ORDER BY id"))


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, SynonymOut]]:
    """Synonyms after some, as they were added."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"after": after, "limit": limit})]


async def add(tx: Tx, body: SynonymIn) -> SynonymOut:
    """More synonyms, which searches know within seconds.

    Raises:
        TooManySynonyms.
    """
    row = await tx.one(_ADD, {**body.model_dump(), "id": new_id(), "most": MOST})
    if row is None:
        raise TooManySynonyms
    return _out(row)


async def change(tx: Tx, synonym_id: UUID, body: SynonymChange) -> SynonymOut:
    """Have these synonyms be others.

    Raises:
        SynonymNotFound, SynonymStale.
    """
    row = await tx.one(_ONE, {"id": synonym_id})
    if row is None:
        raise SynonymNotFound
    if row["version"] != body.version:
        raise SynonymStale(version=row["version"])
    changed = await tx.rows(_CHANGE, {**body.model_dump(exclude={"version"}), "id": synonym_id})
    return _out(changed[0])


async def remove(tx: Tx, synonym_id: UUID) -> None:
    """Take synonyms away.

    Raises:
        SynonymNotFound.
    """
    if await tx.one(_REMOVE, {"id": synonym_id}) is None:
        raise SynonymNotFound


async def told(tx: Tx) -> list[Synonym]:
    """All of the shop's, as searches know them."""
    return [Synonym(phrases=tuple(row["phrases"]), written=row["written"]) for row in await tx.rows(_ALL)]


def _out(row: Mapping[str, Any]) -> SynonymOut:
    return SynonymOut(id=row["id"], phrases=row["phrases"], written=row["written"], version=row["version"])
