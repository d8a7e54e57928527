"""A few households of the real data in a real Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from foundation import clock
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tradewind.data.tenants import GROCER

HOUSEHOLDS = 30
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _a_known_day() -> Iterator[None]:
    with clock.use(lambda: NOW):
        yield


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Any) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_urls.app,
        database_owner_url=database_urls.owner,
        objects_url=(tmp_path / "objects").as_uri(),
    )


@contextmanager
def as_tenant(urls: DatabaseUrls, tenant_id: UUID) -> Iterator[psycopg.Connection]:
    with psycopg.connect(urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
        yield app


@pytest.fixture
def query(database_urls: DatabaseUrls) -> Query:
    """Rows as the app's role sees them, in the grocer's name unless another tenant is given."""

    def ask(statement: Any, *, tenant_id: UUID = GROCER.id) -> list[tuple[Any, ...]]:
        with as_tenant(database_urls, tenant_id) as app:
            return app.execute(statement).fetchall()

    return ask
