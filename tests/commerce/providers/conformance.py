"""What any payment provider must do, as tests: subclass `Conformance` and say how to reach yours.

    class TestMine(Conformance):
        @pytest.fixture
        def at(self, ...) -> Counter: ...

The provider is asked as the core asks it: outside transactions, by the payment's or refund's id, with repeated calls,
lost answers, and notifications of every kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import pytest

from commerce.payments.providers import (
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    ForgedEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    SavedMethod,
    SavesMethods,
    Setup,
    TakesEvents,
)
from foundation.ids import new_id

CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3}
"""A currency with each number of decimals."""


class Signed(Protocol):
    """Makes a notification as the provider would: about a payment, signed at a time."""

    def __call__(self, event_id: str, payment_id: UUID, reference: str, at: datetime) -> tuple[dict[str, str], bytes]:
        """Header names in lower case, and the body."""


@dataclass
class Counter:
    """A provider, and what to show it."""

    provider: Any
    token: str
    """An instrument that works."""
    refused_token: str
    challenge_token: str | None = None
    pass_challenge: Any = None
    """`async (payment_id, approved) -> None`: the shopper does what was asked."""
    signed: Signed | None = None
    away: Any = None
    """A provider of the same kind that can't be reached."""
    currencies: tuple[str, ...] = tuple(CURRENCIES)
    tenant_id: UUID = field(default_factory=new_id)
    amount: int = 12_340
    lets_go_within: timedelta = timedelta()
    """How long it takes until what was let go is free, as the provider documents it."""

    def charge(self, **said: Any) -> Charge:
        """A payment that nobody has asked for yet."""
        asked = {"amount": self.amount, "currency": "EUR", "token": self.token, **said}
        return Charge(tenant_id=self.tenant_id, payment_id=new_id(), return_url="https://shop.example/return", **asked)

    async def held(self, **said: Any) -> Charge:
        """A payment that is authorised, as the core knows it then: with its reference, without its token."""
        charge = self.charge(**said)
        answer = await self.provider.authorise(charge)
        assert isinstance(answer, Authorised), answer
        return replace(charge, token="", reference=answer.reference)

    async def taken(self, **said: Any) -> Charge:
        """A payment that is captured."""
        charge = await self.held(**said)
        assert isinstance(await self.provider.capture(charge), Captured)
        return charge


def refund_of(charge: Charge, amount: int = 500) -> Reimbursement:
    """A refund of some of a payment."""
    return Reimbursement(
        tenant_id=charge.tenant_id,
        refund_id=new_id(),
        payment_id=charge.payment_id,
        reference=charge.reference or "",
        amount=amount,
        currency=charge.currency,
    )


