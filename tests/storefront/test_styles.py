"""The compiled styles that are committed."""

from __future__ import annotations

from pathlib import Path

from storefront.build import TARGET, build


def test_the_styles_are_those_of_the_templates(tmp_path: Path) -> None:
    fresh = tmp_path / "shop.css"
    build(fresh)
    assert fresh.read_text() == TARGET.read_text(), "run `python -m storefront.build`"
