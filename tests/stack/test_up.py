"""The command `tradewind`, with its real engines where it must be, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.waiting import until
from tradewind.processes import is_alive
from tradewind.stack.lock import AlreadyRunning, RemainsAlive, claim
from tradewind.stack.state import StackState

ELSEWHERE = {"TRADEWIND_QDRANT_URL": "http://127.0.0.1:1", "TRADEWIND_CLICKHOUSE_URL": "http://127.0.0.1:1/default"}
SMALL = ("up", "--only", "valkey", "--only", "migrations")


def tradewind(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradewind", *arguments, "--var-dir", str(var)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ELSEWHERE},
    )


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    tradewind(tmp_path / "var", "down")


def test_a_folder_has_one_supervisor(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(AlreadyRunning), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass


def test_the_next_supervisor_waits_for_what_a_killed_one_left(tmp_path: Path) -> None:
    with claim(tmp_path) as lock:
        guard = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    with pytest.raises(RemainsAlive), claim(tmp_path, patience=0.1):
        pass
    guard.kill()
    guard.wait()
    with claim(tmp_path):
        pass


@pytest.mark.embedded
def test_up_status_kill_and_down(var: Path) -> None:
    assert tradewind(var, *SMALL, "--detach").returncode == 0
    state = StackState.read(var)
    assert {one.state for one in state.services.values()} == {"ready"}
    assert stat.S_IMODE((var / "stack.env").stat().st_mode) == 0o600

    again = tradewind(var, *SMALL)
    assert again.returncode == 1
    assert f"already running as process {state.pid}" in again.stderr

    seen = json.loads(tradewind(var, "status", "--json").stdout)
    health = {part["name"]: part["healthy"] for part in seen["parts"]}
    assert health == {
        **health,
        "postgres": True,
        "valkey": True,
        "migrations": True,
        "qdrant": False,
        "clickhouse": False,
    }
    assert seen["lag"] == [{"consumer": "nobody yet", "rows": 0, "seconds": 0.0}]

    killed = state.services["valkey"].pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: StackState.read(var).services["valkey"].crashes == 1)
    until(lambda: StackState.read(var).services["valkey"].state == "ready")
    assert "valkey was killed by signal 9" in (var / "log" / "tradewind.log").read_text()

    assert tradewind(var, "down").stdout.strip() == "Stopped."
    assert not (var / "stack.env").exists()
    assert not any(is_alive(one.pid) for one in state.services.values() if one.pid)
    assert tradewind(var, "down").stdout.strip() == "Nothing runs."


@pytest.mark.embedded
@pytest.mark.proof
def test_a_killed_supervisor_leaves_no_orphan_and_the_next_one_finds_the_data(var: Path) -> None:
    tradewind(var, *SMALL, "--detach")
    first = StackState.read(var)
    variables = dict(line.split("=", 1) for line in (var / "stack.env").read_text().splitlines())
    with psycopg.connect(variables["TRADEWIND_DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")

    os.kill(first.pid, signal.SIGKILL)
    assert tradewind(var, *SMALL, "--detach").returncode == 0

    assert not any(is_alive(one.pid) for one in first.services.values() if one.pid)
    with psycopg.connect(variables["TRADEWIND_DATABASE_OWNER_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
