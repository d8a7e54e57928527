"""A grocer's year becomes a tenant's own facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from commerce.privacy import covering
from foundation import clock, veil
from foundation.database import Database, hot
from foundation.events import CONTRACTS
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.data.conftest import HOUSEHOLDS, NOW, Query, as_tenant
from tradewind.data import history, journey, source
from tradewind.data.bulk import Loader
from tradewind.data.journey import AnotherSlice, load_complete_journey
from tradewind.data.tenants import FASHION, GROCER


@pytest.fixture(scope="module")
def slice_() -> source.Journey:
    return source.read(HOUSEHOLDS)


@pytest.fixture
def loaded(settings: Settings) -> None:
    load_complete_journey(settings, households=HOUSEHOLDS)


def every_basket_is_an_order_and_every_line_an_order_line(query: Query, slice_: source.Journey) -> None:
    [(orders, lines, customers, products)] = query(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_line), (SELECT count(*) FROM customer),"
        " (SELECT count(*) FROM product)"
    )
    assert lines == slice_.lines.height > 10_000
    assert orders == slice_.lines["basket_id"].n_unique()
    assert customers == HOUSEHOLDS
    assert products == slice_.products.height


def what_the_store_received_is_what_the_orders_total(query: Query, slice_: source.Journey) -> None:
    [(orders, lines, ledger)] = query(
        "SELECT (SELECT sum(total) FROM orders), (SELECT sum(total) FROM order_line),"
        " (SELECT sum(amount) FROM ledger_posting WHERE account = 'provider:history')"
    )
    assert orders == lines == ledger == slice_.lines["total"].sum()


def an_order_is_the_sum_of_its_lines(query: Query, _: source.Journey) -> None:
    assert (
        query(
            "SELECT o.id FROM orders o JOIN order_line l ON l.order_id = o.id GROUP BY o.tenant_id, o.id"
            " HAVING o.total <> sum(l.total) OR o.discount <> sum(l.discount)"
            " OR o.subtotal <> sum(l.unit_price * l.quantity + l.rounding)"
        )
        == []
    )


def every_transaction_of_the_ledger_sums_to_zero(query: Query, _: source.Journey) -> None:
    sums = query("SELECT count(*), sum(amount) FROM ledger_posting GROUP BY transaction_id")
    assert sums
    assert set(sums) == {(2, 0)}


def the_year_ends_yesterday_and_each_day_moved_alike(query: Query, _: source.Journey) -> None:
    [(last, shifts)] = query("SELECT max(placed_at), count(DISTINCT placed_at - original_at) FROM orders")
    assert last.date() == NOW.date() - timedelta(days=1)
    assert shifts == 1


def received_is_what_is_left_and_what_was_sold(query: Query, _: source.Journey) -> None:
    assert query("SELECT id FROM stock WHERE received <> available + reserved + sold + written_off") == []
    assert (
        query(
            "SELECT v.id FROM stock s JOIN variant v ON v.id = s.variant_id JOIN order_line l ON l.variant_id = v.id"
            " GROUP BY v.id, s.sold HAVING s.sold <> sum(l.quantity)"
        )
        == []
    )
    [(least,)] = query("SELECT min(available) FROM stock")
    assert least > 0


def the_sum_of_movements_is_the_balance(query: Query, _: source.Journey) -> None:
    assert (
        query(
            """
        SELECT s.id FROM stock s LEFT JOIN stock_movement m ON m.stock_id = s.id
        GROUP BY s.tenant_id, s.id
        HAVING s.received <> sum(m.quantity) FILTER (WHERE m.kind = 'receive')
            OR s.sold <> coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'sell'), 0)
            OR s.reserved <> coalesce(sum(CASE m.kind WHEN 'reserve' THEN m.quantity WHEN 'sell' THEN -m.quantity END), 0)
        """
        )
        == []
    )


def each_fact_is_announced_once_and_keeps_its_contract(query: Query, slice_: source.Journey) -> None:
    events = query("SELECT name, version, payload, event_id FROM outbox")
    assert len({event_id for *_, event_id in events}) == len(events)
    for name, version, payload, _ in events:
        CONTRACTS[name, version].model_validate(payload)
    names = [name for name, *_ in events]
    assert names.count("order.placed") == slice_.lines["basket_id"].n_unique()
    assert names.count("customer.registered") == HOUSEHOLDS
    assert names.count("coupon.redeemed") == slice_.redemptions.height > 0


def the_announced_order_is_the_order(query: Query, _: source.Journey) -> None:
    assert (
        query(
            """
        SELECT o.id FROM orders o JOIN outbox e ON e.aggregate_id = o.id AND e.name = 'order.placed'
        WHERE (e.payload->>'total')::bigint <> o.total OR e.occurred_at <> o.placed_at OR e.shopper_id <> o.customer_id
           OR jsonb_array_length(e.payload->'lines') <> (SELECT count(*) FROM order_line l WHERE l.order_id = o.id)
        """
        )
        == []
    )


@pytest.mark.usefixtures("loaded")
def test_a_second_load_changes_nothing(settings: Settings, query: Query) -> None:
    digest = "SELECT md5(string_agg(o::text, '' ORDER BY id)), (SELECT count(*) FROM outbox) FROM orders o"
    before = query(digest)
    with clock.use(lambda: NOW + timedelta(days=3)):
        again = load_complete_journey(settings, households=HOUSEHOLDS)
    assert again.inserted == 0
    assert query(digest) == before


def test_a_load_that_was_cut_short_goes_on_with_the_same_dates(
    settings: Settings, query: Query, slice_: source.Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_loader: Loader, _part: history.Orders) -> None:
        raise ConnectionError

    monkeypatch.setattr("tradewind.data.history.BASKETS_A_PART", 500)
    load_orders = journey._load_orders
    parts = iter([load_orders, load_orders, crash])

    def load_next_part(loader: Loader, part: history.Orders) -> None:
        next(parts)(loader, part)

    monkeypatch.setattr(journey, "_load_orders", load_next_part)
    with pytest.raises(ConnectionError):
        load_complete_journey(settings, households=HOUSEHOLDS)
    assert query("SELECT count(*) FROM orders") == [(1000,)]

    monkeypatch.setattr(journey, "_load_orders", load_orders)
    with clock.use(lambda: NOW + timedelta(days=1)):
        load_complete_journey(settings, households=HOUSEHOLDS)
    [(orders, shifts)] = query("SELECT count(*), count(DISTINCT placed_at - original_at) FROM orders")
    assert (orders, shifts) == (slice_.lines["basket_id"].n_unique(), 1)
    assert query("SELECT count(*), count(DISTINCT event_id) FROM outbox WHERE name = 'order.placed'") == [
        (orders, orders)
    ]


@pytest.mark.usefixtures("loaded")
def test_the_other_tenant_is_there_and_sees_no_row(database_urls: DatabaseUrls, query: Query) -> None:
    with psycopg.connect(database_urls.app) as nobody:
        hosts = nobody.execute("SELECT host, slug FROM tenant_domain d JOIN tenant t ON t.id = d.tenant_id").fetchall()
    assert set(hosts) == {
        ("localhost", "grocer"),
        ("127.0.0.1", "grocer"),
        ("grocer.localhost", "grocer"),
        ("fashion.localhost", "fashion"),
    }
    with as_tenant(database_urls, FASHION.id) as app:
        for table in (*journey.COUNTED, "outbox", "warehouse"):
            assert app.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table


def products_are_found_by_their_words(query: Query, _: source.Journey) -> None:
    found = query(
        "SELECT p.title FROM search_products(to_tsquery('english', 'milk'), NULL, NULL, 5) f"
        " JOIN product p ON p.id = f.product_id"
    )
    assert found
    assert all("milk" in title.lower() for (title,) in found)


def a_category_counts_what_is_for_sale_at_and_below_it(query: Query, _: source.Journey) -> None:
    assert (
        query(
            """
        SELECT c.path, c.product_count FROM category c
        LEFT JOIN category below ON below.path <@ c.path
        LEFT JOIN product p ON p.category_id = below.id AND p.status = 'published'
        GROUP BY c.tenant_id, c.id HAVING c.product_count <> count(p.id)
        """
        )
        == []
    )


KEPT: Sequence[Callable[[Query, source.Journey], None]] = (
    every_basket_is_an_order_and_every_line_an_order_line,
    what_the_store_received_is_what_the_orders_total,
    an_order_is_the_sum_of_its_lines,
    every_transaction_of_the_ledger_sums_to_zero,
    the_year_ends_yesterday_and_each_day_moved_alike,
    received_is_what_is_left_and_what_was_sold,
    the_sum_of_movements_is_the_balance,
    each_fact_is_announced_once_and_keeps_its_contract,
    the_announced_order_is_the_order,
    products_are_found_by_their_words,
    a_category_counts_what_is_for_sale_at_and_below_it,
)


@pytest.mark.usefixtures("loaded")
def test_what_holds_of_a_year_holds_of_the_one_that_is_loaded(
    slice_: source.Journey, query: Query, subtests: pytest.Subtests
) -> None:
    for holds in KEPT:
        with subtests.test(holds.__name__):
            holds(query, slice_)


@pytest.mark.usefixtures("loaded")
def test_another_slice_is_refused(settings: Settings) -> None:
    with pytest.raises(AnotherSlice, match="30 households"):
        load_complete_journey(settings, households=HOUSEHOLDS + 1)


@pytest.mark.usefixtures("loaded")
def test_the_right_to_stage_rows_is_given_back(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.app) as app:
        assert app.execute("SELECT has_database_privilege(current_database(), 'TEMPORARY')").fetchone() == (False,)


def test_every_dropped_line_is_counted() -> None:
    whole = source.read()
    dropped = whole.dropped
    assert dropped.lines_of_dropped_departments == 12_997 + 4_871
    assert dropped.products_of_dropped_departments == 594
    assert (
        whole.lines.height
        + dropped.lines_of_dropped_departments
        + dropped.lines_of_unknown_products
        + dropped.lines_without_quantity
        == 1_469_307
    )
    assert GROCER.id == GROCER.ids.of("tenant", "grocer")


@pytest.mark.usefixtures("loaded")
async def test_nobody_is_loaded_in_plain_and_the_core_reads_them(database_urls: DatabaseUrls, query: Query) -> None:
    names = [name for (name,) in query("SELECT display_name FROM customer")]
    assert len(names) == HOUSEHOLDS
    assert [name for name in names if not veil.is_sealed(name)] == []
    database = Database(database_urls.app, pool_size=2)
    try:
        async with database.tx(GROCER.id) as tx:
            read = await tx.rows(
                hot(text("SELECT display_name, traits::text FROM customer WHERE tenant_id = :tenant_id"))
            )
        assert all(row["display_name"].startswith("Household ") for row in read)
        assert any("age" in row["traits"] for row in read)
        assert await covering.cover(database, GROCER.id) == 0, "something was loaded that the core would have sealed"
    finally:
        await database.close()
