"""What providers say they settled, beside the books: matched, posted once, and what does not agree listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.orders.cancelling import cancel
from commerce.payments.providers import Providers, ProviderUnavailable, Settled, registry
from commerce.payments.reconciliation import reading
from commerce.payments.reconciliation.matching import SETTLES_WITHIN, Entry, match, overdue
from commerce.payments.reconciliation.nightly import Nightly
from commerce.payments.reconciliation.service import BATCH, DayNotOver, NoReports, Summary, is_done, reconcile
from foundation import clock
from foundation.database import Database, hot
from foundation.ids import new_id
from tests.commerce.desk import STAFF, Bank, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

PAID_AT = datetime(2031, 1, 10, 15, tzinfo=UTC)
SOON, LATER = date(2031, 1, 11), date(2031, 1, 19)
ERRORS = ("none", "missing", "late", "amount_differs", "currency_differs", "fee_differs", "twice")
IN_THE_BOOKS = tuple(error for error in ERRORS if error != "fee_differs")
"""The bank of these tests says no fee when it captures, so none can differ."""


# Pure


def entry(amount: int = 1999, *, kind: Any = "capture", made_on: date = date(2031, 1, 10), **more: Any) -> Entry:
    name = new_id()
    return Entry(kind, name, f"ref_{name.hex}", amount, more.pop("currency", "USD"), made_on, **more)


def line_of(of: Entry, *, by_id: bool = True, **more: Any) -> Settled:
    said = Settled(
        id=f"line_{of.id.hex}",
        reference=of.reference,
        kind=of.kind,
        amount=of.amount,
        fee=30,
        currency=of.currency,
        settled_on=SOON,
        payment_id=of.id if by_id and of.kind == "capture" else None,
        refund_id=of.id if by_id and of.kind in ("refund", "reversal") else None,
    )
    return replace(said, **more)


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("kind", ["capture", "refund", "dispute", "reversal"])
def test_a_line_finds_what_it_settles_by_our_id_or_by_the_providers_reference(kind: Any, by_id: bool) -> None:
    books = [entry(kind=kind), entry(kind="refund" if kind == "capture" else "capture"), entry(kind=kind)]
    (found,) = match([line_of(books[2], by_id=by_id)], books)
    assert (found.entry, found.difference) == (books[2], None)


def test_our_id_counts_for_more_than_a_reference() -> None:
    first, second = entry(), entry()
    (found,) = match([replace(line_of(first), reference=second.reference)], [first, second])
    assert found.entry == first


def test_the_last_day_in_time_is_in_time() -> None:
    owed = entry()
    last = owed.made_on + SETTLES_WITHIN
    assert [one.difference for one in match([line_of(owed, settled_on=last)], [owed])] == [None]
    assert [one.difference for one in match([line_of(owed, settled_on=last + timedelta(days=1))], [owed])] == ["late"]
    assert overdue([owed], last) == []
    assert overdue([owed], last + timedelta(days=1)) == [owed]


def test_what_comes_back_is_another_line_than_what_left() -> None:
    lost, won = entry(-500, kind="dispute", settled=True), entry(500, kind="reversal")
    won = replace(won, id=lost.id, reference=lost.reference)
    first, second = match([line_of(won), line_of(lost, id="again")], [lost, won])
    assert (first.entry, first.difference, first.subject_id) == (won, None, won.id)
    assert (second.difference, second.subject_id) == ("twice", None)


def test_a_fee_that_was_never_said_can_not_differ() -> None:
    said, unsaid = entry(fee=29), entry()
    found = match([line_of(said), line_of(unsaid)], [said, unsaid])
    assert [one.difference for one in found] == ["fee_differs", None]


def test_what_an_earlier_report_settled_is_settled_twice_by_another_line() -> None:
    owed = entry(settled=True)
    (found,) = match([line_of(owed)], [owed])
    assert (found.difference, found.subject_id) == ("twice", None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["capture", "refund", "dispute"]),
            st.integers(1, 10**9),
            st.sampled_from(ERRORS),
            st.booleans(),
        )
    ),
    st.integers(0, 3),
)
def test_exactly_the_errors_put_into_a_report_are_found(
    wanted: list[tuple[Any, int, str, bool]], strangers: int
) -> None:
    books, lines, expected = [], [], set()
    for kind, amount, error, by_id in wanted:
        owed = entry(amount if kind == "capture" else -amount, kind=kind, fee=30)
        books.append(owed)
        line = line_of(owed, by_id=by_id)
        if error != "missing":
            lines.append(_with(error, line))
        if error == "twice":
            lines.append(replace(line, id=f"{line.id}_again"))
        if error not in ("none", "missing"):
            expected.add((f"{line.id}_again" if error == "twice" else line.id, error))
    for _ in range(strangers):
        lines.append(line_of(entry()))
        expected.add((lines[-1].id, "unknown"))
    found = list(match(lines, books))
    assert {(one.line.id, one.difference) for one in found if one.difference} == expected
    settled = {one.subject_id for one in found} - {None}
    assert {owed.id for owed in books} - settled == {
        owed.id for owed, (_, _, error, _) in zip(books, wanted, strict=True) if error == "missing"
    }


@given(
    st.integers(-(10**9), 10**9),
    st.integers(-1000, 1000),
    st.sampled_from(["capture", "refund", "dispute", "fee"]),
    st.sampled_from(["none", *ERRORS[3:]]),
)
def test_whatever_is_posted_sums_to_nothing_and_what_came_to_the_bank_is_there(
    amount: int, fee: int, kind: Any, error: str
) -> None:
    owed = entry(amount, kind=kind, settled=error == "twice")
    line = replace(_with(error, line_of(owed)), fee=fee, kind=kind)
    one = next(iter(match([line], [owed])))
    for currency, amounts in one.amounts("x").items():
        assert currency == line.currency
        assert sum(amounts.values()) == 0
        assert amounts["bank"] == line.amount - line.fee


def _with(error: str, line: Settled) -> Settled:
    match error:
        case "amount_differs":
            return replace(line, amount=line.amount + 1)
        case "currency_differs":
            return replace(line, currency="EUR")
        case "fee_differs":
            return replace(line, fee=line.fee + 1)
        case "late":
            return replace(line, settled_on=LATER)
        case _:
            return line


# In the books


_ORDER_OF = hot(text("SELECT order_id FROM payment WHERE tenant_id = :tenant_id AND id = :payment_id"))


class Reporter(Bank):
    """A bank that reports what a test puts into its days."""

    def __init__(self) -> None:
        super().__init__()
        self.days: dict[date, list[Settled]] = {}
        self.silent = False

    async def settlements(self, tenant_id: Any, day: date) -> AsyncIterator[Settled]:
        for line in self.days.get(day, []):
            yield line
        if self.silent:
            raise ProviderUnavailable


@dataclass
class Till:
    """A desk whose bank reports."""

    desk: Desk
    bank: Reporter
    counted: list[Entry] = field(default_factory=list)

    @classmethod
    async def at(cls, database: Database, seeded: SeededShop) -> Till:
        plain = await Desk.at(database, seeded)
        bank = Reporter()
        return cls(Desk(database, seeded, plain.shop, bank), bank)

    async def sale(self, units: int) -> Entry:
        """A captured payment, as the provider knows it."""
        before = set(self.bank.taken)
        await self.desk.order(units)
        (payment_id,) = set(self.bank.taken) - before
        return Entry(
            "capture", payment_id, f"test_{payment_id.hex}", self.bank.taken[payment_id], "USD", PAID_AT.date()
        )

    async def give_back(self, sold: Entry) -> Entry:
        """All of a sale's money, given back."""
        desk, before = self.desk, set(self.bank.given)
        async with desk.database.tx(desk.shop.id) as tx:
            row = await tx.one(_ORDER_OF, {"payment_id": sold.id})
            assert row is not None
            await cancel(tx, row["order_id"], STAFF, reason="changed_mind")
        await desk.money.settle(desk.shop.id, row["order_id"])
        (refund_id,) = set(self.bank.given) - before
        return Entry("refund", refund_id, f"test_refund_{refund_id.hex}", -sold.amount, "USD", PAID_AT.date())

    async def run(self, day: date) -> Summary:
        """What the night after a day finds."""
        with clock.use(lambda: datetime.combine(day + timedelta(days=1), time(4), tzinfo=UTC)):
            return await reconcile(self.desk.database, self.bank, self.desk.shop.id, day)

    async def accounts(self) -> dict[tuple[str, str], int]:
        async with self.desk.database.tx(self.desk.shop.id) as tx:
            balance = await ledger.trial_balance(tx)
        assert all(currency.total == 0 for currency in balance.currencies)
        return {(c.currency, a.account): a.debit - a.credit for c in balance.currencies for a in c.accounts}

    async def open(self) -> set[tuple[str, str]]:
        async with self.desk.database.tx(self.desk.shop.id) as tx:
            found = await reading.exceptions(tx, resolved=False, after=None, limit=1000)
        return {(one.about, one.kind) for one in found}


