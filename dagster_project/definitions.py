"""The assets, their checks, and when they run. Loading this imports Dagster and no data library."""

from __future__ import annotations

import dagster as dg

from dagster_project import assets, checks, mart_checks, marts
from dagster_project.erasures import erasures
from dagster_project.freshness import new_orders
from dagster_project.jobs import forgetting, refresh, suggesting
from dagster_project.resources import Platform, Silent

nightly = dg.ScheduleDefinition(
    name="nightly",
    job=refresh,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
hourly = dg.ScheduleDefinition(
    name="hourly",
    job=suggesting,
    cron_schedule="30 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

defs = dg.Definitions(
    assets=[*assets.ALL, *marts.ALL],
    asset_checks=[*checks.ALL, mart_checks.marts_are_sound],
    jobs=[refresh, forgetting, suggesting],
    schedules=[nightly, hourly],
    sensors=[new_orders, erasures],
    resources={"platform": Platform(), "reporter": dg.ResourceDefinition.hardcoded_resource(Silent())},
    # A run is a process already; one more a step would load the data libraries again.
    executor=dg.in_process_executor,
)
