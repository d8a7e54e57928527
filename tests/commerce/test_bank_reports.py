"""The test bank reports what it took, kept and sent back, so that a night's reconciliation has something to compare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest

from commerce.checkout.notifications import Notifications
from commerce.ledger import service as ledger
from commerce.orders.cancelling import cancel
from commerce.orders.disputing import Disputes
from commerce.orders.schemas import StaffOrderOut
from commerce.payments import disputes
from commerce.payments import service as payments
from commerce.payments.providers import Providers, TestProvider
from commerce.payments.providers.test import notifying
from commerce.payments.providers.test.reports import SETTLES_AFTER, dispute_fee, fee_of
from commerce.payments.reconciliation import reading
from commerce.payments.reconciliation.matching import SETTLES_WITHIN
from commerce.payments.reconciliation.nightly import Nightly
from commerce.payments.reconciliation.schemas import ExceptionOut
from commerce.payments.reconciliation.service import Summary, reconcile
from foundation import clock
from foundation.database import Database
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

NOW = datetime(2031, 3, 3, 15, tzinfo=UTC)
DAY = NOW.date() + SETTLES_AFTER
SECRET = ""  # what a desk signs the bank's news with


class Branch(Desk):
    """A desk whose cards have accounts at the test bank, which tells the shop what it has to know."""

    def __init__(self, database: Database, seeded: SeededShop, shop: Any, bank: Any) -> None:
        super().__init__(database, seeded, shop, TestProvider(database, SECRET))

    async def hear_all(self) -> None:
        """A minute passes, and the bank tells what is due by then."""

        async def webhook(request: httpx.Request) -> httpx.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            await Notifications(self.checkout).take(self.shop.id, "test", headers, request.content)
            return httpx.Response(204)

        later = clock.now() + timedelta(minutes=1)
        with clock.use(lambda: later):
            async with httpx.AsyncClient(transport=httpx.MockTransport(webhook)) as client:
                await notifying.notify(
                    self.database, self.shop.id, address="http://127.0.0.1:9", host="x", secret=SECRET, client=client
                )

    async def night_after(self, day: date) -> Summary:
        """What the night after a day finds."""
        with clock.use(lambda: datetime.combine(day + timedelta(days=1), time(4), tzinfo=UTC)):
            return await reconcile(self.database, self.bank, self.shop.id, day)

    async def open(self) -> list[ExceptionOut]:
        async with self.database.tx(self.shop.id) as tx:
            return await reading.exceptions(tx, resolved=False, after=None, limit=100)

    async def accounts(self) -> dict[str, int]:
        """What each account comes to, but for those that come to nothing."""
        async with self.database.tx(self.shop.id) as tx:
            balance = await ledger.trial_balance(tx)
        assert all(currency.total == 0 for currency in balance.currencies)
        held = {one.account: one.debit - one.credit for currency in balance.currencies for one in currency.accounts}
        return {account: amount for account, amount in held.items() if amount}

    async def money_back(self, order: StaffOrderOut) -> None:
        async with self.database.tx(self.shop.id) as tx:
            await cancel(tx, order.id, STAFF, reason="changed_mind")
        await self.money.settle(self.shop.id, order.id)

    async def contest(self, evidence: str) -> None:
        async with self.database.tx(self.shop.id) as tx:
            (dispute,) = await disputes.page(tx, status="opened", after=None, limit=10)
        desk = Disputes(self.database, Providers(self.bank))
        await desk.contest(self.shop.id, dispute.id, evidence, STAFF)


@pytest.fixture
async def branch(database_urls: DatabaseUrls, grocer: SeededShop) -> AsyncIterator[Branch]:
    database = Database(database_urls.app, pool_size=4)
    with clock.use(lambda: NOW):
        yield await Branch.at(database, grocer)  # type: ignore[misc]
    await database.close()


def test_a_fee_is_what_stripe_takes_and_never_more_than_half() -> None:
    assert [fee_of(amount, "USD") for amount in (0, 1, 50, 100, 10_000)] == [0, 0, 25, 33, 320]
    assert (fee_of(10_000, "JPY"), fee_of(100_000, "KWD")) == (320, 2_990)
    assert [dispute_fee(currency) for currency in ("USD", "JPY", "KWD")] == [1_500, 1_500, 4_500]


async def test_a_day_of_sales_and_refunds_settles_to_the_last_cent(branch: Branch, grocer: SeededShop) -> None:
    kept, returned = await branch.order(5, token="4242424242424242"), await branch.order(3, token="5555555555554444")
    await branch.money_back(returned)
    assert await branch.night_after(DAY - timedelta(days=1)) == Summary(lines=0, new=0, exceptions=0)
    assert await branch.night_after(DAY) == Summary(lines=3, new=3, exceptions=0)
    fees = fee_of(kept.total.amount, "USD") + fee_of(returned.total.amount, "USD")
    assert await branch.accounts() == {
        "bank": 500 - fees,
        "fees": fees,
        "sales": -800,
        "refunds": 300,
    }
    assert await branch.night_after(DAY) == Summary(lines=3, new=0, exceptions=0)
    assert await all_faults(branch.database, grocer) == []


async def test_cards_bring_about_each_exception(branch: Branch, grocer: SeededShop) -> None:
    cards = ("4242424242424242", "tok_report_missing", "tok_report_unknown", "tok_report_amount", "tok_report_fee")
    orders = {card: await branch.order(5, token=card) for card in cards}
    paid = {card: await _payment_of(branch, order) for card, order in orders.items()}
    assert await branch.night_after(DAY) == Summary(lines=5, new=5, exceptions=3)
    overdue = NOW.date() + SETTLES_WITHIN + timedelta(days=1)
    assert await branch.night_after(overdue) == Summary(lines=0, new=0, exceptions=1)

    found = {one.kind: one for one in await branch.open()}
    assert set(found) == {"unknown", "amount_differs", "fee_differs", "missing_at_provider"}
    assert (found["unknown"].amount, found["unknown"].subject_id) == (500, None)
    differs = found["amount_differs"]
    assert (differs.subject_id, differs.expected_amount, differs.amount) == (paid["tok_report_amount"], 500, 501)
    fee = found["fee_differs"]
    assert (fee.subject_id, fee.expected_fee, fee.fee) == (paid["tok_report_fee"], 44, 45)
    assert found["missing_at_provider"].about == str(paid["tok_report_missing"])

    accounts = await branch.accounts()
    assert (accounts["provider:test"], accounts["suspense:test"]) == (500, -501)
    assert accounts["accrued_fees:test"] == -44  # of the payment that is not settled
    assert await all_faults(branch.database, grocer) == []


async def test_a_dispute_that_is_won_is_two_lines_and_no_exception(branch: Branch, grocer: SeededShop) -> None:
    order = await branch.order(5, token="4000000000000259")
    await branch.hear_all()
    assert await branch.night_after(DAY) == Summary(lines=2, new=2, exceptions=0)
    won_at = NOW + timedelta(days=4)
    with clock.use(lambda: won_at):
        await branch.contest("winning_evidence")
        await branch.hear_all()
    assert await branch.night_after(won_at.date() + SETTLES_AFTER) == Summary(lines=1, new=1, exceptions=0)
    fees = fee_of(order.total.amount, "USD") + dispute_fee("USD")
    assert await branch.accounts() == {"bank": 500 - fees, "fees": fees, "sales": -500}
    for days in range(1, 40):
        assert (await branch.night_after(won_at.date() + SETTLES_AFTER + timedelta(days=days))).exceptions == 0
    assert await all_faults(branch.database, grocer) == []


async def test_a_dispute_that_is_won_and_never_paid_back_is_missing(branch: Branch, rows: Any) -> None:
    await branch.order(5, token="4000000000000259")
    await branch.hear_all()
    await branch.night_after(DAY)
    won_at = NOW + timedelta(days=4)
    payment_id = rows("SELECT payment_id FROM dispute")[0][0]
    with clock.use(lambda: won_at):
        await branch.hear("dispute_won", payment_id, dispute_reference=f"dispute_{payment_id}")
    last = won_at.date() + SETTLES_WITHIN
    assert (await branch.night_after(last)).exceptions == 0
    assert (await branch.night_after(last + timedelta(days=1))).exceptions == 1
    (missing,) = await branch.open()
    assert (missing.kind, missing.expected_amount) == ("missing_at_provider", 500)


async def test_a_refund_that_comes_back_is_two_lines_and_no_exception(branch: Branch, grocer: SeededShop) -> None:
    order = await branch.order(5, token="4000000000005126")
    await branch.money_back(order)
    await branch.hear_all()
    assert (await branch.look(order.id)).refunded.amount == 0
    assert await branch.night_after(DAY) == Summary(lines=3, new=3, exceptions=0)
    fee = fee_of(500, "USD")
    assert await branch.accounts() == {"bank": 500 - fee, "fees": fee, "sales": -500}
    assert (await branch.night_after(DAY + timedelta(days=20))).exceptions == 0
    assert await all_faults(branch.database, grocer) == []


async def test_the_worker_compares_what_the_bank_reports(branch: Branch) -> None:
    await branch.order(5, token="tok_report_amount")
    nightly = Nightly(branch.database, Providers(branch.bank))
    with clock.use(lambda: datetime.combine(DAY + timedelta(days=1), time(4), tzinfo=UTC)):
        assert await nightly.run(branch.shop.id) == 1
    assert [one.kind for one in await branch.open()] == ["amount_differs"]


async def test_another_shops_report_is_another_report(branch: Branch, database_urls: DatabaseUrls) -> None:
    theirs = await Branch.at(branch.database, seed_shop(database_urls, "fashion"))
    await theirs.order(1, token="4242424242424242")
    assert (await branch.night_after(DAY)).lines == 0
    assert (await theirs.night_after(DAY)).lines == 1  # type: ignore[attr-defined]


def test_not_even_the_owner_rewrites_what_the_bank_reported(database_urls: DatabaseUrls) -> None:
    for change in ("UPDATE test_bank_transaction SET amount = 0", "DELETE FROM test_bank_transaction"):
        with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(change)


async def _payment_of(branch: Branch, order: StaffOrderOut) -> UUID:
    async with branch.database.tx(branch.shop.id) as tx:
        (payment,) = await payments.of_order(tx, order.id)
    return payment.id
