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
from commerce.staffing.granting import grant_of
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
            account = await accounts.create(tx, display_name=email.partition("@")[0], email=email, verified=True)
            grant = grant_of(roles, role_ids, Said(refunds, warehouses))
            member_id = await hiring.hire(tx, account.id, grant, vendor_id=vendor_id, by="test")
            token = await sign_in(tx, account.id)
        return Person(account.id, member_id, token, await self.door(token))

    async def customer(self, email: str = "customer@home.example") -> Person:
        """Somebody who only buys here, signed in to an account."""
        async with self.tx() as tx:
            account = await accounts.create(tx, display_name="Ann", email=email, verified=True)
            token = await sign_in(tx, account.id)
        return Person(account.id, None, token, await self.door(token))

    async def key(self, *scopes: str, vendor_id: UUID | None = None) -> httpx.AsyncClient:
        """A client with a key of the API; without scopes it may do everything."""
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


async def sign_in(tx: Tx, account_id: UUID) -> str:
    """A session's token."""
    account = await accounts.by_id(tx, account_id)
    customer = identity.KnownCustomer(account.customer_id, account.display_name) if account.customer_id else None
    token, _ = await identity.open_session(
        tx, ttl=HOURS, customer=customer, authentication=Authentication(account_id, ("pwd",), HOURS)
    )
    return token
