"""What staff say of the shop's search, told to the decision service through Valkey."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from commerce.merchandising import rules, synonyms
from foundation.database import Tx
from foundation.steering import VERSIONS, Steering, steering_key

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def read(tx: Tx) -> Steering:
    """All that a shop's staff say of its search."""
    return Steering(synonyms=tuple(await synonyms.told(tx)), rules=tuple(await rules.told(tx)))


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
