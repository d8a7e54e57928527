from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import chdb.session
import polars as pl
import pyarrow as pa
import pytest

from models.recommendation.dataset import content_hash, from_clickhouse, new_to_shopper, time_split
from models.recommendation.histories import Catalogue, Histories
from models.recommendation.spec import INPUT, Parameters
from models.recommendation.train import learnable, train

END = datetime(2026, 3, 1, tzinfo=UTC)
OURS, THEIRS = UUID(int=1), UUID(int=2)
ANNA, GUEST = UUID(int=10), UUID(int=11)


def bought(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """Purchases as (shopper, product, days before the end)."""
    return pl.DataFrame(
        [(shopper, product, END - timedelta(days=days), 1) for shopper, product, days in rows],
        schema=INPUT,
        orient="row",
    )


def test_the_test_weeks_hold_the_last_purchase_and_nothing_from_before_them():
    split = time_split(bought(("a", "p", 0), ("a", "p", 27), ("a", "p", 28), ("b", "q", 90)), weeks=4)
    assert split.test["occurred_at"].to_list() == [END, END - timedelta(days=27)]
    assert split.train["occurred_at"].max() < split.at <= split.test["occurred_at"].min()


def test_every_purchase_is_on_one_side_of_the_split(purchases: pl.DataFrame):
    split = time_split(purchases)
    assert content_hash(pl.concat([split.train, split.test])) == content_hash(purchases)


def test_new_to_a_shopper_is_what_that_shopper_never_bought_though_another_did():
    split = time_split(bought(("a", "p", 60), ("a", "p", 1), ("b", "p", 1), ("a", "q", 0)), weeks=4)
    assert new_to_shopper(split).select("shopper_key", "product_id").rows() == [("b", "p"), ("a", "q")]


def test_nothing_can_not_be_split():
    with pytest.raises(ValueError, match="no interactions"):
        time_split(bought())


def test_a_model_knows_nothing_of_what_comes_after_its_instant(purchases: pl.DataFrame, quick: Parameters):
    split = time_split(purchases)
    later = split.test.with_columns(pl.lit("only-in-the-test-weeks").alias("product_id"))
    with_later = train(pl.concat([split.train, later]), parameters=quick, until=split.at)
    without = train(split.train, parameters=quick, until=split.at)
    assert "only-in-the-test-weeks" not in with_later.catalogue.index
    assert with_later.provenance == without.provenance
    assert with_later.popular[0] == without.popular[0]


def test_a_history_ends_at_its_instant():
    catalogue = Catalogue(("p", "q"))
    history = Histories.of(bought(("a", "p", 3), ("a", "q", 1)), catalogue, ["a"], until=END - timedelta(days=2))
    assert history.item.tolist() == [0]
    assert history.age_days.tolist() == [1.0]


def test_a_shopper_without_a_history_has_an_empty_one():
    history = Histories.of(bought(("a", "p", 3)), Catalogue(("p",)), ["a", "b"], until=END)
    assert history.seen().toarray().tolist() == [[1], [0]]


def test_weight_halves_with_every_half_life():
    history = Histories.of(
        bought(("a", "p", 0), ("a", "p", 10), ("a", "q", 20)), Catalogue(("p", "q")), ["a"], until=END
    )
    later = Histories.of(
        bought(("a", "p", 0), ("a", "p", 10), ("a", "q", 20)),
        Catalogue(("p", "q")),
        ["a"],
        until=END + timedelta(days=10),
    )
    assert history.decayed(10).toarray().tolist() == [[0.5, 0.25]]
    assert later.decayed(10).toarray().tolist() == [[0.75, 0.125]]


def test_the_catalogue_is_the_most_bought_products():
    frame = bought(("a", "r", 1), ("a", "p", 1), ("b", "p", 2), ("b", "q", 3), ("c", "q", 3), ("c", "q", 4))
    assert Catalogue.of(frame, limit=2, least_purchases=1).product_ids == ("p", "q")
    assert Catalogue.of(frame, limit=9, least_purchases=3).product_ids == ("q",)


def test_the_hash_is_of_the_rows_and_not_of_their_order(purchases: pl.DataFrame):
    assert content_hash(purchases.reverse()) == content_hash(purchases)
    assert content_hash(purchases.head(-1)) != content_hash(purchases)


def test_too_little_to_learn_from_is_said(quick: Parameters):
    with pytest.raises(ValueError, match="nothing to learn from"):
        learnable(bought(("a", "p", 1)), quick, until=END)


class ClickHouse:
    """What our shop reads by, over the engine in process."""

    def __init__(self) -> None:
        self.session = chdb.session.Session()

    def arrow(self, statement: str, parameters: dict[str, object]) -> pa.Table:
        answer = self.session.query(statement, "ArrowStream", params={**parameters, "tenant_id": str(OURS)})
        with pa.ipc.open_stream(answer.bytes()) as stream:
            return stream.read_all()


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[ClickHouse]:
    client = ClickHouse()
    client.session.query("CREATE DATABASE shop ENGINE = Atomic")
    client.session.query("USE shop")
    client.session.query(
        """
        CREATE TABLE events (
            tenant_id UUID, event_id UUID, name String, version UInt16,
            occurred_at DateTime64(3, 'UTC'), recorded_at DateTime64(3, 'UTC'),
            shopper_id Nullable(UUID), visitor_id Nullable(UUID), consent Array(String),
            payload String
        ) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (tenant_id, name, occurred_at, event_id)
        """
    )
    yield client
    client.session.close()


def deliver(
    client: ClickHouse,
    *,
    event: int,
    tenant=OURS,
    name="order.placed",
    shopper=ANNA,
    visitor=None,
    day=1,
    lines=(),
    consent=("analytics", "personalisation"),
):
    payload = json.dumps(
        {"order_id": "o", "lines": [{"product_id": p, "variant_id": "v", "quantity": q} for p, q in lines]}
    )
    quoted = [f"'{value}'" if value else "NULL" for value in (shopper, visitor)]
    client.session.query(
        f"INSERT INTO events VALUES ('{tenant}', '{UUID(int=event)}', '{name}', 1, '2026-02-{day:02} 10:00:00.250',"
        f" '2026-02-{day:02} 10:00:01', {quoted[0]}, {quoted[1]}, {list(consent)}, '{payload}')"
    )


def test_purchases_come_out_of_clickhouse_line_by_line_and_once(clickhouse: ClickHouse):
    for _ in range(2):
        deliver(clickhouse, event=1, lines=[("tea", 2), ("milk", 1)])
    deliver(clickhouse, event=2, shopper=None, visitor=GUEST, day=2, lines=[("tea", 1)])
    deliver(clickhouse, event=3, tenant=THEIRS, lines=[("theirs", 1)])
    deliver(clickhouse, event=4, name="order.cancelled", lines=[("cancelled", 1)])
    deliver(clickhouse, event=5, shopper=None, lines=[("ownerless", 1)])
    deliver(clickhouse, event=6, day=20, lines=[("later", 1)])
    deliver(clickhouse, event=7, lines=[("not agreed to", 1)], consent=["analytics", "marketing"])

    frame = from_clickhouse(clickhouse, datetime(2026, 2, 20, 10, tzinfo=UTC))

    first, second = datetime(2026, 2, 1, 10, 0, 0, 250_000, UTC), datetime(2026, 2, 2, 10, 0, 0, 250_000, UTC)
    assert frame.schema == INPUT
    assert sorted(frame.rows()) == [
        (str(ANNA), "milk", first, 1),
        (str(ANNA), "tea", first, 2),
        (str(GUEST), "tea", second, 1),
    ]
