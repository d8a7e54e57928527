"""Two shops in which everything has happened, and a name for each thing that was made.

A thing's name is what stands for it in the requests of `operations.py`: `{order}`, `{warehouse}`. Three sides have one of
each: a customer and a vendor of one shop, another customer and another vendor of the same shop, and another shop.
"""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
from PIL import Image
from pydantic import SecretStr

from commerce.app import create_app
from commerce.identity.staff import create_key
from commerce.orders import fulfilling
from commerce.plans import service as plans
from commerce.stored_value import codes
from foundation.database import Database
from foundation.sealing import digest, seal
from foundation.settings import Settings
from tests.access.team import Team
from tests.factories import SeededShop, seed_shop
from tests.security.operations import VIDEO
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

Json = dict[str, Any]

PERSONAL = frozenset(
    {
        "cart",
        "cart_line",
        "saved_item",
        "order",
        "line",
        "edit",
        "return",
        "return_photo",
        "claim",
        "claim_photo",
        "consignment",
        "sold_card",
        "document",
        "download_line",
        "method",
        "setup",
        "number",
        "device",
        "passkey",
        "identity",
        "address",
        "wishlist",
        "review",
    }
)
"""What belongs to one customer: another customer of the same shop may not have it either."""
OF_A_VENDOR = frozenset(
    {"vendor_order", "vendor_line", "vendor_key", "vendor_member", "vendor_product", "vendor_media", "vendor_review"}
)
"""What belongs to one vendor."""

OPERATOR_TOKEN = "whoever runs the platform, and nobody else"
OPERATED = "operated"
"""A shop that the operator may close: the others go on."""
ADDRESS = {"name": "A", "line1": "1 Way", "postal_code": "10115", "city": "Berlin", "country": "DE"}
ISSUER = {"name": "Shop", "address": {key: ADDRESS[key] for key in ("line1", "postal_code", "city", "country")}}

REPRICED = {
    "filter": {"price_from": 0},
    "currency": "USD",
    "reckoning": {"kind": "percent", "percent": -1},
    "reason": "x",
}


@dataclass
class Side:
    """Somebody's things, and the clients of those whose they are."""

    seeded: SeededShop
    mark: str
    """In every name of this side."""
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    downloaded: UUID = field(default_factory=uuid4)
    """A variant that is downloaded."""


@dataclass
class World:
    """What there is."""

    mine: Side
    another_customer: Side
    another_shop: Side
    urls: DatabaseUrls
    nobody: httpx.AsyncClient

    @property
    def others(self) -> dict[str, Side]:
        """Those whose things are not mine."""
        return {"another customer or vendor": self.another_customer, "another shop": self.another_shop}


def things_of_nobody(like: Side) -> dict[str, str]:
    """A value of the same form for every thing, of which there is none anywhere."""

    def of_nobody(name: str, value: str) -> str:
        if name == "gift_code":
            return codes.new_code()
        if name in {"shared", "shared_wishlist"}:
            return secrets.token_urlsafe(32)
        with suppress(ValueError):
            return str(UUID(value) and uuid4())
        nobody = value.replace(like.mark, "nobody").replace(like.mark.upper(), "NOBODY")
        return nobody if nobody != value else value[::-1]

    return {name: of_nobody(name, value) for name, value in like.things.items()}


@dataclass(frozen=True)
class SownSide:
    """A side as it stands in a database."""

    seeded: SeededShop
    mark: str
    tokens: dict[str, str]
    """What each of its clients shows at the door."""
    things: dict[str, str]


@dataclass(frozen=True)
class SownWorld:
    """A world as it stands in a database and its files, of which any number of copies can be opened."""

    sides: tuple[SownSide, ...]
    files: Path

    @asynccontextmanager
    async def opened(self, app: Any, urls: DatabaseUrls) -> AsyncIterator[World]:
        """The world in a copy of the database, through an app that runs over it."""
        async with AsyncExitStack() as until_over:
            sides = []
            for sown in self.sides:
                team = Team(app, sown.seeded, until_over)
                clients = {name: await team.door(token) for name, token in sown.tokens.items()}
                sides.append(Side(sown.seeded, sown.mark, clients, dict(sown.things)))
            nobody = await Team(app, self.sides[0].seeded, until_over).door()
            yield World(sides[0], sides[1], sides[2], urls, nobody)


