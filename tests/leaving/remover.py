"""`python -m tests.leaving.remover TENANT`: removes a shop's rows, a few at a time, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from commerce.leaving import removing
from foundation.settings import Settings


async def _remove(tenant_id: UUID) -> None:
    settings = Settings(_env_file=None)
    async with removing.owner(settings) as connection, removing.alone(connection, tenant_id):
        gone = await removing.begin(connection, settings, tenant_id, early=True)
        await removing.remove(connection, gone, first=(), then=(), batch=1)


if __name__ == "__main__":
    asyncio.run(_remove(UUID(sys.argv[1])))
