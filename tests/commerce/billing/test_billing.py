"""A shop subscribes, is billed, doesn't pay, is closed and opens again: against a local Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from commerce.billing import dunning, rounds
from commerce.billing.dunning import STEPS
from commerce.billing.service import Billing
from commerce.leaving.removing import Gone
from commerce.plans import metering
from commerce.plans.catalogue import PROFESSIONAL, STARTER, Metric
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.settings import Settings
from tests.commerce.billing.conftest import DECLINED, EMAIL, VISA, Peer
from tests.factories import SeededShop
from tests.waiting import PATIENCE
from tradewind.removal.places import Subscription

Tell = Callable[..., Any]
ACCOUNT = "SELECT status, plan, reminders FROM billing_account"


@pytest.fixture
def database(app: Any) -> Database:
    database: Database = app.state.core.database
    return database


@pytest.fixture
def shop(grocer: SeededShop) -> Shop:
    return Shop(grocer.id, grocer.slug, "Grocer", "USD", "en-US", "active", {})


async def _fail_to_pay(peer: Peer, customer: str) -> str:
    """The customer's card is one that is declined, and the next month's invoice comes."""
    method = await peer.method(DECLINED)
    await peer.post(f"/v1/payment_methods/{method}/attach", {"customer": customer})
    await peer.post(f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": method}})
    subscription = (await peer.get(f"/v1/subscriptions?customer={customer}"))["data"][0]["id"]
    body = {"customer": customer, "amount": 19_900, "currency": "usd", "subscription": subscription}
    await peer.post("/v1/invoiceitems", body)
    invoice = await peer.post("/v1/invoices", {"customer": customer, "subscription": subscription})
    await peer.post(f"/v1/invoices/{invoice['id']}/pay")
    assert (await peer.get(f"/v1/subscriptions/{subscription}"))["status"] == "past_due"
    return str(invoice["id"])


async def _repair(peer: Peer, customer: str) -> None:
    method = await peer.method(VISA)
    await peer.post(f"/v1/payment_methods/{method}/attach", {"customer": customer})
    await peer.post(f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": method}})


async def test_a_shop_subscribes_pays_and_sees_its_invoice(
    subscribe: Any, staff: httpx.AsyncClient, peer: Peer, rows: Any
) -> None:
    before = (await staff.get("/v1/admin/plan")).json()
    assert (before["plan"], before["status"], before["billed"]) == ("starter", "none", True)

    answer = await subscribe("professional")

    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert (plan["plan"], plan["status"], plan["price"]) == (
        "professional",
        "active",
        {"amount": PROFESSIONAL.price.amount, "currency": "USD"},
    )
    assert datetime.fromisoformat(plan["period_end"]) > clock.now()
    invoices = (await staff.get("/v1/admin/invoices")).json()["items"]
    assert [(one["status"], one["total"]["amount"]) for one in invoices] == [("paid", PROFESSIONAL.price.amount)]
    assert EMAIL not in str(rows("SELECT email FROM billing_account"))
    assert (await staff.get("/v1/admin/plan")).json() == plan


async def test_cards_and_bills_are_looked_after_at_stripe(
    billing: Billing, subscribe: Any, staff: httpx.AsyncClient, peer: Peer, customer: Callable[[], str], rows: Any
) -> None:
    at = "/v1/admin/plan/portal"
    assert (await staff.post(at)).json()["code"] == "billing.not_subscribed"
    await subscribe("professional")

    opened = await staff.post(at)

    assert (opened.status_code, opened.json()["url"]) == (200, f"{peer.url}/p/session/{customer()}")
    (asked,) = await peer.asked("POST", "/billing_portal/sessions")
    assert "return_url=http%3A%2F%2Fgrocer" in asked["body"]
    assert asked["body"].endswith("%2Fback-office%2Fplan")
    assert len(rows("SELECT 1 FROM audit_entry WHERE action = 'plans.open_portal'")) == 1
    await peer.post("/_config/faults", {"kind": "away", "path": "/v1/billing_portal"})
    assert (await staff.post(at)).json()["code"] == "billing.unavailable"


async def test_the_same_key_subscribes_once(staff: httpx.AsyncClient, peer: Peer) -> None:
    body = {"plan": "professional", "email": EMAIL, "payment_method": await peer.method()}
    answers = [await staff.put("/v1/admin/plan", json=body, headers={"Idempotency-Key": "key-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert len(await peer.asked("POST", "/v1/subscriptions")) == 1


async def test_another_plan_is_set_off_against_the_present_one(
    subscribe: Any, staff: httpx.AsyncClient, peer: Peer, customer: Callable[[], str]
) -> None:
    await subscribe("starter")
    upgraded = (await subscribe("professional", card=None)).json()
    assert (upgraded["plan"], upgraded["status"]) == ("professional", "active")
    pending = (await peer.get(f"/v1/invoiceitems?customer={customer()}"))["data"]
    assert [(item["proration"], item["amount"]) for item in pending] == [(True, -STARTER.price.amount)]
    assert (await subscribe("starter", card=None)).json()["plan"] == "starter"
    assert len(await peer.asked("POST", "/v1/subscriptions")) == 1, "it is one subscription"


async def test_a_plan_that_is_too_small_for_the_shop_is_refused_and_nothing_is_asked_for(
    subscribe: Any, peer: Peer
) -> None:
    with patch.dict(STARTER.limits, {Metric.PRODUCTS: 5}):  # type: ignore[arg-type]
        refused = await subscribe("starter", card=None)
    assert (refused.status_code, refused.json()["code"]) == (402, "plans.limit_reached")
    assert (refused.json()["metric"], refused.json()["limit"], refused.json()["plan"]) == ("products", 5, "starter")
    assert await peer.asked("POST", "/v1/customers") == []


async def test_a_declined_card_subscribes_to_nothing(subscribe: Any, staff: httpx.AsyncClient) -> None:
    answer = await subscribe("professional", card=DECLINED)
    plan = (await staff.get("/v1/admin/plan")).json()
    assert (answer.status_code, answer.json()["code"]) == (422, "billing.card_refused")
    assert (plan["plan"], plan["status"]) == ("starter", "none")


async def test_what_is_cancelled_goes_on_until_it_is_paid_for_and_can_be_taken_back(
    subscribe: Any, staff: httpx.AsyncClient
) -> None:
    await subscribe("professional")
    ended = await staff.post("/v1/admin/plan/cancellation", headers={"Idempotency-Key": "end-1"})
    assert ended.status_code == 200, ended.text
    assert (ended.json()["plan"], ended.json()["status"]) == ("professional", "active")
    assert ended.json()["ends_at"] == ended.json()["period_end"] is not None
    back = await staff.delete("/v1/admin/plan/cancellation", headers={"Idempotency-Key": "back-1"})
    assert back.json()["ends_at"] is None


async def test_there_is_nothing_to_cancel_without_a_subscription(staff: httpx.AsyncClient) -> None:
    refused = await staff.post("/v1/admin/plan/cancellation", headers={"Idempotency-Key": "end-1"})
    assert (refused.status_code, refused.json()["code"]) == (409, "billing.not_subscribed")


async def test_a_subscription_that_is_over_leaves_the_first_plan(
    subscribe: Any, staff: httpx.AsyncClient, peer: Peer, customer: Callable[[], str], tell: Tell
) -> None:
    await subscribe("professional")
    reference = (await peer.get(f"/v1/subscriptions?customer={customer()}"))["data"][0]["id"]
    await peer.http.delete(
        f"{peer.url}/v1/subscriptions/{reference}", headers={"Authorization": "Bearer sk_test_platform"}
    )
    assert (await tell(customer(), "customer.subscription.deleted")).status_code == 204
    plan = (await staff.get("/v1/admin/plan")).json()
    assert (plan["plan"], plan["status"]) == ("starter", "cancelled")


async def test_what_stripe_did_not_sign_is_refused_and_nothing_is_kept(
    subscribe: Any, customer: Callable[[], str], tell: Tell, rows: Any
) -> None:
    await subscribe("professional")
    forged = await tell(customer(), secret="whsec_other")
    assert (forged.status_code, forged.json()["code"]) == (400, "billing.forged_notification")
    assert rows("SELECT count(*) FROM billing_event") == [(0,)]


async def test_notifications_come_in_any_order_any_number_of_times_and_the_truth_is_the_same(
    subscribe: Any, peer: Peer, customer: Callable[[], str], tell: Tell, rows: Any
) -> None:
    await subscribe("professional")
    invoice = await _fail_to_pay(peer, customer())
    await asyncio.gather(*(tell(customer(), "invoice.payment_failed", event="evt_failed") for _ in range(3)))
    assert rows("SELECT status FROM billing_account") == [("past_due",)]
    await _repair(peer, customer())
    await peer.post(f"/v1/invoices/{invoice}/pay")
    await tell(customer(), "invoice.paid", event="evt_paid")
    await tell(customer(), "invoice.payment_failed", event="evt_failed")
    assert rows("SELECT reference, handled_at IS NOT NULL FROM billing_event ORDER BY 1") == [
        ("evt_failed", True),
        ("evt_paid", True),
    ]
    assert rows("SELECT status FROM billing_invoice WHERE reference = %s", invoice) == [("paid",)]


async def test_a_notification_that_can_not_be_handled_is_kept_and_handled_later(
    subscribe: Any, peer: Peer, customer: Callable[[], str], tell: Tell, rows: Any, billing: Billing, shop: Shop
) -> None:
    await subscribe("professional")
    await peer.post("/_config/faults", {"kind": "away", "path": "/v1/subscriptions", "times": 20, "status": 503})
    assert (await tell(customer(), event="evt_1")).status_code == 503
    assert rows("SELECT reference, handled_at FROM billing_event") == [("evt_1", None)]
    with patch("commerce.billing.service.Billing.sync", autospec=True) as sync:
        await rounds.see_to(billing, shop)
    assert sync.call_count == 1
    assert rows("SELECT reference FROM billing_event WHERE handled_at IS NULL") == []


async def test_a_notification_about_somebody_elses_customer_changes_nothing(
    subscribe: Any, peer: Peer, tell: Tell, rows: Any, fashion: SeededShop
) -> None:
    await subscribe("professional")
    stranger = (await peer.post("/v1/customers", {"metadata": {"tenant_id": str(fashion.id)}}))["id"]
    unknown = (await peer.post("/v1/customers", {"name": "Nobody"}))["id"]
    for customer in (stranger, unknown):
        assert (await tell(customer)).status_code == 204
    assert rows("SELECT count(*) FROM billing_event") == [(0,)]


async def test_what_was_read_earlier_does_not_overwrite_what_was_read_later(
    subscribe: Any, billing: Billing, grocer: SeededShop, database: Database, rows: Any
) -> None:
    from commerce.billing import accounts

    await subscribe("professional")
    async with database.tx(grocer.id) as tx:
        assert not await accounts.write(tx, None, [], read_at=clock.now() - timedelta(hours=1))
    assert rows("SELECT status, plan FROM billing_account") == [("active", "professional")]


async def _comes_to(client: httpx.AsyncClient, status: int) -> httpx.Response:
    """The shop's answer with this status: a worker is told of what becomes of a shop a moment later."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await client.get("/v1/store/products")).status_code != status:  # noqa: ASYNC110  (nobody sets an event)
            await asyncio.sleep(0.01)
    return answer


