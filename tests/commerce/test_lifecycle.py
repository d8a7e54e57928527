"""Shops that are closed for a while, and shops that end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from commerce.lifecycle import service
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.waiting import started

TOKEN = "an operator's token"
TENANTS = "/v1/operator/tenants"


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings.model_copy(update={"operator_token": SecretStr(TOKEN)}))
    async with started(app):
        yield app


@pytest.fixture
async def operator(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test", headers=headers) as http:
        yield http


async def _status(operator: httpx.AsyncClient, slug: str = "grocer") -> str:
    status: str = (await operator.get(f"{TENANTS}/{slug}")).json()["status"]
    return status


@pytest.mark.both_homes
async def test_a_suspended_shop_is_closed_and_its_staff_may_look(
    operator: httpx.AsyncClient, client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    assert (await client.get("/v1/store/products")).status_code == 200

    answer = await operator.put(f"{TENANTS}/grocer/suspension", json={"reason": "Sells what it must not."})

    assert answer.json()["status"] == "suspended"
    for refused in (await client.get("/v1/store/products"), await client.post("/v1/store/carts")):
        assert (refused.status_code, refused.json()["code"]) == (503, "tenancy.suspended")
    assert (await staff.get("/v1/admin/configuration")).status_code == 200
    assert (await staff.get("/v1/admin/closure")).json()["history"][0]["reason"] == "Sells what it must not."
    refused = await staff.put("/v1/admin/configuration", json={"version": 1, "configuration": {"name": "x"}})
    assert refused.status_code == 503
    await operator.delete(f"{TENANTS}/grocer/suspension")
    assert (await client.get("/v1/store/products")).status_code == 200


async def test_only_that_shop_is_closed(
    operator: httpx.AsyncClient, client: httpx.AsyncClient, fashion: SeededShop
) -> None:
    await operator.put(f"{TENANTS}/fashion/suspension", json={"reason": "x"})

    assert (await client.get("/v1/store/products")).status_code == 200
    assert (await client.get("/v1/store/products", headers={"Host": fashion.host})).status_code == 503
    assert [shop["slug"] for shop in (await operator.get(TENANTS)).json()["items"]] == ["fashion", "grocer"]


@pytest.mark.one_database
@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN} "])
async def test_nobody_else_is_the_operator(operator: httpx.AsyncClient, grocer: SeededShop, shown: str) -> None:
    headers = {"Authorization": shown}

    answer = await operator.put(f"{TENANTS}/grocer/suspension", json={"reason": "x"}, headers=headers)

    assert answer.status_code == 401
    assert await _status(operator) == "active"


async def test_without_a_token_in_the_settings_nobody_is_the_operator(settings: Settings) -> None:
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with started(app), httpx.AsyncClient(transport=transport, base_url="http://platform.test") as http:
        for shown in ("Bearer ", "Bearer None", ""):
            assert (await http.get(TENANTS, headers={"Authorization": shown})).status_code == 401


async def test_the_operator_opens_a_shop_for_somebody(operator: httpx.AsyncClient) -> None:
    asked = {"slug": "acme", "name": "Acme Goods", "owner": "ada@example.com", "country": "DE", "currency": "EUR"}

    made = await operator.post(TENANTS, json=asked)

    assert (made.status_code, made.json()["status"], await _status(operator, "acme")) == (201, "active", "active")
    key = {"Authorization": f"Bearer {made.json()['api_key']}", "Host": made.json()["address"].removeprefix("http://")}
    (entry,) = (await operator.get("/v1/admin/audit?action=tenants.create", headers=key)).json()["items"]
    assert (entry["actor"], entry["object"]) == ("system:operator", "tenant:acme")
    for wrong, status, code in (
        ({}, 409, "tenancy.name_taken"),
        ({"slug": "www"}, 422, "request.invalid_fields"),
        ({"slug": "other", "provider": "nobody"}, 422, "payments.unknown_provider"),
    ):
        refused = await operator.post(TENANTS, json=asked | wrong)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_billing_does_not_open_what_the_operator_closed(app: Any, grocer: SeededShop) -> None:
    database = app.state.core.database
    async with database.tx(grocer.id) as tx:
        await service.suspend(tx, reason="Not paid.", by=service.BILLING)
        await service.suspend(tx, reason="Forged goods.")
    with pytest.raises(service.SuspendedByAnother):
        async with database.tx(grocer.id) as tx:
            await service.reactivate(tx, by=service.BILLING)
    async with database.tx(grocer.id) as tx:
        assert (await service.standing(tx)).status == "suspended"
        await service.reactivate(tx)
        assert (await service.standing(tx)).status == "active"


@pytest.mark.both_homes
async def test_ending_a_shop_takes_its_name_and_can_be_undone(
    operator: httpx.AsyncClient, client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    refused = await staff.put("/v1/admin/closure", json={"name": "grocer"})
    assert (refused.status_code, refused.json()["code"]) == (422, "lifecycle.name_differs")

    closing = (await staff.put("/v1/admin/closure", json={"name": "Grocer"})).json()

    assert closing["status"] == "closing"
    assert closing["closes_at"] is not None
    assert (await client.get("/v1/store/products")).status_code == 503
    assert (await staff.put("/v1/admin/closure", json={"name": "Grocer"})).status_code == 409
    assert (await staff.delete("/v1/admin/closure")).json()["closes_at"] is None
    assert (await client.get("/v1/store/products")).status_code == 200
    assert (await staff.delete("/v1/admin/closure")).status_code == 409


async def test_a_shop_that_was_suspended_is_so_again_when_it_does_not_end(
    operator: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    await operator.put(f"{TENANTS}/grocer/suspension", json={"reason": "x"})
    assert (await staff.put("/v1/admin/closure", json={"name": "Grocer"})).status_code == 200

    await staff.delete("/v1/admin/closure")

    assert await _status(operator) == "suspended"


def test_a_tenant_writes_its_own_row_of_the_directory_and_no_other(
    database_urls: DatabaseUrls, grocer: SeededShop, fashion: SeededShop
) -> None:
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        assert app.execute("UPDATE tenant SET name = 'x'").rowcount == 1
        assert app.execute("DELETE FROM tenant_domain").rowcount == 1
        assert app.execute("SELECT count(*) FROM tenant").fetchone() == (2,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("INSERT INTO tenant_domain (host, tenant_id) VALUES ('x.test', %s)", (fashion.id,))
    with psycopg.connect(database_urls.app) as nobody:
        assert nobody.execute("UPDATE tenant SET name = 'x'").rowcount == 0
