"""Every answer that is a list costs as many statements for twenty rows as for one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from commerce.exchange import exports, jobs
from commerce.exchange.schemas import ExportIn
from commerce.identity import accounts
from commerce.identity import service as identity
from commerce.identity.service import Authentication
from commerce.plans import service as plans
from commerce.policies.limits import Said
from commerce.staffing.granting import grant_of
from foundation import database, sealing, webhooks
from foundation.ids import new_id
from tests.access.team import hired
from tests.commerce.conftest import OPERATOR_TOKEN, Browser
from tests.commerce.desk import Desk
from tests.factories import Seed, SeededShop
from tests.security.operations import VIDEO

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

ROWS = 20
TITLES = tuple(f"Soup {number}" for number in range(ROWS))
COUNTRIES = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
]
ADDRESS = {"name": "Ada", "line1": "1 Main St", "postal_code": "10999", "city": "Berlin", "country": "DE"}
METHOD = {"name": "Post", "price": 5}
LOTTED, WAITED_FOR, BUNDLE = 1, 2, 3
"""The places of the products that come in lots, that are ordered before they are in, and that are made of others."""


@dataclass(frozen=True)
class Listed:
    """How a list is asked for, by whom, and where its rows are."""

    query: str = ""
    rows: str = "items"
    by: str = "staff"
    grows: bool = True
    token: str = "token"
    """By what name the town knows its token."""


LISTS: dict[str, Listed] = {
    "/v1/store/products": Listed("?limit={n}", by="shopper"),
    "/v1/store/products/{key}": Listed(rows="variants", by="shopper", grows=False),
    "/v1/store/products/{key}/alike": Listed("?limit={n}", by="shopper"),
    "/v1/store/categories": Listed(by="shopper"),
    "/v1/store/search": Listed("?q=soup&limit={n}", by="shopper"),
    "/v1/store/recommendations": Listed("?placement=home&limit={n}", by="shopper", grows=False),
    "/v1/store/carts/{cart_id}": Listed(rows="lines", by="shopper"),
    "/v1/store/carts/{cart_id}/delivery-options": Listed(by="shopper"),
    "/v1/store/carts/{cart_id}/delivery-slots": Listed("?code=m0", by="shopper"),
    "/v1/store/saved-items": Listed(by="shopper"),
    "/v1/store/shared-carts/{token}": Listed(rows="lines", by="shopper"),
    "/v1/store/orders": Listed("?limit={n}", by="shopper"),
    "/v1/store/orders/{order_id}": Listed(rows="lines", by="shopper"),
    "/v1/store/orders/{order_id}/documents": Listed(by="shopper"),
    "/v1/store/downloads": Listed("?limit={n}", by="shopper"),
    "/v1/store/orders/{order_id}/downloads": Listed(by="shopper", grows=False),
    "/v1/admin/orders/{order_id}/downloads": Listed(grows=False),
    "/v1/admin/digital-goods/{sku}": Listed(rows="files", grows=False),
    "/v1/store/payment-options": Listed(rows="methods", by="shopper"),
    "/v1/store/payment-methods": Listed(by="shopper"),
    "/v1/store/store-credit": Listed(rows="grants", by="shopper"),
    "/v1/store/sessions/current": Listed(rows="consent", by="shopper", grows=False),
    "/v1/store/accounts/current/devices": Listed(rows="devices", by="member"),
    "/v1/store/accounts/current/identities": Listed(by="member"),
    "/v1/store/accounts/current/factors": Listed(rows="passkeys", by="member", grows=False),
    "/v1/store/addresses": Listed(by="shopper"),
    "/v1/store/support-visits": Listed(by="shopper"),
    "/v1/store/identity-providers": Listed(by="shopper"),
    "/v1/store/consent": Listed(rows="purposes", by="shopper", grows=False),
    "/v1/store/privacy/exports": Listed(by="shopper", grows=False),
    "/v1/store/consent/answers": Listed("?limit={n}", by="shopper"),
    "/v1/store/notification-preferences": Listed(by="shopper", grows=False),
    "/v1/store/stock-alerts": Listed(by="shopper", grows=False),
    "/v1/store/wishlists": Listed(by="shopper"),
    "/v1/store/wishlists/{wishlist_id}": Listed(by="shopper"),
    "/v1/store/legal": Listed(by="shopper"),
    "/v1/store/reviews": Listed("?limit={n}", by="shopper"),
    "/v1/store/products/{key}/reviews": Listed("?limit={n}", by="shopper"),
    "/v1/admin/reviews": Listed("?limit={n}"),
    "/v1/store/reviews/{review_id}": Listed(rows="holds", by="shopper", grows=False),
    "/v1/admin/reviews/{review_id}": Listed(rows="holds", grows=False),
    "/v1/vendor/reviews": Listed("?limit={n}", by="vendor"),
    "/v1/store/shared-wishlists/{token}": Listed(by="shopper", token="wished"),
    "/v1/admin/categories": Listed("?limit={n}"),
    "/v1/admin/categories/{category_id}": Listed(rows="ancestors", grows=False),
    "/v1/admin/attributes": Listed("?limit={n}"),
    "/v1/admin/attributes/{code}": Listed(rows="types"),
    "/v1/admin/product-types": Listed("?limit={n}"),
    "/v1/admin/product-types/{code}": Listed(rows="attributes", grows=False),
    "/v1/admin/brands": Listed("?limit={n}"),
    "/v1/admin/collections": Listed("?limit={n}"),
    "/v1/admin/products/{product_id}/translations": Listed(rows="texts", grows=False),
    "/v1/admin/categories/{category_id}/translations": Listed(rows="texts", grows=False),
    "/v1/admin/brands/{slug}/translations": Listed(rows="texts", grows=False),
    "/v1/admin/collections/{collection_id}/translations": Listed(rows="texts", grows=False),
    "/v1/admin/attributes/{code}/translations": Listed(rows="texts", grows=False),
    "/v1/admin/collections/{collection_id}": Listed(rows="gone", grows=False),
    "/v1/admin/collections/{collection_id}/products": Listed("?limit={n}"),
    "/v1/store/collections": Listed("?limit={n}", by="shopper"),
    "/v1/store/collections/{handle}/products": Listed("?limit={n}", by="shopper"),
    "/v1/admin/imports": Listed("?limit={n}"),
    "/v1/admin/product-feeds": Listed("?limit={n}"),
    "/v1/admin/catalogue-exports": Listed("?limit={n}"),
    "/v1/admin/catalogue-exports/{export_id}": Listed(rows="left_out", grows=False),
    "/v1/admin/search/report": Listed(grows=False),
    "/v1/admin/search/rules": Listed("?limit={n}"),
    "/v1/admin/search/synonyms": Listed("?limit={n}"),
    "/v1/admin/products": Listed("?limit={n}&q=soup"),
    "/v1/admin/products/{product_id}": Listed(rows="variants"),
    "/v1/admin/products/{product_id}/changes": Listed(),
    "/v1/admin/products/{product_id}/links": Listed(rows="related"),
    "/v1/store/suggest": Listed("?q=so", by="shopper", grows=False),
    "/v1/store/comparison": Listed("?product=soup-0&product=soup-1", rows="products", by="shopper", grows=False),
    "/v1/store/products/{key}/links": Listed(rows="related", by="shopper"),
    "/v1/admin/products/{product_id}/media": Listed(),
    "/v1/admin/products/{product_id}/versions": Listed("?limit={n}"),
    "/v1/admin/orders": Listed("?limit={n}"),
    "/v1/admin/orders/{order_id}": Listed(rows="lines"),
    "/v1/admin/orders/{order_id}/documents": Listed(),
    "/v1/admin/orders/{order_id}/accepted-pages": Listed(grows=False),
    "/v1/admin/orders/{order_id}/money": Listed(rows="refunds"),
    "/v1/admin/carriers": Listed(),
    "/v1/admin/carrier-events": Listed(),
    "/v1/admin/inventory/stock": Listed("?sku=SKU0"),
    "/v1/admin/inventory/movements": Listed("?sku=SKU0&limit={n}"),
    "/v1/admin/inventory/dispatches": Listed("?sku=SKU0&limit={n}"),
    "/v1/admin/inventory/lots": Listed("?sku=SKU1"),
    "/v1/admin/inventory/recalls": Listed("?sku=SKU1&lot=L0&limit={n}"),
    "/v1/admin/inventory/warehouses": Listed(),
    "/v1/admin/inventory/bundles": Listed("?sku=SKU3", rows="components"),
    "/v1/admin/inventory/promises": Listed("?sku=SKU2&limit={n}"),
    "/v1/admin/payment-accounts": Listed(grows=False),
    "/v1/admin/payments/reconciliation": Listed("?limit={n}", rows="runs"),
    "/v1/admin/payments/events": Listed("?limit={n}"),
    "/v1/admin/payments/disputes": Listed("?limit={n}"),
    "/v1/admin/payments/terms": Listed(grows=False),
    "/v1/admin/ledger/trial-balance": Listed(rows="currencies", grows=False),
    "/v1/admin/delivery-methods": Listed(),
    "/v1/admin/delivery-methods/{code}/slots": Listed(),
    "/v1/admin/delivery-calendar": Listed(rows="holidays"),
    "/v1/admin/taxes": Listed(rows="rates"),
    "/v1/admin/taxes/report": Listed("?period=2026-11", rows="rows", grows=False),
    "/v1/admin/vendors": Listed(),
    "/v1/admin/vendors/{code}/balances": Listed(rows="", grows=False),
    "/v1/admin/vendors/{code}/payouts": Listed(grows=False),
    "/v1/admin/sales-channels": Listed(),
    "/v1/admin/prices/variants/{sku}": Listed(rows="offers"),
    "/v1/admin/prices/bulk-changes": Listed("?limit={n}"),
    "/v1/admin/prices/bulk-changes/{change_id}/rows": Listed("?limit={n}"),
    "/v1/admin/prices/variants/{sku}/changes": Listed("?limit={n}"),
    "/v1/admin/customers/{customer_id}/exports": Listed(grows=False),
    "/v1/admin/privacy/requests": Listed("?limit={n}", grows=False),
    "/v1/admin/gift-cards": Listed("?limit={n}"),
    "/v1/admin/gift-cards/{card_id}": Listed(rows="history", grows=False),
    "/v1/admin/customers/{customer_id}/store-credit": Listed(rows="grants"),
    "/v1/admin/discount-codes": Listed("?limit={n}"),
    "/v1/admin/discount-codes/{code}": Listed(rows="redemptions", grows=False),
    "/v1/admin/api-keys": Listed(),
    "/v1/admin/audit": Listed(grows=False),
    "/v1/admin/audit/verification": Listed(rows="faults", grows=False),
    "/v1/admin/branding/messages": Listed(grows=False),
    "/v1/admin/closure": Listed(rows="history", grows=False),
    "/v1/admin/configuration/history": Listed(grows=False),
    "/v1/admin/domains": Listed(grows=False),
    "/v1/admin/legal/{kind}/versions": Listed("?locale=en-US&limit={n}"),
    "/v1/admin/events/dead-letters": Listed("?limit={n}", grows=False),
    "/v1/admin/exports": Listed(grows=False),
    "/v1/admin/identity-providers": Listed(),
    "/v1/admin/identity-providers/{provider_id}": Listed(rows="domains", grows=False),
    "/v1/admin/invoices": Listed(grows=False),
    "/v1/admin/plan": Listed(rows="offered", grows=False),
    "/v1/admin/roles": Listed(),
    "/v1/admin/staff": Listed(),
    "/v1/admin/staff/{member_id}": Listed(rows="roles", grows=False),
    "/v1/admin/usage": Listed(grows=False),
    "/v1/admin/programs": Listed(),
    "/v1/admin/programs/{client_id}": Listed(rows="scopes", grows=False),
    "/v1/admin/webhooks/events": Listed(grows=False),
    "/v1/admin/webhooks/subscriptions": Listed(),
    "/v1/admin/webhooks/subscriptions/{subscription_id}": Listed(rows="events", grows=False),
    "/v1/admin/webhooks/subscriptions/{subscription_id}/deliveries": Listed("?limit={n}"),
    "/v1/admin/webhooks/subscriptions/{subscription_id}/deliveries/{delivery_id}": Listed(rows="tries"),
    "/v1/vendor/api-keys": Listed(by="vendor"),
    "/v1/vendor/orders": Listed("?limit={n}", by="vendor"),
    "/v1/vendor/orders/{vendor_order_id}": Listed(rows="lines", by="vendor"),
    "/v1/vendor/balances": Listed(rows="", by="vendor", grows=False),
    "/v1/vendor/products": Listed("?limit={n}", by="vendor"),
    "/v1/vendor/products/{product_id}": Listed(rows="variants", by="vendor"),
    "/v1/vendor/products/{product_id}/changes": Listed(by="vendor"),
    "/v1/vendor/products/{product_id}/media": Listed(by="vendor"),
    "/v1/vendor/payouts": Listed(by="vendor", grows=False),
    "/v1/vendor/staff": Listed(by="vendor", grows=False),
    "/v1/vendor/staff/roles": Listed(by="vendor", grows=False),
    "/v1/operator/tenants": Listed(by="operator", grows=False),
    "/v1/operator/tenants/{slug}": Listed(rows="hosts", by="operator", grows=False),
    "/v1/operator/tenants/{slug}/exports": Listed(by="operator", grows=False),
}
OF_ONE = {"/v1/sign-ups/current", "/v1/store/staff-invitations"}
"""What is found by a link that was sent, and says all there is of it."""


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement, over the raw pool and by the ORM, but what begins and ends a transaction, and what a worker reads
    for itself now and then; there before the first connection is.
    """
    sent: list[str] = []
    prepare = database._prepare

    def note(statement: str) -> None:
        if not any(other in statement for other in ("tenant_plan", "enter_tenant", "BEGIN", "COMMIT", "ROLLBACK")):
            sent.append(" ".join(statement.split()))

    async def prepared(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        connection.add_query_logger(lambda query: note(query.query))

    def noted(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        note(statement)

    monkeypatch.setattr(database, "_prepare", prepared)
    event.listen(Engine, "before_cursor_execute", noted)
    yield sent
    event.remove(Engine, "before_cursor_execute", noted)


@pytest.fixture(scope="session")
def seed_of_grocer() -> Seed:
    return Seed("grocer", titles=TITLES)


@dataclass
class Town:
    """A shop in which there is one of everything, and then twenty."""

    shop: SeededShop
    urls: DatabaseUrls
    desk: Desk
    clients: dict[str, httpx.AsyncClient]
    names: dict[str, Any] = field(default_factory=dict)
    secret: str = ""

    async def do(self, method: str, path: str, body: object = None, by: str = "staff") -> dict[str, Any]:
        """A request that is not refused."""
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await self.clients[by].request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        done: dict[str, Any] = answer.json() if answer.content else {}
        return done

    async def open(self) -> None:
        """What there is one of."""
        async with self.desk.database.tx(self.shop.id) as tx:
            await plans.put(tx, "enterprise")  # which has no limit to how many work there
        await self.do(
            "PUT",
            "/v1/admin/documents/issuer",
            {
                "name": "A shop",
                "address": {"line1": "1 High Street", "postal_code": "10999", "city": "Berlin", "country": "DE"},
            },
        )
        await self.do("PUT", "/v1/admin/delivery-methods/plain", METHOD)
        await self.do("POST", "/v1/admin/inventory/counts", {"sku": f"SKU{BUNDLE}", "warehouse": "main", "counted": 0})
        await self.do("PUT", "/v1/admin/inventory/policies", {"sku": f"SKU{WAITED_FOR}", "backorder_limit": 1_000})
        await self.do(
            "POST", "/v1/admin/inventory/counts", {"sku": f"SKU{WAITED_FOR}", "warehouse": "main", "counted": 0}
        )
        await self.do("POST", "/v1/admin/inventory/counts", {"sku": f"SKU{LOTTED}", "warehouse": "main", "counted": 0})
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            found = app.execute("SELECT id FROM customer WHERE reference = 'household-1'").fetchone()
        assert found is not None
        self.names |= {"customer_id": found[0], "key": self.shop.products[0].handle, "sku": "SKU0"}
        self.names |= {"slug": self.shop.slug, "kind": "terms"}

    async def _steer(self, number: int) -> None:
        slug = f"{self.shop.slug}-{number}" if number else self.shop.slug
        await self.do("POST", "/v1/admin/brands", {"name": f"Brand {number}", "slug": slug})
        await self.do("POST", "/v1/admin/sales-channels", {"code": f"channel-{number}", "name": "Channel"})
        await self.do("POST", "/v1/admin/search/synonyms", {"phrases": [f"word {number}", f"other {number}"]})
        ruled = {"name": f"Rule {number}", "query": f"soup {number}", "boost": {"brands": [f"Brand {number}"]}}
        await self.do("POST", "/v1/admin/search/rules", ruled)

    async def grow(self, number: int) -> None:
        """One more of everything."""
        put, post = "PUT", "POST"
        await self.do(put, f"/v1/admin/inventory/warehouses/w{number}", {"name": "W"})
        await self.do(post, "/v1/admin/inventory/receipts", {"sku": "SKU0", "warehouse": f"w{number}", "quantity": 50})
        page = {"locale": "en-US", "version": number, "markdown": "Words"}
        await self.do(put, "/v1/admin/legal/terms", page)
        await self.do(put, "/v1/admin/legal/privacy", {**page, "locale": f"a{ascii_lowercase[number]}", "version": 0})
        lot = {
            "sku": f"SKU{LOTTED}",
            "warehouse": "main",
            "quantity": 50,
            "lot": f"L{number}",
            "expires_on": "2090-01-01",
        }
        await self.do(post, "/v1/admin/inventory/receipts", lot)
        moved = {"sku": "SKU0", "source": "main", "destination": "w0", "quantity": 1}
        await self.do(post, "/v1/admin/inventory/dispatches", moved)
        category = await self.do(post, "/v1/admin/categories", {"name": f"Category {number}"})
        self.names |= {"category_id": category["id"]}
        attribute = {"code": f"m{number}", "name": "A", "kind": "text"}
        await self.do(post, "/v1/admin/attributes", attribute)
        of_type = {"code": f"m{number}", "name": "T", "attributes": [{"attribute": "m0"}]}
        await self.do(post, "/v1/admin/product-types", of_type)
        await self._steer(number)
        secret = (await self.do(put, f"/v1/admin/carriers/c{number}"))["secret"]
        self.secret = self.secret or secret
        await self._carrier_speaks(number)
        await self.do(put, f"/v1/admin/delivery-methods/m{number}", {**METHOD, "kind": "ship"})
        await self.do(put, f"/v1/admin/taxes/rates/{COUNTRIES[number]}", {"rates": [{"name": "VAT", "rate": "0.19"}]})
        await self.do(put, f"/v1/admin/vendors/m{number}", {"name": "V", "commission_rate": "0.1", "commission_fee": 0})
        await self._write_product(number)
        await self._collect(number)
        card = await self.do(post, "/v1/admin/gift-cards", {"amount": 100})
        await self.do(put, f"/v1/admin/discount-codes/M{number}", {"percent": "10"})
        credit = {"amount": 5, "reason": "x"}
        await self.do(post, f"/v1/admin/customers/{self.names['customer_id']}/store-credit", credit)
        card_token = ("tok_ok", "tok_mastercard")[number % 2]
        await self.do(post, "/v1/store/payment-methods", {"provider": "test", "token": card_token}, by="shopper")
        day = (datetime.now(UTC) - timedelta(days=number + 1)).date().isoformat()
        await self.do(post, "/v1/admin/payments/reconciliation", {"provider": "test", "day": day})
        if number == 0:
            await self.do(
                post, "/v1/admin/vendors/m0/products", {"product_ids": [str(p.product_id) for p in self.shop.products]}
            )
            await self._miller()
        await self._sign_in_somewhere()
        await self._let_programs_in(number)
        await self._keep_and_wish(number)
        self._review(number)
        await self._employ(number)
        self.names |= {"code": "m0", "card_id": card.get("id") or card["card"]["id"]}
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO category (tenant_id, id, path, name, slug, depth, product_count)"
                " VALUES (%s, %s, %s, 'C', %s, 0, 1)",
                (self.shop.id, new_id(), f"c{number}", f"c{number}"),
            )
            provider_id = new_id()
            self.names.setdefault("provider_id", provider_id)
            app.execute(
                "INSERT INTO identity_provider (tenant_id, id, name, issuer, client_id, client_secret, audience)"
                " VALUES (%s, %s, 'P', 'https://p.example', %s, '', 'customers')",
                (self.shop.id, provider_id, f"c{number}"),
            )
            app.execute(
                "INSERT INTO external_identity (tenant_id, id, account_id, provider, subject_digest, label, used_at)"
                " SELECT tenant_id, gen_random_uuid(), id, %s, uuid_send(gen_random_uuid()), display_name, now()"
                " FROM account",
                (str(provider_id),),
            )

    async def _let_programs_in(self, number: int) -> None:
        """A key of the shop's and one of the vendor's, a program, and an address that was told something again."""
        for by, side in (("staff", "admin"), ("vendor", "vendor")):
            await self.do("POST", f"/v1/{side}/api-keys", {"name": "K", "scopes": ["orders:read"]}, by=by)
        program = {"name": "P", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:read"]}
        client = await self.do("POST", "/v1/admin/programs", program)
        hook = {"url": "https://93.184.215.14/", "events": ["order.placed"], "contact": "ops@example.org"}
        subscription = await self.do("POST", "/v1/admin/webhooks/subscriptions", hook)
        first = {"client_id": client["id"], "subscription_id": subscription["id"], "delivery_id": new_id()}
        self.names = {**first, **self.names}
        event, delivery = new_id(), self.names["delivery_id"] if number == 0 else new_id()
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO webhook_event (tenant_id, id, name, occurred_at, recorded_at, body)"
                " VALUES (%s, %s, 'order.placed', now(), now(), '{}')",
                (self.shop.id, event),
            )
            app.execute(
                "INSERT INTO webhook_delivery (tenant_id, id, subscription_id, event_id) VALUES (%s, %s, %s, %s)",
                (self.shop.id, delivery, self.names["subscription_id"], event),
            )
            app.execute(
                "INSERT INTO webhook_attempt (tenant_id, id, delivery_id, attempted_at, milliseconds, response)"
                " VALUES (%s, %s, %s, now(), 1, '')",
                (self.shop.id, new_id(), self.names["delivery_id"]),
            )

    def _reprice(self, number: int) -> None:
        """A change of many prices, and one more SKU of the first; a feed with their prices."""
        change = new_id()
        asked = {
            "filter": {"price_from": 0},
            "currency": "USD",
            "reckoning": {"kind": "set", "amount": 1},
            "reason": "x",
        }
        self.names.setdefault("change_id", change)
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO bulk_price_change (tenant_id, id, status, doing, change, requested_by)"
                " VALUES (%s, %s, 'previewed', 'preview', %s, 'key:x')",
                (self.shop.id, change, json.dumps(asked)),
            )
            app.execute(
                "INSERT INTO product_feed (tenant_id, id, name, channel, every_hours, home, token_hash, token_shown,"
                " version) VALUES (%s, %s, 'F', 'web', 24, '', %s, '', 1)",
                (self.shop.id, new_id(), str(number).encode()),
            )
            app.execute(
                "INSERT INTO bulk_price_row (tenant_id, change_id, variant_id, sku, state, base, before, after)"
                " VALUES (%s, %s, %s, 'x', 'planned', 2, 2, 1)",
                (self.shop.id, self.names["change_id"], self.shop.products[number].variant_id),
            )

    async def _keep_and_wish(self, number: int) -> None:
        """An address, a list, and something more on the first list."""
        await self.do("POST", "/v1/store/addresses", {"address": ADDRESS}, by="shopper")
        await self.do("PUT", "/v1/store/consent", {"answers": {"marketing": number % 2 == 0}}, by="shopper")
        made = await self.do("POST", "/v1/store/wishlists", {"name": "W"}, by="shopper")
        self.names = {"wishlist_id": made["id"], **self.names}
        first = f"/v1/store/wishlists/{self.names['wishlist_id']}"
        await self.do("PUT", f"{first}/items/{self.shop.products[number].variant_id}", {}, by="shopper")
        if number == 0:
            shared = await self.do("PUT", f"{first}/share", by="shopper")
            self.names |= {"wished": shared["share_token"]}

    def _review(self, number: int) -> None:
        """Somebody reviews the first product, and the shopper another one; both are the vendor's."""
        own = new_id()
        self.names.setdefault("review_id", own)
        somebody, written = new_id(), "(tenant_id, id, product_id, customer_id, rating, title, body, author, locale,"
        first, another = self.shop.products[0].product_id, self.shop.products[number].product_id
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO customer (tenant_id, id, reference, display_name) VALUES (%s, %s, %s, '')",
                (self.shop.id, somebody, str(somebody)),
            )
            for review_id, customer_id, product_id in (
                (new_id(), somebody, first),
                (own, self.names["customer_id"], another),
            ):
                app.execute(
                    f"INSERT INTO review {written} verified, status, written_at)".encode()
                    + b" VALUES (%s, %s, %s, %s, 5, '', '', '', 'en', true, 'published', now())",
                    (self.shop.id, review_id, product_id, customer_id),
                )

    async def _employ(self, number: int) -> None:
        """A role of the shop's own, and somebody to have one."""
        role = {"name": f"R{number}", "meaning": "Looks at orders.", "permissions": ["orders:read"]}
        await self.do("POST", "/v1/admin/roles", role)
        member = await self.do("POST", "/v1/admin/staff", {"email": f"m{number}@example.org", "roles": ["analyst"]})
        self.names = {"member_id": member["id"], **self.names}
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO acting (tenant_id, id, membership_id, customer_id, visitor_id, staff_session_id, category,"
                " reason, started_at, ends_at) VALUES (%s, %s, %s, %s, %s, %s, 'order', '', now(), now())",
                (self.shop.id, new_id(), member["id"], self.names["customer_id"], new_id(), new_id()),
            )

    async def _sign_in_somewhere(self) -> None:
        async with self.desk.database.tx(self.shop.id) as tx:
            account = await accounts.by_email(tx, "ada@example.com") or await accounts.create(
                tx, display_name="Ada", email="ada@example.com", verified=True
            )
            browser, address = await sealing.seal(tx, account.subject_id, ["Firefox on Linux", "192.0.2.1"])
            hour = timedelta(hours=1)
            there = Authentication(account.id, ("pwd",), hour, browser=browser, address=address)
            token, _ = await identity.open_session(tx, ttl=hour, authentication=there)
        self.clients["member"].headers["Authorization"] = f"Bearer {token}"

    async def _write_product(self, number: int) -> None:
        """One more, and one more variant of the first."""
        new = {"title": f"Soup of day {number}", "variants": [{"sku": f"D{number}", "price": 1}]}
        made = await self.do("POST", "/v1/admin/products", new)
        self.names.setdefault("product_id", made["id"])
        await self.do("POST", "/v1/admin/vendors/m0/products", {"product_ids": [made["id"]]})
        await self.do("POST", f"/v1/admin/products/{self.names['product_id']}/media", VIDEO)
        variants = [{"sku": f"V{one}", "options": {"Size": str(one)}, "price": 1} for one in range(number + 1)]
        for product, version in (
            (self.names["product_id"], 2 * number + 1),
            (self.shop.products[0].product_id, number + 1),
        ):
            others = [str(one.product_id) for one in self.shop.products[1 : number + 2]]
            links = {"related": others, "version": version}
            await self.do("PUT", f"/v1/admin/products/{product}/links", links)
        more = {"title": "Soup of days", "options": ["Size"], "variants": variants, "version": 2 * number + 2}
        await self.do("PUT", f"/v1/admin/products/{self.names['product_id']}", more)

    async def _collect(self, number: int) -> None:
        """One more file of products, one more collection, and one more product in the first."""
        self._reprice(number)
        async with self.desk.database.tx(self.shop.id) as tx:
            await jobs.ask(tx, new_id(), "csv", "x.csv", {}, dry_run=True, size=1, by="key:x")
            export = await exports.ask(tx, ExportIn(format="csv"), by="key:x", home="http://grocer.localhost")
        self.names |= {"export_id": export.id}
        said = {"title": "C", "handle": f"c{number}", "published": True}
        collection = await self.do("POST", "/v1/admin/collections", said)
        if number == 0:
            self.names |= {"collection_id": collection["id"], "handle": "c0"}
        picked = [str(one.product_id) for one in self.shop.products[: number + 1]]
        at = f"/v1/admin/collections/{self.names['collection_id']}/products"
        await self.do("PUT", at, {"product_ids": picked, "version": number + 1})

    async def _miller(self) -> None:
        vendor = (await self.do("GET", "/v1/admin/vendors"))["items"][0]
        async with self.desk.database.tx(self.shop.id) as tx:
            grant = grant_of(["vendor"], [], Said())
            *_, token = await hired(tx, grant, email="miller@mill.example", vendor_id=UUID(vendor["id"]))
        self.clients["vendor"].headers["Authorization"] = f"Bearer {token}"

    async def _carrier_speaks(self, number: int) -> None:
        body = b'{"tracking_number": "none", "status": "in_transit", "occurred_at": "2026-11-20T12:00:00Z"}'
        now, name = datetime.now(UTC), f"event-{number}"
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhooks.sign(self.secret, name, now, body),
            "Content-Type": "application/json",
        }
        said = await self.clients["shopper"].post("/v1/webhooks/carriers/c0", content=body, headers=headers)
        assert said.is_success, said.text

    async def settle_in(self, many: int) -> None:
        """Things with as many parts: an order, a cart, a bundle, a week's windows."""
        parts = [{"sku": f"SKU{4 + n}"} for n in range(min(many, ROWS - 4))]
        await self.do("PUT", "/v1/admin/inventory/bundles", {"sku": f"SKU{BUNDLE}", "components": parts})
        windows = [
            {"weekday": n % 7, "begins": f"{8 + n // 7:02}:00", "ends": f"{9 + n // 7:02}:00", "capacity": 5}
            for n in range(many)
        ]
        await self.do("PUT", "/v1/admin/delivery-methods/m0/slots", {"slots": windows})
        days = [f"2090-01-{n + 1:02}" for n in range(many)]
        await self.do(
            "PUT", "/v1/admin/delivery-calendar", {"zone": "UTC", "working_days": [0, 1, 2, 3, 4], "holidays": days}
        )
        for number in range(many):
            await self.do("PUT", "/v1/admin/prices/variants/SKU0/list", {"currency": "USD", "amount": 200 + number})
        await self.do("PUT", "/v1/admin/prices/variants/SKU0/list", {"currency": "USD", "amount": 100})
        offers = [{"amount": 99 - n, "min_quantity": n + 2} for n in range(many)]
        await self.do("PUT", "/v1/admin/prices/variants/SKU0/offers", {"currency": "USD", "offers": offers})
        order = await self._order(range(many))
        for _ in range(many - 1):
            await self._order((LOTTED, WAITED_FOR))
        for _ in range(many):
            await self.do("POST", f"/v1/admin/orders/{order['id']}/refunds", {"amount": 1, "reason": "late"})
        self._hand_out()
        vendor_orders = (await self.do("GET", f"/v1/admin/orders/{order['id']}"))["vendor_orders"]
        for number in range(many):
            save = await self._cart((number,))
            line = save["lines"][0]["id"]
            await self.do("POST", f"/v1/store/carts/{save['id']}/lines/{line}/save", by="shopper")
        cart = await self._cart(range(many))
        shared = await self.do("POST", f"/v1/store/carts/{cart['id']}/share", by="shopper")
        self.names |= {
            "cart_id": cart["id"],
            "order_id": order["id"],
            "vendor_order_id": vendor_orders[0]["id"],
            "token": shared["token"],
            "n": many,
        }

    def _hand_out(self) -> None:
        """Each line of an order can be downloaded."""
        with psycopg.connect(self.urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            app.execute(
                "INSERT INTO download_right (tenant_id, id, order_id, order_line_id)"
                " SELECT tenant_id, uuidv7(), order_id, id FROM order_line ON CONFLICT DO NOTHING"
            )

    async def _cart(self, places: Any) -> dict[str, Any]:
        browser = Browser(self.clients["shopper"])
        cart = await browser.cart()
        for place in places:
            cart = await browser.add(cart, self.shop.products[place].variant_id, 2 if place else 3)
        await self.do("PUT", f"/v1/store/carts/{cart['id']}/address", ADDRESS, by="shopper")
        return cart

    async def _order(self, places: Any) -> dict[str, Any]:
        cart = await self._cart(places)
        await self.do("PUT", f"/v1/store/carts/{cart['id']}/delivery", {"code": "plain"}, by="shopper")
        body = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "a@b.example"}
        order = await self.do("POST", f"/v1/store/carts/{cart['id']}/complete", body, by="shopper")
        money = await self.do("GET", f"/v1/admin/orders/{order['id']}/money")
        payment = money["payments"][0]
        said = {"amount": 1, "currency": "USD", "dispute_reference": f"dispute_{order['id']}"}
        await self.desk.hear("dispute_opened", payment["id"], **said)
        return order