@pytest.fixture
async def till(database_urls: DatabaseUrls, grocer: SeededShop) -> AsyncIterator[Till]:
    database = Database(database_urls.app, pool_size=4)
    with clock.use(lambda: PAID_AT):
        yield await Till.at(database, grocer)
    await database.close()


async def test_a_settled_day_moves_the_money_to_the_bank_and_posts_the_fees(till: Till, grocer: SeededShop) -> None:
    sold, other = await till.sale(2), await till.sale(3)
    back = await till.give_back(other)
    fee = Settled("line_fee", "fee_1", "fee", -150, 0, "USD", SOON)
    till.bank.days[SOON] = [line_of(sold), line_of(other), line_of(back, fee=0), fee]
    assert await till.run(SOON) == Summary(lines=4, new=4, exceptions=0)
    assert await till.accounts() == {
        ("USD", "bank"): 200 - 30 + 300 - 30 - 300 - 150,
        ("USD", "fees"): 30 + 30 + 150,
        ("USD", "provider:test"): 0,
        ("USD", "sales"): -500,
        ("USD", "refunds"): 300,
    }
    assert await till.open() == set()
    assert await all_faults(till.desk.database, grocer) == []


async def test_a_second_run_changes_nothing(till: Till, rows: Any) -> None:
    sold, unsettled = await till.sale(2), await till.sale(1)
    till.bank.days[LATER] = [line_of(sold), line_of(entry())]
    assert await till.run(LATER) == Summary(lines=2, new=2, exceptions=2)
    said = "SELECT (SELECT count(*) FROM ledger_posting), (SELECT count(*) FROM settlement_line), (SELECT count(*) FROM reconciliation_exception), (SELECT count(*) FROM outbox WHERE name = 'payments.reconciled')"
    before = rows(said)
    assert await till.run(LATER) == Summary(lines=2, new=0, exceptions=0)
    assert rows(said) == before
    assert (str(unsettled.id), "missing_at_provider") in await till.open()


