"""Stripe, Razorpay and PayPal do what any provider must, each against its peer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from commerce.payments.providers import (
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    ForgedEvent,
    ProviderEvent,
    Refunded,
    Refused,
    Reimbursement,
)
from commerce.payments.providers.paypal import PayPalProvider
from commerce.payments.providers.razorpay import RazorpayProvider
from commerce.payments.providers.stripe import StripeProvider
from tests.commerce.providers.conformance import Conformance, Counter
from tests.commerce.providers.peers.loopback import served
from tests.commerce.providers.peers.paypal_peer import CLIENT, PayPal
from tests.commerce.providers.peers.razorpay_peer import KEYS, Razorpay

NOBODY_HOME = "http://127.0.0.1:9"
SECRET = "webhook secret"
WEBHOOK = "WH1"
CARDS = {"works": "4242424242424242", "refused": "4000000000000341", "challenged": "4000002500003155"}


# Stripe


@pytest.fixture(scope="module")
def stripe_address() -> Iterator[str]:
    peer = Path(__file__).parent / "peers" / "stripe_peer.py"
    with subprocess.Popen([sys.executable, peer], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


class TestStripe(Conformance):
    """Against localstripe, with what it lacks."""

    @pytest.fixture
    async def at(self, stripe_address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counter]:
        monkeypatch.setattr("commerce.payments.providers.stripe.provider.RETRIES", 0)
        provider = StripeProvider("sk_test_1", SECRET, api_base=stripe_address)
        nobody = StripeProvider("sk_test_1", SECRET, api_base=NOBODY_HOME)
        headers = {"Authorization": "Bearer sk_test_1"}
        async with httpx.AsyncClient(base_url=stripe_address, headers=headers) as http:
            await http.post("/_config/reset", json={})
            tokens = {name: await _card(http, number) for name, number in CARDS.items()}

            async def decide(payment_id: UUID, approved: bool) -> None:
                intents = (await http.get("/v1/payment_intents", params={"limit": 100})).json()["data"]
                (named,) = [one["id"] for one in intents if one["metadata"]["payment_id"] == str(payment_id)]
                await http.get(f"/_config/challenge/{named}", params={"answer": "yes" if approved else "no"})

            yield Counter(
                provider,
                token=tokens["works"],
                refused_token=tokens["refused"],
                challenge_token=tokens["challenged"],
                pass_challenge=decide,
                signed=_signed_by_stripe,
                away=nobody.authorise,
            )
        await provider.close()
        await nobody.close()


async def _card(http: httpx.AsyncClient, number: str) -> str:
    card = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    made: str = (await http.post("/v1/payment_methods", json={"type": "card", "card": card})).json()["id"]
    return made


def _signed_by_stripe(event_id: str, payment_id: UUID, reference: str, at: datetime) -> tuple[dict[str, str], bytes]:
    intent = {"object": "payment_intent", "id": reference, "metadata": {"payment_id": str(payment_id)}}
    said = {"id": event_id, "object": "event", "type": "payment_intent.succeeded", "created": int(at.timestamp())}
    body = json.dumps({**said, "data": {"object": intent}})
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET, int(at.timestamp()))
    return {"stripe-signature": header}, body.encode()


# Providers that always send the shopper away


@dataclass
class AtOnce:
    """A provider whose shoppers do at once what they are asked to, unless they are to be asked."""

    provider: Any
    act: Any
    """`(payment_id, approved) -> None`: the shopper does what was asked."""

    @property
    def lets_go_within(self) -> timedelta:
        return self.provider.lets_go_within

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        waits, charge = charge.token == "asked", replace(charge, token=_TOKENS.get(charge.token, charge.token))
        answer = await self.provider.authorise(charge)
        if waits or not isinstance(answer, ActionRequired):
            return answer
        self.act(charge.payment_id, charge.token != "declined")
        return await self.provider.resume(replace(charge, reference=answer.reference))

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        return await self.provider.resume(charge)

    async def capture(self, charge: Charge) -> Captured | Refused:
        return await self.provider.capture(charge)

    async def void(self, charge: Charge) -> None:
        await self.provider.void(charge)

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        return await self.provider.refund(refund)

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        return self.provider.read_event(headers, body, now=now)


_TOKENS = {"works": "upi", "asked": "upi"}


class SentAgainLater(Conformance):
    """The same, of a provider that signs a notification once and sends it again for hours or days."""

    kept_for: timedelta

    async def test_a_forged_or_stale_notification_is_refused(self, at: Counter) -> None:
        now = datetime.now(UTC)
        headers, body = at.signed("evt_1", UUID(int=1), "ref_1", now)
        other_headers, other_body = at.signed("evt_2", UUID(int=2), "ref_2", now)
        assert at.provider.read_event(headers, body, now=now + self.kept_for)
        for said, sent, when in (
            (headers, other_body, now),
            (other_headers, body, now),
            (headers, body + b" ", now),
            (headers, b"", now),
            ({}, body, now),
            (dict.fromkeys(headers, ""), body, now),
            (dict.fromkeys(headers, "\N{SNOWMAN}"), body, now),
            (headers, body, now + self.kept_for + timedelta(hours=2)),
            (headers, body, now - timedelta(hours=1)),
        ):
            with pytest.raises(ForgedEvent):
                at.provider.read_event(said, sent, now=when)


class TestRazorpay(SentAgainLater):
    """Against a peer that answers as it documents."""

    kept_for = timedelta(hours=24)

    @pytest.fixture
    def at(self) -> Iterator[Counter]:
        bank = Razorpay()

        def act(payment_id: UUID, approved: bool) -> None:
            (order,) = [one["id"] for one in bank.orders.values() if one["receipt"] == payment_id.hex]
            bank.pay(order, status="authorized" if approved else "failed")

        async def decide(payment_id: UUID, approved: bool) -> None:
            act(payment_id, approved)

        with served(bank.app()) as url:
            yield Counter(
                AtOnce(RazorpayProvider(*KEYS, SECRET, api_base=url), act),
                token="works",
                refused_token="netbanking:NONE",
                challenge_token="asked",
                pass_challenge=decide,
                signed=_signed_by_razorpay,
                away=AtOnce(RazorpayProvider(*KEYS, SECRET, api_base=NOBODY_HOME), act).authorise,
                lets_go_within=timedelta(days=1),
            )


def _signed_by_razorpay(event_id: str, payment_id: UUID, reference: str, at: datetime) -> tuple[dict[str, str], bytes]:
    payment = {"id": event_id, "order_id": reference, "notes": {"payment_id": str(payment_id)}}
    said = {"event": "payment.captured", "created_at": int(at.timestamp()), "payload": {"payment": {"entity": payment}}}
    body = json.dumps(said).encode()
    return {"x-razorpay-signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}, body


class TestPayPal(SentAgainLater):
    """Against a peer that answers as it documents; PayPal takes no currency of three decimals."""

    kept_for = timedelta(days=3)

    @pytest.fixture
    def at(self) -> Iterator[Counter]:
        wallet = PayPal()

        def act(payment_id: UUID, approved: bool) -> None:
            ours = str(payment_id)
            (order,) = [one for one in wallet.orders.values() if one["purchase_units"][0]["custom_id"] == ours]
            if approved:
                wallet.approve(order["id"])
            else:
                order["status"] = "VOIDED"  # nobody approved it in time

        async def decide(payment_id: UUID, approved: bool) -> None:
            act(payment_id, approved)

        def certificate(url: str) -> bytes:
            return _certificate()

        with served(wallet.app()) as url:
            yield Counter(
                AtOnce(PayPalProvider(*CLIENT, WEBHOOK, api_base=url, fetch=certificate), act),
                token="works",
                refused_token="declined",
                challenge_token="asked",
                pass_challenge=decide,
                signed=_signed_by_paypal,
                away=AtOnce(PayPalProvider(*CLIENT, WEBHOOK, api_base=NOBODY_HOME), act).authorise,
                currencies=("JPY", "EUR"),
            )


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _certificate() -> bytes:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "paypal")]), datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(_key().public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=9))
    return built.sign(_key(), SHA256()).public_bytes(Encoding.PEM)


def _signed_by_paypal(event_id: str, payment_id: UUID, reference: str, at: datetime) -> tuple[dict[str, str], bytes]:
    resource = {
        "id": "A1",
        "custom_id": str(payment_id),
        "supplementary_data": {"related_ids": {"order_id": reference}},
    }
    said = {"id": event_id, "event_type": "PAYMENT.AUTHORIZATION.CREATED", "create_time": at.isoformat()}
    body = json.dumps({**said, "resource": resource}).encode()
    signed = f"T1|{at.isoformat()}|{WEBHOOK}|{zlib.crc32(body)}".encode()
    headers = {
        "paypal-transmission-id": "T1",
        "paypal-transmission-time": at.isoformat(),
        "paypal-transmission-sig": base64.b64encode(_key().sign(signed, PKCS1v15(), SHA256())).decode(),
        "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    }
    return headers, body
