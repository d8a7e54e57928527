"""The back office's templates and static files."""

from __future__ import annotations

from pathlib import Path

from backoffice.navigation import grouped
from pages.rendering import Pages

PAGES = Pages(Path(__file__).parent, "/back-office/static")
PAGES.environment().globals.update(grouped=grouped)
