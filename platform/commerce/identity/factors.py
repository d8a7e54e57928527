"""What else an account asks for when somebody signs in to it."""

from __future__ import annotations

from uuid import UUID

from foundation.database import Tx


async def required_factors(_tx: Tx, _account_id: UUID) -> tuple[str, ...]:
    """The second factors any one of which must be shown after the first; none: the first is enough."""
    return ()
