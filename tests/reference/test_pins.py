"""What runs is what was pinned, version for version, and nothing comes along by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINS = Path(__file__).parents[2] / "constraints.txt"
PROJECT = "tradewind"


def _pins() -> list[Requirement]:
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_pin_is_one_version() -> None:
    for pin in _pins():
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), pin


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = {canonicalize_name(pin.name): pin for pin in _pins() if not pin.marker or pin.marker.evaluate()}
    needed = {canonicalize_name(one.name): one for one in _needed(PROJECT, "all", set())}
    assert len(needed) > 100
    for name, one in needed.items():
        assert pinned[name].specifier.contains(one.version.partition("+")[0]), f"{name} {one.version}"


def _needed(name: str, extra: str, seen: set[tuple[str, str]]) -> Iterator[Distribution]:
    """What a distribution needs here with one of its extras, and what that needs."""
    if (name, extra) in seen:
        return
    seen.add((name, extra))
    found = distribution(name)
    if name != PROJECT:
        yield found
    for requirement in map(Requirement, found.requires or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for wanted in requirement.extras or {""}:
            yield from _needed(canonicalize_name(requirement.name), wanted, seen)
