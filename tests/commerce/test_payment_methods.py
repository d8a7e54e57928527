"""Instruments kept for customers: only tokens, only their own, paid with by their id."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.payments.methods import service
from commerce.payments.methods.schemas import MethodIn, looks_like_a_card
from commerce.payments.methods.service import MAX_METHODS
from commerce.payments.providers import (
    ActionRequired,
    Authorised,
    Charge,
    Providers,
    ProviderUnavailable,
    Refused,
    SavedMethod,
    Setup,
    TestProvider,
    registry,
)
from foundation.ids import new_id
from tests.commerce.conftest import Browser
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

METHODS = "/v1/store/payment-methods"


class Vault(TestProvider):
    """The test provider, keeping what it is given under tokens of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}
        self.charged: list[Charge] = []
        self.away = False

    async def setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        if self.away:
            raise ProviderUnavailable
        if setup.token == "tok_declined":
            return Refused("card_declined")
        named = f"kept_{setup.token}_of_{setup.customer_id.hex}"
        self.kept[named] = "tok_ok"
        return SavedMethod(named, f"Visa •••• {setup.token[-4:]}", date(2031, 12, 31))

    async def forget(self, tenant_id: UUID, token: str) -> None:
        if self.away:
            raise ProviderUnavailable
        self.kept.pop(token, None)

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        self.charged.append(charge)
        return await super().authorise(replace(charge, token=self.kept.get(charge.token, charge.token)))


@pytest.fixture
def vault(app: Any) -> Vault:
    vault = Vault()
    registry._built[app.state.core.database] = Providers(vault)
    return vault


