"""Tools that read the code: bandit for Python, squawk for what a migration locks and breaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tradewind import migrations
from tradewind.engines.postgres import OWNER, THROWAWAY, PostgresServer

ROOT = Path(__file__).parents[2]
PACKAGES = ("platform", "pipelines", "features", "models", "serving", "dagster_project")
SQUAWK = Path(sys.executable).with_name("squawk")
HANDLED = (
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "ban-drop-constraint",
    "constraint-missing-not-valid",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-timeout-settings",
)
"""Rules about a table that is in use while it is changed. Ours are changed in one transaction, all of it or nothing, that
waits five seconds for a lock and then gives up."""
_OWNER_GONE = "NULL once the sign-up is finished, and only then: ck_sign_up_owner"
MEANT = {
    "version_num ": "Alembic's own table",
    "starts_at ": "what a shop's own clocks show, as a discount code has it",
    "ends_at ": "likewise",
    "ALTER TABLE sign_up ALTER COLUMN email DROP NOT NULL": _OWNER_GONE,
    "ALTER TABLE sign_up ALTER COLUMN password_hash DROP NOT NULL": _OWNER_GONE,
}
"""Lines that are as they are for a reason, by how they begin."""


def bandit(_: Path) -> dict[str, Any]:
    """What bandit finds of medium severity and more; what is left out is named in pyproject.toml, with its reason."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-ll", "-c", "pyproject.toml", "-f", "json", *PACKAGES]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    found = json.loads(ran.stdout)["results"]
    wrong = [f"{one['filename']}:{one['line_number']} {one['test_id']} {one['issue_text']}" for one in found]
    return {"found": len(found), "wrong": wrong}


def squawk(folder: Path) -> dict[str, Any]:
    """What squawk finds in the statements that the migrations really run."""
    script = folder / "migrations.sql"
    script.write_text(_statements(folder), encoding="utf-8")
    command = [str(SQUAWK), "--reporter", "json", "--exclude", ",".join(HANDLED), str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    lines = script.read_text(encoding="utf-8").splitlines()
    found = [(one["rule_name"], lines[one["line"]].strip()) for one in json.loads(ran.stdout or "[]")]
    wrong = {f"{rule}: {line}" for rule, line in found if not line.startswith(tuple(MEANT))}
    return {"found": len(found), "wrong": sorted(wrong)}


def _statements(folder: Path) -> str:
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not parameters:
            said.append(statement.strip().rstrip(";") + ";")

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        with PostgresServer(folder / "read", settings=THROWAWAY) as server:
            migrations.upgrade(server.url(OWNER))
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    return "\n".join(said)
