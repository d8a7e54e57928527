"""What providers tell us: verified, kept once, handled in any order and any number of times, never lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from commerce.checkout.api import checkout_of
from commerce.checkout.notifications import Notifications
from commerce.checkout.service import Checkout
from commerce.identity.staff import create_key
from commerce.payments import inbox, signatures
from commerce.payments.inbox import MAX_TRIES
from commerce.payments.providers import Providers, TestProvider, configured, registry
from commerce.payments.providers.test import bank as books
from commerce.payments.providers.test import notifying
from foundation import clock
from tests.commerce.desk import Crash
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from foundation.settings import Settings
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

CHALLENGED = "4000000000003220"
KEPT = "SELECT kind, status FROM provider_event ORDER BY id"


class Bank:
    """Tells a shop what happened, as the test bank does."""

    def __init__(self, http: httpx.AsyncClient, secret: str, provider: TestProvider, tenant_id: UUID) -> None:
        self.http, self.secret, self.provider, self.tenant_id = http, secret, provider, tenant_id

    async def tell(
        self, kind: str, event_id: str, *, host: str | None = None, age: timedelta = timedelta(), **said: object
    ) -> httpx.Response:
        now = clock.now() - age
        body = json.dumps({"kind": kind, "occurred_at": now.isoformat(), **said}, default=str).encode()
        headers = {**signatures.sign(self.secret, event_id, body, at=now), "Content-Type": "application/json"}
        if host is not None:
            headers["Host"] = host
        return await self.http.post("/v1/webhooks/test", content=body, headers=headers)

    async def decide(self, payment_id: str, *, approved: bool) -> None:
        await self.provider.decide(self.tenant_id, UUID(payment_id), approved=approved)


@pytest.fixture
async def bank(client: httpx.AsyncClient, app: Any, settings: Settings, grocer: SeededShop) -> Bank:
    core = app.state.core
    provider = configured(core.database, core.settings).named("test")
    assert isinstance(provider, TestProvider)
    return Bank(client, settings.test_bank_secret.get_secret_value(), provider, grocer.id)


@pytest.fixture
def right(app: Any, grocer: SeededShop) -> Any:
    """That nothing of the shop's stock, money and orders is wrong."""

    async def ask() -> None:
        assert await all_faults(app.state.core.database, grocer) == []

    return ask


async def _challenged(browser: Browser, grocer: SeededShop, key: str = "key-1") -> tuple[dict[str, Any], str]:
    """A cart that waits for its shopper, and the payment."""
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    response = await browser.complete(cart, token=CHALLENGED, key=key)
    assert response.status_code == 202, response.text
    told = response.json()
    assert told["status"] == "action_required"
    assert told["payments"][0]["action_url"].startswith("/test-bank/challenge?state=")
    return cart, told["payments"][0]["id"]


async def _continue(browser: Browser, cart: dict[str, Any], key: str) -> httpx.Response:
    return await browser.http.post(f"/v1/store/carts/{cart['id']}/continue", headers={"Idempotency-Key": key})


async def test_the_redirect_and_the_notification_place_one_order_whichever_is_first(
    browser: Browser, bank: Bank, grocer: SeededShop, rows: Any, right: Any
) -> None:
    for number, first in enumerate(("webhook", "redirect")):
        cart, payment_id = await _challenged(browser, grocer, key=f"complete-{number}")
        assert (await _continue(browser, cart, f"early-{number}")).status_code == 202
        await bank.decide(payment_id, approved=True)
        if first == "redirect":
            placed = await _continue(browser, cart, f"late-{number}")
        told = await bank.tell("payment_changed", f"evt_{number}", payment_id=payment_id)
        assert told.status_code == 204
        if first == "webhook":
            placed = await _continue(browser, cart, f"late-{number}")
        assert placed.status_code == 201, placed.text
        assert placed.json()["payment_state"] == "paid"
        again = await browser.complete(cart, token="tok_ok", key=f"again-{number}")
        assert (again.status_code, again.json()) == (201, placed.json())
    assert rows("SELECT count(*) FROM orders") == rows("SELECT count(*) FROM payment") == [(2,)]
    assert rows("SELECT count(*) FROM outbox WHERE name = 'payment.captured'") == [(2,)]
    assert rows(KEPT) == [("payment_changed", "handled")] * 2
    await right()


async def test_notifications_in_any_order_and_any_number_come_to_the_same(
    browser: Browser, bank: Bank, grocer: SeededShop, rows: Any, right: Any
) -> None:
    for number, order in enumerate(itertools.permutations(("a", "b", "a"))):
        _, payment_id = await _challenged(browser, grocer, key=f"key-{number}")
        await bank.decide(payment_id, approved=number % 2 == 0)
        for name in order:
            told = await bank.tell("payment_changed", f"{name}{number}", payment_id=payment_id)
            assert told.status_code == 204
    assert rows("SELECT count(*) FROM orders") == [(3,)]
    assert rows("SELECT status, count(*) FROM payment GROUP BY status ORDER BY status") == [
        ("captured", 3),
        ("refused", 3),
    ]
    assert rows("SELECT count(*) FROM provider_event WHERE status = 'handled'") == [(12,)]
    await right()


