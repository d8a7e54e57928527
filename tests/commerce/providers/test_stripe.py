"""Stripe by its SDK, against localstripe: holding, challenges, capture, refunds, notifications, saved cards, payouts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Contests,
    ForgedEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    ReportsSettlements,
    SavedMethod,
    SavesMethods,
    Settled,
    Setup,
    TakesEvents,
)
from commerce.payments.providers.stripe import StripeProvider
from commerce.payments.providers.stripe.amounts import from_stripe, to_stripe
from foundation.ids import new_id
from foundation.money import exponent
from tests.commerce.providers.conformance import refund_of

TENANT = new_id()
SECRET = "whsec_test"
VISA, CHALLENGED, DECLINED = "4242424242424242", "4000002500003155", "4000000000000341"
BACK = "https://shop.example/checkout/return"


@dataclass
class Peer:
    """The Stripe of these tests."""

    url: str
    http: httpx.AsyncClient

    async def say(self, what: str, body: object = None) -> Any:
        response = await self.http.post(f"{self.url}/_config/{what}", json=body or {})
        return response.json()

    async def method(self, number: str = VISA) -> str:
        card = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        made = await self.http.post(
            f"{self.url}/v1/payment_methods",
            json={"type": "card", "card": card},
            headers={"Authorization": "Bearer sk_test_1"},
        )
        name: str = made.json()["id"]
        return name

    async def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        return [said for said in await self.say("requests") if said["method"] == method and said["path"].endswith(path)]

    async def look(self, reference: str) -> dict[str, Any]:
        found = await self.http.get(
            f"{self.url}/v1/payment_intents/{reference}", headers={"Authorization": "Bearer sk_test_1"}
        )
        intent: dict[str, Any] = found.json()
        return intent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "peers" / "stripe_peer.py"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture
async def peer(address: str) -> AsyncIterator[Peer]:
    async with httpx.AsyncClient() as http:
        peer = Peer(address, http)
        await peer.say("reset")
        yield peer


@pytest.fixture
async def provider(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeProvider]:
    monkeypatch.setattr("commerce.payments.providers.stripe.provider.RETRIES", 0)
    provider = StripeProvider("sk_test_1", SECRET, api_base=peer.url)
    yield provider
    await provider.close()


def charge(token: str, amount: int = 1999, currency: str = "USD", **more: Any) -> Charge:
    return Charge(tenant_id=TENANT, payment_id=new_id(), amount=amount, currency=currency, token=token, **more)


async def held(provider: StripeProvider, peer: Peer, **more: Any) -> Charge:
    asked = charge(await peer.method(), **more)
    answer = await provider.authorise(asked)
    assert isinstance(answer, Authorised)
    return replace(asked, reference=answer.reference)


def test_it_does_what_the_contract_has_a_protocol_for(provider: StripeProvider) -> None:
    for protocol in (TakesEvents, SavesMethods, Contests, ReportsSettlements):
        assert isinstance(provider, protocol)


# Holding, taking, letting go


async def test_a_charge_is_held_then_taken_with_the_fee(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    assert (await peer.look(taken.reference or ""))["status"] == "requires_capture"
    assert await provider.capture(taken) == Captured(taken.reference or "", fee=1999 * 29 // 1000 + 30)
    intent = await peer.look(taken.reference or "")
    assert intent["status"] == "succeeded"
    assert intent["metadata"] == {"payment_id": str(taken.payment_id)}


async def test_a_repeated_authorisation_is_the_same_one(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method())
    assert await provider.authorise(asked) == await provider.authorise(asked)
    keys = [said["key"] for said in await peer.asked("POST", "/confirm")]
    assert keys == [f"{asked.payment_id}:confirm"] * 2


async def test_a_second_capture_is_answered_as_the_first_also_when_stripe_forgot_the_key(
    provider: StripeProvider, peer: Peer
) -> None:
    taken = await held(provider, peer)
    first = await provider.capture(taken)
    await peer.say("forget_keys")
    assert await provider.capture(taken) == first


async def test_a_declined_card_is_refused_in_the_banks_words(provider: StripeProvider, peer: Peer) -> None:
    assert await provider.authorise(charge(await peer.method(DECLINED))) == Refused("generic_decline")


async def test_a_token_that_is_none_is_refused(provider: StripeProvider) -> None:
    assert await provider.authorise(charge("pm_nobody")) == Refused("resource_missing")


async def test_what_was_let_go_can_not_be_taken_and_is_let_go_once(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.void(taken)
    await provider.void(taken)
    assert (await peer.look(taken.reference or ""))["status"] == "canceled"
    assert isinstance(await provider.capture(taken), Refused)
    assert len(await peer.asked("POST", "/cancel")) == 1


async def test_letting_go_of_what_was_taken_leaves_it_taken(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.capture(taken)
    await provider.void(taken)
    assert (await peer.look(taken.reference or ""))["status"] == "succeeded"


async def test_capture_of_an_intent_that_is_not_there_is_refused(provider: StripeProvider) -> None:
    assert await provider.capture(replace(charge("pm_1"), reference="pi_nothing")) == Refused("resource_missing")


# Challenges


async def test_a_challenged_card_sends_the_shopper_to_their_bank_and_back(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method(CHALLENGED), return_url=BACK)
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    assert await provider.resume(replace(asked, reference=answer.reference)) == answer
    back = await peer.http.get(answer.url, params={"answer": "yes"})
    assert back.headers["location"] == BACK
    assert await provider.resume(replace(asked, reference=answer.reference)) == Authorised(answer.reference)


async def test_a_challenge_that_fails_is_a_refusal(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method(CHALLENGED), return_url=BACK)
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    await peer.http.get(answer.url, params={"answer": "no"})
    assert await provider.resume(replace(asked, reference=answer.reference)) == Refused(
        "payment_intent_authentication_failure"
    )


async def test_a_challenge_that_nobody_answers_can_be_let_go(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method(CHALLENGED), return_url=BACK)
    answer = await provider.authorise(asked)
    assert isinstance(answer, ActionRequired)
    await provider.void(replace(asked, reference=answer.reference))
    assert (await peer.look(answer.reference))["status"] == "canceled"


async def test_without_somewhere_to_come_back_to_a_challenge_is_a_refusal(provider: StripeProvider, peer: Peer) -> None:
    assert await provider.authorise(charge(await peer.method(CHALLENGED))) == Refused("authentication_required")


async def test_without_its_owner_a_challenged_card_is_refused(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method(CHALLENGED), return_url=BACK, off_session=True)
    assert await provider.authorise(asked) == Refused("authentication_required")


# No answer


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("authorise", "/payment_intents$"),
        ("authorise", "/confirm$"),
        ("capture", "/capture$"),
        ("void", "/cancel$"),
        ("refund", "/refunds$"),
    ],
)
@pytest.mark.parametrize(
    "fault", [{"kind": "away"}, {"kind": "away", "status": 429}, {"kind": "away", "status": 401}, {"kind": "lost"}]
)
async def test_no_answer_is_said_to_be_none(
    provider: StripeProvider, peer: Peer, call: str, path: str, fault: dict[str, Any]
) -> None:
    taken = charge(await peer.method()) if call == "authorise" else await held(provider, peer)
    if call == "refund":
        await provider.capture(taken)
    await peer.say("faults", {"path": path, "method": "POST", **fault})
    with pytest.raises(ProviderUnavailable):
        await getattr(provider, call)(refund_of(taken) if call == "refund" else taken)


async def test_a_hold_whose_answer_was_lost_is_found_by_our_id_and_let_go(provider: StripeProvider, peer: Peer) -> None:
    await held(provider, peer)
    asked = charge(await peer.method())
    await peer.say("faults", {"path": "/confirm$", "kind": "lost"})
    with pytest.raises(ProviderUnavailable):
        await provider.authorise(asked)
    found = await provider.resume(asked)
    assert isinstance(found, Authorised)
    await provider.void(asked)
    assert (await peer.look(found.reference))["status"] == "canceled"


async def test_when_the_answer_to_creating_is_lost_nothing_is_held(provider: StripeProvider, peer: Peer) -> None:
    asked = charge(await peer.method())
    await peer.say("faults", {"path": "/payment_intents$", "kind": "lost"})
    with pytest.raises(ProviderUnavailable):
        await provider.authorise(asked)
    assert await provider.resume(asked) == NEVER_ASKED
    assert isinstance(await provider.authorise(asked), Authorised)
    assert (
        len([said for said in await peer.asked("POST", "/payment_intents") if said["key"] == str(asked.payment_id)])
        == 2
    )


async def test_what_was_never_asked_for_is_not_started_and_nothing_to_let_go(provider: StripeProvider) -> None:
    assert await provider.resume(charge("pm_1")) == NEVER_ASKED
    assert await provider.resume(replace(charge("pm_1"), reference="pi_nothing")) == NEVER_ASKED
    await provider.void(charge("pm_1"))
    await provider.void(replace(charge("pm_1"), reference="pi_nothing"))


# Refunds


async def test_a_refund_is_made_once_also_when_stripe_forgot_the_key(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.capture(taken)
    refund = refund_of(taken)
    first = await provider.refund(refund)
    assert isinstance(first, Refunded)
    await peer.say("forget_keys")
    assert await provider.refund(refund) == first
    assert len(await peer.asked("POST", "/refunds")) == 1


async def test_two_refunds_of_one_payment_are_two(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.capture(taken)
    assert await provider.refund(refund_of(taken)) != await provider.refund(refund_of(taken))


async def test_a_refund_on_its_way_counts_until_it_fails(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.capture(taken)
    refund = refund_of(taken)
    await peer.say("refunds", {str(refund.refund_id): {"status": "pending"}})
    assert isinstance(await provider.refund(refund), Refunded)
    await peer.say("refunds", {str(refund.refund_id): {"status": "failed", "failure_reason": "lost_or_stolen_card"}})
    assert await provider.refund(refund) == Refused("lost_or_stolen_card")


# Amounts


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        (1999, "USD", 1999),
        (1999, "JPY", 1999),
        (12340, "KWD", 12340),
        (12345, "KWD", None),
        (5, "UGX", 500),
        (5, "ISK", 500),
        (500, "MGA", 5),
        (501, "MGA", None),
    ],
)
def test_amounts_are_counted_as_stripe_documents(amount: int, currency: str, units: int | None) -> None:
    assert to_stripe(amount, currency) == units
    assert units is None or from_stripe(units, currency) == amount


@given(st.integers(1, 10**12), st.sampled_from(["USD", "JPY", "KWD", "BHD", "UGX", "ISK", "MGA", "HUF"]))
def test_an_amount_comes_back_as_it_went_or_does_not_go(amount: int, currency: str) -> None:
    units = to_stripe(amount, currency)
    if units is not None:
        assert from_stripe(units, currency) == amount
        assert exponent(currency) != 3 or units % 10 == 0


async def test_an_amount_stripe_can_not_take_is_refused_before_it_is_asked(
    provider: StripeProvider, peer: Peer
) -> None:
    asked = charge(await peer.method(), 12345, "KWD")
    assert await provider.authorise(asked) == Refused("amount_not_payable")
    assert not await peer.asked("POST", "/payment_intents")


@pytest.mark.parametrize(("amount", "currency"), [(1999, "JPY"), (12340, "KWD"), (70000, "INR")])
async def test_other_currencies_are_held_and_taken(
    provider: StripeProvider, peer: Peer, amount: int, currency: str
) -> None:
    taken = await held(provider, peer, amount=amount, currency=currency)
    assert isinstance(await provider.capture(taken), Captured)
    intent = await peer.look(taken.reference or "")
    assert (intent["amount"], intent["currency"]) == (amount, currency.lower())


# Whose account


async def test_a_shop_with_an_account_of_its_own_is_paid_there(peer: Peer) -> None:
    async def account(tenant_id: UUID, provider: str) -> str | None:
        return "acct_1" if (tenant_id, provider) == (TENANT, "stripe") else None

    provider = StripeProvider("sk_test_1", SECRET, api_base=peer.url, accounts=account)
    taken = await held(provider, peer)
    await provider.capture(taken)
    await provider.refund(refund_of(taken))
    await provider.close()
    asked = [
        said
        for said in await peer.say("requests")
        if said["path"] != "/v1/payment_methods" and "/_" not in said["path"]
    ]
    mine = [said["account"] for said in asked if said["path"].startswith(("/v1/payment_intents", "/v1/refunds"))]
    assert mine
    assert set(mine) == {"acct_1"}


# Notifications


def notification(
    kind: str, about: dict[str, Any], *, at: datetime, secret: str = SECRET
) -> tuple[dict[str, str], bytes]:
    body = json.dumps(
        {"id": "evt_1", "object": "event", "type": kind, "created": int(at.timestamp()), "data": {"object": about}}
    )
    header = stripe.WebhookSignature.generate_signature_header(body, secret, int(at.timestamp()))
    return {"stripe-signature": header}, body.encode()


NOW = datetime(2031, 3, 1, 12, tzinfo=UTC)
PAYMENT, REFUND = new_id(), new_id()
INTENT = {"object": "payment_intent", "id": "pi_1", "metadata": {"payment_id": str(PAYMENT)}}
DISPUTE = {
    "object": "dispute",
    "id": "dp_1",
    "payment_intent": "pi_1",
    "amount": 1999,
    "currency": "usd",
    "reason": "fraudulent",
}


def reader() -> StripeProvider:
    return StripeProvider("sk_test_1", SECRET)


def test_a_notification_of_a_payment_says_which() -> None:
    headers, body = notification("payment_intent.amount_capturable_updated", INTENT, at=NOW)
    event = reader().read_event(headers, body, now=NOW)
    assert (event.id, event.kind, event.occurred_at) == ("evt_1", "payment_changed", NOW)
    assert (event.payment_id, event.reference) == (PAYMENT, "pi_1")


def test_a_notification_of_a_refund_says_which() -> None:
    about = {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": {"refund_id": str(REFUND)}}
    event = reader().read_event(*notification("refund.failed", about, at=NOW), now=NOW)
    assert (event.kind, event.refund_id, event.reference) == ("refund_changed", REFUND, "pi_1")


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("charge.dispute.funds_withdrawn", "needs_response", "dispute_opened"),
        ("charge.dispute.closed", "won", "dispute_won"),
        ("charge.dispute.closed", "lost", "dispute_lost"),
        ("charge.dispute.closed", "warning_closed", "other"),
        ("charge.dispute.created", "warning_needs_response", "other"),
    ],
)
def test_a_chargeback_is_told_when_money_moves_and_an_inquiry_is_none(name: str, status: str, kind: str) -> None:
    event = reader().read_event(*notification(name, {**DISPUTE, "status": status}, at=NOW), now=NOW)
    assert event.kind == kind
    if kind != "other":
        assert (event.dispute_reference, event.reference, event.amount, event.currency) == ("dp_1", "pi_1", 1999, "USD")
        assert event.reason == "fraudulent"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_notification_from_another_time_is_forged(minutes: int) -> None:
    headers, body = notification("payment_intent.succeeded", INTENT, at=NOW)
    with pytest.raises(ForgedEvent):
        reader().read_event(headers, body, now=NOW + timedelta(minutes=minutes))


def test_a_notification_within_five_minutes_on_either_side_is_good() -> None:
    headers, body = notification("payment_intent.succeeded", INTENT, at=NOW)
    for minutes in (-5, 5):
        assert reader().read_event(headers, body, now=NOW + timedelta(minutes=minutes)).id == "evt_1"


@pytest.mark.parametrize("header", ["", "t=1", "v1=abc", "t=x,v1=abc", f"t={int(NOW.timestamp())},v1=00", "\x00"])
def test_a_signature_that_is_none_is_forged(header: str) -> None:
    _, body = notification("payment_intent.succeeded", INTENT, at=NOW)
    with pytest.raises(ForgedEvent):
        reader().read_event({"stripe-signature": header}, body, now=NOW)


def test_another_secret_and_another_body_are_forged() -> None:
    headers, body = notification("payment_intent.succeeded", INTENT, at=NOW, secret="whsec_other")
    with pytest.raises(ForgedEvent):
        reader().read_event(headers, body, now=NOW)
    headers, body = notification("payment_intent.succeeded", INTENT, at=NOW)
    with pytest.raises(ForgedEvent):
        reader().read_event(headers, body + b" ", now=NOW)
    with pytest.raises(ForgedEvent):
        reader().read_event(headers, b"\xff\xfe", now=NOW)


def test_somebody_elses_metadata_names_no_payment_of_ours() -> None:
    headers, body = notification("payment_intent.succeeded", {**INTENT, "metadata": {"payment_id": "7"}}, at=NOW)
    assert reader().read_event(headers, body, now=NOW).payment_id is None


# Saved cards


async def test_a_saved_card_pays_later_without_its_owner(provider: StripeProvider, peer: Peer) -> None:
    customer = new_id()
    saved = await provider.setup(Setup(TENANT, new_id(), customer, await peer.method()))
    assert isinstance(saved, SavedMethod)
    assert (saved.label, saved.expires) == ("Visa •••• 4242", date(2030, 12, 31))
    assert isinstance(await provider.authorise(charge(saved.token, customer_id=customer, off_session=True)), Authorised)
    created = await peer.asked("POST", "/payment_intents")
    assert "customer=cus_" in created[-1]["body"]


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_card_whose_bank_wants_to_see_its_owner_is_saved_once_they_confirm(
    provider: StripeProvider, peer: Peer, confirmed: bool
) -> None:
    setup = Setup(TENANT, new_id(), new_id(), await peer.method(CHALLENGED), return_url=BACK)
    asked = await provider.setup(setup)
    assert isinstance(asked, ActionRequired)
    known = replace(setup, token="", reference=asked.reference)
    assert await provider.resume_setup(known) == asked
    back = await peer.http.get(asked.url, params={"answer": "yes" if confirmed else "no"})
    assert back.headers["location"] == BACK
    for _ in range(2):
        kept = await provider.resume_setup(known)
        if confirmed:
            assert isinstance(kept, SavedMethod)
            assert kept.token.startswith("cus_")
        else:
            assert kept == Refused("setup_intent_authentication_failure")
    assert isinstance(await provider.resume_setup(replace(known, reference="seti_nobody")), Refused)


async def test_a_card_whose_bank_wants_to_see_its_owner_is_not_saved_where_nobody_can_come_back(
    provider: StripeProvider, peer: Peer
) -> None:
    assert await provider.setup(Setup(TENANT, new_id(), new_id(), await peer.method(CHALLENGED))) == Refused(
        "authentication_required"
    )


async def test_a_card_that_can_not_be_charged_is_not_saved(provider: StripeProvider, peer: Peer) -> None:
    assert await provider.setup(Setup(TENANT, new_id(), new_id(), await peer.method("4000000000000002"))) == Refused(
        "generic_decline"
    )
    assert await provider.setup(Setup(TENANT, new_id(), new_id(), "pm_nobody")) == Refused("resource_missing")


async def test_a_card_is_forgotten_once_or_twice(provider: StripeProvider, peer: Peer) -> None:
    saved = await provider.setup(Setup(TENANT, new_id(), new_id(), await peer.method()))
    assert isinstance(saved, SavedMethod)
    await provider.forget(TENANT, saved.token)
    await provider.forget(TENANT, saved.token)
    await provider.forget(TENANT, "cus_1:pm_nobody")


# Disputes and payouts


async def test_evidence_is_submitted(provider: StripeProvider, peer: Peer) -> None:
    await provider.contest(TENANT, "dp_1", "It was delivered; here is the signature.")
    assert await peer.say("disputes") == {
        "dp_1": {"evidence": {"uncategorized_text": "It was delivered; here is the signature."}, "submit": "true"}
    }


async def test_the_lines_of_a_days_payouts_are_what_was_settled(provider: StripeProvider, peer: Peer) -> None:
    taken = await held(provider, peer)
    await provider.capture(taken)
    refund = refund_of(taken)
    refunded = await provider.refund(refund)
    assert isinstance(refunded, Refunded)
    day = date(2031, 3, 1)
    lines = [
        {
            "id": "txn_d",
            "amount": -1999,
            "fee": 1500,
            "currency": "usd",
            "reporting_category": "dispute",
            "source": {"id": "dp_1", "payment_intent": "pi_1"},
        },
        {"id": "txn_f", "amount": -200, "fee": 0, "currency": "usd", "reporting_category": "fee", "source": None},
        {
            "id": "txn_p",
            "amount": -1,
            "fee": 0,
            "currency": "usd",
            "reporting_category": "payout",
            "source": {"id": "po_0"},
        },
    ]
    await peer.http.post(
        f"{peer.url}/_config/payouts/made", json={"payout": {"arrival_date": int(NOW.timestamp())}, "lines": lines}
    )
    settled = [line async for line in provider.settlements(TENANT, day)]
    assert [(line.kind, line.reference, line.amount, line.fee) for line in settled] == [
        ("capture", taken.reference, 1999, 87),
        ("refund", refunded.reference, -500, 0),
        ("dispute", "dp_1", -1999, 1500),
        ("fee", "txn_f", -200, 0),
    ]
    assert settled[1].refund_id == refund.refund_id
    assert len({line.id for line in settled}) == 4
    assert {(line.currency, line.settled_on) for line in settled} == {("USD", day)}
    assert [line async for line in provider.settlements(TENANT, day + timedelta(days=1))] == []
    assert all(isinstance(line, Settled) for line in settled)


def test_api_workers_do_not_pay_for_the_sdk_until_it_is_used() -> None:
    """0.7 s of imports, for whoever doesn't offer Stripe."""
    code = "import sys, commerce.payments.providers.stripe as s; s.StripeProvider('sk_test_1', 'whsec_1'); print('stripe' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert said.stdout.strip() == "False"
