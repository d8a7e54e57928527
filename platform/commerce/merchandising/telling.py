"""What a shop says of its search, told to the decision service through Valkey."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

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


async def read(tx: Tx) -> Steering:
    """All that a shop says of its search: what its staff do, and how its categories are called."""
    return Steering(
        synonyms=tuple(await synonyms.told(tx)),
        rules=tuple(await rules.told(tx)),
        categories=tuple([CategoryNames(id=row["id"], names=row["names"]) for row in await tx.rows(_CATEGORIES)]),
    )


async def tell(redis: Redis, tx: Tx) -> bool:
    """Have the service know what holds; says whether there was anything new.

    Raises:
        redis.exceptions.RedisError: Valkey can't be reached.
    """
    document = (await read(tx)).model_dump_json()
    digest = hashlib.sha256(document.encode()).hexdigest()
    if await redis.hget(VERSIONS, str(tx.tenant_id)) == digest:  # type: ignore[misc]
        return False
    # The document first: whoever sees the digest finds what it is of.
    await redis.set(steering_key(tx.tenant_id), document)
    await redis.hset(VERSIONS, str(tx.tenant_id), digest)  # type: ignore[misc]
    return True
