"""What is run together."""

from __future__ import annotations

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="The whole line: events, features, model, index, and their checks.",
)
forgetting = dg.define_asset_job(
    "forgetting",
    selection=dg.AssetSelection.assets("forgotten"),
    description="Whoever was forgotten in the core is forgotten in what was derived.",
)
suggesting = dg.define_asset_job(
    "suggesting",
    selection=dg.AssetSelection.assets("suggestions"),
    description="What shops suggest to whoever types a query, from the catalogue and the searches as they are.",
)