class Conformance:
    """The tests. `at` is the fixture to give."""

    async def test_authorising_twice_is_authorising_once(self, at: Counter) -> None:
        charge = at.charge()
        first, again = await at.provider.authorise(charge), await at.provider.authorise(charge)
        assert isinstance(first, Authorised)
        assert again == first

    async def test_a_refusal_has_a_reason_and_holds_nothing(self, at: Counter) -> None:
        charge = at.charge(token=at.refused_token)
        answer = await at.provider.authorise(charge)
        assert isinstance(answer, Refused)
        assert answer.reason
        await at.provider.void(replace(charge, token=""))

    async def test_a_lost_answer_is_found_by_the_payments_id_alone(self, at: Counter) -> None:
        charge = at.charge()
        answer = await at.provider.authorise(charge)
        assert await at.provider.resume(replace(charge, token="")) == answer

    async def test_a_payment_never_asked_for_is_not_authorised(self, at: Counter) -> None:
        assert isinstance(await at.provider.resume(at.charge(token="")), Refused)

    async def test_capturing_twice_is_capturing_once(self, at: Counter) -> None:
        charge = await at.held()
        first, again = await at.provider.capture(charge), await at.provider.capture(charge)
        assert isinstance(first, Captured)
        assert again == first
        assert 0 <= first.fee < charge.amount

    async def test_what_was_captured_was_authorised(self, at: Counter) -> None:
        charge = await at.taken()
        assert isinstance(await at.provider.resume(charge), Authorised)

    async def test_what_was_let_go_can_not_be_captured(self, at: Counter) -> None:
        charge = await at.held()
        await at.provider.void(charge)
        await at.provider.void(charge)
        assert isinstance(await at.provider.capture(charge), Refused)
        assert isinstance(await at.provider.resume(charge), Refused)

    async def test_a_lost_authorisation_is_let_go_by_the_payments_id_alone(self, at: Counter) -> None:
        charge = at.charge()
        answer = await at.provider.authorise(charge)
        await at.provider.void(replace(charge, token=""))
        assert isinstance(await at.provider.capture(replace(charge, token="", reference=answer.reference)), Refused)

    async def test_it_says_how_soon_what_was_let_go_is_the_cardholders_again(self, at: Counter) -> None:
        """No time where it can void; at the latest when the authorisation runs out by itself, where it can not."""
        assert at.provider.lets_go_within == at.lets_go_within

    async def test_letting_go_of_nothing_is_nothing(self, at: Counter) -> None:
        await at.provider.void(at.charge(token=""))

    async def test_letting_go_of_what_was_captured_takes_nothing_back(self, at: Counter) -> None:
        charge = await at.taken()
        await at.provider.void(charge)
        assert isinstance(await at.provider.refund(refund_of(charge, charge.amount)), Refunded)

    async def test_a_refund_asked_for_twice_is_made_once(self, at: Counter) -> None:
        charge = await at.taken()
        refund = refund_of(charge, charge.amount)
        first, again = await at.provider.refund(refund), await at.provider.refund(refund)
        assert isinstance(first, Refunded)
        assert again == first
        assert isinstance(await at.provider.refund(refund_of(charge, 10)), Refused)

    async def test_partial_refunds_add_up_to_the_payment_and_no_further(self, at: Counter) -> None:
        charge = await at.taken()
        for amount in (40, 300, charge.amount - 340):
            assert isinstance(await at.provider.refund(refund_of(charge, amount)), Refunded)
        assert isinstance(await at.provider.refund(refund_of(charge, 10)), Refused)

    async def test_more_than_was_captured_is_not_given_back(self, at: Counter) -> None:
        charge = await at.taken()
        assert isinstance(await at.provider.refund(refund_of(charge, charge.amount + 10)), Refused)
        assert isinstance(await at.provider.refund(refund_of(charge, charge.amount)), Refunded)

    async def test_what_was_not_captured_can_not_be_given_back(self, at: Counter) -> None:
        charge = await at.held()
        assert isinstance(await at.provider.refund(refund_of(charge, 100)), Refused)

    async def test_money_of_any_number_of_decimals_is_taken_and_given_back(self, at: Counter) -> None:
        for currency in at.currencies:
            charge = await at.taken(currency=currency)
            assert isinstance(await at.provider.refund(refund_of(charge, charge.amount)), Refunded), currency

    @pytest.mark.parametrize("approved", [True, False])
    async def test_a_challenge_waits_until_the_shopper_decides(self, at: Counter, approved: bool) -> None:
        if at.challenge_token is None:
            pytest.skip("no challenges")
        charge = at.charge(token=at.challenge_token)
        asked = await at.provider.authorise(charge)
        assert isinstance(asked, ActionRequired)
        assert asked.url
        known = replace(charge, token="", reference=asked.reference)
        assert isinstance(await at.provider.resume(known), ActionRequired)
        await at.pass_challenge(charge.payment_id, approved)
        answer = await at.provider.resume(known)
        assert isinstance(answer, Authorised if approved else Refused)
        assert isinstance(await at.provider.capture(known), Captured if approved else Refused)

    async def test_a_challenge_that_was_let_go_can_not_be_passed(self, at: Counter) -> None:
        if at.challenge_token is None:
            pytest.skip("no challenges")
        charge = at.charge(token=at.challenge_token)
        asked = await at.provider.authorise(charge)
        known = replace(charge, token="", reference=asked.reference)
        await at.provider.void(known)
        await at.pass_challenge(charge.payment_id, True)
        assert isinstance(await at.provider.resume(known), Refused)
        assert isinstance(await at.provider.capture(known), Refused)

    async def test_an_instrument_that_is_kept_twice_is_kept_once_and_pays(self, at: Counter) -> None:
        if not isinstance(at.provider, SavesMethods):
            pytest.skip("keeps nothing")
        setup = Setup(at.tenant_id, new_id(), new_id(), at.token)
        first, again = await at.provider.setup(setup), await at.provider.setup(setup)
        assert isinstance(first, SavedMethod)
        assert again == first
        charge = at.charge(token=first.token, customer_id=setup.customer_id)
        assert isinstance(await at.provider.authorise(charge), Authorised)

    async def test_an_instrument_whose_bank_asks_first_waits_for_its_owner(self, at: Counter) -> None:
        if not isinstance(at.provider, SavesMethods) or at.challenge_token is None:
            pytest.skip("keeps nothing that is challenged")
        back = "https://shop.example/return"
        setup = Setup(at.tenant_id, new_id(), new_id(), at.challenge_token, return_url=back)
        asked = await at.provider.setup(setup)
        assert isinstance(asked, ActionRequired)
        assert asked.url
        assert await at.provider.resume_setup(replace(setup, token="", reference=asked.reference)) == asked

    async def test_a_setup_never_asked_for_keeps_nothing(self, at: Counter) -> None:
        if not isinstance(at.provider, SavesMethods):
            pytest.skip("keeps nothing")
        assert isinstance(await at.provider.resume_setup(Setup(at.tenant_id, new_id(), new_id())), Refused)

    async def test_a_provider_that_can_not_be_reached_says_so(self, at: Counter) -> None:
        if at.away is None:
            pytest.skip("always there")
        with pytest.raises(ProviderUnavailable):
            await at.away(at.charge())

    async def test_a_notification_is_read_the_same_however_often_it_comes(self, at: Counter) -> None:
        if at.signed is None:
            pytest.skip("does not notify")
        assert isinstance(at.provider, TakesEvents)
        now, payment_id = datetime.now(UTC), new_id()
        messages = [at.signed(f"evt_{n}", payment_id, "ref_1", now) for n in (1, 2)]
        first, second = (at.provider.read_event(headers, body, now=now) for headers, body in messages)
        assert first.id != second.id
        assert first.payment_id == second.payment_id == payment_id
        assert at.provider.read_event(*messages[0], now=now + timedelta(seconds=30)) == first

    async def test_a_forged_or_stale_notification_is_refused(self, at: Counter) -> None:
        if at.signed is None:
            pytest.skip("does not notify")
        now = datetime.now(UTC)
        headers, body = at.signed("evt_1", new_id(), "ref_1", now)
        other_headers, other_body = at.signed("evt_2", new_id(), "ref_2", now)
        for forged_headers, forged_body, when in (
            (headers, other_body, now),
            (other_headers, body, now),
            (headers, body + b" ", now),
            (headers, b"", now),
            ({}, body, now),
            (dict.fromkeys(headers, ""), body, now),
            (dict.fromkeys(headers, "\N{SNOWMAN}"), body, now),
            (headers, body, now + timedelta(hours=1)),
            (headers, body, now - timedelta(hours=1)),
        ):
            with pytest.raises(ForgedEvent):
                at.provider.read_event(forged_headers, forged_body, now=when)
