"""Each case of the reference page of errors is refused as it says there, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from commerce.identity.staff import create_key
from foundation.errors import all_problems
from tests.commerce.conftest import Browser
from tests.digests import Looking, changed
from tests.factories import SeededShop
from tradewind.bad_input import CASES, NEW_KEY, Case

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

USED = "a key that was used"


@dataclass
class World:
    """A shop in which everything has happened that the cases speak of."""

    clients: dict[str, httpx.AsyncClient]
    names: dict[str, Any] = field(default_factory=dict)

    async def send(self, case: Case) -> httpx.Response:
        """The case's request."""
        method, path = case.request.split(" ", 1)
        key = {NEW_KEY: str(uuid4()), "used": USED}.get(case.key or "", case.key)
        body = case.body if isinstance(case.body, str) else json.dumps(case.body)
        return await self.clients[case.by].request(
            method,
            path.format_map(self.names),
            content=None if case.body is None else self._filled(body),
            headers={"Content-Type": "application/json", **({} if key is None else {"Idempotency-Key": key})},
        )

    def _filled(self, body: str) -> str:
        for name, value in self.names.items():
            said = str(value) if isinstance(value, int) else f'"{value}"'
            body = body.replace(f'"{{{name}}}"', said)
        return body

    async def staff(self, method: str, path: str, body: object, key: str | None = None) -> dict[str, Any]:
        """What staff do, which is not refused."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        answer = await self.clients["staff"].request(method, path, json=body, headers=headers)
        done: dict[str, Any] = answer.raise_for_status().json() if answer.content else {}
        return done


async def _placed(browser: Browser, grocer: SeededShop) -> tuple[dict[str, Any], str]:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    answer = await browser.complete(cart, key=str(uuid4()))
    order: dict[str, Any] = answer.raise_for_status().json()
    return order, cart["id"]


@pytest.fixture
async def world(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop
) -> AsyncIterator[World]:
    async with app.state.core.database.transaction(fashion.id) as session:
        _, elsewhere = await create_key(session, fashion.id, name="Elsewhere")
    host = f"http://{grocer.host}"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url=host) as nobody,
        httpx.AsyncClient(transport=transport, base_url=host) as another,
        httpx.AsyncClient(
            transport=transport, base_url=host, headers={"Authorization": f"Bearer {elsewhere}"}
        ) as foreign,
    ):
        shoppers = {"shopper": browser.http, "another shopper": another, "nobody": nobody}
        world = World({**shoppers, "staff": staff, "staff elsewhere": foreign})
        (await another.post("/v1/store/sessions", json={})).raise_for_status()
        await _happen(world, browser, Browser(another), grocer, fashion)
        yield world


async def _happen(world: World, browser: Browser, another: Browser, grocer: SeededShop, fashion: SeededShop) -> None:
    paid, paid_cart = await _placed(browser, grocer)
    sent, _ = await _placed(browser, grocer)
    cancelled, _ = await _placed(browser, grocer)
    changed, _ = await _placed(browser, grocer)
    other, _ = await _placed(another, grocer)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    empty = await another.cart()
    await world.staff("PUT", "/v1/admin/inventory/warehouses/north", {"name": "North"})
    moving = {"sku": "SKU1", "source": "main", "destination": "north", "quantity": 1}
    dispatch = await world.staff("POST", "/v1/admin/inventory/dispatches", moving)
    await world.staff("POST", f"/v1/admin/orders/{sent['id']}/fulfilments", {})
    await world.staff("POST", f"/v1/admin/orders/{cancelled['id']}/cancel", {"reason": "x"})
    await world.staff("POST", f"/v1/admin/orders/{paid['id']}/refunds", {"amount": 1, "reason": "late"}, USED)
    fewer = {"action": "set_quantity", "line_id": changed["lines"][0]["id"], "quantity": 1}
    draft = await world.staff("POST", f"/v1/admin/orders/{changed['id']}/edits", {"actions": [fewer]})
    await world.staff("POST", f"/v1/admin/orders/{changed['id']}/refunds", {"amount": 1, "reason": "late"})
    world.names |= {
        "variant": grocer.products[0].variant_id,
        "theirs": fashion.products[0].variant_id,
        "cart": cart["id"],
        "line": cart["lines"][0]["id"],
        "empty": empty["id"],
        "order_of_another": other["id"],
        "paid": paid["id"],
        "paid_line": paid["lines"][0]["id"],
        "paid_cart": paid_cart,
        "sent": sent["id"],
        "sent_line": sent["lines"][0]["id"],
        "cancelled": cancelled["id"],
        "changed": changed["id"],
        "draft": draft["id"],
        "draft_version": draft["version"],
        "dispatch": dispatch["items"][0]["id"],
    }


async def test_every_case_is_refused_with_its_code_and_nothing_is_half_done(
    world: World, database_urls: DatabaseUrls, grocer: SeededShop, fashion: SeededShop
) -> None:
    statuses = {problem.code: problem.status for problem in all_problems()}
    wrong = []
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        looking = Looking(connection)
        before = [looking.at(shop.id) for shop in (grocer, fashion)]
        for case in CASES:
            answer = await world.send(case)
            is_problem = answer.headers["content-type"] == "application/problem+json"
            said = answer.json().get("code") if is_problem else answer.text
            if (answer.status_code, said) != (statuses[case.code], case.code):
                wrong.append(f"{case.kind}, {case.says}: {answer.status_code} {answer.text[:300]}, not {case.code}")
            after = [looking.at(shop.id) for shop in (grocer, fashion)]
            if touched := [table for pair in zip(before, after, strict=True) for table in changed(*pair)]:
                wrong.append(f"{case.kind}, {case.says}: changed {touched}")
            before = after
    assert wrong == [], "\n".join(wrong)


def test_each_kind_of_bad_input_has_cases_and_no_case_is_there_twice() -> None:
    kinds = {"negative", "fractional", "enormous", "duplicated", "stale", "foreign", "out of order", "malformed"}
    assert {case.kind for case in CASES} == kinds
    assert len({(case.kind, case.says) for case in CASES}) == len(CASES)
