"""`tradewind tenant plan`: an operator's word on what a shop has subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.plans import service
from commerce.plans.catalogue import Plan
from commerce.plans.service import Standing
from commerce.tenancy import service as tenancy
from foundation.database import Database
from foundation.errors import Problem
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError


class NoPlan(StackError):
    """The shop's plan can't be read or changed."""


def say(slug: str, code: str | None, overrides: Sequence[str]) -> str:
    """Change a shop's plan, if one is given or something is agreed, and say where the shop stands.

    Raises:
        NoPlan: there is no such shop or plan, or Postgres has no address.
    """
    standing = _stands(Settings(), slug, code, _read(overrides))
    limits = ", ".join(f"{metric} {limit or 'unlimited'}" for metric, limit in standing.plan.limits.items())
    return f"{slug}: {standing.plan.name}; {limits}; {standing.plan.requests.per_second:g} requests a second."


def plan_of(settings: Settings, slug: str) -> Plan:
    """The shop's plan.

    Raises:
        NoPlan: there is no such shop, or Postgres has no address.
    """
    return _stands(settings, slug, None, None).plan


def _stands(settings: Settings, slug: str, code: str | None, overrides: Mapping[str, int] | None) -> Standing:
    try:
        return asyncio.run(_say(settings, slug, code, overrides))
    except (EngineNotConfigured, Problem) as fault:
        raise NoPlan(str(fault)) from fault


def _read(overrides: Sequence[str]) -> Mapping[str, int] | None:
    agreed = {}
    for override in overrides:
        name, _, value = override.partition("=")
        if not value.isdigit():
            raise NoPlan(f"An override is a limit and a number, such as products=5000; not {override!r}.")
        agreed[name] = int(value)
    return agreed or None


async def _say(settings: Settings, slug: str, code: str | None, overrides: Mapping[str, int] | None) -> Standing:
    database = Database.of(settings, pool_size=1)
    try:
        async with database.transaction(None) as session:
            shops = {shop.slug: shop for shop in await tenancy.all_shops(session)}
        if slug not in shops:
            raise NoPlan(f"There is no shop {slug!r}; there are: {', '.join(shops) or 'none'}.")
        async with database.tx(shops[slug].id) as tx:
            if code is not None or overrides is not None:
                await service.put(tx, code or (await service.standing(tx)).plan.code, overrides)
            return await service.standing(tx)
    finally:
        await database.close()
