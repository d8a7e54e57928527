"""People of a shop for tests: hired with a role, signed in."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from commerce.identity import accounts
from commerce.identity import service as identity
from commerce.identity.service import Authentication
from commerce.identity.staff import create_key
from commerce.policies.limits import RefundLimit, Said
from commerce.staffing import hiring
from commerce.staffing.granting import Grant, grant_of
from foundation.database import Tx
from tests.factories import SeededShop

HOURS = timedelta(hours=1)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    account_id: UUID
    member_id: UUID | None
    token: str
    http: httpx.AsyncClient


class Team:
    """Hires people, and opens doors for them."""

    def __init__(self, app: Any, shop: SeededShop, until_over: AsyncExitStack) -> None:
        self.app, self.shop, self._until_over = app, shop, until_over
        self._boss: Person | None = None

    def tx(self) -> Any:
        """A transaction of the shop's."""
        return self.app.state.core.database.tx(self.shop.id)

    async def hire(
        self,
        *roles: str,
        email: str | None = None,
        vendor_id: UUID | None = None,
        role_ids: tuple[UUID, ...] = (),
        refunds: dict[str, RefundLimit] | None = None,
        warehouses: frozenset[UUID] | None = None,
    ) -> Person:
        """Somebody with these roles, signed in."""
        email = email or f"{'-'.join(roles) or 'custom'}@shop.example"
        async with self.tx() as tx:
            grant = grant_of(roles, role_ids, Said(refunds, warehouses))
            account_id, member_id, token = await hired(tx, grant, email=email, vendor_id=vendor_id)
        return Person(account_id, member_id, token, await self.door(token))

    async def clerk(self, *permissions: str, email: str = "clerk@shop.example") -> Person:
        """Somebody with a role of the shop's own, which holds these permissions."""
        role = {"name": email, "meaning": "Own.", "permissions": sorted(permissions)}
        made = (await (await self.boss()).post("/v1/admin/roles", json=role)).raise_for_status()
        return await self.hire(role_ids=(UUID(made.json()["id"]),), email=email)

    async def boss(self) -> httpx.AsyncClient:
        """An admin's client; of one shop it is always the same admin."""
        if self._boss is None:
            self._boss = await self.hire("admin", email="boss@shop.example")
        return self._boss.http

    async def customer(self, email: str = "customer@home.example") -> Person:
        """Somebody who only buys here, signed in to an account."""
        async with self.tx() as tx:
            account = await accounts.create(tx, display_name="Ann", email=email, verified=True)
            token = await sign_in(tx, account.id)
        return Person(account.id, None, token, await self.door(token))

    async def key(self, *scopes: str, vendor_id: UUID | None = None) -> httpx.AsyncClient:
        """A client with a key of the API; without scopes it may do everything that a key can."""
        async with self.app.state.core.database.transaction(self.shop.id) as session:
            more = {"scopes": scopes} if scopes else {}
            _, token = await create_key(session, self.shop.id, name="Key", vendor_id=vendor_id, **more)
        return await self.door(token)

    async def door(self, token: str | None = None) -> httpx.AsyncClient:
        """A client, which shows a token if it has one."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.AsyncClient(transport=transport, base_url=f"http://{self.shop.host}", headers=headers)
        return await self._until_over.enter_async_context(client)

    async def browser(self, person: Person) -> httpx.AsyncClient:
        """The browser of somebody who is signed in: their session is in its cookie."""
        client = await self.door()
        client.cookies.set("tradewind_session", person.token, domain=self.shop.host)
        return client


async def hired(
    tx: Tx, grant: Grant, *, email: str = "boss@shop.example", vendor_id: UUID | None = None
) -> tuple[UUID, UUID, str]:
    """Somebody who works here from now on: their account, their membership, and the token of their session."""
    account = await accounts.create(tx, display_name=email.partition("@")[0], email=email, verified=True)
    member_id = await hiring.hire(tx, account.id, grant, vendor_id=vendor_id, by="test")
    return account.id, member_id, await sign_in(tx, account.id)


async def sign_in(tx: Tx, account_id: UUID) -> str:
    """A session's token."""
    account = await accounts.by_id(tx, account_id)
    customer = identity.KnownCustomer(account.customer_id, account.display_name) if account.customer_id else None
    token, _ = await identity.open_session(
        tx, ttl=HOURS, customer=customer, authentication=Authentication(account_id, ("pwd",), HOURS)
    )
    return token
