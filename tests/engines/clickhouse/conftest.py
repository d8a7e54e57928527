"""What every test here asks the server through: the stock client, and plain HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.engines.clickhouse_server import SERVER_URL


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SERVER_URL:
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason="needs the embedded engine's process"))


@pytest.fixture
def database(clickhouse_database: str) -> str:
    """The name of the test's own database."""
    return urlsplit(clickhouse_database).path.lstrip("/")


@pytest.fixture
def connect(clickhouse_database: str) -> Iterator[Callable[..., Client]]:
    """Make stock clients of the test's own database."""
    clients: list[Client] = []

    def make(**settings: object) -> Client:
        clients.append(clickhouse_connect.get_client(dsn=clickhouse_database, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """A stock client of the test's own database."""
    return connect()


@pytest.fixture
def http(clickhouse_database: str) -> Iterator[httpx.Client]:
    """Plain HTTP with the login and the test's own database."""
    address = urlsplit(clickhouse_database)
    with httpx.Client(
        base_url=f"{address.scheme}://{address.hostname}:{address.port}",
        auth=(address.username or "", address.password or ""),
        params={"database": address.path.lstrip("/")},
        timeout=60,
    ) as plain:
        yield plain