@dataclass(frozen=True)
class WorldSeed:
    """Two shops in which everything has happened, and one that the operator may close. It takes seconds to make."""

    folder: Path
    """Where their files go, a folder for each time it is sown."""

    def sown(self, urls: DatabaseUrls) -> SownWorld:
        """Made there."""
        files = self.folder / uuid4().hex
        files.mkdir()
        return SownWorld(asyncio.run(_made(urls, files)), files)


def settings_of(urls: DatabaseUrls, files: Path) -> Settings:
    """With photos, and without answers that are kept: they would hide what a read gives."""
    return Settings(
        _env_file=None,
        database_url=SecretStr(urls.app),
        database_pool_size=8,
        catalogue_cache_mb=0,
        objects_url=files.as_uri(),
        operator_token=SecretStr(OPERATOR_TOKEN),
        unlimited_networks="127.0.0.0/8",
    )


async def _made(urls: DatabaseUrls, files: Path) -> tuple[SownSide, ...]:
    seed_shop(urls, OPERATED)
    mine, theirs = seed_shop(urls, "mine"), seed_shop(urls, "theirs")
    app = create_app(settings_of(urls, files))
    async with started(app), AsyncExitStack() as until_over:
        sides = [
            await _happened(Team(app, seeded, until_over), mark, number, urls)
            for seeded, mark, number in ((mine, "mine", 0), (mine, "second", 1), (theirs, "theirs", 0))
        ]
        return tuple(SownSide(side.seeded, side.mark, _tokens(side), side.things) for side in sides)


def _tokens(side: Side) -> dict[str, str]:
    return {name: one.headers["Authorization"].removeprefix("Bearer ") for name, one in side.clients.items()}


async def _happened(team: Team, mark: str, number: int, urls: DatabaseUrls) -> Side:
    """All that happens on one side of a shop."""
    seeded, database = team.shop, team.app.state.core.database
    side = Side(seeded, mark)
    async with team.tx() as tx:
        await plans.put(tx, "enterprise")  # which has no limit to how many work there
    side.clients["staff"] = (await team.hire("admin", email=f"{mark}@shop.example")).http
    await _open_shop(side, number, urls)
    async with database.transaction(seeded.id) as session:
        vendor_key, _ = await create_key(session, seeded.id, name=mark, vendor_id=UUID(side.things["vendor_id"]))
        key, _ = await create_key(session, seeded.id, name=f"{mark}'s program")
    side.things |= {"vendor_key": str(vendor_key), "key": str(key)}
    miller = await team.hire("vendor", email=f"{mark}@mill.example", vendor_id=UUID(side.things["vendor_id"]))
    side.clients["vendor"] = miller.http
    theirs = {"title": mark, "variants": [{"sku": f"{mark}-theirs", "price": 100}]}
    side.things["vendor_product"] = (await _ask(miller.http, "POST", "/v1/vendor/products", theirs))["id"]
    shown = f"/v1/vendor/products/{side.things['vendor_product']}/media"
    side.things["vendor_media"] = (await _ask(miller.http, "POST", shown, VIDEO))["id"]
    side.clients["operator"] = await team.door(OPERATOR_TOKEN)
    visit = await (await team.door()).post("/v1/store/sessions", json={"reference": side.things["group_of"]})
    side.clients["shopper"] = await team.door(visit.raise_for_status().cookies["tradewind_session"])
    await _shop_and_send(side, number, database)
    _insert_the_rest(side, urls)
    async with team.tx() as tx:
        account_id = uuid4()
        sealed = await seal(tx, account_id, [mark, side.things["email"], "A key"])
    _insert_account(side, urls, account_id, *sealed)
    await _look_after_oneself(side)
    return side


