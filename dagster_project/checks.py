"""Is what was made sound? Each check says what it found, and names its remedy when it fails."""

from datetime import timedelta
from typing import Any

import dagster as dg

from dagster_project.resources import Platform

SAMPLE = 200
"""Events of each name whose contracts are checked."""
SHOPPERS = 20
"""Shoppers whose online features are computed again."""
LATE = 60.0
"""Seconds that an event may wait in the outbox."""
IN_FLIGHT = timedelta(seconds=30)
"""Orders younger than this may still be on their way."""


@dg.asset_check(asset="events", blocking=True)
def orders_agree_with_postgres(platform: Platform) -> dg.AssetCheckResult:
    """Every order of the core is one event, and no event is without its order."""
    from foundation import clock  # noqa: PLC0415
    from pipelines import audit  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    before = clock.now() - IN_FLIGHT
    counted = {tenant.slug: audit.orders(settings, tenant.id, before=before) for tenant in tenants(settings)}
    metadata = {f"{slug}/postgres": one.in_postgres for slug, one in counted.items()}
    metadata |= {f"{slug}/clickhouse": one.in_clickhouse for slug, one in counted.items()}
    return dg.AssetCheckResult(passed=all(one.agree for one in counted.values()), metadata=metadata)


@dg.asset_check(asset="events")
def events_are_fresh(platform: Platform) -> dg.AssetCheckResult:
    """No event has waited for more than a minute; if one has, look at the relay's log."""
    from pipelines.relay import behind  # noqa: PLC0415

    late = behind(platform.settings())
    metadata: dict[str, Any] = {"rows_behind": late.rows, "seconds_behind": late.seconds}
    return dg.AssetCheckResult(passed=late.seconds < LATE, metadata=metadata)


@dg.asset_check(asset="events")
def events_keep_their_contracts(platform: Platform) -> dg.AssetCheckResult:
    """The latest events of each name are what their contracts say."""
    from pipelines import audit  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    broken = [
        fault for tenant in tenants(settings) for fault in audit.broken_contracts(settings, tenant.id, sample=SAMPLE)
    ]
    return dg.AssetCheckResult(passed=not broken, metadata={"broken": len(broken), "first": broken[:5]})


@dg.asset_check(asset="forgotten", blocking=True)
def nobody_forgotten_is_kept(platform: Platform) -> dg.AssetCheckResult:
    """No table and no key names anybody who was forgotten; if one does, materialise `forgotten` again."""
    from features import forgetting as features  # noqa: PLC0415
    from foundation import clients  # noqa: PLC0415
    from pipelines import forgetting, tombstones  # noqa: PLC0415

    settings = platform.settings()
    client = clients.clickhouse(settings)
    kept: dict[str, Any] = {}
    try:
        with clients.redis(settings) as redis:
            for tenant_id in (state.tenant_id for state in tombstones.states(settings)):
                people = tombstones.subjects(settings, tenant_id)
                places = forgetting.kept_of(client, tenant_id, people)
                places |= features.kept_of(client, redis, tenant_id, people)
                if places:
                    kept[str(tenant_id)] = sorted(places)
    finally:
        client.close()
    return dg.AssetCheckResult(passed=not kept, metadata={"kept": kept})


@dg.asset_check(asset="shopper_features")
def online_features_can_be_recomputed(platform: Platform) -> dg.AssetCheckResult:
    """What is online for some shoppers is what the definition gives as of the same instant."""
    from features.verify import differences  # noqa: PLC0415
    from pipelines.tenants import tenants  # noqa: PLC0415

    settings = platform.settings()
    found = {tenant.slug: differences(settings, tenant.id, sample=SHOPPERS) for tenant in tenants(settings)}
    metadata: dict[str, Any] = {slug: shoppers for slug, shoppers in found.items() if shoppers}
    return dg.AssetCheckResult(passed=not metadata, metadata={"different": metadata})


@dg.asset_check(asset="item_index")
def index_is_the_champions(platform: Platform) -> dg.AssetCheckResult:
    """Each tenant's alias stands for the collection of its present champion."""
    from serving.champions import Champions  # noqa: PLC0415
    from serving.index import alias_of, building, collection_of  # noqa: PLC0415

    settings = platform.settings()
    champions = Champions.from_settings(settings).named()
    with building(settings) as index:
        aliases = index.aliases()
    expected = {alias_of(tenant_id): collection_of(tenant_id, one.version) for tenant_id, one in champions.items()}
    wrong = {alias: aliases.get(alias, "nothing") for alias, name in expected.items() if aliases.get(alias) != name}
    return dg.AssetCheckResult(passed=not wrong, metadata={"champions": len(expected), "wrong": wrong})


ALL = [
    orders_agree_with_postgres,
    events_are_fresh,
    events_keep_their_contracts,
    nobody_forgotten_is_kept,
    online_features_can_be_recomputed,
    index_is_the_champions,
]
