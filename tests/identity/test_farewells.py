"""Whoever asks to be forgotten has a week to think it over, is told at both ends, and is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from commerce.privacy import erasing, parting
from commerce.privacy.farewells import GRACE, MAIL_WITHIN
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.settings import Settings
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, Messages, register

Rows = Callable[..., list[tuple[Any, ...]]]
PATH = "/v1/store/privacy/erasure"
TYPED = {"confirmation": "FORGET ME"}


@pytest.fixture
async def shop(app: Any, grocer: SeededShop) -> Shop:
    found: Shop = await app.state.core.directory.by_host(grocer.host)
    return found


@pytest.fixture
async def member(client: httpx.AsyncClient, messages: Messages) -> httpx.AsyncClient:
    """Somebody who has just registered."""
    await register(client, messages)
    return client


async def _passes(app: Any, settings: Settings, shop: Shop, at: datetime) -> bool:
    with clock.use(lambda: at):
        return await parting.see_to(app.state.core.database, settings, shop)


def _posted(rows: Rows) -> None:
    rows("UPDATE message SET status = 'sent', content = '' WHERE status = 'queued'")


async def test_they_are_told_and_forgotten_when_the_week_is_over(
    app: Any, member: httpx.AsyncClient, messages: Messages, settings: Settings, shop: Shop, rows: Rows
) -> None:
    asked = await member.post(PATH, json=TYPED)
    assert asked.status_code == 202, asked.text
    due = datetime.fromisoformat(asked.json()["due_at"])
    assert (await messages())[-1].template == "erasure_asked"
    _posted(rows)

    assert not await _passes(app, settings, shop, due - timedelta(seconds=1))
    assert rows("SELECT told_at FROM erasure_request") == [(None,)]
    assert not await _passes(app, settings, shop, due), "first they are told"
    last = (await messages())[-1]
    assert (last.template, last.recipient) == ("erasure_done", EMAIL)
    assert not await _passes(app, settings, shop, due + timedelta(minutes=1)), "the mail has not gone yet"
    _posted(rows)
    assert await _passes(app, settings, shop, due + timedelta(minutes=2))

    assert rows("SELECT outcome FROM erasure_request") == [("erased",)]
    assert rows("SELECT count(*) FROM customer WHERE erased_at IS NOT NULL") == [(1,)]
    assert rows("SELECT email, status FROM account") == [(None, "closed")]
    assert (await member.get("/v1/store/accounts/current")).status_code == 401
    assert not await _passes(app, settings, shop, due + timedelta(days=30))


async def test_a_mail_that_does_not_go_holds_nobody_for_long(
    app: Any, member: httpx.AsyncClient, settings: Settings, shop: Shop
) -> None:
    await member.post(PATH, json=TYPED)
    due = clock.now() + GRACE + timedelta(minutes=1)
    assert not await _passes(app, settings, shop, due)
    assert not await _passes(app, settings, shop, due + MAIL_WITHIN - timedelta(minutes=1))
    assert await _passes(app, settings, shop, due + MAIL_WITHIN + timedelta(minutes=1))


async def test_nobody_waits_for_the_mail_of_another_or_for_what_fails(
    app: Any,
    member: httpx.AsyncClient,
    settings: Settings,
    shop: Shop,
    rows: Rows,
    grocer: SeededShop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member.post(PATH, json=TYPED)
    rows(
        "INSERT INTO erasure_request (tenant_id, id, customer_id, requested_by, requested_at, due_at, next_at)"
        " SELECT tenant_id, gen_random_uuid(), id, 'test', now(), now() + interval '8 days', now() + interval '8 days'"
        " FROM customer WHERE reference = 'household-1'"
    )
    due = clock.now() + GRACE + timedelta(days=1, minutes=1)
    fails = erasing.erase

    async def once(*_: object, **__: object) -> object:
        raise RuntimeError("something is wrong")

    assert not await _passes(app, settings, shop, due), "the member is told"
    assert not await _passes(app, settings, shop, due), "their mail is waited for"
    assert not await _passes(app, settings, shop, due), "the household has no address to tell"
    monkeypatch.setattr(erasing, "erase", once)
    assert not await _passes(app, settings, shop, due)
    monkeypatch.setattr(erasing, "erase", fails)
    assert rows("SELECT count(*) FROM customer WHERE erased_at IS NOT NULL") == [(0,)]
    _posted(rows)
    assert await _passes(app, settings, shop, due + timedelta(minutes=1)), "the member, while what failed rests"
    assert await _passes(app, settings, shop, due + timedelta(hours=6, minutes=1))
    assert rows("SELECT count(*) FROM customer WHERE erased_at IS NOT NULL") == [(2,)]


async def test_who_stays_is_not_forgotten_and_may_ask_again(
    app: Any, member: httpx.AsyncClient, settings: Settings, shop: Shop, rows: Rows
) -> None:
    await member.post(PATH, json=TYPED)
    assert (await member.get(PATH)).json()["asked"] is not None
    assert (await member.delete(PATH)).status_code == 204
    assert (await member.delete(PATH)).status_code == 404
    assert not await _passes(app, settings, shop, clock.now() + GRACE + timedelta(days=1))
    assert (await member.get(PATH)).json()["asked"] is None
    assert (await member.post(PATH, json=TYPED)).status_code == 202
    assert rows("SELECT outcome FROM erasure_request ORDER BY id") == [("kept",), (None,)]
    assert rows("SELECT action FROM audit_entry WHERE starts_with(action, 'privacy.') ORDER BY id") == [
        ("privacy.erasure_asked",),
        ("privacy.erasure_withdrawn",),
        ("privacy.erasure_asked",),
    ]


async def test_asked_twice_it_is_as_it_was(member: httpx.AsyncClient, messages: Messages) -> None:
    first = (await member.post(PATH, json=TYPED)).json()
    assert (await member.post(PATH, json=TYPED)).json() == first
    assert [one.template for one in await messages()].count("erasure_asked") == 1


async def test_whoever_waits_for_an_order_is_forgotten_when_it_has_come(
    app: Any, member: httpx.AsyncClient, settings: Settings, shop: Shop, grocer: SeededShop, rows: Rows
) -> None:
    cart = (await member.post("/v1/store/carts")).json()
    line = {"variant_id": str(grocer.products[0].variant_id), "quantity": 1}
    await member.post(f"/v1/store/carts/{cart['id']}/lines", json=line)
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": EMAIL}
    bought = await member.post(f"/v1/store/carts/{cart['id']}/complete", json=pay, headers={"Idempotency-Key": "k"})
    assert bought.status_code == 201, bought.text
    assert (await member.get(PATH)).json()["stays"]["waits_for"]["orders"] == [bought.json()["number"]]

    await member.post(PATH, json=TYPED)
    due = clock.now() + GRACE + timedelta(minutes=1)
    assert not await _passes(app, settings, shop, due)
    assert rows("SELECT told_at FROM erasure_request") == [(None,)], "nobody is told that it happens now"
    rows("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered'")
    assert not await _passes(app, settings, shop, due + timedelta(hours=6, minutes=1))
    _posted(rows)
    assert await _passes(app, settings, shop, due + timedelta(hours=7))


@pytest.mark.parametrize("body", [{}, {"confirmation": ""}, {"confirmation": "yes"}, {"confirmation": True}])
async def test_what_is_not_typed_is_not_meant(member: httpx.AsyncClient, rows: Rows, body: dict[str, Any]) -> None:
    assert (await member.post(PATH, json=body)).status_code == 422
    assert rows("SELECT count(*) FROM erasure_request") == [(0,)]


async def test_who_has_not_proved_lately_who_they_are_is_not_heard(member: httpx.AsyncClient, rows: Rows) -> None:
    rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")
    refused = await member.post(PATH, json=TYPED)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")
    assert rows("SELECT count(*) FROM erasure_request") == [(0,)]