async def _ask(
    http: httpx.AsyncClient, method: str, path: str, body: object = None, picture: bytes | None = None
) -> Json:
    headers = {"Idempotency-Key": str(uuid4()), **({"Content-Type": "image/png"} if picture else {})}
    answer = await http.request(method, path, json=body, content=picture, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    found: Json = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    return found


async def _steered(staff: httpx.AsyncClient, mark: str, category_id: str) -> dict[str, str]:
    """What staff say of the shop's search, and on what it sells."""
    said = {"phrases": [mark, f"{mark} too"]}
    rule = {"name": mark, "query": mark, "category_id": category_id, "boost": {"brands": [mark]}}
    sold_on = {"code": f"{mark}-channel", "name": mark}
    return {
        "channel": (await _ask(staff, "POST", "/v1/admin/sales-channels", sold_on))["code"],
        "synonym": (await _ask(staff, "POST", "/v1/admin/search/synonyms", said))["id"],
        "search_rule": (await _ask(staff, "POST", "/v1/admin/search/rules", rule))["id"],
    }


async def _open_shop(side: Side, number: int, urls: DatabaseUrls) -> None:
    """What staff set up: names that no other side uses."""
    staff, mark, sold = side.clients["staff"], side.mark, side.seeded.products[number]
    _rename(side, urls, number)
    await _ask(staff, "PUT", f"/v1/admin/inventory/warehouses/{mark}", {"name": mark})
    category = await _ask(staff, "POST", "/v1/admin/categories", {"name": mark})
    side.things["category"] = category["id"]
    await _ask(staff, "POST", "/v1/admin/attributes", {"code": f"{mark}-size", "name": mark, "kind": "text"})
    of_type = {"code": f"{mark}-type", "name": mark, "attributes": [{"attribute": f"{mark}-size"}]}
    await _ask(staff, "POST", "/v1/admin/product-types", of_type)
    await _ask(staff, "POST", "/v1/admin/brands", {"name": f"{mark}-brand"})
    side.things |= {"attribute": f"{mark}-size", "product_type": f"{mark}-type", "brand": f"{mark}-brand"}
    collected = {"title": mark, "handle": f"{mark}-collection", "published": True}
    collected |= {"rule": {"conditions": [{"field": "available"}]}}
    collection = await _ask(staff, "POST", "/v1/admin/collections", collected)
    await _ask(staff, "PUT", f"/v1/admin/collections/{collection['id']}/picture?alt=x", picture=photo())
    side.things |= {"collection": collection["id"], "collection_handle": f"{mark}-collection"}
    side.things |= await _steered(staff, mark, category["id"])
    draft = {"title": mark, "brand": f"{mark}-brand", "type": f"{mark}-type", "variants": [{"sku": f"{mark}-draft"}]}
    side.things["draft"] = (await _ask(staff, "POST", "/v1/admin/products", draft))["id"]
    side.things["media"] = (await _ask(staff, "POST", f"/v1/admin/products/{side.things['draft']}/media", VIDEO))["id"]
    domain = await _ask(staff, "POST", "/v1/admin/domains", {"host": f"{mark}.example.com"})
    side.things["domain"] = domain["id"]
    await _ask(
        staff, "PUT", f"/v1/admin/delivery-methods/{mark}", {"name": mark, "price": 0, "min_days": 1, "max_days": 2}
    )
    slots = {"slots": [{"weekday": day, "begins": "09:00", "ends": "12:00", "capacity": 99} for day in range(7)]}
    hours = {"name": mark, "price": 0, "min_days": 1, "max_days": 2}
    await _ask(staff, "PUT", f"/v1/admin/delivery-methods/{mark}-hours", hours)
    await _ask(staff, "PUT", f"/v1/admin/delivery-methods/{mark}-hours/slots", slots)
    await _ask(staff, "PUT", f"/v1/admin/taxes/classes/{mark}", {})
    await _ask(staff, "PUT", f"/v1/admin/discount-codes/{mark.upper()}", {"percent": 1})
    vendor = await _ask(staff, "PUT", f"/v1/admin/vendors/{mark}", {"name": mark})
    theirs = [str(sold.product_id), side.things["draft"]]
    await _ask(staff, "POST", f"/v1/admin/vendors/{mark}/products", {"product_ids": theirs})
    await _ask(staff, "PUT", "/v1/admin/documents/issuer", ISSUER)
    lot = {"sku": f"{mark}-sku", "warehouse": mark, "quantity": 9, "lot": f"{mark}-lot", "expires_on": "2099-01-01"}
    await _ask(staff, "POST", "/v1/admin/inventory/receipts", lot)
    hook = {"url": "https://93.184.215.14/a", "events": ["order.placed"], "contact": "a@example.com"}
    subscription = await _ask(staff, "POST", "/v1/admin/webhooks/subscriptions", hook)
    registered = {"name": "x", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:read"]}
    program = await _ask(staff, "POST", "/v1/admin/programs", registered)
    sent = {"sku": f"{mark}-sku", "source": mark, "destination": "main", "quantity": 1}
    dispatch = await _ask(staff, "POST", "/v1/admin/inventory/dispatches", sent)
    card = await _ask(staff, "POST", "/v1/admin/gift-cards", {"amount": 500})
    page = await _ask(
        staff, "PUT", f"/v1/admin/legal/{'terms' if number == 0 else 'imprint'}", {"locale": "en-US", "markdown": mark}
    )
    warehouses = (await _ask(staff, "GET", "/v1/admin/inventory/warehouses"))["items"]
    archives = (await _ask(staff, "GET", "/v1/admin/exports"))["items"]  # of the same shop there is one at a time
    archive = archives[0] if archives else await _ask(staff, "POST", "/v1/admin/exports")
    role = {"name": mark, "meaning": mark, "permissions": ["orders:read"]}
    invited = {"email": f"{mark}@staff.example", "roles": ["analyst"]}
    of_vendor = {"email": f"{mark}@vendor.example", "roles": ["vendor"], "vendor": mark}
    side.things |= {
        "role": str((await _ask(staff, "POST", "/v1/admin/roles", role))["id"]),
        "member": str((await _ask(staff, "POST", "/v1/admin/staff", invited))["id"]),
        "vendor_member": str((await _ask(staff, "POST", "/v1/admin/staff", of_vendor))["id"]),
        "product": str(sold.product_id),
        "handle": f"{mark}-handle",
        "variant": str(sold.variant_id),
        "sku": f"{mark}-sku",
        "lot": f"{mark}-lot",
        "warehouse": mark,
        "warehouse_id": next(one["id"] for one in warehouses if one["code"] == mark),
        "legal_page": page["id"],
        "delivery": mark,
        "tax_class": mark,
        "slug": OPERATED,
        "vendor": mark,
        "vendor_id": vendor["id"],
        "group_of": f"{mark}-household",
        "discount": mark.upper(),
        "dispatch": dispatch["items"][0]["id"],
        "hook": subscription["id"],
        "program": program["id"],
        "gift_card": card["id"],
        "gift_code": card["code"],
        "export": archive["id"],
        "bulk_change": (await _ask(staff, "POST", "/v1/admin/prices/bulk-changes", REPRICED))["id"],
        "catalogue_export": (await _ask(staff, "POST", "/v1/admin/catalogue-exports", {"format": "csv"}))["id"],
        "import": (await _ask(staff, "POST", "/v1/admin/imports?name=x.csv", picture=b"sku"))["id"],
        **await _feed(staff, mark),
    }


async def _feed(staff: httpx.AsyncClient, mark: str) -> Json:
    feed = await _ask(staff, "POST", "/v1/admin/product-feeds", {"name": mark})
    return {"product_feed": feed["id"], "feed_token": feed["address"].rpartition("/")[2].removesuffix(".xml")}


def _rename(side: Side, urls: DatabaseUrls, number: int) -> None:
    """Goods under names that no other side uses, and who buys."""
    sold, mark = side.seeded.products[number], side.mark
    with _as_tenant(urls, side.seeded.id) as connection:
        connection.execute("UPDATE variant SET sku = %s WHERE id = %s", (f"{mark}-sku", sold.variant_id))
        connection.execute("UPDATE product SET handle = %s WHERE id = %s", (f"{mark}-handle", sold.product_id))
        names = (f"{mark}-household", f"household-{number + 1}")
        connection.execute("UPDATE customer SET reference = %s WHERE reference = %s", names)
        connection.execute(
            "INSERT INTO variant (tenant_id, id, product_id, sku, title, position, digital, bundle)"
            " VALUES (%s, %s, %s, %s, 'Download', 9, true, true)",
            (side.seeded.id, side.downloaded, sold.product_id, f"{mark}-digital"),
        )
        connection.execute(
            "INSERT INTO price (tenant_id, id, variant_id, currency, amount) VALUES (%s, %s, %s, 'USD', 100)",
            (side.seeded.id, uuid4(), side.downloaded),
        )


def _as_tenant(urls: DatabaseUrls, tenant_id: UUID) -> psycopg.Connection[Any]:
    connection = psycopg.connect(urls.app)
    connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(tenant_id),))
    return connection


