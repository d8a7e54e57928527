"""The shop's templates and static files."""

from __future__ import annotations

from pathlib import Path

from pages.rendering import Pages

PAGES = Pages(Path(__file__).parent, "/static")
STATIC, asset, environment, html = PAGES.static, PAGES.asset, PAGES.environment, PAGES.html