@pytest.fixture
async def town(
    app: Any, browser: Browser, boss: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls
) -> AsyncIterator[Town]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    desk = await Desk.at(app.state.core.database, grocer)
    base = f"http://{grocer.host}"
    async with (
        httpx.AsyncClient(transport=transport, base_url=base) as vendor,
        httpx.AsyncClient(transport=transport, base_url=base) as member,
        httpx.AsyncClient(
            transport=transport, base_url=base, headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        ) as operator,
    ):
        clients = {"shopper": browser.http, "staff": boss, "vendor": vendor, "member": member, "operator": operator}
        town = Town(grocer, database_urls, desk, clients)
        await town.open()
        yield town


def _walked(app: Any) -> set[str]:
    """The routes whose answer is, or holds, a list; by the API's own description."""
    described = app.openapi()

    def of(schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def is_list(schema: dict[str, Any]) -> bool:
        return of(schema).get("type") == "array" or any(is_list(one) for one in of(schema).get("anyOf", []))

    found = set()
    for path, operations in described["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = of(content.get("application/json", {}).get("schema", {}))
        for answer in map(of, schema.get("anyOf", [schema])):
            if is_list(answer) or any(is_list(part) for part in answer.get("properties", {}).values()):
                found.add(path)
    return found


async def _measured(town: Town, sent: list[str], path: str, listed: Listed) -> tuple[int, list[str]]:
    url = (path + listed.query).format_map({**town.names, "token": town.names[listed.token]})
    for _ in range(2):  # the first time a worker learns what it remembers afterwards
        await asyncio.sleep(0)
        sent.clear()
        answer = await town.clients[listed.by].get(url)
        await asyncio.sleep(0)
    assert answer.status_code == 200, f"{url}: {answer.text}"
    said = answer.json()
    return len((said[listed.rows] if listed.rows else said) or ()), list(sent)


async def test_twenty_rows_cost_no_more_statements_than_one(app: Any, town: Town, sent: list[str]) -> None:
    assert _walked(app) - OF_ONE == set(LISTS)
    seen: list[dict[str, tuple[int, list[str]]]] = []
    for many in (1, ROWS):
        for number in range(0 if many == 1 else 1, many):
            await town.grow(number)
        await town.settle_in(many)
        seen.append({path: await _measured(town, sent, path, listed) for path, listed in LISTS.items()})
    wrong = []
    for path, listed in LISTS.items():
        (few, one), (rows, twenty) = (counted[path] for counted in seen)
        if listed.grows and not rows >= max(2, few + 1):
            wrong.append(f"{path} has {few} rows and then {rows}")
        if not one:
            wrong.append(f"{path}: no statement was seen")
        if len(one) < len(twenty):  # or a worker's short memory ran out between its two requests
            _, twenty = await _measured(town, sent, path, listed)
        if len(one) < len(twenty):
            wrong.append(
                f"{path}: {len(one)} statements for {few} rows, {len(twenty)} for {rows}:\n" + "\n".join(twenty)
            )
    assert not wrong, "\n".join(wrong)
