"""Runs when somebody was forgotten, or when a backup of the event store brought somebody back."""

from __future__ import annotations

import dagster as dg

from dagster_project.jobs import forgetting
from dagster_project.resources import Platform

LOOK_EVERY = 60


@dg.sensor(
    job=forgetting,
    minimum_interval_seconds=LOOK_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs `forgetting` for tombstones that the event store has not gone through.",
)
def erasures(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult | dg.SkipReason:
    """Compares the core's tombstones with those the event store says it has gone through; at most one run at a time."""
    from pipelines.forgetting import due  # noqa: PLC0415

    waiting = due(platform.settings())
    if not waiting:
        return dg.SkipReason("nobody is to be forgotten")
    if _is_running(context):
        return dg.SkipReason("a run is forgetting them")
    return dg.SensorResult(run_requests=[dg.RunRequest()])


def _is_running(context: dg.SensorEvaluationContext) -> bool:
    unfinished = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    return bool(context.instance.get_runs(dg.RunsFilter(job_name=forgetting.name, statuses=unfinished), limit=1))
