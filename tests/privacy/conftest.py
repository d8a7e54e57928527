"""The shops and their API, as the tests of the core have them."""

from tests.commerce.conftest import (
    app,
    browser,
    client,
    fashion,
    rows,
    seed_of_fashion,
    settings,
    staff,
)

__all__ = [
    "app",
    "browser",
    "client",
    "fashion",
    "rows",
    "seed_of_fashion",
    "settings",
    "staff",
]