async def test_an_unpaid_shop_is_reminded_then_closed_and_opens_when_it_is_paid(
    subscribe: Any,
    peer: Peer,
    customer: Callable[[], str],
    tell: Tell,
    rows: Any,
    billing: Billing,
    grocer: SeededShop,
    client: httpx.AsyncClient,
    staff: httpx.AsyncClient,
) -> None:
    await subscribe("professional")
    invoice = await _fail_to_pay(peer, customer())
    await tell(customer(), "invoice.payment_failed")
    failed = rows("SELECT past_due_since FROM billing_account")[0][0]
    letters = []
    for days in (0, 1, 3, 3, 7, 13, 14, 15):
        with patch.object(clock, "now", return_value=failed + timedelta(days=days)):
            letters.append(await dunning.remind(billing, grocer.id))
    assert letters == [True, False, True, False, True, False, True, False]
    assert [name for (name,) in rows("SELECT template FROM message ORDER BY id")] == [step.letter for step in STEPS]
    assert len(await peer.asked("POST", f"/v1/invoices/{invoice}/pay")) == 1 + sum(step.collects for step in STEPS)

    assert (await _comes_to(client, 503)).json()["code"] == "tenancy.suspended"
    assert (await staff.get("/v1/admin/invoices")).json()["items"][0]["status"] == "open"

    await _repair(peer, customer())
    await peer.post(f"/v1/invoices/{invoice}/pay")
    await tell(customer(), "invoice.paid")
    await _comes_to(client, 200)
    assert rows(ACCOUNT) == [("active", "professional", 0)]
    assert rows("SELECT template FROM message ORDER BY id DESC LIMIT 1") == [("billing_reopened",)]


