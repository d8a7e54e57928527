"""The compiled styles that are committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backoffice.build import TARGET as OFFICE
from backoffice.build import build as build_office
from storefront.build import TARGET as SHOP
from storefront.build import build as build_shop


@pytest.mark.parametrize(("build", "committed"), [(build_shop, SHOP), (build_office, OFFICE)])
def test_the_styles_are_those_of_the_templates(build: Callable[[Path], None], committed: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.css"
    build(fresh)
    assert fresh.read_text() == committed.read_text(), "run `python -m storefront.build` and `backoffice.build`"
