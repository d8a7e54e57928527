"""What a shop says of its search, told to the decision service through Valkey."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from commerce.merchandising import rules, synonyms
from foundation.database import Tx, hot
from foundation.steering import VERSIONS, CategoryNames, Steering, steering_key

if TYPE_CHECKING:
    from redis.asyncio import Redis


# uq_category_path
_CATEGORIES = hot(
    text(
        """
    SELECT c.id, c.name || ARRAY(
        SELECT DISTINCT told ->> 'name' FROM jsonb_each(c.translations) AS t (language, told)
        WHERE told ->> 'name' <> c.name ORDER BY 1) AS names
    FROM category c WHERE c.tenant_id = :tenant_id ORDER BY c.path
    """
    )
)


# uq_category_path. A row that is written anew has another `xmin` than it had, though not always the latest: who began
# first may end last.
_CATEGORIES_MARK = hot(
    text(
        """
        SELECT concat(count(*), ':', sum(c.xmin::text::bigint)) AS mark
        FROM category c WHERE c.tenant_id = :tenant_id
        """
    )
)


async def read(tx: Tx) -> Steering:
    """All that a shop says of its search: what its staff do, and how its categories are called."""
    said = await _said_by_staff(tx)
    categories = [CategoryNames(id=row["id"], names=row["names"]) for row in await tx.rows(_CATEGORIES)]
    return said.model_copy(update={"categories": tuple(categories)})


@dataclass(slots=True)
class Teller:
    """Tells the service what holds in each shop. How categories are called is asked when one was written, and else not:
    a large shop's names are more than all the rest of a round.
    """

    _told: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    """By the tenant: a mark of what was read, and the digest of what was told."""

    async def tell(self, redis: Redis, tx: Tx) -> bool:
        """Have the service know what holds; says whether there was anything new.

        Raises:
            redis.exceptions.RedisError: Valkey can't be reached.
        """
        mark = await _mark(tx)
        there = await redis.hget(VERSIONS, str(tx.tenant_id))  # type: ignore[misc]
        if there is not None and self._told.get(tx.tenant_id) == (mark, there):
            return False
        document = (await read(tx)).model_dump_json()
        digest = hashlib.sha256(document.encode()).hexdigest()
        is_new = bool(there != digest)
        if is_new:
            # The document first: whoever sees the digest finds what it is of.
            await redis.set(steering_key(tx.tenant_id), document)
            await redis.hset(VERSIONS, str(tx.tenant_id), digest)  # type: ignore[misc]
        self._told[tx.tenant_id] = (mark, digest)
        return is_new


async def _said_by_staff(tx: Tx) -> Steering:
    return Steering(synonyms=tuple(await synonyms.told(tx)), rules=tuple(await rules.told(tx)))


async def _mark(tx: Tx) -> str:
    """Another one whenever `read` may give something else."""
    said = (await _said_by_staff(tx)).model_dump_json()
    row = await tx.one(_CATEGORIES_MARK)
    return hashlib.sha256(f"{said}{row and row['mark']}".encode()).hexdigest()