async def _shop_and_send(side: Side, number: int, database: Database) -> None:
    """A cart that is open, and an order of which a part was sent, changed, sent back and claimed."""
    shopper, staff, goods = side.clients["shopper"], side.clients["staff"], side.seeded.products
    await _ask(staff, "PUT", f"/v1/admin/gift-card-products/{goods[3].handle}")
    file = await _ask(
        staff, "POST", f"/v1/admin/digital-goods/{side.mark}-digital/files?name=a.pdf", picture=side.mark.encode()
    )
    wanted = [(goods[number].variant_id, 5), (goods[2].variant_id, 5), (goods[3].variant_id, 1), (side.downloaded, 1)]
    cart = await _filled(side, wanted)
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": f"{side.mark}@example.com"}
    order = await _ask(shopper, "POST", f"/v1/store/carts/{cart['id']}/complete", pay)
    where = f"orders/{order['id']}"
    lines = {line["variant_id"]: line["id"] for line in order["lines"]}
    line = lines[str(goods[number].variant_id)]
    edit = await _ask(
        staff,
        "POST",
        f"/v1/admin/{where}/edits",
        {"actions": [{"action": "set_quantity", "line_id": line, "quantity": 4}]},
    )
    await _ask(staff, "POST", f"/v1/admin/{where}/edits/{edit['id']}/cancel")
    sending = {"lines": [{"line_id": line, "quantity": 4}, {"line_id": lines[str(goods[3].variant_id)], "quantity": 1}]}
    sent = await _ask(staff, "POST", f"/v1/admin/{where}/fulfilments", sending)
    back = {"lines": [{"line_id": line, "quantity": 1, "reason": "damaged"}]}
    returned = await _ask(shopper, "POST", f"/v1/store/{where}/returns", back)
    claimed = await _ask(shopper, "POST", f"/v1/store/{where}/claims", back)
    return_id, claim_id = returned["returns"][0]["id"], claimed["claims"][0]["id"]
    returned = await _ask(shopper, "POST", f"/v1/store/{where}/returns/{return_id}/photos", picture=photo())
    claimed = await _ask(shopper, "POST", f"/v1/store/{where}/claims/{claim_id}/photos", picture=photo())
    documents = await _ask(staff, "GET", f"/v1/admin/{where}/documents")
    payments = await _ask(staff, "GET", f"/v1/admin/{where}/money")
    method = await _ask(shopper, "POST", "/v1/store/payment-methods", {"provider": "test", "token": "tok_ok"})
    vendor_orders = (await _ask(side.clients["vendor"], "GET", "/v1/vendor/orders"))["items"]
    await fulfilling.hand_out(database, side.seeded.id)
    cart = await _filled(side, [(goods[number].variant_id, 1), (goods[2].variant_id, 1)])
    await _ask(shopper, "POST", f"/v1/store/carts/{cart['id']}/lines/{cart['lines'][1]['id']}/save")
    saved = await _ask(shopper, "GET", "/v1/store/saved-items")
    shared = await _ask(shopper, "POST", f"/v1/store/carts/{cart['id']}/share")
    side.things |= {
        "order": order["id"],
        "number": order["number"],
        "email": f"{side.mark}@example.com",
        "line": line,
        "vendor_line": line,
        "download_line": lines[str(side.downloaded)],
        "digital_sku": f"{side.mark}-digital",
        "digital_file": file["id"],
        "edit": edit["id"],
        "fulfilment": sent["parcels"][0]["id"],
        "return": return_id,
        "return_photo": returned["returns"][0]["photos"][-1],
        "claim": claim_id,
        "claim_photo": claimed["claims"][0]["photos"][-1],
        "sold_card": sent["gift_cards"][0]["id"],
        "document": documents["items"][0]["id"],
        "payment": payments["payments"][0]["id"],
        "method": method["id"],
        "vendor_order": vendor_orders[0]["id"],
        "cart": cart["id"],
        "cart_line": cart["lines"][0]["id"],
        "saved_item": saved["items"][0]["id"],
        "shared": shared["token"],
    }


