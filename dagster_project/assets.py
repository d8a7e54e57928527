"""From the outbox to the published index, one asset a step."""

from importlib.metadata import version as version_of
from typing import Any

import dagster as dg

from dagster_project.resources import Platform, Reporter

CODE_VERSION = version_of("tradewind")

outbox = dg.AssetSpec(
    "outbox",
    description="Facts of the core and behaviour of shoppers, written in the transaction that made them.",
    kinds={"postgres"},
    group_name="events",
)


@dg.asset(deps=[outbox], group_name="events", kinds={"clickhouse"})
def events(platform: Platform, reporter: dg.ResourceParam[Reporter]) -> dg.MaterializeResult[Any]:
    """Every event once, in ClickHouse; the relay delivers, this waits until it has."""
    from pipelines.audit import rows_of  # noqa: PLC0415
    from pipelines.relay import wait_until_delivered  # noqa: PLC0415

    settings = platform.settings()
    wait_until_delivered(settings, reporter.of("events"))
    return dg.MaterializeResult(metadata={"rows": rows_of(settings, "events")})


@dg.asset(deps=[events], group_name="events", kinds={"clickhouse", "feast", "valkey"})
def forgotten(platform: Platform, reporter: dg.ResourceParam[Reporter]) -> dg.MaterializeResult[Any]:
    """Nothing of anybody who was forgotten, in the event store and the feature store."""
    from features import forgetting as features  # noqa: PLC0415
    from foundation import clients, clock  # noqa: PLC0415
    from pipelines import forgetting, tombstones  # noqa: PLC0415

    settings = platform.settings()
    tell = reporter.of("forgotten")
    counts: dict[str, int] = {}
    client = clients.clickhouse(settings)
    try:
        with clients.redis(settings) as redis:
            states = tombstones.states(settings)
            for done, state in enumerate(states):
                tell(done, len(states), "tombstones")
                begun, people = clock.now(), tombstones.subjects(settings, state.tenant_id)
                found = forgetting.forget(client, state.tenant_id, people)
                found |= features.forget(client, redis, state.tenant_id, people)
                forgetting.remember(client, state, at=begun)
                counts = {name: counts.get(name, 0) + found.get(name, 0) for name in {*counts, *found}}
    finally:
        client.close()
    return dg.MaterializeResult(metadata={f"rows/{name}": count for name, count in sorted(counts.items())})


@dg.asset(deps=[forgotten], group_name="events", kinds={"clickhouse"})
def interactions(platform: Platform, reporter: dg.ResourceParam[Reporter]) -> dg.MaterializeResult[Any]:
    """Orders, carts and views by shopper and product, of those who agreed to personalisation."""
    from pipelines.audit import rows_of  # noqa: PLC0415

    reporter.of("interactions")(0, None, "counting")
    return dg.MaterializeResult(metadata={"rows": rows_of(platform.settings(), "interactions")})


@dg.asset(deps=["interactions"], group_name="features", kinds={"feast", "valkey"})
def shopper_features(
    context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
) -> dg.MaterializeResult[Any]:
    """What is known of every shopper, online and kept for training."""
    from features.materialise import materialise  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    metadata: dict[str, int] = {}
    for tenant in tenants(settings):
        metadata[tenant.slug] = materialise(settings, tenant.id, progress=reporter.of("shopper_features"))
        context.log.info("%s: %d shoppers are online", tenant.slug, metadata[tenant.slug])
    return dg.MaterializeResult(metadata={f"shoppers/{slug}": count for slug, count in metadata.items()})


