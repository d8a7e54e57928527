"""The demo's steps: each done once, and again when it failed or its work is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tradewind.demo import Progress, Record, Step, run_steps, screen
from tradewind.stack.state import ServiceState, StackState

QUIET = Console(quiet=True)


def test_a_finished_step_is_not_run_again(tmp_path: Path) -> None:
    runs: list[str] = []
    steps = [Step("load", lambda _: runs.append("load")), Step("train", lambda _: runs.append("train"))]

    run_steps(steps, Record.read(tmp_path), QUIET)
    run_steps(steps, Record.read(tmp_path), QUIET)

    assert runs == ["load", "train"]


def test_a_step_that_failed_is_run_again_and_those_before_it_are_not(tmp_path: Path) -> None:
    runs: list[str] = []

    def train(progress: Progress) -> None:
        progress(1, 2, "first half")
        runs.append("train")
        if runs.count("train") == 1:
            raise RuntimeError("out of memory")

    steps = [Step("load", lambda _: runs.append("load")), Step("train", train)]
    with pytest.raises(RuntimeError, match="out of memory"):
        run_steps(steps, Record.read(tmp_path), QUIET)
    run_steps(steps, Record.read(tmp_path), QUIET)

    assert runs == ["load", "train", "train"]


def test_a_step_whose_work_is_gone_is_run_again(tmp_path: Path) -> None:
    made = tmp_path / "index"
    step = Step("publish", lambda _: made.touch(), done=made.exists)
    run_steps([step], Record.read(tmp_path), QUIET)
    made.unlink()

    run_steps([step], Record.read(tmp_path), QUIET)

    assert made.exists()


def test_the_screen_names_only_what_runs() -> None:
    state = StackState(addresses={"store": "http://localhost:8001/", "dagster": "http://d", "mlflow": "http://m"})
    state.services["web"] = ServiceState("ready")

    text = str(screen(state, ours=True).renderable)

    assert "http://grocer.localhost:8001/" in text
    assert "support@grocer.example" in text
    assert "http://d" not in text
    assert "http://m" not in text
