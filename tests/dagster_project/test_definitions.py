"""What the scheduler is told: the graph, its checks, and nothing heavy to be told it."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg

from dagster_project.definitions import defs

HEAVY = ("feast", "mlflow", "pandas", "polars", "numpy", "torch", "implicit", "qdrant_client", "clickhouse_connect")


def test_the_graph_goes_from_the_outbox_to_the_index() -> None:
    graph = defs.resolve_asset_graph()

    parents = {
        key.to_user_string(): {up.to_user_string() for up in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert parents == {
        "outbox": set(),
        "events": {"outbox"},
        "forgotten": {"events"},
        "interactions": {"forgotten"},
        "shopper_features": {"interactions"},
        "recommendation_model": {"interactions"},
        "item_index": {"recommendation_model"},
        "suggestions": {"forgotten"},
        "search_index": {"outbox"},
        "mart_orders": {"forgotten"},
        "mart_order_lines": {"forgotten", "mart_orders"},
        "mart_daily_sales": {"forgotten", "mart_orders"},
        "mart_product_performance": {"forgotten", "mart_order_lines"},
        "mart_products": {"outbox"},
        "mart_sessions": {"forgotten"},
        "mart_funnel": {"forgotten", "mart_sessions"},
        "mart_search_terms": {"forgotten"},
        "mart_tax": {"forgotten"},
        "mart_customer_acquisition": {"forgotten", "mart_orders"},
        "mart_customer_value": {"forgotten", "mart_orders"},
        "mart_retention_cohorts": {"forgotten", "mart_orders"},
        "mart_promotion_performance": {"forgotten", "mart_orders"},
        "mart_vendor_sales": {"forgotten", "mart_order_lines"},
        "mart_stock_outs": {"forgotten"},
        "mart_inventory_position": {"forgotten", "mart_order_lines", "mart_stock_outs"},
        "mart_recommendation_performance": {"forgotten", "mart_order_lines"},
    }


def test_every_step_that_makes_something_new_is_checked() -> None:
    graph = defs.resolve_asset_graph()

    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    marts = {"mart_orders", "mart_order_lines", "mart_daily_sales", "mart_tax", "mart_vendor_sales"}
    assert checked == {"events", "forgotten", "shopper_features", "item_index", *marts}


def test_the_line_runs_every_night_and_when_much_has_happened_and_suggestions_every_hour() -> None:
    repository = defs.get_repository_def()

    assert [schedule.cron_schedule for schedule in repository.schedule_defs] == ["30 * * * *", "0 2 * * *"]
    assert [sensor.job_name for sensor in repository.sensor_defs] == ["forgetting", "refresh"]
    assert all(one.default_status == dg.DefaultScheduleStatus.RUNNING for one in repository.schedule_defs)


def test_loading_the_definitions_loads_no_data_library() -> None:
    code = f"import sys, dagster_project.definitions; print([m for m in {HEAVY} if m in sys.modules])"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