async def _filled(side: Side, wanted: list[tuple[UUID, int]]) -> Json:
    shopper = side.clients["shopper"]
    cart = await _ask(shopper, "POST", "/v1/store/carts")
    where = f"/v1/store/carts/{cart['id']}"
    for variant_id, quantity in wanted:
        cart = await _ask(shopper, "POST", f"{where}/lines", {"variant_id": str(variant_id), "quantity": quantity})
    await _ask(shopper, "PUT", f"{where}/address", ADDRESS)
    return await _ask(shopper, "PUT", f"{where}/delivery", {"code": side.mark})


def photo() -> bytes:
    """A picture."""
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, "PNG")
    return written.getvalue()


async def _look_after_oneself(side: Side) -> None:
    """What somebody with an account keeps."""
    shopper = side.clients["shopper"]
    kept = await _ask(shopper, "POST", "/v1/store/addresses", {"address": ADDRESS})
    wishlist = await _ask(shopper, "POST", "/v1/store/wishlists", {"name": side.mark})
    shared = await _ask(shopper, "PUT", f"/v1/store/wishlists/{wishlist['id']}/share")
    archive = await _ask(shopper, "POST", "/v1/store/privacy/exports")
    review = await _ask(shopper, "POST", f"/v1/store/products/{side.things['handle']}/reviews", {"rating": 5})
    side.things |= {
        "address": kept["items"][0]["id"],
        "person_export": archive["id"],
        "review": review["id"],
        "wishlist": wishlist["id"],
        "shared_wishlist": shared["share_token"],
    }