@dg.asset(deps=["interactions"], group_name="models", kinds={"mlflow", "python"}, code_version=CODE_VERSION)
def recommendation_model(
    context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
) -> dg.MaterializeResult[Any]:
    """Trained on every purchase, measured on the last four weeks, champion if it beats the one before."""
    from models.recommendation.learn import TooFewPurchases, learn  # noqa: PLC0415
    from models.recommendation.spec import GATE_MUST_IMPROVE  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    tell = reporter.of("recommendation_model")
    task, metric = GATE_MUST_IMPROVE
    metadata: dict[str, Any] = {}
    for tenant in tenants(settings):
        try:
            result = learn(
                settings,
                tenant.id,
                tenant.slug,
                code_version=CODE_VERSION,
                progress=lambda step, share: tell(share, 1.0, step),
            )
        except TooFewPurchases as reason:
            metadata[f"{tenant.slug}/skipped"] = str(reason)
            continue
        metadata |= {f"{tenant.slug}/version": result.version, f"{tenant.slug}/alias": result.alias}
        for name, grades in result.benchmark.grades.items():
            metadata[f"{tenant.slug}/{task}.{metric}/{name}"] = float(grades[task].figures[metric].value)
        context.log.info("%s: version %s is %s", tenant.slug, result.version, result.alias)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(deps=["recommendation_model"], group_name="serving", kinds={"qdrant"})
def item_index(
    context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
) -> dg.MaterializeResult[Any]:
    """The champion's product vectors, built beside the ones in use; then the alias moves."""
    from pipelines.tenants import tenants  # noqa: PLC0415
    from serving.publish import NoChampion, publish  # noqa: PLC0415

    settings = platform.settings()
    metadata: dict[str, Any] = {}
    for tenant in tenants(settings):
        try:
            published = publish(settings, tenant.id, progress=reporter.of("item_index"))
        except NoChampion as reason:
            metadata[f"{tenant.slug}/skipped"] = str(reason)
            continue
        metadata |= {f"{tenant.slug}/points": published.points, f"{tenant.slug}/collection": published.collection}
        context.log.info("%s: %d products are in %s", tenant.slug, published.points, published.collection)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(deps=["forgotten"], group_name="serving", kinds={"sqlite", "valkey"})
def suggestions(
    context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
) -> dg.MaterializeResult[Any]:
    """What each shop suggests to somebody who types a query, where it has changed."""
    from pipelines.tenants import tenants  # noqa: PLC0415
    from serving import suggestion_building  # noqa: PLC0415

    settings = platform.settings()
    tell = reporter.of("suggestions")
    metadata: dict[str, Any] = {}
    active = tenants(settings)
    for done, tenant in enumerate(active):
        tell(done, len(active), tenant.slug)
        written = suggestion_building.build(settings, tenant.id)
        if written is not None:
            metadata |= {f"{tenant.slug}/{kind}": count for kind, count in written.counts.items()}
            context.log.info("%s: suggestions are of version %s", tenant.slug, written.version)
    suggestion_building.keep_only(settings, [tenant.id for tenant in active])
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(deps=[outbox], group_name="serving", kinds={"numpy", "valkey"})
def search_index(
    context: dg.AssetExecutionContext, platform: Platform, reporter: dg.ResourceParam[Reporter]
) -> dg.MaterializeResult[Any]:
    """What each shop is searched in, built anew: what is usual in its catalogue, and how its words are spelt."""
    from pipelines.tenants import tenants  # noqa: PLC0415
    from serving import search_building  # noqa: PLC0415

    settings = platform.settings()
    tell = reporter.of("search_index")
    metadata: dict[str, Any] = {}
    for tenant in tenants(settings):
        built = search_building.build(settings, tenant.id, progress=tell)
        metadata |= {f"{tenant.slug}/products": built.products, f"{tenant.slug}/words": built.words}
        context.log.info("%s: %d products are searched in a new index", tenant.slug, built.products)
    return dg.MaterializeResult(metadata=metadata)


ALL: list[dg.AssetsDefinition | dg.AssetSpec] = [
    outbox,
    events,
    forgotten,
    interactions,
    shopper_features,
    recommendation_model,
    item_index,
    suggestions,
    search_index,
]
NAMES = (
    "events",
    "forgotten",
    "interactions",
    "shopper_features",
    "recommendation_model",
    "item_index",
    "suggestions",
    "search_index",
)
