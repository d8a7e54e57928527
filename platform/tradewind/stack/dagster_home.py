"""The folder Dagster's processes share: where its runs are stored, and where its code is served."""

from __future__ import annotations

import json
from pathlib import Path

from tradewind.processes import LOOPBACK

DATABASE_VARIABLE = "TRADEWIND_DAGSTER_DATABASE_URL"


def write_home(home: Path, *, code_port: int, in_postgres: bool) -> None:
    """Write `dagster.yaml` and `workspace.yaml`.

    Runs are stored in Postgres when it is ours, else in SQLite beside them. One run at a time: each is a process with
    the whole data stack in memory.
    """
    # JSON is YAML, and needs no library.
    home.mkdir(parents=True, exist_ok=True)
    instance: dict[str, object] = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
    }
    if in_postgres:
        instance["storage"] = {"postgres": {"postgres_url": {"env": DATABASE_VARIABLE}}}
    workspace = {
        "load_from": [{"grpc_server": {"host": LOOPBACK, "port": code_port, "location_name": "tradewind"}}],
    }
    (home / "dagster.yaml").write_text(json.dumps(instance), encoding="utf-8")
    (home / "workspace.yaml").write_text(json.dumps(workspace), encoding="utf-8")
