"""The ledger: append-only for everyone, zero in sum, and the story of an order's money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls


@pytest.mark.one_database
@pytest.mark.parametrize("table", ["ledger_posting", "stock_movement"])
@pytest.mark.parametrize("change", ["UPDATE {} SET reason_or_account = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_rewrites_the_books(database_urls: DatabaseUrls, table: str, change: str) -> None:
    column = {"ledger_posting": "account", "stock_movement": "reason"}[table]
    statement = change.format(table).replace("reason_or_account", column)
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(statement)  # type: ignore[call-overload]


async def test_the_trial_balance_is_zero_and_an_orders_money_is_told(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    order = (await browser.complete(cart)).json()

    (balance,) = (await staff.get("/v1/admin/ledger/trial-balance")).json()["currencies"]
    assert (balance["currency"], balance["total"]) == ("USD", 0)
    assert {a["account"]: a["debit"] - a["credit"] for a in balance["accounts"]} == {
        "provider:test": 200,
        "sales": -200,
    }

    money = (await staff.get(f"/v1/admin/orders/{order['id']}/money")).json()
    assert [(p["status"], p["amount"]) for p in money["payments"]] == [("captured", 200)]
    assert [(p["account"], p["amount"]) for p in money["postings"]] == [("provider:test", 200), ("sales", -200)]


async def test_a_cart_that_has_become_an_order_gives_the_same_order_again(
    browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    first = await browser.complete(cart, key="key-1")
    again = await browser.complete(cart, key="key-2")
    assert (again.status_code, again.json()) == (201, first.json())
    assert rows("SELECT count(*) FROM orders") == rows("SELECT count(*) FROM payment") == [(1,)]
