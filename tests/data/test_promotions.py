"""What was promoted goes to ClickHouse, under the ids and dates of the orders."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import SecretStr

from foundation import clients
from foundation.settings import Settings
from tradewind.data import tenants
from tradewind.data.promotions import TABLE, NoHistory, load_promotions
from tradewind.data.tenants import GROCER

ROWS = 20_000
SHIFT_DAYS = 3_000


@pytest.fixture
def both(settings: Settings, clickhouse_database: str) -> Settings:
    """Postgres and ClickHouse, the grocer's shift remembered."""
    owner_url = settings.require("database_owner_url", "Postgres")
    tenants.create(owner_url, GROCER)
    tenants.remember(owner_url, GROCER, {"shift_days": SHIFT_DAYS})
    return settings.model_copy(update={"clickhouse_url": SecretStr(clickhouse_database)})


def test_promotions_carry_the_tenant_the_products_id_and_the_shifted_week(both: Settings) -> None:
    report = load_promotions(both, limit=ROWS)
    [row] = (
        clients.clickhouse(both)
        .query(
            f"SELECT count(), uniqExact(tenant_id), any(tenant_id), min(week_start), min(original_week_start),"
            f" countIf(product_id = '{GROCER.ids.of('product', 1000050)}'),"
            f" countIf(week_start - original_week_start <> {SHIFT_DAYS}) FROM {TABLE} FINAL"
        )
        .result_rows
    )
    count, tenants_seen, tenant_id, _, first, of_one_product, wrongly_shifted = row
    assert count == report.inserted > ROWS * 0.9
    assert (tenants_seen, tenant_id) == (1, GROCER.id)
    assert first == date(2016, 12, 26)
    assert of_one_product >= 3
    assert wrongly_shifted == 0


def test_loading_promotions_again_changes_nothing(both: Settings) -> None:
    load_promotions(both, limit=ROWS)
    assert load_promotions(both, limit=ROWS).inserted == 0


def test_promotions_wait_for_the_orders(settings: Settings) -> None:
    tenants.create(settings.require("database_owner_url", "Postgres"), GROCER)
    with pytest.raises(NoHistory):
        load_promotions(settings, limit=ROWS)