async def test_two_runs_at_once_take_each_line_in_once(till: Till, rows: Any) -> None:
    sales = [await till.sale(1) for _ in range(3)]
    till.bank.days[SOON] = [line_of(sold) for sold in sales]
    found = await asyncio.gather(*(till.run(SOON) for _ in range(4)))
    assert sorted(one.new for one in found) == [0, 0, 0, 3]
    assert (await till.accounts())["USD", "bank"] == 3 * 70
    assert rows("SELECT count(*) FROM outbox WHERE name = 'payments.reconciled'") == [(1,)]


async def test_a_report_that_breaks_off_is_taken_in_when_it_is_whole(till: Till) -> None:
    sold = await till.sale(2)
    till.bank.days[SOON], till.bank.silent = [line_of(sold)], True
    with pytest.raises(ProviderUnavailable):
        await till.run(SOON)
    async with till.desk.database.tx(till.desk.shop.id) as tx:
        assert not await is_done(tx, "test", SOON)
    till.bank.silent = False
    assert (await till.run(SOON)).new == 1
    async with till.desk.database.tx(till.desk.shop.id) as tx:
        assert await is_done(tx, "test", SOON)


async def test_a_line_that_the_provider_repeats_in_another_report_is_the_same_line(till: Till) -> None:
    sold = await till.sale(2)
    till.bank.days = {SOON: [line_of(sold), line_of(sold)], SOON + timedelta(days=1): [line_of(sold)]}
    assert await till.run(SOON) == Summary(lines=2, new=1, exceptions=0)
    assert await till.run(SOON + timedelta(days=1)) == Summary(lines=1, new=0, exceptions=0)


async def test_what_was_missing_is_explained_when_it_is_settled_after_all(till: Till) -> None:
    sold = await till.sale(2)
    assert (await till.run(LATER)).exceptions == 1
    assert await till.open() == {(str(sold.id), "missing_at_provider")}
    following = LATER + timedelta(days=1)
    till.bank.days[following] = [line_of(sold, settled_on=following)]
    assert (await till.run(following)).exceptions == 1
    assert await till.open() == {(line_of(sold).id, "late")}
    assert (await till.accounts())["USD", "provider:test"] == 0


async def test_a_long_report_is_taken_in_whole(till: Till) -> None:
    till.bank.days[SOON] = [Settled(f"line_{n}", f"fee_{n}", "fee", -1, 0, "USD", SOON) for n in range(BATCH + 1)]
    assert await till.run(SOON) == Summary(lines=BATCH + 1, new=BATCH + 1, exceptions=0)
    assert await till.accounts() == {("USD", "bank"): -BATCH - 1, ("USD", "fees"): BATCH + 1}


