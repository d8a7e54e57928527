"""PayPal by its client, against a peer that answers as it documents: approval, holding, capture, refunds, notifications."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    ForgedEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    ReportsSettlements,
    TakesEvents,
)
from commerce.payments.providers.paypal import PayPalProvider, client, events
from commerce.payments.providers.paypal.amounts import CURRENCIES, from_paypal, to_paypal
from foundation.ids import new_id
from tests.commerce.providers.conformance import refund_of
from tests.commerce.providers.peers.loopback import Fault, Watched
from tests.commerce.providers.peers.paypal_peer import CLIENT, PayPal

TENANT = new_id()
WEBHOOK = "9XL90610J3647323C"
BACK = "https://shop.example/checkout/return"


@pytest.fixture
def wallet() -> PayPal:
    return PayPal()


@pytest.fixture
def stand_in(wallet: PayPal) -> Starlette:
    return wallet.app()


@pytest.fixture
def provider(peer: Watched, loopback: tuple[Watched, str]) -> PayPalProvider:
    return PayPalProvider(*CLIENT, WEBHOOK, api_base=loopback[1])


def charge(amount: int = 1999, currency: str = "USD") -> Charge:
    return Charge(tenant_id=TENANT, payment_id=new_id(), amount=amount, currency=currency, return_url=BACK)


async def approved(provider: PayPalProvider, wallet: PayPal, **more: Any) -> Charge:
    asked = charge(**more)
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    wallet.approve(answer.reference)
    return replace(asked, reference=answer.reference)


async def held(provider: PayPalProvider, wallet: PayPal, **more: Any) -> Charge:
    asked = await approved(provider, wallet, **more)
    assert await provider.resume(asked) == Authorised(asked.reference or "")
    return asked


async def taken(provider: PayPalProvider, wallet: PayPal) -> Charge:
    asked = await held(provider, wallet)
    assert isinstance(await provider.capture(asked), Captured)
    return asked


def test_it_does_what_the_contract_has_a_protocol_for(provider: PayPalProvider) -> None:
    assert isinstance(provider, TakesEvents)
    assert isinstance(provider, ReportsSettlements)


async def test_the_shopper_approves_then_it_is_held_then_taken_with_the_fee(
    provider: PayPalProvider, wallet: PayPal
) -> None:
    asked = charge()
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    assert answer.url == f"https://www.sandbox.paypal.com/checkoutnow?token={answer.reference}"
    said = wallet.orders[answer.reference]["said"]
    assert said["intent"] == "AUTHORIZE"
    assert said["purchase_units"][0]["amount"] == {"currency_code": "USD", "value": "19.99"}
    assert said["payment_source"]["paypal"]["experience_context"]["return_url"] == BACK
    asked = replace(asked, reference=answer.reference)
    assert await provider.resume(asked) == answer
    wallet.approve(answer.reference)
    assert await provider.resume(asked) == Authorised(answer.reference)
    assert await provider.capture(asked) == Captured(answer.reference, fee=87)
    assert wallet.held(answer.reference)["status"] == "CAPTURED"


async def test_a_repeated_authorisation_is_the_same_order(provider: PayPalProvider, wallet: PayPal) -> None:
    asked = charge()
    assert await provider.authorise(asked) == await provider.authorise(asked)
    assert len(wallet.orders) == 1


async def test_a_hold_asked_for_twice_is_one(provider: PayPalProvider, wallet: PayPal, peer: Watched) -> None:
    asked = await held(provider, wallet)
    assert await provider.resume(asked) == Authorised(asked.reference or "")
    assert len(peer.calls("POST", "/authorize")) == 1


async def test_a_wallet_that_declines_is_a_refusal(provider: PayPalProvider, wallet: PayPal) -> None:
    asked = await approved(provider, wallet)
    wallet.declined = True
    assert await provider.resume(asked) == Refused("instrument_declined")


async def test_an_order_that_was_never_made_is_not_started(provider: PayPalProvider) -> None:
    assert await provider.resume(charge()) == NEVER_ASKED
    assert await provider.resume(replace(charge(), reference="O1")) == NEVER_ASKED


async def test_a_second_capture_is_answered_as_the_first_also_when_paypal_forgot_the_request(
    provider: PayPalProvider, wallet: PayPal, peer: Watched
) -> None:
    paid = await held(provider, wallet)
    first = await provider.capture(paid)
    wallet.answers.clear()
    assert await provider.capture(paid) == first
    assert len(peer.calls("POST", "/capture")) == 1


async def test_a_capture_under_review_is_no_answer_until_it_is_one(provider: PayPalProvider, wallet: PayPal) -> None:
    paid = await held(provider, wallet)
    wallet.capture_status = "PENDING"
    with pytest.raises(ProviderUnavailable):
        await provider.capture(paid)
    captures = wallet.orders[paid.reference or ""]["purchase_units"][0]["payments"]["captures"]
    captures[0]["status"] = "COMPLETED"
    assert await provider.capture(paid) == Captured(paid.reference or "", fee=87)
    captures[0]["status"] = "DECLINED"
    assert await provider.capture(paid) == Refused("declined")


async def test_what_was_not_approved_or_is_let_go_can_not_be_taken(provider: PayPalProvider, wallet: PayPal) -> None:
    paid = await approved(provider, wallet)
    assert await provider.capture(paid) == Refused("not_authorised")
    await provider.resume(paid)
    await provider.void(paid)
    assert wallet.held(paid.reference or "")["status"] == "VOIDED"
    assert await provider.capture(paid) == Refused("voided")
    assert await provider.resume(paid) == Refused("voided")


async def test_letting_go_twice_of_nothing_or_of_what_was_taken_changes_nothing(
    provider: PayPalProvider, wallet: PayPal, peer: Watched
) -> None:
    paid = await held(provider, wallet)
    await provider.void(paid)
    await provider.void(paid)
    assert len(peer.calls("POST", "/void")) == 1
    for nothing in (
        charge(),
        replace(charge(), reference="O1"),
        await approved(provider, wallet),
        await taken(provider, wallet),
    ):
        await provider.void(nothing)
    assert len(peer.calls("POST", "/void")) == 1


async def test_an_order_that_is_let_go_is_never_authorised_though_it_is_approved(
    provider: PayPalProvider, wallet: PayPal, peer: Watched
) -> None:
    asked = charge()
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    await provider.void(replace(asked, reference=answer.reference))
    wallet.approve(answer.reference)
    assert await provider.resume(replace(asked, reference=answer.reference)) == Refused("let_go")
    assert not peer.calls("POST", "/authorize")


async def test_a_refund_is_made_once_also_when_paypal_forgot_the_request(
    provider: PayPalProvider, wallet: PayPal, peer: Watched
) -> None:
    refund = refund_of(await taken(provider, wallet))
    first = await provider.refund(refund)
    assert isinstance(first, Refunded)
    wallet.answers.clear()
    assert await provider.refund(refund) == first
    assert len(peer.calls("POST", "/refund")) == 1


async def test_a_refund_beyond_the_capture_or_of_none_is_refused(provider: PayPalProvider, wallet: PayPal) -> None:
    paid = await held(provider, wallet)
    assert await provider.refund(refund_of(paid)) == Refused("not_captured")
    await provider.capture(paid)
    assert await provider.refund(refund_of(paid, 2000)) == Refused("refund_amount_exceeded")


async def test_a_refund_that_fails_later_is_refused_when_asked_again(provider: PayPalProvider, wallet: PayPal) -> None:
    wallet.refund_status = "PENDING"
    paid = await taken(provider, wallet)
    refund = refund_of(paid)
    assert isinstance(await provider.refund(refund), Refunded)
    wallet.orders[paid.reference or ""]["purchase_units"][0]["payments"]["refunds"][0]["status"] = "FAILED"
    assert await provider.refund(refund) == Refused("failed")


@pytest.mark.parametrize("kind", ["away", "lost", "slow"])
@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("authorise", "/orders$"),
        ("resume", "/authorize$"),
        ("capture", "/capture$"),
        ("void", "/void$"),
        ("refund", "/refund$"),
    ],
)
async def test_no_answer_is_said_to_be_none_and_asking_again_does_nothing_twice(
    peer: Watched,
    wallet: PayPal,
    loopback: tuple[Watched, str],
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    call: str,
    path: str,
) -> None:
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.3)
    provider = PayPalProvider(*CLIENT, WEBHOOK, api_base=loopback[1])
    paid: Any = charge()
    if call == "resume":
        paid = await approved(provider, wallet)
    elif call in ("capture", "void"):
        paid = await held(provider, wallet)
    elif call == "refund":
        paid = refund_of(await taken(provider, wallet))
    peer.faults.append(Fault(path, kind=kind, seconds=0.6))
    with pytest.raises(ProviderUnavailable):
        await getattr(provider, call)(paid)
    answer = await getattr(provider, call)(paid)
    assert not isinstance(answer, Refused)
    (order,) = wallet.orders.values()
    assert len(order["purchase_units"][0]["payments"].get("refunds", [])) == int(call == "refund")


async def test_a_client_that_is_not_known_is_no_answer_about_a_payment(
    peer: Watched, loopback: tuple[Watched, str]
) -> None:
    with pytest.raises(ProviderUnavailable):
        await PayPalProvider("client", "wrong", WEBHOOK, api_base=loopback[1]).authorise(charge())


async def test_a_shop_with_an_account_of_its_own_is_paid_there(
    peer: Watched, wallet: PayPal, loopback: tuple[Watched, str]
) -> None:
    async def account(tenant_id: UUID, provider: str) -> str | None:
        return "MERCHANT1" if (tenant_id, provider) == (TENANT, "paypal") else None

    provider = PayPalProvider(*CLIENT, WEBHOOK, api_base=loopback[1], accounts=account)
    await taken(provider, wallet)
    asserted = {one.headers.get("paypal-auth-assertion") for one in peer.asked if "/v2/" in one.path}
    assert len(asserted) == 1
    _, payload, signature = str(asserted.pop()).split(".")
    assert json.loads(base64.urlsafe_b64decode(payload + "==")) == {"iss": "client", "payer_id": "MERCHANT1"}
    assert signature == ""


# Amounts


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [
        (1999, "USD", "19.99"),
        (5, "USD", "0.05"),
        (1999, "JPY", "1999"),
        (150000, "HUF", "1500"),
        (150050, "HUF", None),
        (12340, "KWD", None),
        (100, "INR", None),
    ],
)
def test_amounts_are_written_as_paypal_documents(amount: int, currency: str, value: str | None) -> None:
    assert to_paypal(amount, currency) == (value and {"currency_code": currency, "value": value})


@given(st.integers(1, 10**12), st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_comes_back_as_it_went_or_does_not_go(amount: int, currency: str) -> None:
    written = to_paypal(amount, currency)
    assert written is None or from_paypal(written) == amount


async def test_a_currency_that_paypal_does_not_take_is_refused_and_nothing_is_asked(
    provider: PayPalProvider, peer: Watched
) -> None:
    assert await provider.authorise(charge(12340, "KWD")) == Refused("amount_not_payable")
    assert not peer.asked


async def test_yen_are_held_and_taken(provider: PayPalProvider, wallet: PayPal) -> None:
    paid = await held(provider, wallet, amount=1999, currency="JPY")
    assert await provider.capture(paid) == Captured(paid.reference or "", fee=35)


# Reports


def transaction(
    code: str, name: str, value: str, *, fee: str | None = None, custom: UUID | None = None
) -> dict[str, Any]:
    return {
        "transaction_id": name,
        "transaction_event_code": code,
        "transaction_initiation_date": "2031-03-01T10:00:00+00:00",
        "transaction_amount": {"currency_code": "USD", "value": value},
        "fee_amount": {"currency_code": "USD", "value": fee} if fee else None,
        "custom_field": str(custom) if custom else None,
        "transaction_status": "S",
    }


async def test_the_days_transactions_say_what_was_settled(provider: PayPalProvider, wallet: PayPal) -> None:
    payment, refund = new_id(), new_id()
    wallet.page_size = 2
    wallet.transactions = [
        transaction("T0006", "C1", "19.99", fee="-0.87", custom=payment),
        transaction("T1107", "R1", "-5.00", fee="0.10", custom=refund),
        transaction("T1201", "D1", "-19.99", custom=payment),
        transaction("T0107", "F1", "-1.00"),
        transaction("T0400", "W1", "-100.00"),
    ]
    settled = [line async for line in provider.settlements(TENANT, date(2031, 3, 1))]
    assert [(line.id, line.kind, line.amount, line.fee) for line in settled] == [
        ("C1:T0006", "capture", 1999, 87),
        ("R1:T1107", "refund", -500, -10),
        ("D1:T1201", "dispute", -1999, 0),
        ("F1:T0107", "fee", -100, 0),
    ]
    assert [(line.payment_id, line.refund_id) for line in settled[:3]] == [
        (payment, None),
        (None, refund),
        (None, None),
    ]
    assert [line async for line in provider.settlements(TENANT, date(2031, 3, 2))] == []


# Notifications

NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
PAYMENT, REFUND = new_id(), new_id()
CERTIFICATE = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def certificate(signer: Any, *, after: datetime = NOW + timedelta(days=30)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.paypal.com")])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(signer.public_key()).serial_number(1)
    )
    built = built.not_valid_before(NOW - timedelta(days=30)).not_valid_after(after)
    return built.sign(signer, SHA256()).public_bytes(Encoding.PEM)


def notification(
    name: str, resource: dict[str, Any], *, at: datetime = NOW, webhook: str = WEBHOOK
) -> tuple[dict[str, str], bytes]:
    body = json.dumps(
        {"id": "WH-1", "event_type": name, "create_time": "2031-03-01T11:59:58Z", "resource": resource}
    ).encode()
    sent = at.isoformat().replace("+00:00", "Z")
    signature = key().sign(f"T1|{sent}|{webhook}|{zlib.crc32(body)}".encode(), PKCS1v15(), SHA256())
    headers = {
        "paypal-transmission-id": "T1",
        "paypal-transmission-time": sent,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": CERTIFICATE,
        "paypal-auth-algo": "SHA256withRSA",
    }
    return headers, body


def reader(found: bytes | None = None) -> PayPalProvider:
    return PayPalProvider(*CLIENT, WEBHOOK, fetch=lambda url: found or certificate(key()))


AUTHORISED = {"id": "A1", "custom_id": str(PAYMENT), "supplementary_data": {"related_ids": {"order_id": "O1"}}}


def test_a_notification_of_a_payment_says_which() -> None:
    event = reader().read_event(*notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED), now=NOW)
    assert (event.id, event.kind, event.payment_id, event.reference) == ("WH-1", "payment_changed", PAYMENT, "O1")
    assert event.occurred_at == NOW - timedelta(seconds=2)
    order = {"id": "O1", "purchase_units": [{"custom_id": str(PAYMENT)}]}
    event = reader().read_event(*notification("CHECKOUT.ORDER.APPROVED", order), now=NOW)
    assert (event.kind, event.payment_id, event.reference) == ("payment_changed", PAYMENT, "O1")


def test_a_notification_of_a_refund_says_which() -> None:
    event = reader().read_event(
        *notification("PAYMENT.CAPTURE.REFUNDED", {"id": "R1", "custom_id": str(REFUND)}), now=NOW
    )
    assert (event.kind, event.refund_id, event.payment_id) == ("refund_changed", REFUND, None)


@pytest.mark.parametrize(
    ("name", "stage", "outcome", "kind"),
    [
        ("CUSTOMER.DISPUTE.CREATED", "CHARGEBACK", None, "dispute_opened"),
        ("CUSTOMER.DISPUTE.CREATED", "INQUIRY", None, "other"),
        ("CUSTOMER.DISPUTE.UPDATED", "CHARGEBACK", None, "dispute_opened"),
        ("CUSTOMER.DISPUTE.RESOLVED", "CHARGEBACK", "RESOLVED_SELLER_FAVOUR", "dispute_won"),
        ("CUSTOMER.DISPUTE.RESOLVED", "CHARGEBACK", "RESOLVED_BUYER_FAVOUR", "dispute_lost"),
        ("CUSTOMER.DISPUTE.RESOLVED", "CHARGEBACK", "CANCELED_BY_BUYER", "other"),
        ("BILLING.PLAN.CREATED", "", None, "other"),
    ],
)
def test_each_kind_of_notification_is_known(name: str, stage: str, outcome: str | None, kind: str) -> None:
    dispute = {
        "dispute_id": "PP-D-1",
        "reason": "UNAUTHORISED",
        "dispute_life_cycle_stage": stage,
        "dispute_amount": {"currency_code": "USD", "value": "19.99"},
        "disputed_transactions": [{"seller_transaction_id": "C1", "custom": str(PAYMENT)}],
        "dispute_outcome": {"outcome_code": outcome} if outcome else None,
    }
    event = reader().read_event(*notification(name, dispute), now=NOW)
    assert event.kind == kind
    if kind.startswith("dispute_"):
        assert (event.dispute_reference, event.amount, event.currency, event.payment_id) == (
            "PP-D-1",
            1999,
            "USD",
            PAYMENT,
        )


def test_another_body_another_webhook_and_another_key_are_forged() -> None:
    headers, body = notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED)
    forged = [
        (headers, body + b" ", None),
        (*notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED, webhook="OTHER"), None),
        (headers, body, certificate(rsa.generate_private_key(65537, 2048))),
        (headers, body, certificate(ec.generate_private_key(ec.SECP256R1()))),
        (headers, body, certificate(key(), after=NOW - timedelta(days=1))),
        (headers, body, b"no certificate"),
    ]
    for said, sent, found in forged:
        with pytest.raises(ForgedEvent):
            reader(found).read_event(said, sent, now=NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/cert",
        "https://evil.example/cert",
        "https://api.paypal.com.evil.example/c",
        "https://evil@api.paypal.com/c",
        "https://api.paypal.com:1@evil.example/c",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_never_fetched(url: str) -> None:
    def fetch(asked: str) -> bytes:
        raise AssertionError(asked)

    headers, body = notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED)
    with pytest.raises(ForgedEvent):
        PayPalProvider(*CLIENT, WEBHOOK, fetch=fetch).read_event({**headers, "paypal-cert-url": url}, body, now=NOW)


@pytest.mark.parametrize(
    "name", ["paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig", "paypal-cert-url"]
)
@pytest.mark.parametrize("value", [None, "", "é"])
def test_a_header_that_is_missing_or_nonsense_is_forged(name: str, value: str | None) -> None:
    headers, body = notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED)
    said = {key: kept for key, kept in {**headers, name: value}.items() if kept is not None}
    with pytest.raises(ForgedEvent):
        reader().read_event(said, body, now=NOW)


def test_a_notification_is_good_for_as_long_as_paypal_sends_it_again() -> None:
    headers, body = notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED)
    for later in (timedelta(minutes=-6), timedelta(days=3, hours=2)):
        with pytest.raises(ForgedEvent):
            reader().read_event(headers, body, now=NOW + later)
    assert reader().read_event(headers, body, now=NOW + timedelta(days=3)).kind == "payment_changed"


def test_without_a_webhook_nothing_is_believed() -> None:
    headers, body = notification("PAYMENT.AUTHORIZATION.CREATED", AUTHORISED, webhook="")
    with pytest.raises(ForgedEvent):
        PayPalProvider(*CLIENT, "", fetch=lambda url: certificate(key())).read_event(headers, body, now=NOW)


def test_a_certificate_that_can_not_be_had_is_no_answer(loopback: tuple[Watched, str]) -> None:
    with pytest.raises(ProviderUnavailable):
        events.fetch(f"{loopback[1]}/v1/notifications/certs/CERT-1")


def test_a_certificate_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def get(url: str, **_: Any) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200, content=b"certificate", request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    url = f"https://api.paypal.com/v1/notifications/certs/{new_id()}"
    assert [events.fetch(url) for _ in range(3)] == [b"certificate"] * 3
    assert asked == [url]


def test_a_certificate_that_is_somewhere_else_by_now_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(302, headers={"Location": "https://evil.example/cert"}))
    monkeypatch.setattr(httpx, "get", httpx.Client(transport=transport).get)
    with pytest.raises(ProviderUnavailable):
        events.fetch(f"https://api.paypal.com/v1/notifications/certs/{new_id()}")
