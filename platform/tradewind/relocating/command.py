"""What `tradewind tenant move` says."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from commerce.plans.catalogue import ENTERPRISE
from foundation.database import SHARED
from foundation.settings import EngineNotConfigured, Settings
from tradewind.plans import plan_of
from tradewind.relocating import steps
from tradewind.relocating.steps import CannotMove


def say(slug: str, *, to: str | None, abort: bool, forget: bool) -> Iterator[str]:
    """Do one of the three, and tell what was done.

    Raises:
        CannotMove: it can't be done so, or not one of them was asked for.
    """
    if [to is not None, abort, forget].count(True) != 1:
        raise CannotMove("Say one of --to NAME, --abort and --forget.")
    try:
        with steps.moving(Settings(), slug) as movers:
            if to is not None:
                yield from _moved(movers, steps.named(to))
            elif abort:
                undone = steps.abort(movers)
                yield f"{slug} was not on its way." if undone is None else f"{slug} stays; what was copied is removed."
            else:
                cleared = ", ".join(map(steps.called, steps.forget(movers)))
                yield f"{slug} has no rows any more in: {cleared or 'no other database there is'}."
    except (psycopg.Error, EngineNotConfigured) as fault:
        raise CannotMove(str(fault).strip()) from fault


def _moved(movers: steps.Movers, to: str) -> Iterator[str]:
    _require_plan(movers.settings, movers.tenant, to)
    copied = steps.move(movers, to)
    for table, figures in copied.items():
        if figures.rows:
            yield f"  {table}: {figures.rows:,} rows, checksum {figures.checksum}"
    rows = sum(one.rows for one in copied.values())
    yield f"{movers.tenant.slug} is in {steps.called(to)}; {rows:,} rows were copied."


def _require_plan(settings: Settings, tenant: steps.Standing, to: str) -> None:
    """What is on its way already goes on, whatever the plan is by now."""
    if to in (SHARED, tenant.home, tenant.moving_to) or (plan := plan_of(settings, tenant.slug)).own_database:
        return
    raise CannotMove(
        f"{tenant.slug} has the plan {plan.name}, to which no database of its own belongs:"
        f" `tradewind tenant plan {tenant.slug} {ENTERPRISE.code}` first."
    )
