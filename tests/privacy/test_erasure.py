"""A person who is planted in every field is read by nobody who has the database alone, and by nobody once forgotten."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from commerce.privacy import covering, erasing
from foundation import clock, sealing
from foundation.database import Database
from foundation.ids import new_id
from foundation.settings import Settings
from tests.factories import SeededShop, seed_shop
from tests.privacy.scanning import plain
from tests.retention.planting import Field
from tradewind.engines.postgres import SUPERUSER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls, RunPostgres

EMAIL = "zanzibar.quuxley@xylophone.example"
ADDRESS = {
    "name": "Zanzibar Quuxley",
    "line1": "77 Wombatstrasse",
    "line2": "c/o Flibbertigibbet",
    "postal_code": "43215",
    "city": "Quagmireville",
    "region": "OH",
    "country": "US",
    "phone": "+16145550173",
}
WORDS = (
    EMAIL,
    "Quuxley",
    "Wombatstrasse",
    "Flibbertigibbet",
    "Quagmireville",
    "6145550173",
    "kumquat-note",
    "persimmon-gift",
    "tamarind-line",
    "rambutan-claim",
    "durian-return",
    "salak-staff",
)


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=8,
        catalogue_cache_mb=0,
        objects_url=f"file://{tmp_path}",
    )


@pytest.fixture
def grocer(database_urls: DatabaseUrls) -> SeededShop:
    """One that delivers, so that it asks for an address."""
    shop = seed_shop(database_urls, "grocer")
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute(
            "INSERT INTO delivery_method (tenant_id, id, code, name, price) VALUES (%s, %s, 'standard', 'Standard', 5)",
            (shop.id, new_id()),
        )
    return shop


@pytest.fixture
def superuser(postgres_server: RunPostgres, database_urls: DatabaseUrls) -> str:
    return postgres_server.url(SUPERUSER, urlsplit(database_urls.app).path.strip("/"))


async def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json() if answer.content else {}
    return told


async def _plant(browser: Browser, staff: httpx.AsyncClient, shop: SeededShop) -> tuple[str, str]:
    """An order with all that a person can say, carried out to its end; the customer's and the order's id."""
    http = browser.http
    cart = await browser.add(await browser.cart(), shop.products[0].variant_id, 3)
    path = f"/v1/store/carts/{cart['id']}"
    await _ok(await http.put(f"{path}/address", json=ADDRESS))
    await _ok(await http.put(f"{path}/delivery", json={"code": "standard"}))
    await _ok(await http.put(f"{path}/note", json={"note": "kumquat-note for Quuxley"}))
    await _ok(await http.put(f"{path}/gift", json={"message": "persimmon-gift"}))
    line = cart["lines"][0]["id"]
    await _ok(await http.put(f"{path}/lines/{line}/gift", json={"message": "tamarind-line"}))
    order = await _ok(await browser.complete(cart, key="plant", email=EMAIL))
    assert order["address"] == ADDRESS
    assert (order["customer_note"], order["gift"]["message"]) == ("kumquat-note for Quuxley", "persimmon-gift")
    admin = f"/v1/admin/orders/{order['id']}"
    await _ok(await staff.post(f"{admin}/notes", json={"note": "salak-staff"}, headers={"Idempotency-Key": "n"}))
    found = (await _ok(await staff.get("/v1/admin/orders", params={"q": EMAIL})))["items"]
    assert [one["email"] for one in found] == [EMAIL]
    return order["id"], line


async def _finish(staff: httpx.AsyncClient, rows: Any, order_id: str) -> UUID:
    """The order has arrived."""
    rows("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered' WHERE id = %s", order_id)
    ((customer_id,),) = rows("SELECT customer_id FROM orders WHERE id = %s", order_id)
    return UUID(str(customer_id))


async def test_nobody_reads_a_person_out_of_the_database(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, superuser: str
) -> None:
    await _plant(browser, staff, grocer)
    assert plain(superuser, WORDS) == set()


@pytest.mark.both_homes
async def test_a_person_who_is_forgotten_is_nowhere(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, superuser: str, rows: Any, app: Any
) -> None:
    order_id, _ = await _plant(browser, staff, grocer)
    customer_id = await _finish(staff, rows, order_id)
    erasure = f"/v1/admin/customers/{customer_id}/erasure"
    await _ok(await staff.post(erasure, json={"reason": "Quuxley asked for it in writing"}))
    assert plain(superuser, WORDS) == set()
    left = await _ok(await staff.get(f"/v1/admin/orders/{order_id}"))
    assert (left["email"], left["customer_note"], left["address"]["name"]) == (None, None, "")
    assert left["address"]["country"] == "US"
    assert left["total"]["amount"] > 0
    assert (await browser.http.get("/v1/store/orders")).status_code == 401
    log = (await _ok(await staff.get("/v1/admin/audit", params={"action": "privacy.erase"})))["items"]
    assert [one["object"] for one in log] == [f"customer:{customer_id}"]
    keys = rows("SELECT count(*) FROM subject_key WHERE id = %s", customer_id)
    assert keys == [(0,)]
    assert rows("SELECT payload->>'customer_id' FROM outbox WHERE name = 'customer.erased'") == [(str(customer_id),)]


async def test_nobody_is_forgotten_while_their_order_is_on_its_way(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    order_id, _ = await _plant(browser, staff, grocer)
    ((customer_id,),) = rows("SELECT customer_id FROM orders WHERE id = %s", order_id)
    answer = await staff.post(f"/v1/admin/customers/{customer_id}/erasure", json={"reason": "asked"})
    assert (answer.status_code, answer.json()["code"]) == (409, "privacy.not_settled")
    assert (await _ok(await staff.get(f"/v1/admin/orders/{order_id}")))["email"] == EMAIL


async def test_nobody_is_forgotten_before_all_is_settled(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls, rows: Any
) -> None:
    order_id, _ = await _plant(browser, staff, grocer)
    customer_id = await _finish(staff, rows, order_id)
    ((number,),) = rows("SELECT number FROM orders WHERE id = %s", order_id)
    ((payment_id,),) = rows("SELECT id FROM payment WHERE order_id = %s", order_id)
    field, now = Field(database_urls, grocer), clock.now()
    field.plant("order_claim", now, order_id=order_id, status="open")
    field.plant("order_return", now, order_id=order_id, status="approved")
    field.plant("dispute", now, payment_id=payment_id, status="opened", order_id=order_id)
    rows("UPDATE payment SET status = 'due' WHERE id = %s", payment_id)

    async def erased() -> httpx.Response:
        return await staff.post(f"/v1/admin/customers/{customer_id}/erasure", json={"reason": "asked"})

    settled = {
        "claims": "UPDATE order_claim SET status = 'rejected'",
        "returns": "UPDATE order_return SET created_at = now() - interval '91 days'",
        "disputes": "UPDATE dispute SET status = 'lost'",
        "unpaid": "UPDATE payment SET status = 'captured'",
    }
    left = {what: [number] for what in settled}
    for what, settle in settled.items():
        said = (await erased()).json()
        assert (said["code"], {name: said[name] for name in ("orders", *settled)}) == (
            "privacy.not_settled",
            {"orders": [], **left},
        )
        rows(settle)
        left[what] = []
    assert (await erased()).status_code == 204


def _backup(superuser: str) -> dict[str, bytes]:
    with psycopg.connect(superuser) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        copies = {}
        for (table,) in tables:
            with connection.cursor().copy(
                sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
            ) as out:
                copies[table] = b"".join(bytes(part) for part in out)
    return copies


def _restore(superuser: str, copies: dict[str, bytes]) -> None:
    with psycopg.connect(superuser) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in copies:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        for table, content in copies.items():
            with connection.cursor().copy(
                sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
            ) as into:
                into.write(BytesIO(content).read())


async def test_a_backup_from_before_does_not_bring_anybody_back(
    browser: Browser,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    superuser: str,
    rows: Any,
    app: Any,
    settings: Settings,
) -> None:
    order_id, _ = await _plant(browser, staff, grocer)
    customer_id = await _finish(staff, rows, order_id)
    before = _backup(superuser)
    database: Database = app.state.core.database
    await erasing.forget(database, settings, grocer.id, customer_id, actor="key:1")
    _restore(superuser, before)
    sealing.forget(grocer.id, [customer_id])
    assert (await _ok(await staff.get(f"/v1/admin/orders/{order_id}")))["email"] == EMAIL
    assert await erasing.replay(database, settings, grocer.id) == 1
    assert plain(superuser, WORDS) == set()
    assert (await _ok(await staff.get(f"/v1/admin/orders/{order_id}")))["email"] is None
    assert await erasing.replay(database, settings, grocer.id) == 0


async def test_rows_from_before_are_sealed_and_found_by_their_address(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, superuser: str, rows: Any, app: Any
) -> None:
    order_id, _ = await _plant(browser, staff, grocer)
    rows(
        "UPDATE orders SET email = %s, email_digest = NULL, customer_note = 'kumquat-note',"
        ' address = address || \'{"city": "Quagmireville"}\' WHERE id = %s',
        EMAIL,
        order_id,
    )
    assert {place[:2] for place in plain(superuser, WORDS)} == {
        ("orders", "email"),
        ("orders", "customer_note"),
        ("orders", "address"),
    }
    assert [one["id"] for one in (await _ok(await staff.get("/v1/admin/orders", params={"q": EMAIL})))["items"]]
    assert await covering.cover(app.state.core.database, grocer.id) > 0
    assert plain(superuser, WORDS) == set()
    assert await covering.cover(app.state.core.database, grocer.id) == 0
    (found,) = (await _ok(await staff.get("/v1/admin/orders", params={"q": EMAIL})))["items"]
    assert (found["id"], found["email"]) == (order_id, EMAIL)


def test_the_scan_finds_what_is_plain(grocer: SeededShop, superuser: str, rows: Any) -> None:
    rows('UPDATE customer SET traits = \'{"a": "Wombatstrasse"}\'')
    assert plain(superuser, WORDS) == {("customer", "traits", "Wombatstrasse")}
    rows(
        "INSERT INTO idempotency_key (tenant_id, principal, route, key, fingerprint, claimed_at, body)"
        " VALUES (%s, 'x', 'x', 'x', '', now(), 'in Quagmireville')",
        grocer.id,
    )
    assert ("idempotency_key", "body", "Quagmireville") in plain(superuser, WORDS)
