"""An asset a mart, made from its definition."""

from typing import Any

import dagster as dg

from dagster_project.resources import Platform, Reporter
from pipelines.marts.definition import Mart, all_marts

PREVIEWED = 5
"""Rows of a mart that a run shows."""


def _asset(mart: Mart) -> dg.AssetsDefinition:
    reads = [all_marts()[name].table for name in mart.marts]

    @dg.asset(
        name=mart.table,
        deps=["forgotten", *reads],
        group_name="marts",
        kinds={"clickhouse"},
        description=f"{mart.about}\n\n{mart.grain.capitalize()}. Answered for by: {mart.owner}.",
        code_version=mart.version,
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(name, column.type, description=column.about) for name, column in mart.columns.items()
                ]
            )
        },
    )
    def build(
        context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
    ) -> dg.MaterializeResult[Any]:
        from pipelines.marts import building, looking  # noqa: PLC0415
        from pipelines.tenants import tenants  # noqa: PLC0415

        settings = platform.settings()
        tell = reporter.of(mart.table)
        metadata: dict[str, Any] = {}
        active = tenants(settings)
        for done, tenant in enumerate(active):
            tell(done, len(active), tenant.slug)
            built = building.build(settings, tenant.id, [mart.name])[mart.name]
            metadata |= {
                f"{tenant.slug}/rows": built.rows,
                f"{tenant.slug}/days": built.days,
                f"{tenant.slug}/seconds": round(built.seconds, 3),
                f"{tenant.slug}/preview": dg.MetadataValue.md(looking.preview(settings, tenant.id, mart, PREVIEWED)),
            }
            context.log.info("%s: %d days anew, %d rows", tenant.slug, built.days, built.rows)
        metadata |= {"dagster/row_count": looking.rows(settings, mart), "bytes": looking.size(settings, mart)}
        return dg.MaterializeResult(metadata=metadata)

    return build


@dg.asset(deps=["outbox"], group_name="marts", kinds={"clickhouse"})
def mart_products(platform: Platform, reporter: dg.ResourceParam[Reporter]) -> dg.MaterializeResult[Any]:
    """How each shop's products are called and where they are sorted, for reports that people read."""
    from pipelines.marts import products  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    tell, active = reporter.of("mart_products"), tenants(settings)
    counts = {}
    for done, tenant in enumerate(active):
        tell(done, len(active), tenant.slug)
        counts[f"{tenant.slug}/rows"] = products.copy(settings, tenant.id)
    return dg.MaterializeResult(metadata=counts)


ALL = [*(_asset(mart) for mart in all_marts().values()), mart_products]
NAMES = (*(mart.table for mart in all_marts().values()), "mart_products")