def _insert_account(side: Side, urls: DatabaseUrls, account_id: UUID, name: str, email: str, key: str) -> None:
    """Whom the shopper signed in as, with a passkey and an identity elsewhere."""
    tenant, passkey, identity, provider = side.seeded.id, uuid4(), uuid4(), uuid4()
    with _as_tenant(urls, tenant) as connection:
        connection.execute(
            "INSERT INTO account (tenant_id, id, customer_id, display_name, email, email_digest, email_verified_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, now())",
            (tenant, account_id, side.things["customer"], name, email, digest(tenant, "email", side.things["email"])),
        )
        connection.execute(
            "UPDATE session SET account_id = %s, amr = '{pwd,mfa}', authenticated_at = now() WHERE customer_id = %s",
            (account_id, side.things["customer"]),
        )
        connection.execute(
            "INSERT INTO passkey (tenant_id, id, account_id, credential_id, public_key, rp_id, sign_count, name, is_synced)"
            " VALUES (%s, %s, %s, %s, '', 'x', 0, %s, false)",
            (tenant, passkey, account_id, passkey.bytes, key),
        )
        connection.execute(
            "INSERT INTO identity_provider (tenant_id, id, name, issuer, client_id, client_secret, audience)"
            " VALUES (%s, %s, 'x', 'https://10.0.0.1', %s, %s, 'customers')",
            (tenant, provider, side.mark, key),
        )
        connection.execute(
            "INSERT INTO external_identity (tenant_id, id, account_id, provider, subject_digest, label, used_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, now())",
            (tenant, identity, account_id, str(provider), identity.bytes, email),
        )
    side.things |= {"passkey": str(passkey), "identity": str(identity), "identity_provider": str(provider)}