async def test_another_shops_payment_is_unknown_here(till: Till, database_urls: DatabaseUrls) -> None:
    theirs = await Till.at(till.desk.database, seed_shop(database_urls, "fashion"))
    sold = await theirs.sale(2)
    till.bank.days[SOON] = [line_of(sold)]
    await till.run(SOON)
    assert await till.open() == {(line_of(sold).id, "unknown")}
    assert await till.accounts() == {("USD", "bank"): 170, ("USD", "fees"): 30, ("USD", "suspense:test"): -200}


async def test_a_provider_without_reports_has_nothing_to_compare(till: Till) -> None:
    class Silent(Bank):
        settlements = None

    with pytest.raises(NoReports):
        await reconcile(till.desk.database, Silent(), till.desk.shop.id, SOON)


async def test_a_day_that_is_not_over_is_not_compared(till: Till) -> None:
    for day in (PAID_AT.date(), SOON):
        with pytest.raises(DayNotOver):
            await reconcile(till.desk.database, till.bank, till.desk.shop.id, day)


def test_not_even_the_owner_rewrites_what_was_settled(database_urls: DatabaseUrls) -> None:
    for change in ("UPDATE settlement_line SET amount = 0", "DELETE FROM settlement_line", "TRUNCATE settlement_line"):
        with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(change)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(errors=st.lists(st.sampled_from(IN_THE_BOOKS), min_size=1, max_size=4), strangers=st.integers(0, 2))
def test_the_books_and_any_errors_give_exactly_those_exceptions(
    database_urls: DatabaseUrls, errors: list[str], strangers: int
) -> None:
    shop = seed_shop(database_urls, f"shop-{new_id().hex}")
    asyncio.run(_exactly(database_urls, shop, errors, strangers))


async def _exactly(urls: DatabaseUrls, shop: SeededShop, errors: Sequence[str], strangers: int) -> None:
    database = Database(urls.app, pool_size=2)
    try:
        with clock.use(lambda: PAID_AT):
            await _compare(database, shop, errors, strangers)
    finally:
        await database.close()


async def _compare(database: Database, shop: SeededShop, errors: Sequence[str], strangers: int) -> None:
    till = await Till.at(database, shop)
    expected: set[tuple[str, str]] = set()
    soon: list[Settled] = [line_of(entry()) for _ in range(strangers)]
    expected |= {(line.id, "unknown") for line in soon}
    late: list[Settled] = []
    owed = 0
    for error in errors:
        sold = await till.sale(2)
        line = _with(error, line_of(sold))
        if error == "missing":
            expected.add((str(sold.id), "missing_at_provider"))
        else:
            (late if error == "late" else soon).append(line)
        if error == "twice":
            soon.append(replace(line, id=f"{line.id}_again"))
        if error not in ("none", "missing"):
            expected.add((f"{line.id}_again" if error == "twice" else line.id, error))
        owed += sold.amount if error in ("missing", "currency_differs") else 0
    till.bank.days = {SOON: soon, LATER: late}
    for _ in range(2):
        await till.run(SOON)
        await till.run(LATER)
        assert await till.open() == expected
        accounts = await till.accounts()
        assert accounts.get(("USD", "provider:test"), 0) == owed
        for currency in ("USD", "EUR"):
            came = sum(line.amount - line.fee for line in (*soon, *late) if line.currency == currency)
            assert accounts.get((currency, "bank"), 0) == came
    assert await all_faults(database, shop) == []


# Every night


async def test_the_worker_compares_yesterday_once_some_hours_after_it_is_over(till: Till) -> None:
    sold = await till.sale(2)
    till.bank.days[SOON] = [line_of(sold)]
    nightly = Nightly(till.desk.database, Providers(till.bank))
    midnight = datetime.combine(SOON + timedelta(days=1), time(), tzinfo=UTC)
    compared = []
    for hours in (1, 3.9, 4, 4.1, 9, 23):
        with clock.use(lambda hours=hours: midnight + timedelta(hours=hours)):
            compared.append(await nightly.run(till.desk.shop.id))
    assert compared == [0, 0, 1, 0, 0, 0]
    assert (await till.accounts())["USD", "provider:test"] == 0
    with clock.use(lambda: midnight + timedelta(hours=5)):
        assert await Nightly(till.desk.database, Providers(till.bank)).run(till.desk.shop.id) == 0


