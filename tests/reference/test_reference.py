"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.errors import Problem, all_problems
from foundation.events import CONTRACTS, Event
from foundation.settings import Settings
from tradewind import reference

COMMITTED = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_committed_page_is_what_the_code_generates(name: str) -> None:
    assert (COMMITTED / name).read_text(encoding="utf-8") == reference.PAGES[name](), "run `tradewind reference`"


def test_every_setting_has_a_meaning() -> None:
    page = reference.settings_page()

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert [name for name in Settings.model_fields if f"`TRADEWIND_{name.upper()}`" not in page] == []


def test_every_code_the_platform_raises_is_listed() -> None:
    page = reference.errors_page()
    children = [p for p in all_problems() if p is not Problem]
    own = [p for p in children if p.__module__.startswith(("foundation.", "commerce.", "storefront."))]

    assert [p.__name__ for p in own if f"| `{p.code}` | {p.status} | {p.title()}." not in page] == []


def test_no_two_refusals_have_one_code() -> None:
    reference.errors_page()
    of_code: dict[str, set[str]] = {}
    for problem in all_problems():
        if problem is not Problem and problem.__module__.partition(".")[0] in reference.OWN:
            of_code.setdefault(problem.code, set()).add(f"{problem.__module__}.{problem.__name__}")
    assert [names for names in of_code.values() if len(names) > 1] == []


def test_every_contract_and_what_is_said_of_its_fields_is_listed() -> None:
    page = reference.events_page()
    own = [c for c in CONTRACTS.values() if c.__module__ == Event.__module__]

    assert [c.name for c in own if f"### `{c.name}`, version {c.version}" not in page] == []
    assert (
        "| `original_at` | `AwareDatetime` | no | When it really happened, for history whose dates were shifted. |"
        in page
    )
    assert "### `OrderLine`" in page