async def test_two_workers_remind_once(
    subscribe: Any, peer: Peer, customer: Callable[[], str], tell: Tell, rows: Any, billing: Billing, grocer: SeededShop
) -> None:
    await subscribe("professional")
    await _fail_to_pay(peer, customer())
    await tell(customer(), "invoice.payment_failed")
    reminded = await asyncio.gather(*(dunning.remind(billing, grocer.id) for _ in range(4)))
    assert sorted(reminded) == [False, False, False, True]
    assert rows("SELECT count(*) FROM message WHERE template = 'billing_failed'") == [(1,)]


async def test_what_was_used_beyond_the_plan_is_billed_once_the_month_is_settled(
    subscribe: Any,
    peer: Peer,
    customer: Callable[[], str],
    rows: Any,
    billing: Billing,
    grocer: SeededShop,
    database: Database,
) -> None:
    await subscribe("starter")
    included = STARTER.limit(Metric.ORDERS) or 0
    async with database.tx(grocer.id) as tx:
        days = [(Metric.ORDERS, date(2026, 4, 3), included), (Metric.ORDERS, date(2026, 4, 30), 7)]
        await metering.write(tx, [*days, (Metric.ORDERS, date(2026, 5, 1), 99_999)], at=clock.now())
    for now in (datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)):
        with patch.object(clock, "now", return_value=now):
            await billing.bill_usage(grocer.id)
    items = (await peer.get(f"/v1/invoiceitems?customer={customer()}"))["data"]
    assert [(item["amount"], item["currency"], item["description"]) for item in items] == [
        (70, "usd", "7 orders beyond the plan in April 2026")
    ]
    assert rows("SELECT month, quantity, amount, item FROM billed_usage") == [(date(2026, 4, 1), 7, 70, items[0]["id"])]