async def test_a_notification_that_comes_after_the_order_is_cancelled_changes_nothing(
    browser: Browser, bank: Bank, grocer: SeededShop, rows: Any, right: Any
) -> None:
    cart, payment_id = await _challenged(browser, grocer)
    await bank.decide(payment_id, approved=True)
    order = (await _continue(browser, cart, "back")).json()
    cancelled = await browser.http.post(
        f"/v1/store/orders/{order['id']}/cancel", json={}, headers={"Idempotency-Key": "cancel"}
    )
    assert cancelled.json()["payment_state"] == "refunded"
    before = rows("SELECT status, refunded FROM payment"), rows("SELECT count(*) FROM outbox")
    assert (await bank.tell("payment_changed", "late", payment_id=payment_id)).status_code == 204
    assert before == (rows("SELECT status, refunded FROM payment"), rows("SELECT count(*) FROM outbox"))
    await right()


async def test_a_payment_is_found_by_the_providers_name_for_it(
    browser: Browser, bank: Bank, grocer: SeededShop, rows: Any
) -> None:
    _, payment_id = await _challenged(browser, grocer)
    await bank.decide(payment_id, approved=True)
    await bank.tell("payment_changed", "evt_1", reference=f"bank_{UUID(payment_id).hex}")
    assert rows("SELECT count(*) FROM orders") == [(1,)]


@pytest.mark.parametrize("how", ["secret", "body", "old", "unsigned"])
async def test_a_forged_notification_is_refused_and_leaves_no_trace(bank: Bank, rows: Any, how: str) -> None:
    if how == "secret":
        bank.secret = "whsec_Zm9yZ2Vk"
        response = await bank.tell("payment_changed", "evt_1", payment_id=uuid4())
    elif how == "old":
        response = await bank.tell("payment_changed", "evt_1", age=timedelta(minutes=6), payment_id=uuid4())
    else:
        body = b'{"kind": "payment_changed", "occurred_at": "2026-01-01T00:00:00Z"}'
        headers = signatures.sign(bank.secret, "evt_1", b"{}", at=clock.now()) if how == "body" else {}
        response = await bank.http.post("/v1/webhooks/test", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "payments.forged_event")
    assert rows(KEPT) == []


async def test_only_providers_that_notify_have_a_webhook(bank: Bank) -> None:
    response = await bank.http.post("/v1/webhooks/nobody", content=b"{}")
    assert (response.status_code, response.json()["code"]) == (422, "payments.unknown_provider")


