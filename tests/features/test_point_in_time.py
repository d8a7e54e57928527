"""What is known of a shopper as of an instant, in training and now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl
import pytest

from features.compute import shopper_activity
from features.materialise import training_set
from foundation.analytics import ShopRows
from foundation.settings import Settings
from tests.features.conftest import APPLE, BREAD, CHEESE, DAY, NOW, OTHER_TENANT, SHOPPER, TENANT, Shop

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


def known(client: Client, until: Any = NOW) -> dict[str, Any]:
    return shopper_activity(ShopRows(client, TENANT), until=until, shoppers=[SHOPPER]).row(0, named=True)


def test_a_shopper_is_what_they_did_newest_first_an_order_counting_most(shop: Shop) -> None:
    shop.happen("order.placed", APPLE, BREAD, at=NOW - 9 * DAY, quantity=3)
    shop.happen("view_item", CHEESE, at=NOW - 2 * DAY)
    shop.happen("add_to_cart", CHEESE, at=NOW - DAY)

    row = known(shop.client)

    assert row["touched_products"] == [str(CHEESE), str(CHEESE), str(BREAD), str(APPLE)]
    assert row["touch_weights"] == [0.5, 0.2, 1.0, 1.0]
    assert row["touched_at"][0] == (NOW - DAY).timestamp() * 1000
    assert (row["orders"], row["units"], row["products"]) == (1, 6, 2)
    assert row["last_order_at"] == (NOW - 9 * DAY).timestamp() * 1000
    assert row["as_of"] == NOW - DAY


def test_what_became_known_later_does_not_count_however_long_ago_it_happened(shop: Shop) -> None:
    shop.happen("order.placed", APPLE, at=NOW - 3 * DAY)
    shop.happen("order.placed", BREAD, at=NOW - 3 * DAY, known_at=NOW - DAY)

    assert known(shop.client, NOW - 2 * DAY)["touched_products"] == [str(APPLE)]
    assert set(known(shop.client)["touched_products"]) == {str(APPLE), str(BREAD)}


def test_a_second_delivery_changes_nothing(shop: Shop) -> None:
    event = uuid4()
    shop.happen("order.placed", APPLE, at=NOW - DAY, event=event)
    before = known(shop.client)

    shop.happen("order.placed", APPLE, at=NOW - DAY, event=event, known_at=NOW)

    assert known(shop.client) == before


def test_one_shopper_or_all_get_the_same_row_and_another_tenant_none(shop: Shop) -> None:
    shop.happen("order.placed", APPLE)
    shop.happen("order.placed", BREAD, shopper=uuid4())
    shop.happen("order.placed", CHEESE, tenant=OTHER_TENANT)

    everybody = shopper_activity(ShopRows(shop.client, TENANT), until=NOW)

    assert len(everybody) == 2
    assert everybody.filter(pl.col("shopper_key") == f"{TENANT}:{SHOPPER}").row(0, named=True) == known(shop.client)
    assert CHEESE not in everybody["touched_products"].explode().to_list()


def test_a_training_set_holds_what_was_known_at_each_instant_and_no_more(settings: Settings, shop: Shop) -> None:
    shop.happen("order.placed", APPLE, at=NOW - 20 * DAY)
    shop.happen("order.placed", APPLE, at=NOW - 10 * DAY, quantity=2)
    shop.happen("order.placed", BREAD, at=NOW - DAY)
    instants = [NOW - 30 * DAY, NOW - 15 * DAY, NOW - 5 * DAY]

    rows = training_set(settings, TENANT, [(SHOPPER, APPLE, at) for at in instants]).sort("event_timestamp")

    assert rows["orders"].to_list() == [None, 1, 2]
    assert [list(touched or []) for touched in rows["touched_products"].to_list()] == [
        [],
        [str(APPLE)],
        [str(APPLE), str(APPLE)],
    ]
    assert rows["units_28d"].to_list()[1:] == [1, 3]
    assert rows["units_7d"].to_list()[1:] == [1, 2]


def test_a_training_set_of_nothing_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="at least one"):
        training_set(settings, TENANT, [])
