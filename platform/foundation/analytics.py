"""ClickHouse as one shop sees it: the one way to read there.

Every read says for which shop it is, by a setting that travels with the query. A server's row policies
(`pipelines.policies`) and the embedded engine hold the query to that shop's rows, whatever its WHERE says or forgets;
the reading role sees nothing without it. What works for all shops at once, such as the relay, takes
`clients.clickhouse`, and is on the list in `tests/isolation/test_one_door.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import IOBase
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from foundation import clients
from foundation.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client as ClickHouse

TENANT_SETTING = "SQL_tradewind_tenant"
"""A server of the usual configuration lets sessions set what begins with `SQL_`."""
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class ShopRows:
    """What ClickHouse holds of one shop. Statements may name its id as `{tenant_id:UUID}`."""

    client: ClickHouse
    tenant_id: UUID

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Every row of the answer.

        Raises:
            ClickHouseError: it can't be reached, or the statement is wrong or would change something.
        """
        return self.client.query(statement, parameters=self._named(parameters), settings=self._settings).result_rows

    def arrow(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer as an Arrow table, texts as strings.

        Raises:
            ClickHouseError: it can't be reached, or the statement is wrong or would change something.
        """
        return self.client.query_arrow(
            statement, parameters=self._named(parameters), settings=self._settings, use_strings=True
        )

    def lines(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Iterator[bytes]:
        """The answer as JSON, an object a line, in pieces of some size that come as they are read.

        Raises:
            ClickHouseError: it can't be reached, or the statement is wrong or would change something.
        """
        values = self._named(parameters)
        found = self.client.raw_stream(statement, parameters=values, settings=self._settings, fmt="JSONEachRow")
        with closing(cast("IOBase", found)) as found:
            while piece := found.read(_PIECE):
                yield piece

    def _named(self, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**(parameters or {}), "tenant_id": str(self.tenant_id)}

    @property
    def _settings(self) -> dict[str, Any]:
        return {TENANT_SETTING: str(self.tenant_id)}


@contextmanager
def of_shop(settings: Settings, tenant_id: UUID) -> Iterator[ShopRows]:
    """Read what ClickHouse holds of one shop, from blocking code.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    client = clients.clickhouse_reader(settings)
    try:
        yield ShopRows(client, tenant_id)
    finally:
        client.close()
