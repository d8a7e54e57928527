"""Scripts that pgbench accepts and that do what they say, tried on a real server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from commerce.catalog import hot
from commerce.catalog.service import asked_by
from foundation.database import hot as compiled
from foundation.settings import Settings
from tests.factories import seed_shop
from tradewind.bench import pgbench
from tradewind.bench.pgbench import PgbenchFailed, latencies
from tradewind.bench.scripts import Recording, literal, read_script
from tradewind.bench.shop import NotLoaded, Shop, record

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

NOW = datetime(2026, 11, 24, 3, 30, 15, 250_000, tzinfo=UTC)
VALUES: list[Any] = [
    None, True, 7, 2.5, "plain", "it's", "12:30 :name :1", r"back\slash", NOW, b"\x00:\xff", [uuid4()], ["a", "b:c"], uuid4(),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_literal_means_the_value_and_looks_like_no_variable(value: Any, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.app) as connection:
        row = connection.execute(f"SELECT {literal(value)}").fetchone()

    assert row is not None
    assert (UUID(row[0]) if isinstance(value, UUID) else row[0]) == (
        float(value) if isinstance(value, float) else value
    )
    assert ":" not in literal(value).replace("::", "")


def test_a_read_runs_in_pgbench_as_the_tenant(database_urls: DatabaseUrls) -> None:
    shop = seed_shop(database_urls, "grocer")
    script = read_script(
        shop.id,
        hot.PRODUCT_BY_HANDLE,
        {"tenant_id": shop.id, **asked_by("USD"), "handle": shop.products[0].handle},
    )

    assert pgbench.run(database_urls.app, [script], clients=2, seconds=1).done > 0


def test_what_postgres_refuses_is_told(database_urls: DatabaseUrls) -> None:
    script = read_script(uuid4(), compiled(text("SELECT 1 FROM nowhere")), {})

    with pytest.raises(PgbenchFailed, match="nowhere"):
        pgbench.run(database_urls.app, [script], clients=1, seconds=1)


def test_recorded_orders_are_placed_again_and_again(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "grocer", stock=1_000_000)
    settings = Settings(_env_file=None, database_url=database_urls.app)
    shop = Shop.read(settings)

    import asyncio

    recorded = asyncio.run(record(settings, shop, seeded.products[0].variant_id))
    done = pgbench.run(database_urls.app, [recorded.place_order], clients=2, seconds=1).done

    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(seeded.id),))
        (orders,) = connection.execute("SELECT count(*) FROM orders").fetchone() or (0,)
        (reserved,) = connection.execute("SELECT sum(reserved) FROM stock").fetchone() or (0,)
    assert orders == reserved
    assert orders >= done > 0


def test_an_empty_database_is_no_shop(database_urls: DatabaseUrls) -> None:
    with pytest.raises(NotLoaded, match="make demo"):
        Shop.read(Settings(_env_file=None, database_url=database_urls.app))


def test_only_what_a_request_made_up_is_new_each_time() -> None:
    known, fresh = uuid4(), uuid4()
    recording = Recording()
    recording.border("BEGIN")
    recording.statement("INSERT INTO t VALUES ($1::UUID, $2::UUID, $3, $1)", (known, fresh, "key"))
    recording.statement("UPDATE t SET x = $1 WHERE id = $2::UUID", [(1, fresh), (2, fresh)])
    recording.border("COMMIT")

    lines = recording.script(known={known}, made_up={"key"}).splitlines()

    assert [line.split()[1] for line in lines[:2]] == ["id0", "text1"]
    assert sum(str(known) in line for line in lines) == 1
    assert sum(":id0::bigint" in line for line in lines) == 3
    assert not any(str(fresh) in line or "'key'" in line for line in lines)
    assert (lines[2], lines[-1]) == ("BEGIN;", "COMMIT;")


def test_pgbenchs_log_is_read_in_milliseconds_without_its_warm_up() -> None:
    lines = [f"0 {number} 500000 0 {1_000 + number // 2} {number % 2 * 500_000}" for number in range(1, 21)]

    took, seconds = latencies([*lines, "2 3 skipped 0 1010 2", ""])

    assert (len(took), set(took), seconds) == (18, {500.0}, pytest.approx(9.0))
    assert latencies(["0 1 1500 0 1000 1500", "1 2 250 3 1000 2500"]) == ([1.5, 0.25], pytest.approx(0.001875))
