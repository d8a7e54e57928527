"""What is run together."""

from __future__ import annotations

import dagster as dg

everything = dg.AssetSelection.all()

refresh = dg.define_asset_job(
    "refresh", selection=everything, description="The whole line: events, features, model, index, and their checks."
)
nightly = dg.define_asset_job(
    "nightly", selection=everything, description="`refresh`, by the schedule.", tags={"trigger": "schedule"}
)
