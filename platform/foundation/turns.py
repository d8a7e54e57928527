"""Who does the same thing goes one at a time, where there is no row yet that could be locked."""

from __future__ import annotations

from sqlalchemy import text

from foundation.database import Tx, hot

_TAKE = hot(text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:what AS text), CAST(:seed AS bigint)))"))


async def in_turn(tx: Tx, what: str, *, seed: int = 0) -> None:
    """Wait until no other transaction holds the turn of `what`, and hold it until this one ends.

    Turns are of the database and not of a tenant: `what` names the tenant, or is an id that no other tenant has. With a
    `seed` of its own a kind of turn is kept apart from others of the same name. Two names are taken for one about once
    in 2^64; they wait for each other then, and nothing else comes of it.
    """
    await tx.rows(_TAKE, {"what": what, "seed": seed})
