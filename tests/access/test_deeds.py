"""Whatever staff, vendors, programs and the operator change is in the audit log, in the transaction that changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from backoffice import deeds as pages
from backoffice.deeds import PAGES
from commerce import deeds
from commerce.deeds import DEEDS, Told, Untold, deed_of
from foundation import audit
from foundation.access import Who, need_of
from foundation.database import Database, unwitnessed
from foundation.ids import new_id
from tests.access.test_declarations import web
from tests.commerce.conftest import app, boss, browser, client, rows, settings, staff, team

if TYPE_CHECKING:
    import httpx

    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

__all__ = [
    "app",
    "boss",
    "browser",
    "client",
    "rows",
    "settings",
    "staff",
    "team",
    "web",
]

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
THEIRS = {Who.STAFF, Who.VENDOR, Who.OPERATOR}


def _operations(web: FastAPI) -> set[str]:
    """Those of the API; the pages call the same services, whose entries are their own."""
    return {
        f"{method} {route.path}"
        for route in web.router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1/") and need_of(route).who in THEIRS
        for method in route.methods & CHANGING
    }


def test_every_operation_that_changes_something_is_told_or_says_why_not(web: FastAPI) -> None:
    operations = _operations(web)

    assert len(operations) > 100
    assert sorted(operations - set(DEEDS)) == [], "say in commerce/deeds.py what the audit log tells of these"
    assert sorted(set(DEEDS) - operations) == [], "there are no such operations"


@pytest.mark.parametrize("operation", [name for name, told in DEEDS.items() if isinstance(told, Told)])
def test_what_is_told_is_named_as_the_log_names_it(operation: str) -> None:
    told = DEEDS[operation]
    assert isinstance(told, Told)
    assert audit._ACTION.fullmatch(told.action)
    assert (told.kind is None) <= (told.by is None)
    if told.by and f"{{{told.by}}}" not in operation:
        assert told.by == "sku", "it is not in the address: the body has it"


@pytest.mark.parametrize("told", [told for told in DEEDS.values() if isinstance(told, Untold)])
def test_what_is_not_told_says_why(told: Untold) -> None:
    assert len(told.why) > 20


def test_every_form_of_the_back_office_is_told_or_says_why_not(web: FastAPI) -> None:
    forms = {
        route.path.removeprefix(pages.AT)
        for route in web.router.routes
        if isinstance(route, APIRoute) and route.path.startswith(pages.AT) and "POST" in route.methods
    }
    assert len(forms) > 40
    assert sorted(forms - set(PAGES)) == [], "say in backoffice/deeds.py what the audit log tells of these"
    assert sorted(set(PAGES) - forms) == [], "there are no such forms"


def test_a_form_is_told_by_its_fields_alone() -> None:
    told = PAGES["/programs/{program_id}"]
    assert isinstance(told, Told)
    deed = pages.deed_of(told, "account:1", {"program_id": "7"}, b"name=Ada&x=")
    assert (deed.action, deed.object, deed.details) == ("programs.change", "program:7", {"fields": ["name", "x"]})


async def _log(staff: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    found = await staff.get("/v1/admin/audit", params=filters)
    assert found.status_code == 200, found.text
    entries: list[dict[str, Any]] = found.json()["items"]
    return entries


async def _done(staff: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await staff.request(method, path, json=body, headers={"Idempotency-Key": str(new_id())})
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json() if answer.content else {}
    return told


async def test_keys_programs_and_webhooks_are_named_by_the_id_they_got(boss: httpx.AsyncClient) -> None:
    key = await _done(boss, "POST", "/v1/admin/api-keys", {"name": "Ada's laptop", "scopes": ["orders:read"]})
    await _done(boss, "DELETE", f"/v1/admin/api-keys/{key['id']}")
    registered = {"name": "x", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:read"]}
    program = await _done(boss, "POST", "/v1/admin/programs", registered)

    ended, made = await _log(boss, object=f"key:{key['id']}")
    assert (ended["action"], made["action"]) == ("keys.end", "keys.make")
    assert made["details"] == {"fields": ["name", "scopes"]}
    assert made["actor"].startswith("account:")
    (entry,) = await _log(boss, object=f"program:{program['id']}")
    assert entry["details"]["scopes"] == ["orders:read"]


async def test_prices_stock_and_refunds_are_told_with_their_figures(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    ((sku,),) = rows("SELECT sku FROM variant WHERE id = %s", grocer.products[0].variant_id)
    ((currency,),) = rows("SELECT currency FROM tenant WHERE id = %s", grocer.id)
    await _done(staff, "PUT", f"/v1/admin/prices/variants/{sku}/list", {"amount": 777, "currency": currency})
    lost = {"sku": sku, "warehouse": "main", "quantity": 1, "reason": "damaged"}
    await _done(staff, "POST", "/v1/admin/inventory/write-offs", lost)
    order = (await browser.complete(await browser.add(await browser.cart(), grocer.products[0].variant_id))).json()
    await _done(staff, "POST", f"/v1/admin/orders/{order['id']}/refunds", {"amount": 5, "reason": "Ada was so sad"})

    found = {entry["action"]: entry for entry in await _log(staff)}
    assert (found["prices.set_list"]["object"], found["prices.set_list"]["details"]["amount"]) == (f"sku:{sku}", 777)
    assert found["inventory.write_off"]["object"] == f"sku:{sku}"
    assert found["inventory.write_off"]["details"]["quantity"] == 1
    refund = found["orders.refund"]
    assert (refund["object"], refund["details"]["amount"]) == (f"order:{order['id']}", 5)
    assert "sad" not in str(refund)


async def test_what_was_refused_or_changed_nothing_is_not_told(staff: httpx.AsyncClient) -> None:
    assert (await staff.delete(f"/v1/admin/webhooks/subscriptions/{new_id()}")).status_code == 404
    assert (await staff.post("/v1/admin/webhooks/subscriptions", json={"url": "x"})).status_code == 422
    assert await _log(staff) == []


async def test_what_is_done_again_by_its_key_is_told_once(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    order = (await browser.complete(await browser.add(await browser.cart(), grocer.products[0].variant_id))).json()
    for _ in range(2):
        path, headers = f"/v1/admin/orders/{order['id']}/refunds", {"Idempotency-Key": "once"}
        assert (await staff.post(path, json={"amount": 5, "reason": "x"}, headers=headers)).is_success
    assert len(await _log(staff, action="orders.refund")) == 1


async def test_an_entry_is_there_if_and_only_if_the_change_is(
    database_urls: DatabaseUrls, rows: Any, grocer: SeededShop
) -> None:
    database, deed = Database(database_urls.app), audit.Deed("key:1", "prices.set_list", "sku:a", {})
    audit.begin(deed)
    try:
        async with database.tx(grocer.id) as tx:  # it only reads
            await tx.connection.fetch("SELECT id FROM product")
        with unwitnessed():
            async with database.tx(grocer.id) as tx:  # it is about the request
                await tx.connection.execute("UPDATE product SET title = 'a'")
        with pytest.raises(ZeroDivisionError):
            await _fail(database, grocer)
        assert rows("SELECT action FROM audit_entry") == []
        for _ in range(2):
            async with database.tx(grocer.id) as tx:
                await tx.connection.execute("UPDATE product SET title = 'c'")
        assert rows("SELECT action FROM audit_entry") == [("prices.set_list",)]
    finally:
        await database.close()


async def _fail(database: Database, grocer: SeededShop) -> None:
    async with database.tx(grocer.id) as tx:
        await tx.connection.execute("UPDATE product SET title = 'b'")
        raise ZeroDivisionError


def test_nobodys_words_come_into_an_entry() -> None:
    told = Told("orders.refund", "order", "order_id", ("amount", "reason"))
    body = b'{"amount": 5, "reason": "Ada Lovelace", "note": "at 5 High Street"}'
    deed = deed_of(told, "key:1", {"order_id": "7"}, body)
    assert (deed.object, deed.details["fields"]) == ("order:7", ["amount", "note", "reason"])
    assert audit._values(deed.actor, deed.action, deed.object, deed.details)["details"] == (
        '{"amount": 5, "reason": "withheld", "fields": ["amount", "note", "reason"]}'
    )
    assert deeds.deed_of(told, "key:1", {}, b"\x89PNG").details == {}
