"""The test provider passes what any provider must, and its cards do what is written beside them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from commerce.payments import signatures
from commerce.payments.providers import (
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Refunded,
    Refused,
    SavedMethod,
    Setup,
    TestProvider,
    configured,
)
from commerce.payments.providers.test import notifying
from commerce.payments.providers.test.cards import ALIASES, CARDS, card_of
from foundation import clock
from foundation.database import Database
from foundation.ids import new_id
from foundation.settings import Settings
from tests.commerce.providers.conformance import Conformance, Counter, refund_of

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SECRET = "whsec_c2VjcmV0"


@pytest.fixture
async def at(database_urls: DatabaseUrls) -> AsyncIterator[Counter]:
    database = Database(database_urls.app, pool_size=2)
    provider = TestProvider(database, SECRET)

    async def answer(payment_id: UUID, approved: bool) -> None:
        await provider.decide(counter.tenant_id, payment_id, approved=approved)

    async def away(charge: Charge) -> None:
        await provider.authorise(replace(charge, token="tok_unavailable"))

    def signed(event_id: str, payment_id: UUID, reference: str, at: datetime) -> tuple[dict[str, str], bytes]:
        said = {"kind": "payment_changed", "occurred_at": at.isoformat(), "payment_id": str(payment_id)}
        body = json.dumps({**said, "reference": reference}).encode()
        return signatures.sign(SECRET, event_id, body, at=at), body

    counter = Counter(
        provider,
        token="4242 4242 4242 4242",
        refused_token="4000000000000002",
        challenge_token="4000000000003220",
        pass_challenge=answer,
        signed=signed,
        away=away,
    )
    yield counter
    await database.close()


class TestTheTestProvider(Conformance):
    """All of it."""


@pytest.mark.parametrize(("token", "named"), [*ALIASES.items(), ("4242-4242-4242-4242", "4242424242424242")])
def test_tokens_stand_for_cards(token: str, named: str) -> None:
    assert card_of(token) == named
    assert named in CARDS


@pytest.mark.one_database
@pytest.mark.parametrize("token", ["4111111111111111", "", "tok_", "4242", "\N{SNOWMAN}", "tok_unknown"])
async def test_no_other_card_is_taken(at: Counter, token: str) -> None:
    assert await at.provider.authorise(at.charge(token=token)) == Refused("invalid_token")


async def test_a_card_may_be_refused_after_its_challenge(at: Counter) -> None:
    charge = at.charge(token="4000008400001629")
    asked = await at.provider.authorise(charge)
    assert isinstance(asked, ActionRequired)
    await at.provider.decide(at.tenant_id, charge.payment_id, approved=True)
    assert await at.provider.resume(replace(charge, reference=asked.reference)) == Refused("card_declined")


async def test_an_authorisation_may_run_out_before_it_is_captured(at: Counter) -> None:
    charge = await at.held(token="tok_capture_expired")
    for _ in range(2):
        assert await at.provider.capture(charge) == Refused("authorisation_expired")


async def test_a_payments_id_stands_for_one_amount(at: Counter) -> None:
    charge = at.charge()
    assert isinstance(await at.provider.authorise(charge), Authorised)
    assert await at.provider.authorise(replace(charge, amount=1)) == Refused("payment_id_reused")


async def test_what_takes_time_is_told_by_a_signed_notification_until_it_is_taken(at: Counter) -> None:
    charge = at.charge(token="tok_delayed")
    asked = await at.provider.authorise(charge)
    await at.provider.decide(at.tenant_id, charge.payment_id, approved=True)
    known = replace(charge, token="", reference=asked.reference)
    assert isinstance(await at.provider.resume(known), ActionRequired)
    answers, taken = [500, 204], []

    def shop(request: httpx.Request) -> httpx.Response:
        taken.append(at.provider.read_event(request.headers, request.content, now=clock.now()))
        assert request.headers["host"] == "shop.example"
        return httpx.Response(answers[len(taken) - 1])

    async def rounds(seconds: int) -> int:
        later = clock.now() + timedelta(seconds=seconds)
        with clock.use(lambda: later):
            async with httpx.AsyncClient(transport=httpx.MockTransport(shop)) as client:
                return await notifying.notify(
                    at.provider._database,
                    at.tenant_id,
                    address="http://127.0.0.1:9",
                    host="shop.example",
                    secret=SECRET,
                    client=client,
                )

    assert [await rounds(seconds) for seconds in (0, 6, 6, 12, 30)] == [0, 0, 0, 1, 0]
    assert [(event.kind, event.payment_id) for event in taken] == [("payment_changed", charge.payment_id)] * 2
    assert taken[0].id == taken[1].id
    assert isinstance(await at.provider.resume(known), Authorised)


async def test_a_refund_may_come_back(at: Counter) -> None:
    charge = await at.taken(token="4000000000005126")
    refund = refund_of(charge, 100)
    assert isinstance(await at.provider.refund(refund), Refunded)
    later = clock.now() + timedelta(minutes=1)
    with clock.use(lambda: later):
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(204))) as client:
            arguments: dict[str, Any] = {"address": "http://127.0.0.1:9", "host": "x", "secret": SECRET}
            assert await notifying.notify(at.provider._database, at.tenant_id, client=client, **arguments) == 1
    assert isinstance(await at.provider.refund(refund), Refused)
    assert isinstance(await at.provider.refund(refund_of(charge, charge.amount)), Refunded)


async def test_only_cards_that_work_are_kept(at: Counter) -> None:
    kept = await at.provider.setup(Setup(at.tenant_id, new_id(), new_id(), "4242424242424242"))
    assert kept == SavedMethod("4242424242424242", "Test card •••• 4242")
    assert await at.provider.setup(Setup(at.tenant_id, new_id(), new_id(), "4000000000000002")) == Refused(
        "card_declined"
    )
    attached = await at.provider.setup(Setup(at.tenant_id, new_id(), new_id(), "4000000000000341"))
    assert isinstance(attached, SavedMethod)
    assert await at.provider.authorise(at.charge(token=attached.token)) == Refused("card_declined")


async def test_another_shops_payment_is_not_known_to_this_one(at: Counter) -> None:
    charge = replace(await at.held(), tenant_id=new_id())
    assert isinstance(await at.provider.resume(replace(charge, reference=None)), Refused)
    assert await at.provider.challenged(new_id(), at.provider._state(charge.payment_id)) is None


@pytest.mark.one_database
@pytest.mark.parametrize("state", ["", "x", "AAAA", "=" * 10, "\N{SNOWMAN}", "a" * 64])
async def test_a_challenge_is_only_shown_by_the_banks_own_link(at: Counter, state: str) -> None:
    assert await at.provider.challenged(at.tenant_id, state) is None


def test_production_takes_no_test_cards(database_urls: DatabaseUrls) -> None:
    for environment, offered in (("production", False), ("development", True)):
        settings = Settings(_env_file=None, environment=environment)
        providers = configured(Database(database_urls.app), settings)
        assert ("test" in providers._by_name) is offered


def test_a_signature_is_of_this_secret_and_of_now() -> None:
    now = datetime.now(UTC)
    signed = signatures.sign(SECRET, "msg_1", b"{}", at=now)
    assert signatures.verify(SECRET, signed, b"{}", now=now + signatures.TOLERANCE / 2) == "msg_1"
    rotated = {**signed, "webhook-signature": f"v1,AAAA v2,x {signed['webhook-signature']}"}
    assert signatures.verify(SECRET, rotated, b"{}", now=now) == "msg_1"
    for secret, headers, body, when in (
        ("whsec_b3RoZXI=", signed, b"{}", now),
        ("whsec_*", signed, b"{}", now),
        (SECRET, {**signed, "webhook-id": "msg_2"}, b"{}", now),
        (SECRET, {**signed, "webhook-timestamp": "9" * 13}, b"{}", now),
        (SECRET, {**signed, "webhook-timestamp": "-1"}, b"{}", now),
        (SECRET, signed, b"{ }", now),
        (SECRET, signed, b"{}", now + signatures.TOLERANCE + timedelta(seconds=2)),
        (SECRET, signed, b"{}", now - signatures.TOLERANCE - timedelta(seconds=2)),
    ):
        with pytest.raises(signatures.BadSignature):
            signatures.verify(secret, headers, body, now=when)


async def test_a_simple_token_needs_no_books() -> None:
    provider = TestProvider()
    charge = Charge(tenant_id=new_id(), payment_id=new_id(), amount=5, currency="EUR", token="tok_ok")
    answer = await provider.authorise(charge)
    assert isinstance(answer, Authorised)
    assert isinstance(await provider.capture(replace(charge, reference=answer.reference)), Captured)
