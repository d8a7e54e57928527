"""Engines that have no rows to secure are reached through one door each, where the tenant can't be forgotten.

The source is read: who makes a raw client, who writes a name by hand. A new line on a list is a decision, with its
reason beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("platform", "pipelines", "features", "models", "serving", "dagster_project")

CLICKHOUSE = {
    "foundation/analytics.py": "the door",
    "foundation/clients.py": "makes the clients",
    "commerce/plans/metering.py": "counts for all shops in one statement, and writes each its own",
    "dagster_project/freshness.py": "one number over all shops",
    "dagster_project/assets.py": "takes the forgotten out, of all shops",
    "dagster_project/checks.py": "looks whether the forgotten are out, of all shops",
    "features/materialise.py": "makes tables, and writes a shop's snapshots",
    "features/stream.py": "makes tables; reads through the door",
    "pipelines/audit.py": "how many rows a table holds",
    "pipelines/carrier.py": "delivers the behaviour of all shops",
    "pipelines/forgetting.py": "which shops have somebody to forget",
    "pipelines/marts/building.py": "writes a shop's marts",
    "pipelines/marts/looking.py": "how large a mart is",
    "pipelines/marts/products.py": "writes how a shop's products are called",
    "pipelines/relay.py": "delivers the events of all shops",
    "serving/decision_log.py": "writes the decisions of all shops",
    "tradewind/data/promotions.py": "loads a shop's history",
    "tradewind/removal/places.py": "takes a shop that is gone out of every table",
}
"""Who may speak to ClickHouse as the platform."""

QDRANT = {
    "foundation/clients.py": "makes the clients",
    "serving/index.py": "the door",
    "serving/search_index.py": "the door to what products mean",
    "serving/visual_index.py": "the door to how they look",
}
"""Who may speak to Qdrant."""

NAMES = {"foundation/naming.py": "where names are put together"}
"""Who may put together a key or a path of a tenant."""

NO_KEYS = {
    "commerce/billing/service.py": "keys of requests to Stripe, which know no tenant",
    "commerce/billing/stripe.py": "keys of requests to Stripe, which know no tenant",
}

_OF_ENGINES = "tradewind/engines/"
"""The embedded engines are what is reached, not who reaches."""


def sources() -> Iterator[tuple[str, str]]:
    """Every file of the product: its name as it is imported, and its text."""
    for top in SOURCES:
        for file in sorted((ROOT / top).rglob("*.py")):
            name = str(file.relative_to(ROOT)).removeprefix("platform/")
            if not name.startswith(_OF_ENGINES):
                yield name, file.read_text()


def raw_clients(text: str, makers: tuple[str, ...], library: str) -> list[int]:
    """The lines that make a client by one of `makers`, or import the library outside of type checking."""
    tree = ast.parse(text)
    for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in makers)
        or (isinstance(node, ast.ImportFrom) and any(alias.name in makers for alias in node.names))
        or (id(node) not in for_types and _imports(node, library))
    )


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(node: ast.AST, library: str) -> bool:
    """Whether it imports more of the library than its exceptions."""
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == library for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        return node.module.split(".")[0] == library and not node.module.endswith("exceptions")
    return False


def makes_database(text: str) -> list[int]:
    """The lines that make a `Database` from one address, which knows nothing of tenants that have another."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return sorted(call.lineno for call in calls if ast.unparse(call.func).rpartition(".")[2] == "Database")


def names_by_hand(text: str) -> list[int]:
    """The lines on which a key of the cache or a path of an object is written out."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and " " not in node.value
        and (node.value.startswith(("tradewind:", "tenants/")) or node.value == "/tenants/")
    )


CLICKHOUSE_MAKERS = ("clickhouse", "clickhouse_async")
QDRANT_MAKERS = ("qdrant", "qdrant_async", "QdrantClient", "AsyncQdrantClient")


def test_only_who_is_on_the_list_speaks_to_clickhouse_as_the_platform() -> None:
    found = {name for name, text in sources() if raw_clients(text, CLICKHOUSE_MAKERS, "clickhouse_connect")}
    assert found - set(CLICKHOUSE) == set()
    assert set(CLICKHOUSE) - found <= {"foundation/analytics.py"}, "who no longer does comes off the list"


def test_nobody_makes_a_database_but_by_the_settings_that_name_all_of_them() -> None:
    made = {name for name, text in sources() if "Database(" in text and makes_database(text)}
    assert made == set()


@pytest.mark.parametrize("planted", ["database = Database(url, pool_size=1)", "x = database.Database(dsn)"])
def test_a_planted_database_is_found(planted: str) -> None:
    assert makes_database(planted)
    assert not makes_database("database = Database.of(settings, pool_size=1)")


def test_only_the_index_speaks_to_qdrant() -> None:
    found = {name for name, text in sources() if raw_clients(text, QDRANT_MAKERS, "qdrant_client")}
    assert found == set(QDRANT)


def test_keys_and_paths_are_put_together_in_one_place() -> None:
    found = {name for name, text in sources() if names_by_hand(text)}
    assert found - set(NAMES) - set(NO_KEYS) == set()


@pytest.mark.parametrize(
    ("planted", "makers", "library"),
    [
        ("client = clients.clickhouse(settings)", CLICKHOUSE_MAKERS, "clickhouse_connect"),
        ("client = await clients.clickhouse_async(settings)", CLICKHOUSE_MAKERS, "clickhouse_connect"),
        ("from foundation.clients import clickhouse", CLICKHOUSE_MAKERS, "clickhouse_connect"),
        ("def read():\n    import clickhouse_connect", CLICKHOUSE_MAKERS, "clickhouse_connect"),
        ("from clickhouse_connect.driver.client import Client", CLICKHOUSE_MAKERS, "clickhouse_connect"),
        ("client = clients.qdrant_async(settings)", QDRANT_MAKERS, "qdrant_client"),
        ("from qdrant_client import models", QDRANT_MAKERS, "qdrant_client"),
        ("import qdrant_client as q", QDRANT_MAKERS, "qdrant_client"),
    ],
)
def test_a_planted_raw_client_is_found(planted: str, makers: tuple[str, ...], library: str) -> None:
    assert raw_clients(planted, makers, library)


@pytest.mark.parametrize(
    "planted",
    ['key = f"tradewind:stock:{product_id}"', 'key = "tradewind:stock"', 'path = f"tenants/{tenant_id}/a.pdf"',
     'path = f"{root}/tenants/{tenant_id}/a.pdf"'],
)  # fmt: skip
def test_a_planted_name_is_found(planted: str) -> None:
    assert names_by_hand(planted)


def test_exceptions_and_types_are_free() -> None:
    harmless = """
from clickhouse_connect.driver.exceptions import ClickHouseError
if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
"""
    assert not raw_clients(harmless, CLICKHOUSE_MAKERS, "clickhouse_connect")
