"""`tradewind staff`: who works for a shop, by the operator's word; how the first admin of a shop gets in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.identity.staff import Staff
from commerce.policies.limits import Said
from commerce.policies.registry import PERMISSIONS
from commerce.staffing import service
from commerce.staffing.granting import grant_of
from commerce.staffing.schemas import MemberOut
from commerce.tenancy import service as tenancy
from commerce.vendors import service as vendors
from foundation.database import Database, Tx
from foundation.errors import Problem
from foundation.settings import EngineNotConfigured, Settings
from foundation.types import Email
from tradewind.errors import StackError

Answer = TypeVar("Answer")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


class NotStaffed(StackError):
    """Who works for a shop can't be read or changed."""


def invite(slug: str, *, email: str, roles: Sequence[str], vendor: str | None = None, at: str | None = None) -> str:
    """The link by which somebody begins to work for a shop, or for one of its vendors. It is good once, for seven days,
    and kept nowhere; asked again for somebody who has not come yet, another takes its place.

    Raises:
        NotStaffed: there is no such shop, vendor or role, they work there, or Postgres has no address.
    """
    address = _address(email)

    async def do(tx: Tx, home: str) -> str:
        operator = _operator(tx)
        waiting = await _waiting(tx, address)
        if waiting is not None:
            return await service.link_again(tx, operator, waiting, home=home)
        vendor_id = (await vendors.by_code(tx, vendor)).id if vendor else None
        grant = grant_of(roles, [], Said())
        _, link = await service.invite_by_link(tx, operator, vendor_id, email=address, grant=grant, home=home)
        return link

    return _in(slug, do, at)


def every(slug: str) -> list[str]:
    """Who works for a shop and its vendors, those invited too; a line for each.

    Raises:
        NotStaffed: there is no such shop, or Postgres has no address.
    """

    async def do(tx: Tx, _: str) -> list[str]:
        return [_told(member) for member in await service.every(tx, None)]

    return _in(slug, do)


def remove(slug: str, email: str) -> str:
    """Somebody works for the shop no more, or their invitation is taken back.

    Raises:
        NotStaffed: there is no such shop, nobody there has the address, or it is the last admin.
    """
    address = _address(email)

    async def do(tx: Tx, _: str) -> str:
        member = await _member(tx, address)
        if member is None:
            raise NotStaffed(f"Nobody with the address {address} works for {slug}.")
        await service.set_status(tx, _operator(tx), None, member.id, "removed")
        return f"{address} does not work for {slug} any more."

    return _in(slug, do)


def _address(email: str) -> str:
    try:
        return _EMAIL.validate_python(email)
    except ValidationError as fault:
        raise NotStaffed(f"{email!r} is no e-mail address.") from fault


def _operator(tx: Tx) -> Staff:
    """Whoever runs the platform holds everything."""
    return Staff(tx.tenant_id, tx.tenant_id, "operator", frozenset(PERMISSIONS), kind="operator")


async def _member(tx: Tx, email: str) -> MemberOut | None:
    return next((member for member in await service.every(tx, None) if member.email == email), None)


async def _waiting(tx: Tx, email: str) -> UUID | None:
    """Somebody who was invited and has not come yet."""
    member = await _member(tx, email)
    return member.id if member is not None and member.status == "invited" else None


def _told(member: MemberOut) -> str:
    roles = [*member.roles, *map(str, member.role_ids)]
    of = " (of a vendor)" if member.vendor_id else ""
    return f"{member.email or '-'}  {member.status}  {', '.join(roles) or 'no role'}{of}"


def _in(slug: str, do: Callable[[Tx, str], Awaitable[Answer]], at: str | None = None) -> Answer:
    try:
        return asyncio.run(_run(Settings(), slug, do, at))
    except (EngineNotConfigured, Problem) as fault:
        raise NotStaffed(_words(fault)) from fault


def _words(fault: Exception) -> str:
    if not isinstance(fault, Problem):
        return str(fault)
    members = ", ".join(f"{name} {value}" for name, value in fault.members().items())
    return f"{fault.detail()} {members}".strip()


async def _run(settings: Settings, slug: str, do: Callable[[Tx, str], Awaitable[Answer]], at: str | None) -> Answer:
    database = Database.of(settings, pool_size=1)
    try:
        async with database.transaction(None) as session:
            shops = {shop.slug: shop for shop in await tenancy.all_shops(session)}
            if slug not in shops:
                raise NotStaffed(f"There is no shop {slug!r}; there are: {', '.join(shops) or 'none'}.")
            host = await tenancy.a_host_of(session, shops[slug].id)
        async with database.tx(shops[slug].id) as tx:
            return await do(tx, at.rstrip("/") if at else _home(settings, host or "localhost"))
    finally:
        await database.close()


def _home(settings: Settings, host: str) -> str:
    """Where a shop's pages are: in production where its name leads, else at the port of the local stack."""
    if settings.environment == "production":
        return f"https://{host}"
    port = urlsplit(settings.test_bank_notifies).port
    return f"http://{host}:{port}" if port else f"http://{host}"
