"""Plant each bug in a copy of the code and see that its test fails: `python -m tests.mutants`, or `make mutants`.

Writes one JSON line of figures to `var/bench/mutants.json`; exits with 1 when a bug was not caught.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import POSTGRES_ADDRESSES
from tests.figures import tell
from tests.mutants.bug import Bug
from tests.mutants.bugs import BUGS
from tradewind import migrations
from tradewind.engines.postgres import APP, OWNER, RELAY, SUPERUSER, THROWAWAY, PostgresServer

ROOT = Path(__file__).parents[2]
COPIED = ("platform", "tests", "pipelines", "features", "models", "serving", "dagster_project", "pyproject.toml")
TESTS_PASSED = 0
TESTS_FAILED = 1
HANDS = 2
PATIENCE = 900.0
"""Seconds after which a test hangs."""


class NotPlanted(RuntimeError):
    """The text a bug replaces is not in the code any more, or more than once."""


def main() -> int:
    """Plant every bug in turn. A test that fails without any catches none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="only bugs whose name has this in it; may be given again")
    parser.add_argument("--hands", type=int, default=HANDS, help="how many are planted at the same time")
    asked = parser.parse_args()
    bugs = [bug for bug in BUGS if not asked.only or any(word in bug.name for word in asked.only)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tradewind-mutants-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "data", settings=THROWAWAY) as server:
            migrations.upgrade(server.url(OWNER))
            addresses = {role: server.url(role, "{database}") for role in (SUPERUSER, OWNER, APP, RELAY)}
            survivors = _plant_all(Path(folder), bugs, json.dumps(addresses), asked.hands)
    figures = {
        "planted": len(bugs),
        "caught": len(bugs) - len(survivors),
        "survivors": survivors,
        "seconds": round(time.monotonic() - began, 1),
    }
    tell("mutants", figures)
    return 1 if survivors else 0


def _plant_all(folder: Path, bugs: Sequence[Bug], addresses: str, hands: int) -> list[str]:
    """The names of those that no test caught. Each hand has a copy of the code to itself; all share one Postgres."""
    houses: queue.Queue[House] = queue.Queue()
    for number in range(hands):
        house = House(folder / f"house-{number}", addresses)
        for name in COPIED:
            _copy(ROOT / name, house.path / name)
        houses.put(house)

    def in_a_house(do: Callable[[House], bool]) -> bool:
        house = houses.get()
        try:
            return do(house)
        finally:
            houses.put(house)

    def passes(tests: str) -> bool:
        good = in_a_house(lambda house: house.run(tests) == TESTS_PASSED)
        if not good:
            _say(f"fails without any bug: {tests}")
        return good

    def tried(bug: Bug) -> bool:
        began = time.monotonic()
        caught = good[bug.caught_by] and in_a_house(lambda house: _caught(house, bug))
        _say(f"{'caught  ' if caught else 'SURVIVED'} {time.monotonic() - began:6.1f} s  {bug.name}")
        return caught

    with ThreadPoolExecutor(hands) as pool:
        tests = sorted({bug.caught_by for bug in bugs})
        good = dict(zip(tests, pool.map(passes, tests), strict=True))
        return [bug.name for bug, caught in zip(bugs, pool.map(tried, bugs), strict=True) if not caught]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class House:
    """A copy of the code, and the Postgres that its tests run on."""

    path: Path
    addresses: str

    def run(self, tests: str) -> int:
        """The exit status of pytest, which finds the copy before what is installed; one that hangs has failed."""
        paths = os.pathsep.join((str(self.path), str(self.path / "platform")))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=first"]
        environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", POSTGRES_ADDRESSES: self.addresses}
        try:
            return subprocess.run(
                [*command, tests],
                cwd=self.path,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=PATIENCE,
            ).returncode
        except subprocess.TimeoutExpired:
            return TESTS_FAILED


def _caught(house: House, bug: Bug) -> bool:
    files = {house.path / "platform" / name for name, _, _ in bug.replacements}
    before = {path: path.read_text(encoding="utf-8") for path in files}
    try:
        for name, text, becomes in bug.replacements:
            _replace(house.path / "platform" / name, text, becomes, bug)
        return house.run(bug.caught_by) == TESTS_FAILED
    finally:
        for path, content in before.items():
            path.write_text(content, encoding="utf-8")


def _replace(path: Path, text: str, becomes: str, bug: Bug) -> None:
    content = path.read_text(encoding="utf-8")
    if content.count(text) != 1:
        raise NotPlanted(f"{bug.name}: {path.name} has {content.count(text)} of {text!r}")
    path.write_text(content.replace(text, becomes), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