@pytest.fixture
async def other(app: Any, grocer: SeededShop) -> Any:
    """Another customer of the same shop."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={"reference": "household-2"})
        yield http


async def save(
    http: httpx.AsyncClient, token: str = "tok_1234", *, key: str | None = None, **more: Any
) -> httpx.Response:
    body = {"provider": "test", "token": token, **more}
    return await http.post(METHODS, json=body, headers={"Idempotency-Key": key or new_id().hex})


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get(METHODS)).json()["items"]
    return found


async def pay(browser: Browser, variant_id: UUID, payment: dict[str, Any], *, key: str = "key-1") -> httpx.Response:
    cart = await browser.add(await browser.cart(), variant_id)
    return await browser.http.post(
        f"/v1/store/carts/{cart['id']}/complete", json={"payment": payment}, headers={"Idempotency-Key": key}
    )


async def test_what_was_kept_is_paid_with_by_its_id(browser: Browser, vault: Vault, grocer: SeededShop) -> None:
    kept = await save(browser.http)
    assert kept.status_code == 201, kept.text
    method = kept.json()
    assert (method["provider"], method["label"], method["expires"], method["is_default"]) == (
        "test",
        "Visa •••• 1234",
        "2031-12-31",
        True,
    )
    assert "token" not in method
    paid = await pay(browser, grocer.products[0].variant_id, {"provider": "test", "method_id": method["id"]})
    assert (paid.status_code, paid.json()["payment_state"]) == (201, "paid")
    (charged,) = vault.charged
    assert charged.token.startswith("kept_tok_1234_of_")
    assert charged.customer_id is not None


async def test_the_first_is_the_default_until_another_is_preferred_or_it_is_gone(
    browser: Browser, vault: Vault
) -> None:
    first, second, third = [
        (await save(browser.http, token)).json()["id"] for token in ("tok_1111", "tok_2222", "tok_3333")
    ]
    assert [(one["id"], one["is_default"]) for one in await listed(browser.http)] == [
        (first, True),
        (third, False),
        (second, False),
    ]
    preferred = await browser.http.put(f"{METHODS}/{second}/default")
    assert [one["id"] for one in preferred.json()["items"] if one["is_default"]] == [second]
    assert (await browser.http.delete(f"{METHODS}/{second}")).status_code == 204
    assert [(one["id"], one["is_default"]) for one in await listed(browser.http)] == [(third, True), (first, False)]
    preferring = await save(browser.http, "tok_4444", is_default=True)
    assert [one["id"] for one in await listed(browser.http) if one["is_default"]] == [preferring.json()["id"]]


async def test_the_same_instrument_again_is_the_same_one(browser: Browser, vault: Vault) -> None:
    assert (await save(browser.http)).json()["id"] == (await save(browser.http)).json()["id"]
    assert len(await listed(browser.http)) == 1


async def test_the_same_key_keeps_once_and_another_body_is_refused(browser: Browser, vault: Vault) -> None:
    first = await save(browser.http, key="key-1")
    again = await save(browser.http, key="key-1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (await save(browser.http, "tok_9999", key="key-1")).json()["code"] == "idempotency.key_reused"
    assert (await browser.http.post(METHODS, json={"provider": "test", "token": "tok"})).json()[
        "code"
    ] == "idempotency.key_required"


async def test_what_is_forgotten_is_forgotten_by_its_provider_too(browser: Browser, vault: Vault, rows: Any) -> None:
    method = (await save(browser.http)).json()["id"]
    assert len(vault.kept) == 1
    assert (await browser.http.delete(f"{METHODS}/{method}")).status_code == 204
    assert (vault.kept, rows("SELECT * FROM payment_method")) == ({}, [])
    again = await browser.http.delete(f"{METHODS}/{method}")
    assert (again.status_code, again.json()["code"]) == (404, "payments.method_not_found")


async def test_while_its_provider_is_away_nothing_is_kept_or_forgotten(browser: Browser, vault: Vault) -> None:
    method = (await save(browser.http)).json()["id"]
    vault.away = True
    assert (await save(browser.http, "tok_5555")).json()["code"] == "payments.provider_unavailable"
    assert (await browser.http.delete(f"{METHODS}/{method}")).json()["code"] == "payments.provider_unavailable"
    assert [one["id"] for one in await listed(browser.http)] == [method]


async def test_an_instrument_its_provider_refuses_is_not_kept(browser: Browser, vault: Vault) -> None:
    answer = await save(browser.http, "tok_declined")
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
        402,
        "payments.method_refused",
        "card_declined",
    )
    assert await listed(browser.http) == []


async def test_only_its_owner_sees_pays_with_prefers_or_forgets_an_instrument(
    browser: Browser, other: httpx.AsyncClient, vault: Vault, grocer: SeededShop
) -> None:
    method = (await save(browser.http)).json()["id"]
    assert await listed(other) == []
    tries = [
        await other.delete(f"{METHODS}/{method}"),
        await other.put(f"{METHODS}/{method}/default"),
        await pay(Browser(other), grocer.products[0].variant_id, {"provider": "test", "method_id": method}),
    ]
    assert [(one.status_code, one.json()["code"]) for one in tries] == [(404, "payments.method_not_found")] * 3
    assert [one["id"] for one in await listed(browser.http) if one["is_default"]] == [method]
    assert vault.charged == []


async def test_a_cart_that_could_not_be_paid_so_can_be_paid_otherwise(
    browser: Browser, vault: Vault, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    body = {"payment": {"provider": "test", "method_id": str(new_id())}}
    refused = await browser.http.post(
        f"/v1/store/carts/{cart['id']}/complete", json=body, headers={"Idempotency-Key": "a"}
    )
    assert refused.json()["code"] == "payments.method_not_found"
    assert (await browser.complete(cart, key="b")).status_code == 201


async def test_a_visitor_who_has_not_signed_in_has_none(
    client: httpx.AsyncClient, vault: Vault, grocer: SeededShop
) -> None:
    await client.post("/v1/store/sessions", json={})
    assert (await client.get(METHODS)).json()["code"] == "identity.sign_in_required"
    assert (await save(client)).json()["code"] == "identity.sign_in_required"
    assert (await client.delete(f"{METHODS}/{new_id()}")).json()["code"] == "identity.sign_in_required"
    paid = await pay(Browser(client), grocer.products[0].variant_id, {"provider": "test", "method_id": str(new_id())})
    assert paid.json()["code"] == "payments.method_not_found"


async def test_a_provider_that_keeps_nothing_says_so(app: Any, browser: Browser) -> None:
    class Plain(TestProvider):
        setup = None
        forget = None

    registry._built[app.state.core.database] = Providers(Plain())
    assert (await save(browser.http)).json()["code"] == "payments.methods_not_saved"
    assert (await save(browser.http, provider="nobody")).json()["code"] == "payments.unknown_provider"


async def test_a_customer_keeps_only_so_many(browser: Browser, vault: Vault) -> None:
    for number in range(MAX_METHODS):
        assert (await save(browser.http, f"tok_{number:04}")).status_code == 201
    answer = await save(browser.http, "tok_more")
    assert (answer.status_code, answer.json()["code"]) == (409, "payments.too_many_methods")


async def test_two_first_ones_at_once_leave_one_default(
    app: Any, browser: Browser, vault: Vault, grocer: SeededShop, rows: Any
) -> None:
    ((customer_id,),) = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    await asyncio.gather(
        *(
            service.keep(
                app.state.core.database, vault, grocer.id, customer_id, MethodIn(provider="test", token=f"tok_{n}")
            )
            for n in range(6)
        )
    )
    assert rows("SELECT count(*), count(*) FILTER (WHERE is_default) FROM payment_method") == [(6, 1)]


# Never a card's number

NUMBERS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "378282246310005",
    "6011111111111117",
    "tok_4242424242424242",
    " 4242424242424242 ",
    "card: 5555 5555 5555 4444.",
]


@pytest.mark.one_database
@pytest.mark.parametrize("number", NUMBERS)
async def test_a_cards_number_is_never_taken(browser: Browser, vault: Vault, rows: Any, number: str) -> None:
    answer = await save(browser.http, number)
    assert (answer.status_code, rows("SELECT * FROM payment_method"), vault.kept) == (422, [], {})
    assert "4242" not in answer.text
    paid = await browser.http.post(
        f"/v1/store/carts/{(await browser.cart())['id']}/complete",
        json={"payment": {"provider": "stripe", "token": number}},
        headers={"Idempotency-Key": "k"},
    )
    assert paid.status_code == 422
    assert "4242" not in paid.text


@given(st.text("0123456789", min_size=11, max_size=18))
def test_whatever_has_a_cards_check_digit_looks_like_one(digits: str) -> None:
    check = next(d for d in "0123456789" if looks_like_a_card(digits + d))
    assert [d for d in "0123456789" if looks_like_a_card(digits + d)] == [check]
    assert looks_like_a_card(f"a {digits}{check}")
    assert not looks_like_a_card(f"pm_1{digits}{check}Xy")


@pytest.mark.parametrize(
    "token", ["tok_visa", "pm_1NxYzAbCdEf", "cus_1:pm_1", "01a215319041741fbc3b0d65b5865a81", "0123", ""]
)
def test_what_providers_give_does_not(token: str) -> None:
    assert not looks_like_a_card(token)


@pytest.mark.parametrize(
    ("token", "label"),
    [("4242424242424242", "Visa"), ("4242 4242 4242 4242", "Visa"), ("tok_1", "Visa 4242424242424242"), ("", "Visa")],
)
def test_not_even_the_database_lets_one_in(
    database_urls: DatabaseUrls, grocer: SeededShop, rows: Any, token: str, label: str
) -> None:
    ((customer_id,),) = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(
            "INSERT INTO payment_method (tenant_id, id, customer_id, provider, token, label) VALUES (%s, %s, %s, 'x', %s, %s)",
            grocer.id, new_id(), customer_id, token, label,
        )  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize(
    "payment",
    [
        {},
        {"provider": "test"},
        {"token": "tok_ok", "method_id": str(new_id())},
        {"method_id": "x"},
        {"method_id": 7},
        {"token": 7},
        {"token": ""},
    ],
)
async def test_a_payment_with_no_instrument_or_with_two_is_refused(
    browser: Browser, grocer: SeededShop, payment: dict[str, Any]
) -> None:
    assert (await pay(browser, grocer.products[0].variant_id, payment)).status_code == 422