async def test_the_worker_asks_a_silent_provider_again_after_a_while(till: Till) -> None:
    till.bank.silent = True
    nightly = Nightly(till.desk.database, Providers(till.bank))
    night = datetime.combine(SOON + timedelta(days=1), time(4), tzinfo=UTC)
    with clock.use(lambda: night):
        assert await nightly.run(till.desk.shop.id) == 0
    till.bank.silent = False
    with clock.use(lambda: night + timedelta(minutes=9)):
        assert await nightly.run(till.desk.shop.id) == 0
    with clock.use(lambda: night + timedelta(minutes=10)):
        assert await nightly.run(till.desk.shop.id) == 1


# Over HTTP


async def test_staff_look_at_exceptions_and_explain_them_once(till: Till, staff: httpx.AsyncClient) -> None:
    till.bank.days[SOON] = [line_of(entry()) for _ in range(3)]
    await till.run(SOON)
    first = (await staff.get("/v1/admin/payments/reconciliation", params={"limit": 2})).json()
    assert [(run["provider"], run["day"], run["lines"], run["exceptions"], run["open"]) for run in first["runs"]] == [
        ("test", "2031-01-11", 3, 3, 3)
    ]
    assert (len(first["exceptions"]), first["has_more"]) == (2, True)
    rest = await staff.get("/v1/admin/payments/reconciliation", params={"cursor": first["next_cursor"]})
    assert (len(rest.json()["exceptions"]), rest.json()["has_more"]) == (1, False)

    named = f"/v1/admin/payments/reconciliation/{first['exceptions'][0]['id']}/resolve"
    done = await staff.post(named, json={"resolution": "A payment taken by telephone."})
    assert (done.status_code, done.json()["resolution"]) == (200, "A payment taken by telephone.")
    again = await staff.post(named, json={"resolution": "Something else."})
    assert (again.status_code, again.json()["code"]) == (404, "payments.exception_not_found")
    left = (await staff.get("/v1/admin/payments/reconciliation")).json()
    assert (len(left["exceptions"]), left["runs"][0]["open"]) == (2, 2)
    explained = (await staff.get("/v1/admin/payments/reconciliation", params={"resolved": "true"})).json()
    assert [one["resolution"] for one in explained["exceptions"]] == ["A payment taken by telephone."]


async def test_another_shops_exceptions_are_not_there(
    till: Till, staff: httpx.AsyncClient, database_urls: DatabaseUrls
) -> None:
    theirs = await Till.at(till.desk.database, seed_shop(database_urls, "fashion"))
    theirs.bank.days[SOON] = [line_of(entry())]
    await theirs.run(SOON)
    async with theirs.desk.database.tx(theirs.desk.shop.id) as tx:
        (found,) = await reading.exceptions(tx, resolved=False, after=None, limit=10)
    assert (await staff.get("/v1/admin/payments/reconciliation")).json()["exceptions"] == []
    answer = await staff.post(f"/v1/admin/payments/reconciliation/{found.id}/resolve", json={"resolution": "Mine."})
    assert (answer.status_code, answer.json()["code"]) == (404, "payments.exception_not_found")


async def test_staff_run_a_day_when_they_like(till: Till, app: Any, staff: httpx.AsyncClient) -> None:
    registry._built[app.state.core.database] = Providers(till.bank)
    with clock.use(lambda: datetime.now(UTC)):
        today = clock.now().date()
        day = today - timedelta(days=1)
        till.bank.days[day] = [line_of(entry(), settled_on=day)]
        path = "/v1/admin/payments/reconciliation"
        done = await staff.post(path, json={"provider": "test", "day": str(day)})
        assert (done.status_code, done.json()) == (200, {"lines": 1, "new": 1, "exceptions": 1}), done.text
        again = await staff.post(path, json={"provider": "test", "day": str(day)})
        assert again.json() == {"lines": 1, "new": 0, "exceptions": 0}
        for body, code in (
            ({"provider": "test", "day": str(today)}, "payments.day_not_over"),
            ({"provider": "nobody", "day": str(day)}, "payments.unknown_provider"),
        ):
            answer = await staff.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (await staff.post(path, json={"provider": "test", "day": "soon"})).status_code == 422


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body", [{}, {"resolution": ""}, {"resolution": "\x00"}, {"resolution": 7}, {"resolution": "x", "more": 1}]
)
async def test_an_explanation_that_is_none_is_refused(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await staff.post(f"/v1/admin/payments/reconciliation/{new_id()}/resolve", json=body)
    assert answer.status_code in (400, 422), answer.text
