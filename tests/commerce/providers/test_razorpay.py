"""Razorpay by its client, against a peer that answers as it documents: UPI, net banking, Checkout, refunds, notifications."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Contests,
    EvidenceRefused,
    ForgedEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    ReportsSettlements,
    TakesEvents,
)
from commerce.payments.providers.razorpay import RazorpayProvider, client
from foundation.ids import new_id
from tests.commerce.providers.conformance import refund_of
from tests.commerce.providers.peers.loopback import Fault, Watched
from tests.commerce.providers.peers.razorpay_peer import KEYS, Razorpay

TENANT = new_id()
SECRET = "webhook secret"
BACK = "https://shop.example/checkout/return"


@pytest.fixture
def bank() -> Razorpay:
    return Razorpay()


@pytest.fixture
def stand_in(bank: Razorpay) -> Starlette:
    return bank.app()


@pytest.fixture
def provider(peer: Watched, loopback: tuple[Watched, str]) -> RazorpayProvider:
    return RazorpayProvider(*KEYS, SECRET, api_base=loopback[1])


def charge(token: str = "upi", amount: int = 49900, currency: str = "INR") -> Charge:
    return Charge(tenant_id=TENANT, payment_id=new_id(), amount=amount, currency=currency, token=token, return_url=BACK)


async def held(provider: RazorpayProvider, bank: Razorpay, token: str = "upi") -> Charge:
    asked = charge(token)
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    bank.pay(answer.reference)
    return replace(asked, reference=answer.reference)


async def taken(provider: RazorpayProvider, bank: Razorpay) -> Charge:
    asked = await held(provider, bank)
    assert isinstance(await provider.capture(asked), Captured)
    return asked


def test_it_does_what_the_contract_has_a_protocol_for(provider: RazorpayProvider) -> None:
    assert isinstance(provider, TakesEvents)
    assert isinstance(provider, ReportsSettlements)


async def test_upi_opens_the_shoppers_app_is_held_and_taken_with_the_fee(
    provider: RazorpayProvider, bank: Razorpay
) -> None:
    asked = charge("upi")
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    assert answer.url.startswith("upi://pay?")
    asked = replace(asked, reference=answer.reference)
    assert isinstance(await provider.resume(asked), ActionRequired)
    bank.pay(answer.reference)
    assert await provider.resume(asked) == Authorised(answer.reference)
    assert await provider.capture(asked) == Captured(answer.reference, fee=998)
    order = bank.orders[answer.reference]
    assert order["payment"]["capture"] == "manual"
    assert (order["amount"], order["receipt"]) == (49900, asked.payment_id.hex)


async def test_upi_collect_asks_in_the_app_of_an_address_and_waits_at_the_shop(
    provider: RazorpayProvider, bank: Razorpay
) -> None:
    answer = await provider.authorise(charge("upi:asha@okbank"))
    assert isinstance(answer, ActionRequired)
    assert answer.url == BACK
    (payment,) = bank.payments.values()
    assert payment["said"]["upi"] == {"flow": "collect", "vpa": "asha@okbank"}


async def test_net_banking_goes_to_the_banks_page_and_comes_back(provider: RazorpayProvider, bank: Razorpay) -> None:
    answer = await provider.authorise(charge("netbanking:HDFC"))
    assert isinstance(answer, ActionRequired)
    assert answer.url.startswith("https://api.razorpay.com/v1/payments/pay_")
    (payment,) = bank.payments.values()
    assert (payment["said"]["bank"], payment["said"]["callback_url"]) == ("HDFC", BACK)


async def test_checkout_gets_an_order_and_its_card_payment_is_found(provider: RazorpayProvider, bank: Razorpay) -> None:
    asked = charge("checkout")
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    assert not bank.payments
    bank.pay(answer.reference)
    assert await provider.authorise(asked) == Authorised(answer.reference)


@pytest.mark.parametrize("token", ["", "upiii", "netbanking", "netbanking:", "4242424242424242"])
async def test_a_token_that_is_none_is_refused_and_nothing_is_asked(
    provider: RazorpayProvider, peer: Watched, token: str
) -> None:
    assert await provider.authorise(charge(token)) == Refused("invalid_token")
    assert not peer.asked


async def test_what_razorpay_does_not_accept_is_refused(provider: RazorpayProvider) -> None:
    assert await provider.authorise(charge("netbanking:NONE")) == Refused("invalid_request")
    assert await provider.authorise(charge(amount=99)) == Refused("invalid_request")


async def test_a_payment_that_failed_is_refused_in_the_banks_words(provider: RazorpayProvider, bank: Razorpay) -> None:
    asked = charge()
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    bank.pay(answer.reference, status="failed", reason="insufficient_funds")
    assert await provider.resume(replace(asked, reference=answer.reference)) == Refused("insufficient_funds")


async def test_after_a_failure_the_same_order_can_be_paid_another_way(
    provider: RazorpayProvider, bank: Razorpay
) -> None:
    asked = charge()
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    bank.pay(answer.reference, status="failed")
    again = await provider.authorise(replace(asked, token="netbanking:HDFC"))
    assert isinstance(again, ActionRequired)
    bank.pay(answer.reference)
    assert await provider.resume(asked) == Authorised(answer.reference)


async def test_a_repeated_authorisation_has_one_order(provider: RazorpayProvider, bank: Razorpay) -> None:
    asked = charge()
    await provider.authorise(asked)
    await provider.authorise(asked)
    assert len(bank.orders) == 1


@pytest.mark.parametrize("amount", [12345, 12340])
async def test_three_decimals_must_end_in_zero(provider: RazorpayProvider, bank: Razorpay, amount: int) -> None:
    answer = await provider.authorise(charge(amount=amount, currency="KWD"))
    if amount % 10:
        assert answer == Refused("amount_not_payable")
    else:
        assert [order["amount"] for order in bank.orders.values()] == [amount]


async def test_a_second_capture_is_answered_as_the_first(provider: RazorpayProvider, bank: Razorpay) -> None:
    paid = await held(provider, bank)
    assert await provider.capture(paid) == await provider.capture(paid)


async def test_what_is_not_authorised_can_not_be_taken(provider: RazorpayProvider) -> None:
    asked = charge()
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    assert await provider.capture(replace(asked, reference=answer.reference)) == Refused("not_authorised")
    assert await provider.capture(replace(asked, reference="order_nothing")) == Refused("expired")


async def test_evidence_is_a_document_and_is_submitted_once(provider: RazorpayProvider, bank: Razorpay) -> None:
    bank.disputes["disp_1"] = {"id": "disp_1", "status": "open", "evidence": {"submitted_at": None}}
    assert isinstance(provider, Contests)
    said = "It was delivered.\n#panic() *is* $no$ markup, `here` \\ or _there_. \N{SNOWMAN}" + " x" * 800
    for _ in range(2):
        await provider.contest(TENANT, "disp_1", said)
    ((name, pdf),) = bank.documents.items()
    assert pdf.startswith(b"%PDF-")
    evidence = bank.disputes["disp_1"]["evidence"]
    assert (evidence["action"], evidence["explanation_letter"]) == ("submit", [name])
    assert evidence["summary"] == said[:1000]


async def test_evidence_that_comes_too_late_or_about_nothing_is_refused(
    provider: RazorpayProvider, bank: Razorpay
) -> None:
    bank.disputes["disp_1"] = {"id": "disp_1", "status": "lost"}
    for dispute in ("disp_1", "disp_nobody"):
        with pytest.raises(EvidenceRefused):
            await provider.contest(TENANT, dispute, "It was delivered.")


async def test_evidence_that_is_not_taken_now_can_be_sent_again(
    provider: RazorpayProvider, bank: Razorpay, peer: Watched
) -> None:
    bank.disputes["disp_1"] = {"id": "disp_1", "status": "open", "evidence": None}
    peer.faults.append(Fault("contest$", method="PATCH"))
    with pytest.raises(ProviderUnavailable):
        await provider.contest(TENANT, "disp_1", "It was delivered.")
    await provider.contest(TENANT, "disp_1", "It was delivered.")
    assert bank.disputes["disp_1"]["status"] == "under_review"


async def test_what_is_let_go_is_marked_and_given_back_by_razorpay_itself(
    provider: RazorpayProvider, bank: Razorpay, peer: Watched
) -> None:
    paid = await held(provider, bank)
    order = bank.orders[paid.reference or ""]
    assert order["payment"]["capture_options"] == {"manual_expiry_period": 1440, "refund_speed": "normal"}
    await provider.void(paid)
    await provider.void(replace(paid, reference=None))
    assert order["notes"] == {"payment_id": str(paid.payment_id), "let_go": "yes"}
    given_back_after = timedelta(minutes=order["payment"]["capture_options"]["manual_expiry_period"])
    assert provider.lets_go_within == given_back_after
    assert sum(one.method == "PATCH" for one in peer.asked) == 1
    assert await provider.capture(paid) == Refused("let_go")
    assert await provider.authorise(paid) == await provider.resume(paid) == Refused("let_go")


async def test_letting_go_of_what_was_taken_leaves_it_taken(provider: RazorpayProvider, bank: Razorpay) -> None:
    paid = await taken(provider, bank)
    await provider.void(paid)
    assert "let_go" not in bank.orders[paid.reference or ""]["notes"]
    assert isinstance(await provider.refund(refund_of(paid)), Refunded)


async def test_a_refund_is_made_once(provider: RazorpayProvider, bank: Razorpay) -> None:
    refund = refund_of(await taken(provider, bank))
    first = await provider.refund(refund)
    assert isinstance(first, Refunded)
    assert await provider.refund(refund) == first
    assert [made["amount"] for made in bank.refunds.values()] == [500]


async def test_a_refund_beyond_the_payment_is_refused(provider: RazorpayProvider, bank: Razorpay) -> None:
    paid = await taken(provider, bank)
    assert await provider.refund(refund_of(paid, 50000)) == Refused("invalid_request")
    assert await provider.refund(replace(refund_of(paid), reference="order_nothing")) == Refused("invalid_request")


async def test_a_refund_that_fails_later_is_refused_when_asked_again(
    provider: RazorpayProvider, bank: Razorpay
) -> None:
    bank.refund_status = "pending"
    refund = refund_of(await taken(provider, bank))
    assert isinstance(await provider.refund(refund), Refunded)
    next(iter(bank.refunds.values()))["status"] = "failed"
    assert await provider.refund(refund) == Refused("failed")


@pytest.mark.parametrize("kind", ["away", "lost", "slow"])
@pytest.mark.parametrize(
    ("call", "path"),
    [("authorise", "/orders$"), ("authorise", "/upi$"), ("capture", "/capture$"), ("refund", "/refund$")],
)
async def test_no_answer_is_said_to_be_none_and_asking_again_does_nothing_twice(
    provider: RazorpayProvider,
    bank: Razorpay,
    peer: Watched,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    call: str,
    path: str,
) -> None:
    paid: Any = charge() if call == "authorise" else await held(provider, bank)
    if call == "refund":
        await provider.capture(paid)
        paid = refund_of(paid)
    peer.faults.append(Fault(path, kind=kind, seconds=0.5))
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.2)
    with pytest.raises(ProviderUnavailable):
        await getattr(provider, call)(paid)
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 10)
    answer = await getattr(provider, call)(paid)
    assert isinstance(answer, ActionRequired | Captured | Refunded)
    assert (len(bank.orders), len(bank.refunds)) == (1, int(call == "refund"))


async def test_keys_that_are_not_good_are_no_answer_about_a_payment(
    peer: Watched, loopback: tuple[Watched, str]
) -> None:
    with pytest.raises(ProviderUnavailable):
        await RazorpayProvider("rzp_test_1", "wrong", SECRET, api_base=loopback[1]).authorise(charge())


async def test_what_was_never_asked_for_is_not_started(provider: RazorpayProvider) -> None:
    assert await provider.resume(charge()) == NEVER_ASKED
    assert await provider.resume(replace(charge(), reference="order_nothing")) == NEVER_ASKED


async def test_a_shop_with_an_account_of_its_own_is_paid_there(peer: Watched, loopback: tuple[Watched, str]) -> None:
    async def account(tenant_id: UUID, provider: str) -> str | None:
        return "acc_1" if (tenant_id, provider) == (TENANT, "razorpay") else None

    await RazorpayProvider(*KEYS, SECRET, api_base=loopback[1], accounts=account).authorise(charge())
    assert {one.headers.get("x-razorpay-account") for one in peer.asked} == {"acc_1"}


async def test_the_days_report_says_what_was_settled(provider: RazorpayProvider, bank: Razorpay) -> None:
    paid = await taken(provider, bank)
    refund = refund_of(paid)
    made = await provider.refund(refund)
    assert isinstance(made, Refunded)
    bank.settle(
        "2031-03-01",
        adjustments=[
            {
                "entity_id": "adj_1",
                "type": "adjustment",
                "debit": 49900,
                "credit": 0,
                "amount": 49900,
                "dispute_id": "disp_1",
            },
            {"entity_id": "adj_2", "type": "adjustment", "debit": 500, "credit": 0, "amount": 500, "dispute_id": None},
        ],
    )
    settled = [line async for line in provider.settlements(TENANT, date(2031, 3, 1))]
    assert [(line.id, line.kind, line.reference, line.amount, line.fee) for line in settled] == [
        (next(iter(bank.payments)), "capture", paid.reference, 49900, 998),
        (made.reference, "refund", made.reference, -500, 0),
        ("adj_1", "dispute", "disp_1", -49900, 0),
        ("adj_2", "fee", "adj_2", -500, 0),
    ]
    assert (settled[0].payment_id, settled[1].refund_id) == (paid.payment_id, refund.refund_id)
    assert [line async for line in provider.settlements(TENANT, date(2031, 3, 2))] == []


async def test_a_report_of_more_than_a_page_is_read_whole(provider: RazorpayProvider, bank: Razorpay) -> None:
    lines = [{"entity_id": f"adj_{n}", "type": "adjustment", "debit": 1, "credit": 0, "amount": 1} for n in range(201)]
    bank.settle("2031-03-01", adjustments=lines)
    settled = [line.id async for line in provider.settlements(TENANT, date(2031, 3, 1))]
    assert settled == [line["entity_id"] for line in lines]


# Notifications

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
PAYMENT, REFUND = new_id(), new_id()
PAID = {"id": "pay_1", "order_id": "order_1", "notes": {"payment_id": str(PAYMENT)}}


def notification(
    name: str, *, at: datetime = NOW, secret: str = SECRET, **parts: dict[str, Any]
) -> tuple[dict[str, str], bytes]:
    payload = {part: {"entity": entity} for part, entity in parts.items()}
    body = json.dumps(
        {"entity": "event", "event": name, "created_at": int(at.timestamp()), "payload": payload}
    ).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-razorpay-signature": signature, "x-razorpay-event-id": "evt_1"}, body


def reader() -> RazorpayProvider:
    return RazorpayProvider(*KEYS, SECRET)


def test_a_notification_of_a_payment_says_which() -> None:
    event = reader().read_event(*notification("payment.authorized", payment=PAID), now=NOW)
    assert (event.kind, event.payment_id, event.reference, event.occurred_at) == (
        "payment_changed",
        PAYMENT,
        "order_1",
        NOW,
    )


def test_the_same_body_is_the_same_event_whatever_its_header_says() -> None:
    headers, body = notification("payment.captured", payment=PAID)
    first = reader().read_event(headers, body, now=NOW)
    assert reader().read_event({**headers, "x-razorpay-event-id": "evt_2"}, body, now=NOW) == first
    assert reader().read_event(*notification("payment.failed", payment=PAID), now=NOW).id != first.id


def test_a_notification_of_a_refund_says_which() -> None:
    refund = {"id": "rfnd_1", "notes": {"refund_id": str(REFUND)}}
    event = reader().read_event(*notification("refund.failed", refund=refund, payment=PAID), now=NOW)
    assert (event.kind, event.refund_id, event.reference) == ("refund_changed", REFUND, "order_1")


@pytest.mark.parametrize(
    ("name", "phase", "kind"),
    [
        ("payment.dispute.created", "chargeback", "dispute_opened"),
        ("payment.dispute.created", "retrieval", "other"),
        ("payment.dispute.won", "chargeback", "dispute_won"),
        ("payment.dispute.lost", "chargeback", "dispute_lost"),
        ("payment.dispute.under_review", "chargeback", "other"),
        ("payment.downtime.started", "", "other"),
        ("order.paid", "", "payment_changed"),
        ("settlement.processed", "", "other"),
    ],
)
def test_each_kind_of_notification_is_known(name: str, phase: str, kind: str) -> None:
    dispute = {"id": "disp_1", "amount": 49900, "currency": "INR", "reason_code": "goods_not_received", "phase": phase}
    event = reader().read_event(*notification(name, dispute=dispute, payment=PAID), now=NOW)
    assert event.kind == kind
    if kind.startswith("dispute_"):
        assert (event.dispute_reference, event.amount, event.currency, event.reference) == (
            "disp_1",
            49900,
            "INR",
            "order_1",
        )


def test_a_signature_that_is_not_razorpays_is_forged() -> None:
    headers, body = notification("payment.captured", payment=PAID)
    for signed in (
        {},
        {"x-razorpay-signature": ""},
        {"x-razorpay-signature": "é"},
        notification("x", secret="other")[0],
    ):
        with pytest.raises(ForgedEvent):
            reader().read_event(signed, body, now=NOW)
    with pytest.raises(ForgedEvent):
        reader().read_event(headers, body + b" ", now=NOW)


def test_without_a_secret_nothing_is_believed() -> None:
    headers, body = notification("payment.captured", payment=PAID, secret="")
    with pytest.raises(ForgedEvent):
        RazorpayProvider(*KEYS, "").read_event(headers, body, now=NOW)


def test_a_notification_is_good_for_as_long_as_razorpay_sends_it_again() -> None:
    headers, body = notification("payment.captured", payment=PAID)
    for later in (timedelta(hours=-1), timedelta(hours=26)):
        with pytest.raises(ForgedEvent):
            reader().read_event(headers, body, now=NOW + later)
    assert reader().read_event(headers, body, now=NOW + timedelta(hours=24)).kind == "payment_changed"


def test_notes_that_are_none_name_no_payment() -> None:
    event = reader().read_event(*notification("payment.captured", payment={**PAID, "notes": []}), now=NOW)
    assert event.payment_id is None