async def test_usage_whose_answer_was_lost_is_not_billed_twice(
    subscribe: Any,
    peer: Peer,
    customer: Callable[[], str],
    rows: Any,
    billing: Billing,
    grocer: SeededShop,
    database: Database,
) -> None:
    from commerce.billing.stripe import BillingUnavailable

    await subscribe("starter")
    async with database.tx(grocer.id) as tx:
        await metering.write(tx, [(Metric.ORDERS, date(2026, 4, 3), 501)], at=clock.now())
    await peer.post("/_config/faults", {"kind": "lost", "path": "/v1/invoiceitems", "method": "POST", "times": 3})
    with patch.object(clock, "now", return_value=datetime(2026, 5, 10, tzinfo=UTC)), pytest.raises(BillingUnavailable):
        await billing.bill_usage(grocer.id)
    assert rows("SELECT item FROM billed_usage") == [(None,)]
    await peer.post("/_config/forget_keys")  # Stripe forgets keys after a day
    with patch.object(clock, "now", return_value=datetime(2026, 5, 12, tzinfo=UTC)):
        await billing.bill_usage(grocer.id)
    items = (await peer.get(f"/v1/invoiceitems?customer={customer()}"))["data"]
    assert len(items) == 1
    assert rows("SELECT item FROM billed_usage") == [(items[0]["id"],)]


async def test_usage_is_shown_beside_what_the_plan_allows(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database
) -> None:
    today = clock.now().date()
    async with database.tx(grocer.id) as tx:
        await metering.write(tx, [(Metric.ORDERS, today, 42)], at=clock.now())
    usage = (await staff.get("/v1/admin/usage")).json()
    assert usage["items"] == [
        {"metric": "products", "used": len(grocer.products), "limit": 1_000},
        {"metric": "staff", "used": 0, "limit": 3},
        {"metric": "orders", "used": 42, "limit": 500},
    ]
    assert usage["days"] == [{"metric": "orders", "day": today.isoformat(), "quantity": 42}]


async def test_the_subscription_of_a_shop_that_is_removed_ends_at_once(
    subscribe: Any, peer: Peer, settings: Settings, grocer: SeededShop, fashion: SeededShop
) -> None:
    assert (await subscribe()).status_code == 200
    place = Subscription(settings)

    assert await asyncio.to_thread(place.clear, Gone(grocer.id, grocer.slug)) == 1

    (subscription,) = (await peer.get("/v1/subscriptions?status=all"))["data"]
    assert subscription["status"] == "canceled"
    for again in (grocer, fashion):  # it is over, and there never was one
        assert await asyncio.to_thread(place.clear, Gone(again.id, again.slug)) == 0
