"""Closing a shop for a while, opening it again, and ending it after a time of grace."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from commerce.identity import acting
from commerce.lifecycle.schemas import ClosureOut, StatusOut
from commerce.tenancy import service as tenancy
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, Unprocessable
from foundation.ids import new_id

OPERATOR, BILLING = "operator", "billing"
_MOST = 50


class NameDiffers(Unprocessable):
    """To close the shop for good, type its name exactly as it is."""

    code = "lifecycle.name_differs"


class SuspendedByAnother(Conflict):
    """The shop was closed for another reason, which still holds."""

    code = "lifecycle.suspended_by_another"


_ADD = hot(
    text(
        """
        INSERT INTO tenant_change (tenant_id, id, status, reason, changed_by, changed_at)
        VALUES (:tenant_id, :id, :status, :reason, :changed_by, CAST(:now AS timestamptz))
        """
    )
)
# The primary key: ids are ordered by time.
_LATEST = hot(
    text(
        """
        SELECT status, reason, changed_by, changed_at FROM tenant_change
        WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT :limit
        """
    )
)
_CLOSES_AT = hot(text("SELECT status, closes_at FROM tenant WHERE id = :tenant_id"))


async def suspend(tx: Tx, *, reason: str, by: str = OPERATOR) -> None:
    """Close the shop for now: shoppers get a closed page, its staff may read and export. Everybody hears of it with the
    commit. A shop that is closed already gets this reason too, and stays closed until it no longer holds.

    Raises:
        StatusUnfit: it is about to end.
    """
    await tenancy.move(tx, "suspended", among=("active", "unverified", "suspended"))
    await acting.end_all(tx, by=by)
    await _write(tx, "suspended", reason, by)


async def reactivate(tx: Tx, *, reason: str = "", by: str = OPERATOR) -> None:
    """Open it again. The operator may open what billing closed, not the other way round.

    Raises:
        StatusUnfit: it is not suspended.
        SuspendedByAnother: billing asks, and the operator closed it.
    """
    await tenancy.move(tx, "active", among=("suspended",))
    closed_by = next((one.changed_by for one in await _history(tx) if one.status == "suspended"), by)
    if by not in {OPERATOR, closed_by}:
        raise SuspendedByAnother
    await _write(tx, "active", reason, by)


async def close(tx: Tx, *, typed: str, reason: str, by: str, grace: timedelta) -> ClosureOut:
    """Close the shop, to delete everything of it when the time of grace is over.

    Raises:
        NameDiffers: what was typed is not the shop's name.
        StatusUnfit: it is closing already.
    """
    if typed != (await tenancy.own(tx)).name:
        raise NameDiffers
    closes_at = clock.now() + grace
    await tenancy.move(tx, "closing", among=("active", "unverified", "suspended"), closes_at=closes_at)
    await acting.end_all(tx, by=by)
    await _write(tx, "closing", reason, by)
    return await standing(tx)


async def keep(tx: Tx, *, by: str) -> ClosureOut:
    """Undo that: the shop is what it was before. One that was suspended is so again.

    Raises:
        StatusUnfit: it is not closing.
    """
    before = next((one.status for one in await _history(tx) if one.status != "closing"), "active")
    await tenancy.move(tx, before, among=("closing",))
    await _write(tx, before, "It shall not end after all.", by)
    return await standing(tx)


async def end_grace(tx: Tx, *, by: str) -> ClosureOut:
    """Let the time of grace of a closing shop be over now.

    Raises:
        StatusUnfit: it is not closing.
    """
    await tenancy.move(tx, "closing", among=("closing",), closes_at=clock.now())
    await _write(tx, "closing", "Its time of grace was ended.", by)
    return await standing(tx)


async def standing(tx: Tx) -> ClosureOut:
    """How the shop stands, and how it came to that."""
    row = await tx.one(_CLOSES_AT)
    if row is None:
        raise tenancy.UnknownTenant(host="")
    return ClosureOut(status=row["status"], closes_at=row["closes_at"], history=await _history(tx))


async def _history(tx: Tx) -> list[StatusOut]:
    return [StatusOut.model_validate(dict(row)) for row in await tx.rows(_LATEST, {"limit": _MOST})]


async def _write(tx: Tx, status: str, reason: str, by: str) -> None:
    values = {"id": new_id(), "status": status, "reason": reason, "changed_by": by, "now": clock.now()}
    await tx.rows(_ADD, values)