def _insert_the_rest(side: Side, urls: DatabaseUrls) -> None:
    """What only comes about over days, or with a real provider."""
    tenant, now = side.seeded.id, datetime.now(UTC)
    names = ("setup", "exception", "event", "dispute", "hook_delivery", "passkey", "consignment", "vendor_review")
    made = {name: uuid4() for name in names}
    with _as_tenant(urls, tenant) as connection:
        customer, slot, device = (
            connection.execute(statement, values).fetchone()[0]  # type: ignore[index]
            for statement, values in (
                ("SELECT customer_id FROM orders WHERE id = %s", (side.things["order"],)),
                (
                    "SELECT id FROM delivery_slot s WHERE weekday = 1 AND method_id = "
                    "(SELECT id FROM delivery_method WHERE code = %s)",
                    (f"{side.mark}-hours",),
                ),
                (
                    "SELECT s.id FROM session s JOIN orders o ON o.customer_id = s.customer_id WHERE o.id = %s",
                    (side.things["order"],),
                ),
            )
        )
        connection.execute(
            "INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale, verified,"
            " status, written_at, answer, answered_by, answered_at)"
            " VALUES (%s, %s, %s, %s, 5, '', '', '', 'en', true, 'published', %s, %s, %s, %s)",
            (
                *(tenant, made["vendor_review"], side.things["vendor_product"], customer, now),
                *(side.mark, side.things["vendor_id"], now),
            ),
        )
        connection.execute(
            "INSERT INTO passkey (tenant_id, id, account_id, credential_id, public_key, rp_id, sign_count, name,"
            " is_synced) SELECT tenant_id, %s, id, %s, '', 'x', 0, display_name, false FROM account"
            " WHERE customer_id = %s",
            (made["passkey"], made["passkey"].bytes, customer),
        )
        connection.execute(
            "INSERT INTO payment_method_setup (tenant_id, id, customer_id, provider, reference, is_default)"
            " VALUES (%s, %s, %s, 'test', 'x', false)",
            (tenant, made["setup"], customer),
        )
        connection.execute(
            "INSERT INTO order_consignment (tenant_id, id, order_id, number, shipping, shipping_tax, shipping_charged,"
            " tax, taxes) VALUES (%s, %s, %s, 1, 0, 0, 0, 0, '[]')",
            (tenant, made["consignment"], side.things["order"]),
        )
        connection.execute(
            "INSERT INTO reconciliation_exception (tenant_id, id, provider, day, kind, about, reference, created_at)"
            " VALUES (%s, %s, 'test', '2026-01-01', 'unknown', %s, 'x', %s)",
            (tenant, made["exception"], str(made["exception"]), now),
        )
        connection.execute(
            "INSERT INTO dispute (tenant_id, id, payment_id, order_id, provider, reference, amount, kept, currency, fee,"
            " reason, opened_at) VALUES (%s, %s, %s, %s, 'test', %s, 1, 0, 'USD', 0, 'x', %s)",
            (tenant, made["dispute"], side.things["payment"], side.things["order"], str(made["dispute"]), now),
        )
        connection.execute(
            "INSERT INTO provider_event (tenant_id, id, provider, event_id, kind, occurred_at, amount, currency, reason,"
            " status, next_at, received_at) VALUES (%s, %s, 'test', %s, 'payment_changed', %s, 1, 'USD', '', 'failed', %s, %s)",
            (tenant, made["event"], str(made["event"]), now, now, now),
        )
        event = uuid4()
        connection.execute(
            "INSERT INTO webhook_event (tenant_id, id, name, occurred_at, recorded_at, body)"
            " VALUES (%s, %s, 'order.placed', %s, %s, '{}')",
            (tenant, event, now, now),
        )
        connection.execute(
            "INSERT INTO webhook_delivery (tenant_id, id, subscription_id, event_id) VALUES (%s, %s, %s, %s)",
            (tenant, made["hook_delivery"], side.things["hook"], event),
        )
    side.things |= {name: str(value) for name, value in made.items()}
    side.things |= {"customer": str(customer), "slot": str(slot), "device": str(device)}
