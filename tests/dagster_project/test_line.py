"""The whole line on real engines, and checks that fail when something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import psycopg
import pytest

from dagster_project import checks
from dagster_project.definitions import defs
from dagster_project.erasures import erasures
from dagster_project.freshness import WORTH_A_RUN, new_orders
from dagster_project.jobs import forgetting
from dagster_project.resources import Platform
from dagster_project.run import NAMES, RunFailed, materialise_all
from features.verify import differences
from foundation import clients
from foundation.settings import Settings
from pipelines import audit
from serving.index import alias_of
from tests.dagster_project.conftest import EMPTY_TENANT, ORDER, TENANT


def test_the_line_ends_in_a_published_index_and_every_check_passes(settings: Settings, year: int, client: Any) -> None:
    told: list[tuple[float, float | None, str]] = []

    materialise_all(lambda *step: told.append(step))

    with dg.DagsterInstance.get() as instance:
        made = {name: instance.get_latest_materialization_event(dg.AssetKey(name)) for name in NAMES}
        assert all(made.values())
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS
    qdrant = clients.qdrant(settings)
    assert qdrant.count(alias_of(TENANT)).count == 32
    qdrant.close()
    assert differences(settings, TENANT, sample=100) == []
    assert differences(settings, EMPTY_TENANT, sample=100) == []
    assert {total for _, total, _ in told} == {len(NAMES)}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_an_order_without_its_event_stops_the_line_before_anything_is_trained(settings: Settings, year: int) -> None:
    with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(TENANT),))
        connection.execute(ORDER, (TENANT, uuid4(), "LOST", 200, 200, datetime(2026, 1, 1, tzinfo=UTC)))

    with pytest.raises(RunFailed, match="orders_agree_with_postgres"):
        materialise_all(lambda *_: None)

    with dg.DagsterInstance.get() as instance:
        assert instance.get_latest_materialization_event(dg.AssetKey("recommendation_model")) is None


def test_orders_are_counted_on_both_sides_tenant_by_tenant(settings: Settings, year: int) -> None:
    now = datetime.now(UTC)

    assert audit.orders(settings, TENANT, before=now) == audit.Counted(year, year)
    assert audit.orders(settings, EMPTY_TENANT, before=now) == audit.Counted(0, 0)


def test_an_event_that_breaks_its_contract_is_named(settings: Settings, year: int, client: Any) -> None:
    assert list(audit.broken_contracts(settings, TENANT, sample=50)) == []
    event = uuid4()
    client.insert(
        "events",
        [[TENANT, "order.placed", datetime.now(UTC), event, 1, '{"total": -1}']],
        column_names=["tenant_id", "name", "occurred_at", "event_id", "version", "payload"],
    )

    (fault,) = audit.broken_contracts(settings, TENANT, sample=50)

    assert str(event) in fault
    result = checks.events_keep_their_contracts(Platform())
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed


def test_a_shopper_who_is_not_online_is_a_difference(settings: Settings, year: int) -> None:
    assert len(differences(settings, TENANT, sample=7)) == 7


def test_the_sensor_asks_for_a_run_when_enough_orders_are_new(settings: Settings, year: int, client: Any) -> None:
    def look(cursor: str | None) -> Any:
        context = dg.build_sensor_context(cursor=cursor, resources={"platform": Platform()})
        return new_orders(context)

    assert isinstance(look(None), dg.SkipReason)
    assert isinstance(look(str(year)), dg.SkipReason)
    asked = look(str(year - WORTH_A_RUN))
    assert isinstance(asked, dg.SensorResult)
    assert len(asked.run_requests or []) == 1
    assert asked.cursor == str(year)


def test_history_that_is_loaded_is_no_reason_for_a_run(settings: Settings, client: Any) -> None:
    now = datetime.now(UTC)
    payload = '{"original_at": "2017-01-01T00:00:00Z"}'
    rows = [[TENANT, "order.placed", now, uuid4(), payload] for _ in range(3)]
    client.insert("events", rows, column_names=["tenant_id", "name", "occurred_at", "event_id", "payload"])

    looked = new_orders(dg.build_sensor_context(cursor=str(-WORTH_A_RUN), resources={"platform": Platform()}))

    assert isinstance(looked, dg.SensorResult)
    assert looked.cursor == "0"


def _bury(settings: Settings, person: UUID) -> None:
    with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(TENANT),))
        connection.execute(
            "INSERT INTO tombstone (tenant_id, id, subject_id, person_id, erased_at) VALUES (%s, %s, %s, %s, now())",
            (TENANT, uuid4(), person, person),
        )


def test_the_sensor_has_whoever_was_forgotten_taken_out(settings: Settings, year: int, client: Any) -> None:
    ((person,),) = client.query("SELECT any(shopper_id) FROM interactions").result_rows

    def look() -> Any:
        with dg.DagsterInstance.get() as instance:
            return erasures(dg.build_sensor_context(instance=instance, resources={"platform": Platform()}))

    assert isinstance(look(), dg.SkipReason)
    _bury(settings, person)
    assert isinstance(look(), dg.SensorResult)
    kept = checks.nobody_forgotten_is_kept(Platform())
    assert isinstance(kept, dg.AssetCheckResult)
    assert not kept.passed

    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def(forgetting.name).execute_in_process(instance=instance)

    assert all(one.passed for one in result.get_asset_check_evaluations())
    assert client.query(f"SELECT count() FROM interactions WHERE shopper_id = '{person}'").result_rows == [(0,)]
    assert isinstance(look(), dg.SkipReason)
    assert audit.orders(settings, TENANT, before=datetime.now(UTC)).agree
