"""Every bug can be planted: what it replaces is in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.bug import Bug
from tests.mutants.bugs import BUGS

PLATFORM = Path(__file__).parents[2] / "platform"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_what_a_bug_replaces_is_in_the_code_once(bug: Bug) -> None:
    found = {text: (PLATFORM / name).read_text(encoding="utf-8").count(text) for name, text, _ in bug.replacements}
    assert set(found.values()) == {1}, found


def test_no_two_bugs_have_one_name() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS)
