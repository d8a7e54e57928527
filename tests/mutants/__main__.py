"""Plant each bug in a copy of the code and see that its test fails: `python -m tests.mutants`, or `make mutants`.

Writes one JSON line of figures to `var/bench/mutants.json`; exits with 1 when a bug was not caught.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.bugs import BUGS, Bug
from tradewind.bench.report import machine

ROOT = Path(__file__).parents[2]
COPIED = ("platform", "tests", "pipelines", "features", "models", "serving", "dagster_project", "pyproject.toml")
FIGURES = ROOT / "var" / "bench" / "mutants.json"
TESTS_PASSED = 0
TESTS_FAILED = 1


class NotPlanted(RuntimeError):
    """The text a bug replaces is not in the code any more or more than once, or its test fails without it."""


def main() -> int:
    """Plant every bug in turn; the tests must pass without any."""
    began = time.monotonic()
    survivors = []
    with tempfile.TemporaryDirectory(prefix="tradewind-mutants-") as folder:
        house = Path(folder)
        for name in COPIED:
            _copy(ROOT / name, house / name)
        for tests in sorted({bug.caught_by for bug in BUGS}):
            if _run(house, tests) != TESTS_PASSED:
                raise NotPlanted(f"{tests} does not pass without any bug")
        for bug in BUGS:
            caught = _caught(house, bug)
            sys.stdout.write(f"{'caught  ' if caught else 'SURVIVED'}  {bug.name}\n")
            sys.stdout.flush()
            if not caught:
                survivors.append(bug.name)
    figures = {
        "bench": "mutants",
        "planted": len(BUGS),
        "caught": len(BUGS) - len(survivors),
        "survivors": survivors,
        "seconds": round(time.monotonic() - began, 1),
        "machine": machine(),
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if survivors else 0


def _caught(house: Path, bug: Bug) -> bool:
    files = {house / "platform" / name for name, _, _ in bug.replacements}
    before = {path: path.read_text(encoding="utf-8") for path in files}
    try:
        for name, text, becomes in bug.replacements:
            _replace(house / "platform" / name, text, becomes, bug)
        return _run(house, bug.caught_by) == TESTS_FAILED
    finally:
        for path, content in before.items():
            path.write_text(content, encoding="utf-8")


def _replace(path: Path, text: str, becomes: str, bug: Bug) -> None:
    content = path.read_text(encoding="utf-8")
    if content.count(text) != 1:
        raise NotPlanted(f"{bug.name}: {path.name} has {content.count(text)} of {text!r}")
    path.write_text(content.replace(text, becomes), encoding="utf-8")


def _run(house: Path, tests: str) -> int:
    """The exit status of pytest, which finds the copy before what is installed."""
    paths = os.pathsep.join((str(house), str(house / "platform")))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=first", tests],
        cwd=house,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
