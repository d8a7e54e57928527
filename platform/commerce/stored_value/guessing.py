"""How many wrong codes may come from one place in a while."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Problem
from foundation.ids import derived_id

MOST = 20
WHILE = timedelta(minutes=10)


class TooManyGuesses(Problem):
    """Too many wrong gift card codes came from here; try again in some minutes."""

    status = 429
    code = "gift_cards.too_many_guesses"


# Counted before the code is looked at, so that many at once can't pass together.
_COUNT = hot(
    text(
        """
        INSERT INTO code_guess AS g (tenant_id, id, failures, until)
        VALUES (:tenant_id, :place, 1, CAST(:until AS timestamptz))
        ON CONFLICT (tenant_id, id) DO UPDATE
            SET failures = CASE WHEN g.until <= CAST(:now AS timestamptz) THEN 1 ELSE g.failures + 1 END,
                until = CASE WHEN g.until <= CAST(:now AS timestamptz) THEN excluded.until ELSE g.until END
        WHERE g.failures < :most OR g.until <= CAST(:now AS timestamptz)
        RETURNING failures
        """
    )
)

_FORGIVE = hot(
    text("UPDATE code_guess SET failures = failures - 1 WHERE tenant_id = :tenant_id AND id = :place AND failures > 0")
)


async def count(tx: Tx, address: str) -> None:
    """Count a guess from an address.

    Raises:
        TooManyGuesses: it had its share.
    """
    now = clock.now()
    values = {"place": _place(tx, address), "until": now + WHILE, "now": now, "most": MOST}
    if await tx.one(_COUNT, values) is None:
        raise TooManyGuesses


async def forgive(tx: Tx, address: str) -> None:
    """The guess was right, and does not count."""
    await tx.rows(_FORGIVE, {"place": _place(tx, address)})


def _place(tx: Tx, address: str) -> UUID:
    return derived_id(tx.tenant_id, "code_guess", address)
