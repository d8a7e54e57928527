"""The pipelines as the demo runs them: a process that tells its progress, and whose failure is told with its last words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind import line
from tradewind.line import LineFailed, run_line


@pytest.fixture
def var(tmp_path: Path) -> Path:
    for folder in ("log", "dagster"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_pipelines_without_engines_fail_with_the_sentence_that_says_what_to_start(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(var)
    monkeypatch.setattr(line, "repository_root", lambda: var)

    with pytest.raises(LineFailed, match="tradewind up"):
        run_line(var, lambda *_: None)


def test_progress_is_passed_on_whatever_a_library_prints(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = var / "dagster_project"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "run.py").write_text(
        "import sys\n"
        'print(\'{"done": 1.5, "total": 5, "note": "model: EASE"}\', flush=True)\n'
        "print('a warning', file=sys.stderr)\n"
    )
    monkeypatch.setattr(line, "repository_root", lambda: var)
    told: list[tuple[float, float | None, str]] = []

    run_line(var, lambda *step: told.append(step))

    assert told == [(1.5, 5, "model: EASE")]
    assert (var / "log" / line.LOG).read_text() == "a warning\n"
