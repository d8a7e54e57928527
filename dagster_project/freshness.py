"""Runs between the nights, when enough has happened."""

import dagster as dg

from dagster_project.jobs import refresh
from dagster_project.resources import Platform

WORTH_A_RUN = 5_000
"""New orders that make the model worth training again before the night."""
LOOK_EVERY = 60
_LIVE_ORDERS = """
    SELECT count() FROM events FINAL WHERE name = 'order.placed' AND NOT JSONHas(payload, 'original_at')
"""


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=LOOK_EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Runs `refresh` after every {WORTH_A_RUN:,} orders.",
)
def new_orders(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult | dg.SkipReason:
    """Counts the orders since the run it last asked for, without imported history; the first look takes the count."""
    from foundation import clients  # noqa: PLC0415

    client = clients.clickhouse(platform.settings())
    try:
        found = client.query(_LIVE_ORDERS).result_rows
    finally:
        client.close()
    orders = int(found[0][0])
    before = int(context.cursor) if context.cursor else None
    if before is None:
        context.update_cursor(str(orders))
        return dg.SkipReason(f"{orders:,} orders so far")
    if orders - before < WORTH_A_RUN:
        return dg.SkipReason(f"{orders - before:,} new orders since the last run")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=str(orders))], cursor=str(orders))
