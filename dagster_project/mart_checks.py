"""Do the marts say what the books say, and are they sound? One step asks all of it, for steps cost more than questions.

What to do when one is red: docs/how-to/when-a-mart-is-red.md.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.resources import Platform

AGREEING = {"orders": "orders", "lines": "order_lines", "money": "daily_sales", "tax": "tax", "vendors": "vendor_sales"}
"""What is compared with Postgres, and the mart that it is of."""
_SPECS = [
    *(
        dg.AssetCheckSpec(
            f"{about}_to_the_cent",
            asset=f"mart_{mart}",
            description=f"The mart and Postgres say the same of {about}, by count and to the cent.",
        )
        for about, mart in AGREEING.items()
    ),
    dg.AssetCheckSpec("nothing_twice", asset="mart_order_lines", description="No order, line or visit is there twice."),
    dg.AssetCheckSpec("all_are_fresh", asset="mart_orders", description="Every mart was built in the last 26 hours."),
    dg.AssetCheckSpec(
        "as_usual_that_weekday",
        asset="mart_daily_sales",
        description="Yesterday had about as many orders as that weekday usually has.",
    ),
]


@dg.multi_asset_check(specs=_SPECS, name="marts_are_sound")
def marts_are_sound(platform: Platform) -> Iterator[dg.AssetCheckResult]:
    """Each tenant's marts, beside Postgres and by themselves."""
    from pipelines.marts import reconciling, watching  # noqa: PLC0415
    from pipelines.tenants import tenants, zone_of  # noqa: PLC0415

    settings = platform.settings()
    active = tenants(settings)
    for about, mart in AGREEING.items():
        found = {tenant.slug: reconciling.reconcile(settings, tenant.id, about) for tenant in active}
        wrong = {slug: str(one.differences) for slug, one in found.items() if one is not None and not one.agrees}
        yield _result(f"{about}_to_the_cent", mart, wrong)
    yield _result(
        "nothing_twice",
        "order_lines",
        {tenant.slug: dict(rows) for tenant in active if (rows := watching.repeated(settings, tenant.id))},
    )
    yield _result(
        "all_are_fresh",
        "orders",
        {tenant.slug: sorted(late) for tenant in active if (late := watching.stale(settings, tenant.id))},
    )
    volumes = {tenant.slug: watching.volume(settings, tenant.id, zone_of(settings, tenant.id)) for tenant in active}
    unusual = {slug: f"{one.orders}, usually {one.usual}" for slug, one in volumes.items() if not one.is_usual}
    yield _result("as_usual_that_weekday", "daily_sales", unusual, severity=dg.AssetCheckSeverity.WARN)


def _result(
    name: str, mart: str, wrong: dict[str, Any], severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=dg.AssetKey(f"mart_{mart}"),
        passed=not wrong,
        severity=severity,
        metadata={"wrong": wrong},
    )