async def test_an_event_is_kept_before_it_is_handled(
    browser: Browser, bank: Bank, grocer: SeededShop, rows: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payment_id = await _challenged(browser, grocer)
    await bank.decide(payment_id, approved=True)
    core = app.state.core
    notifications = Notifications(checkout_of(core))

    async def dies(*_: object) -> None:
        raise Crash

    said = {"kind": "payment_changed", "occurred_at": clock.now().isoformat(), "payment_id": payment_id}
    body = json.dumps(said).encode()
    headers = signatures.sign(bank.secret, "evt_1", body, at=clock.now())
    with monkeypatch.context() as deadly:
        deadly.setattr(Checkout, "resume", dies)
        with pytest.raises(Crash):
            await notifications.take(grocer.id, "test", headers, body)
    assert rows(KEPT) == [("payment_changed", "received")]
    assert await notifications.catch_up(grocer.id) == 0
    later = clock.now() + inbox.GRACE
    with clock.use(lambda: later):
        assert await notifications.catch_up(grocer.id) == 1
        assert await notifications.catch_up(grocer.id) == 0
    assert rows(KEPT) == [("payment_changed", "handled")]
    assert rows("SELECT count(*) FROM orders") == [(1,)]


async def test_what_can_not_be_handled_is_tried_ever_later_and_then_left_to_staff(
    bank: Bank, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any, app: Any
) -> None:
    assert (await bank.tell("payment_changed", "evt_1", payment_id=uuid4())).status_code == 204
    notifications, now, waits = Notifications(checkout_of(app.state.core)), clock.now(), []
    while rows("SELECT status FROM provider_event") == [("received",)]:
        [(next_at,)] = rows("SELECT next_at FROM provider_event")
        waits.append(next_at - now)
        now = next_at
        with clock.use(lambda now=now: now):
            assert await notifications.catch_up(grocer.id) == 1
    assert len(waits) == MAX_TRIES - 1
    assert waits == sorted(waits)
    with clock.use(lambda: now + timedelta(days=9)):
        assert await notifications.catch_up(grocer.id) == 0

    (event,) = (await staff.get("/v1/admin/payments/events?status=failed")).json()["items"]
    assert (event["event_id"], event["tries"], event["status"]) == ("evt_1", MAX_TRIES, "failed")
    assert "UnknownPayment" in event["problem"]
    assert (await staff.get("/v1/admin/payments/events?status=handled")).json()["items"] == []
    retry = f"/v1/admin/payments/events/{event['id']}/retry"
    assert (await staff.post(retry, headers={"Idempotency-Key": "r"})).status_code == 204
    assert rows("SELECT status, tries FROM provider_event") == [("received", 1)]
    unknown = await staff.post(f"/v1/admin/payments/events/{uuid4()}/retry", headers={"Idempotency-Key": "u"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "payments.event_not_found")


async def test_a_retry_takes_a_key_that_may(app: Any, grocer: SeededShop, client: httpx.AsyncClient) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Reader", scopes=["payments:read"])
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "x"}
    assert (await client.get("/v1/admin/payments/events", headers=headers)).json()["items"] == []
    refused = await client.post(f"/v1/admin/payments/events/{uuid4()}/retry", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.scope_missing")


async def test_events_are_listed_in_pages_and_by_shop(
    bank: Bank, staff: httpx.AsyncClient, fashion: SeededShop, database_urls: DatabaseUrls
) -> None:
    for number in range(3):
        await bank.tell("other", f"evt_{number}")
    await bank.tell("other", "evt_0", host=fashion.host)
    first = (await staff.get("/v1/admin/payments/events?limit=2")).json()
    rest = (await staff.get(f"/v1/admin/payments/events?limit=2&cursor={first['next_cursor']}")).json()
    assert [event["event_id"] for event in first["items"] + rest["items"]] == ["evt_2", "evt_1", "evt_0"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(fashion.id),))
        assert connection.execute("SELECT event_id FROM provider_event").fetchall() == [("evt_0",)]


async def test_another_shops_notification_does_not_touch_this_shops_payment(
    browser: Browser, bank: Bank, grocer: SeededShop, fashion: SeededShop, rows: Any
) -> None:
    _, payment_id = await _challenged(browser, grocer)
    await bank.decide(payment_id, approved=True)
    told = await bank.tell("payment_changed", "evt_1", payment_id=payment_id, host=fashion.host)
    assert told.status_code == 204
    assert rows("SELECT status FROM payment") == [("action_required",)]
    assert rows(KEPT) == []


async def test_a_refund_that_comes_back_is_owed_again(
    browser: Browser, bank: Bank, staff: httpx.AsyncClient, app: Any, grocer: SeededShop, rows: Any, right: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    order = (await browser.complete(cart, token="4000000000005126")).json()
    refunds = f"/v1/admin/orders/{order['id']}/refunds"
    body = {"amount": 60, "reason": "late"}
    given = (await staff.post(refunds, json=body, headers={"Idempotency-Key": "refund"})).json()
    assert given["payment_state"] == "partially_refunded"
    refund_id = given["refunds"][0]["id"]
    async with app.state.core.database.tx(grocer.id) as tx:
        await books.refund_ends(tx, UUID(refund_id), notifying.FAILING)
    for number in range(2):
        await bank.tell("refund_changed", f"evt_{number}", refund_id=refund_id)
    seen = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()
    assert (seen["payment_state"], seen["credited"], seen["refunded"]["amount"]) == ("paid", 60, 0)
    assert [(refund["status"], refund["failure"]) for refund in seen["refunds"]] == [
        ("failed", "expired_or_canceled_card")
    ]
    assert [entry["kind"] for entry in seen["timeline"]].count("refund_failed") == 1
    assert rows("SELECT sum(amount), count(*) FROM ledger_posting WHERE account = 'refunds'") == [(0, 2)]
    await right()


@pytest.mark.parametrize("provider", ["test", "stripe", "nobody"])
async def test_a_body_without_end_is_refused_before_anybody_reads_it(
    client: httpx.AsyncClient, settings: Settings, rows: Any, provider: str
) -> None:
    body = b"x" * (settings.max_body_bytes + 1)

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2**16):
            yield body[start : start + 2**16]

    for content in (body, in_pieces()):
        refused = await client.post(f"/v1/webhooks/{provider}", content=content)
        assert (refused.status_code, refused.json()["code"]) == (413, "request.body_too_large"), refused.text
    assert rows(KEPT) == []


async def test_others_are_answered_while_a_certificate_is_fetched(
    bank: Bank, client: httpx.AsyncClient, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, come = threading.Event(), threading.Event()
    read_event = bank.provider.read_event

    def slowly(*arguments: Any, **more: Any) -> Any:
        asked.set()
        assert come.wait(30), "nobody else was answered meanwhile"
        return read_event(*arguments, **more)

    monkeypatch.setattr(bank.provider, "read_event", slowly)
    told = asyncio.ensure_future(bank.tell("other", "evt_slow"))
    await asyncio.to_thread(asked.wait, 30)
    assert (await client.get("/v1/store/payment-options")).status_code == 200
    come.set()
    assert (await told).status_code == 204


async def test_a_worker_that_stops_closes_what_its_providers_keep_open(app: Any, settings: Settings) -> None:
    closed = []

    class Open(TestProvider):
        async def close(self) -> None:
            closed.append(self.name)

    database = app.state.core.database
    registry._built[database] = Providers(Open())
    await registry.close(database)
    await registry.close(database)
    assert closed == ["test"]
    assert database not in registry._built
