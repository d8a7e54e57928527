"""Gift cards and store credit as payments: a balance is spent once, whoever asks, however often, whatever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.payments.providers import (
    NEVER_ASKED,
    Authorised,
    Captured,
    Charge,
    GiftCards,
    Refunded,
    Refused,
    Reimbursement,
    StoreCredit,
)
from commerce.stored_value import codes, service
from commerce.stored_value.movements import NotMovable
from commerce.stored_value.schemas import ClawBackIn, GiftCardIn, GrantIn, ValueOut
from commerce.stored_value.spending import Part, split
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.ids import new_id
from tests.commerce.invariants import faults
from tests.factories import WITHOUT_LIMIT, SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

BERLIN = "Europe/Berlin"


@dataclass
class Till:
    """A shop that issues cards and credit, and is paid with them."""

    database: Database
    seeded: SeededShop
    shop: Shop
    customer_id: UUID

    @property
    def cards(self) -> GiftCards:
        return GiftCards(self.database)

    @property
    def credit(self) -> StoreCredit:
        return StoreCredit(self.database)

    async def card(self, amount: int, **body: Any) -> tuple[ValueOut, str]:
        async with self.database.tx(self.shop.id) as tx:
            return await service.issue_gift_card(
                tx, self.shop, GiftCardIn(amount=amount, **body), actor="staff:A", giver=WITHOUT_LIMIT
            )

    async def grant(self, amount: int, **body: Any) -> None:
        async with self.database.tx(self.shop.id) as tx:
            asked = GrantIn(amount=amount, reason="sorry", **body)
            await service.grant(tx, self.shop, self.customer_id, asked, actor="staff:A", giver=WITHOUT_LIMIT)

    def charge(self, amount: int, code: str = "", payment_id: UUID | None = None, currency: str = "USD") -> Charge:
        return Charge(
            tenant_id=self.shop.id,
            payment_id=payment_id or new_id(),
            amount=amount,
            currency=currency,
            token=code,
            customer_id=self.customer_id,
        )

    def reimbursement(self, charge: Charge, amount: int, refund_id: UUID | None = None) -> Reimbursement:
        return Reimbursement(
            tenant_id=self.shop.id,
            refund_id=refund_id or new_id(),
            payment_id=charge.payment_id,
            reference="",
            amount=amount,
            currency=charge.currency,
            customer_id=self.customer_id,
        )

    async def balance(self, card: ValueOut) -> tuple[int, int, int, int, int]:
        async with self.database.tx(self.shop.id) as tx:
            found = (await service.gift_card(tx, card.id)).balance
        return found.available, found.held, found.spent, found.expired, found.withdrawn

    async def grants(self) -> list[tuple[int, int, int, int, int]]:
        async with self.database.tx(self.shop.id) as tx:
            found = await service.store_credit(tx, self.customer_id)
        return [
            (one.balance.available, one.balance.held, one.balance.spent, one.balance.expired, one.balance.withdrawn)
            for one in found.grants
        ]

    async def books(self) -> dict[str, int]:
        async with self.database.tx(self.shop.id) as tx:
            rows = await tx.connection.fetch("SELECT account, sum(amount)::bigint FROM ledger_posting GROUP BY account")
        return {account: amount for account, amount in rows if amount}

    async def expire(self) -> int:
        async with self.database.tx(self.shop.id) as tx:
            return await service.expire(tx)


@pytest.fixture
async def till(database_urls: DatabaseUrls) -> AsyncIterator[Till]:
    seeded = seed_shop(database_urls, "valued")
    database = Database(database_urls.app, pool_size=12)
    async with database.transaction(None) as session:
        shop = await tenancy.find_by_host(session, seeded.host)
    assert shop is not None
    shop.settings["zone"] = BERLIN
    async with database.tx(seeded.id) as tx:
        rows = await tx.connection.fetch("SELECT id FROM customer ORDER BY reference")
    yield Till(database, seeded, shop, rows[0]["id"])
    async with database.tx(seeded.id) as tx:
        assert await faults(tx) == []
    await database.close()


async def test_a_card_is_spent_bit_by_bit_and_refunded_to_itself(till: Till) -> None:
    card, code = await till.card(1000)

    first = till.charge(600, code.lower().replace("-", " "))
    assert isinstance(await till.cards.authorise(first), Authorised)
    assert await till.balance(card) == (400, 600, 0, 0, 0)
    assert await till.cards.authorise(till.charge(401, code)) == Refused("insufficient_funds")
    assert isinstance(await till.cards.capture(first), Captured)
    assert await till.balance(card) == (400, 0, 600, 0, 0)
    assert isinstance(await till.cards.refund(till.reimbursement(first, 250)), Refunded)
    assert await till.balance(card) == (650, 0, 350, 0, 0)
    assert await till.books() == {"bank": 1000, "gift_cards": -650, "provider:gift_card": -350}


async def test_each_step_has_one_effect_however_often_it_is_asked(till: Till) -> None:
    card, code = await till.card(1000)
    charge, back = till.charge(700, code), new_id()
    for _ in range(3):
        assert isinstance(await till.cards.authorise(charge), Authorised)
        assert isinstance(await till.cards.resume(charge), Authorised)
    assert await till.balance(card) == (300, 700, 0, 0, 0)
    for _ in range(3):
        assert isinstance(await till.cards.capture(charge), Captured)
    await till.cards.void(charge)
    assert await till.balance(card) == (300, 0, 700, 0, 0)
    for _ in range(3):
        assert isinstance(await till.cards.refund(till.reimbursement(charge, 500, back)), Refunded)
    assert await till.balance(card) == (800, 0, 200, 0, 0)


async def test_no_more_goes_back_than_was_spent(till: Till) -> None:
    card, code = await till.card(1000)
    charge = till.charge(700, code)
    assert await till.cards.refund(till.reimbursement(charge, 1)) == Refused("not_spent")
    await till.cards.authorise(charge)
    assert await till.cards.refund(till.reimbursement(charge, 1)) == Refused("not_spent")
    await till.cards.capture(charge)
    await till.cards.refund(till.reimbursement(charge, 400))
    answers = await asyncio.gather(*(till.cards.refund(till.reimbursement(charge, 200)) for _ in range(3)))
    assert sorted(type(answer).__name__ for answer in answers) == ["Refunded", "Refused", "Refused"]
    assert Refused("exceeds_spent") in answers
    assert await till.balance(card) == (900, 0, 100, 0, 0)


async def test_what_was_let_go_can_be_spent_again_and_never_captured(till: Till) -> None:
    card, code = await till.card(1000)
    charge = till.charge(700, code)
    await till.cards.authorise(charge)
    for _ in range(2):
        await till.cards.void(charge)
    assert await till.balance(card) == (1000, 0, 0, 0, 0)
    assert await till.cards.capture(charge) == Refused("not_held")
    assert await till.cards.resume(charge) == await till.cards.resume(till.charge(700, code)) == NEVER_ASKED


async def test_a_payment_given_up_before_it_was_held_holds_nothing_later(till: Till) -> None:
    card, code = await till.card(1000)
    charge = till.charge(700, code)
    await till.cards.void(charge)
    assert await till.cards.authorise(charge) == Refused("not_held")
    assert await till.balance(card) == (1000, 0, 0, 0, 0)


async def test_one_card_pays_for_as_many_carts_as_it_is_good_for(till: Till) -> None:
    card, code = await till.card(1000)
    answers = await asyncio.gather(*(till.cards.authorise(till.charge(300, code)) for _ in range(10)))
    assert sorted(type(answer).__name__ for answer in answers) == ["Authorised"] * 3 + ["Refused"] * 7
    assert await till.balance(card) == (100, 900, 0, 0, 0)


async def test_one_payment_asked_for_by_many_at_once_is_held_once(till: Till) -> None:
    card, code = await till.card(1000)
    charge = till.charge(300, code)
    answers = await asyncio.gather(*(till.cards.authorise(charge) for _ in range(8)))
    assert {type(answer) for answer in answers} == {Authorised}
    assert await till.balance(card) == (700, 300, 0, 0, 0)


async def test_of_capture_and_void_at_once_one_wins(till: Till) -> None:
    card, code = await till.card(1000)
    for _ in range(5):
        charge = till.charge(100, code)
        await till.cards.authorise(charge)
        answer, _ = await asyncio.gather(till.cards.capture(charge), till.cards.void(charge))
        assert isinstance(answer, Captured) or answer == Refused("not_held")
        assert (await till.balance(card))[1] == 0


async def test_credit_is_taken_from_what_expires_first_and_goes_back_to_what_lasts(till: Till) -> None:
    today = clock.now().date()
    await till.grant(500)
    await till.grant(300, last_day=today + timedelta(days=60))
    await till.grant(200, last_day=today + timedelta(days=5))
    charge = till.charge(600)
    assert isinstance(await till.credit.authorise(charge), Authorised)
    assert await till.grants() == [(0, 200, 0, 0, 0), (0, 300, 0, 0, 0), (400, 100, 0, 0, 0)]
    await till.credit.capture(charge)
    await till.credit.refund(till.reimbursement(charge, 250))
    assert await till.grants() == [(0, 0, 200, 0, 0), (150, 0, 150, 0, 0), (500, 0, 0, 0, 0)]
    assert await till.books() == {"goodwill": 1000, "store_credit": -650, "provider:store_credit": -350}


async def test_two_carts_of_one_customer_share_their_grants_without_deadlock(till: Till) -> None:
    for days in (9, 3, 6, 1):
        await till.grant(100, last_day=clock.now().date() + timedelta(days=days))
    charges = [till.charge(150) for _ in range(6)]
    answers = await asyncio.gather(*(till.credit.authorise(charge) for charge in charges))
    held = [charge for charge, answer in zip(charges, answers, strict=True) if isinstance(answer, Authorised)]
    assert len(held) == 2
    await asyncio.gather(*(till.credit.capture(charge) for charge in held))
    assert sum(spent for _, _, spent, _, _ in await till.grants()) == 300


async def test_credit_is_its_customers_alone(till: Till) -> None:
    await till.grant(500)
    guest = till.charge(100)
    for customer_id in (None, new_id()):
        asked = Charge(
            tenant_id=guest.tenant_id, payment_id=new_id(), amount=100, currency="USD", customer_id=customer_id
        )
        assert await till.credit.authorise(asked) == Refused("unusable")


async def test_another_currency_is_not_spent(till: Till) -> None:
    card, code = await till.card(1000, currency="JPY")
    await till.grant(700, currency="KWD")
    assert await till.cards.authorise(till.charge(10, code)) == Refused("unusable")
    assert await till.credit.authorise(till.charge(10)) == Refused("unusable")
    assert isinstance(await till.cards.authorise(till.charge(10, code, currency="JPY")), Authorised)
    assert isinstance(await till.credit.authorise(till.charge(10, currency="KWD")), Authorised)
    assert (await till.balance(card))[1] == 10


async def test_an_unknown_code_a_disabled_card_and_one_whose_time_is_over_answer_alike(till: Till) -> None:
    disabled, code = await till.card(1000)
    async with till.database.tx(till.shop.id) as tx:
        await service.set_status(tx, disabled.id, "disabled", reason="stolen", actor="staff:A")
    _, old = await till.card(1000, last_day=date(2030, 6, 30))
    with clock.use(lambda: datetime(2031, 1, 1, tzinfo=UTC)):
        answers = [await till.cards.authorise(till.charge(10, tried)) for tried in (code, old, codes.new_code())]
    assert answers == [Refused("unusable")] * 3


async def test_a_card_is_good_through_its_last_day_where_the_shop_is(till: Till) -> None:
    card, code = await till.card(1000, last_day=date(2030, 3, 31))  # the night the clocks go forward
    assert card.expires_at == datetime(2030, 3, 31, 22, 0, tzinfo=UTC)
    with clock.use(lambda: datetime(2030, 3, 31, 21, 59, 59, 999999, tzinfo=UTC)):
        assert isinstance(await till.cards.authorise(till.charge(10, code)), Authorised)
        assert await till.expire() == 0
    with clock.use(lambda: datetime(2030, 3, 31, 22, 0, tzinfo=UTC)):
        assert await till.cards.authorise(till.charge(10, code)) == Refused("unusable")
        assert await till.expire() == 1
        assert await till.expire() == 0
    assert await till.balance(card) == (0, 10, 0, 990, 0)
    assert await till.books() == {"bank": 1000, "gift_cards": -10, "breakage": -990}


async def test_two_workers_write_the_same_card_off_once(till: Till) -> None:
    cards = [(await till.card(100, last_day=date(2030, 1, 1)))[0] for _ in range(5)]
    with clock.use(lambda: datetime(2031, 1, 1, tzinfo=UTC)):
        assert sum(await asyncio.gather(*(till.expire() for _ in range(4)))) == 5
    assert [await till.balance(card) for card in cards] == [(0, 0, 0, 100, 0)] * 5


async def test_what_comes_back_to_a_card_whose_time_was_over_is_good_for_a_while(till: Till) -> None:
    card, code = await till.card(1000, last_day=date(2030, 1, 31))
    spent, held = till.charge(600, code), till.charge(100, code)
    with clock.use(lambda: datetime(2030, 1, 15, tzinfo=UTC)):
        await till.cards.authorise(spent)
        await till.cards.capture(spent)
        await till.cards.authorise(held)
    with clock.use(lambda: datetime(2030, 3, 1, tzinfo=UTC)):
        assert await till.expire() == 1
        assert isinstance(await till.cards.refund(till.reimbursement(spent, 600)), Refunded)
        await till.cards.void(held)
        assert await till.expire() == 0
        assert await till.balance(card) == (700, 0, 0, 300, 0)
    with clock.use(lambda: datetime(2030, 3, 30, tzinfo=UTC)):
        assert isinstance(await till.cards.authorise(till.charge(50, code)), Authorised)
    with clock.use(lambda: datetime(2030, 4, 1, tzinfo=UTC)):
        assert await till.expire() == 1


async def test_nothing_goes_back_to_a_disabled_card(till: Till) -> None:
    card, code = await till.card(1000)
    charge = till.charge(600, code)
    await till.cards.authorise(charge)
    await till.cards.capture(charge)
    async with till.database.tx(till.shop.id) as tx:
        await service.set_status(tx, card.id, "disabled", reason="stolen", actor="staff:A")
    back = till.reimbursement(charge, 600)
    assert await till.cards.refund(back) == Refused("unusable")
    assert await till.balance(card) == (400, 0, 600, 0, 0)
    assert isinstance(await till.credit.refund(back), Refunded)
    assert isinstance(await till.credit.refund(back), Refunded)
    assert await till.grants() == [(600, 0, 0, 0, 0)]


async def test_staff_take_back_no_more_than_is_there(till: Till) -> None:
    card, code = await till.card(1000)
    await till.cards.authorise(till.charge(600, code))
    async with till.database.tx(till.shop.id) as tx:
        await service.withdraw_from_card(tx, card.id, 300, reason="sold by mistake", actor="staff:A")
    with pytest.raises(NotMovable):
        async with till.database.tx(till.shop.id) as tx:
            await service.withdraw_from_card(tx, card.id, 101, reason="x", actor="staff:A")
    assert await till.balance(card) == (100, 600, 0, 0, 300)

    await till.grant(200, last_day=clock.now().date() + timedelta(days=5))
    await till.grant(300)
    async with till.database.tx(till.shop.id) as tx:
        await service.claw_back(tx, till.shop, till.customer_id, ClawBackIn(amount=400, reason="x"), actor="staff:A")
    with pytest.raises(NotMovable):
        async with till.database.tx(till.shop.id) as tx:
            await service.claw_back(tx, till.shop, till.customer_id, ClawBackIn(amount=101, reason="x"), actor="A")
    assert await till.grants() == [(100, 0, 0, 0, 100), (0, 0, 0, 0, 300)]
    assert await till.books() == {"bank": 700, "gift_cards": -700, "goodwill": 100, "store_credit": -100}


@pytest.mark.parametrize("column", ["available", "held", "spent", "issued"])
async def test_the_database_refuses_a_balance_that_does_not_add_up(till: Till, column: str) -> None:
    card, _ = await till.card(1000)
    with pytest.raises(Exception, match="ck_stored_value_balance"):
        async with till.database.tx(till.shop.id) as tx:
            await tx.connection.execute(f"UPDATE stored_value SET {column} = {column} + 1 WHERE id = $1", card.id)


@given(amount=st.integers(0, 500), available=st.lists(st.integers(0, 200), max_size=5))
def test_each_part_in_turn_gives_all_it_has_until_the_amount_is_made_up(amount: int, available: list[int]) -> None:
    parts = [Part(new_id(), part) for part in available]
    taken = split(amount, parts)
    if amount <= sum(available):
        assert sum(taken.values()) == amount
        before = [sum(available[:place]) for place in range(len(available))]
        wanted = [min(part, max(amount - earlier, 0)) for part, earlier in zip(available, before, strict=True)]
        assert [taken.get(part.value_id, 0) for part in parts] == wanted
    else:
        assert taken == {}


@given(st.text(codes.ALPHABET, min_size=16, max_size=16))
def test_a_code_is_known_however_it_is_typed(code: str) -> None:
    typed = " ".join((code[:5], code[5:])).lower().replace("0", "o").replace("1", "l")
    assert codes.hash_of(typed) == codes.hash_of(code)
    assert codes.ending_of(typed) == code[-4:]


def test_codes_are_long_and_no_two_are_alike() -> None:
    made = {codes.new_code().replace("-", "") for _ in range(2000)}
    assert len(made) == 2000
    assert {len(code) for code in made} == {16}
    assert set().union(*made) == set(codes.ALPHABET)
