"""People who were forgotten: what the event store may keep of them, and what goes.

What the shop did (an order was placed, a payment was captured, goods came back) stays without the person, because its
figures must agree with the ledger. What a person did in the shop (looked, searched, put into a cart) is deleted, and so
is what was derived of it. A decision stays with what could be chosen and what was, without whom it was for.

The same rule holds for what is loaded (`loadable`) and for what is there (`forget`): an event that arrives late, or
again, ends as if it had been there when its person was forgotten. Everything here may be done any number of times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from foundation import clients, clock
from foundation.events import CONTRACTS, CartAbandoned, CartMerged, CustomerErased, CustomerRegistered
from foundation.events.behaviour import Behaviour
from foundation.settings import Settings
from pipelines import tombstones
from pipelines.marts.definition import Mart, all_marts
from pipelines.outbox import Row
from pipelines.schema import ensure_schema
from pipelines.tombstones import State, Subject

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_OF_PEOPLE = (Behaviour, CartAbandoned, CartMerged, CustomerErased, CustomerRegistered)
FACTS = sorted({name for (name, _), contract in CONTRACTS.items() if not issubclass(contract, _OF_PEOPLE)})
"""What the shop did. Whatever has a name of its own that is not among them is a person's."""
SETTLED = timedelta(minutes=5)
"""How long something may be on its way when its person is forgotten: a decision in the log's stream, a batch of a relay
that lost its lead. After that they are looked for once more."""
AT_ONCE = 2_000
"""Tombstones a statement: one is 39 bytes of the 256 KiB that a query may have."""

_THEIRS = "(shopper_id IN %(people)s OR (shopper_id IS NULL AND visitor_id IN %(people)s))"
_NAMED = "(shopper_id IN %(people)s OR visitor_id IN %(people)s)"
# A browser that somebody else used as well is taken out of what they did with it, and no more.
_UNNAMED = f"""
    session_id = if({_THEIRS}, NULL, session_id),
    visitor_id = if({_NAMED}, NULL, visitor_id),
    shopper_id = if(shopper_id IN %(people)s, NULL, shopper_id)
"""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What becomes of the rows of a table that are the `people`'s."""

    table: str
    which: str
    change: str
    """A mutation's command."""


_RULES = (
    _Rule("interactions", "shopper_id IN %(people)s", "DELETE"),
    _Rule("events", f"name NOT IN %(facts)s AND ({_THEIRS} OR aggregate_id IN %(people)s)", "DELETE"),
    _Rule("events", _NAMED, f"UPDATE {_UNNAMED}"),
    _Rule("decisions", _NAMED, f"UPDATE features = if({_THEIRS}, '{{}}', features), {_UNNAMED}"),
)
_MADE = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'mart_')"
_LATEST = """
    SELECT tombstones, mark, toUnixTimestamp64Milli(forgotten_at) FROM forgettings FINAL
    WHERE tenant_id = {tenant_id:UUID}
"""


def loadable(rows: Sequence[Row], buried: Collection[Subject]) -> list[Row]:
    """What may be loaded of `rows`, when `buried` are forgotten."""
    return [left for row in rows if (left := _left(row, buried)) is not None]


def _left(row: Row, buried: Collection[Subject]) -> Row | None:
    def is_buried(one: UUID | None) -> bool:
        return one is not None and (row.tenant_id, one) in buried

    shopper, visitor = is_buried(row.shopper_id), is_buried(row.visitor_id)
    theirs = shopper or (row.shopper_id is None and visitor)
    if row.name not in FACTS and (theirs or is_buried(row.aggregate_id)):
        return None
    if theirs:
        return replace(row, shopper_id=None, visitor_id=None, session_id=None)
    return replace(row, visitor_id=None) if visitor else row


def named_in(rows: Sequence[Row]) -> list[Subject]:
    """Whom a batch speaks of."""
    ids = ((row.tenant_id, one) for row in rows for one in (row.shopper_id, row.visitor_id, row.aggregate_id))
    return list({(tenant_id, one) for tenant_id, one in ids if one is not None})


def forget(client: Client, tenant_id: UUID, people: Sequence[UUID]) -> dict[str, int]:
    """Take these people out of a tenant's tables; how many rows that concerned, by table.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError: ClickHouse can't; what was done before stays done.
    """
    ensure_schema(client)
    counts: dict[str, int] = {}
    for rule, found, values in _found(client, tenant_id, people):
        counts[rule.table] = counts.get(rule.table, 0) + found
        client.command(
            f"ALTER TABLE {rule.table} {rule.change} WHERE {_of_tenant(rule)}", values, settings={"mutations_sync": 2}
        )
    return counts


def kept_of(client: Client, tenant_id: UUID, people: Sequence[UUID]) -> set[str]:
    """The tables that still name any of these people."""
    ensure_schema(client)
    return {rule.table for rule, _, _ in _found(client, tenant_id, people)}


def _rules(client: Client) -> Iterator[_Rule]:
    """What holds of the tables of the event store, and of those marts that are made."""
    yield from _RULES
    made = {name for (name,) in client.query(_MADE).result_rows}
    for mart in all_marts().values():
        if mart.table in made:
            yield from _of_mart(mart)


def _of_mart(mart: Mart) -> Iterator[_Rule]:
    for column in mart.people:
        change = "DELETE" if column in mart.key else f"UPDATE {column} = NULL"
        yield _Rule(mart.table, f"{column} IN %(people)s", change)


def _found(client: Client, tenant_id: UUID, people: Sequence[UUID]) -> Iterator[tuple[_Rule, int, dict[str, object]]]:
    """Each rule that concerns rows, how many, and the values of its statement: a mutation reads all of a table."""
    rules = list(_rules(client))
    for first in range(0, len(people), AT_ONCE):
        some = [str(one) for one in people[first : first + AT_ONCE]]
        values: dict[str, object] = {"tenant_id": str(tenant_id), "people": some, "facts": FACTS}
        for rule in rules:
            query = f"SELECT count() FROM {rule.table} WHERE {_of_tenant(rule)}"  # noqa: S608  (literals)
            found = int(client.query(query, values).result_rows[0][0])
            if found:
                yield rule, found, values


def _of_tenant(rule: _Rule) -> str:
    return f"tenant_id = %(tenant_id)s AND {rule.which}"


def remember(client: Client, state: State, *, at: datetime) -> None:
    """Note that all these tombstones were gone through, beginning `at`."""
    row = [state.tenant_id, state.tombstones, state.mark, at]
    client.insert("forgettings", [row], column_names=["tenant_id", "tombstones", "mark", "forgotten_at"])


def is_due(client: Client, state: State) -> bool:
    """Whether there are tombstones that this event store has not gone through, or that have settled since."""
    ensure_schema(client)
    rows = client.query(_LATEST, {"tenant_id": str(state.tenant_id)}).result_rows
    if not rows or tuple(rows[0][:2]) != (state.tombstones, state.mark):
        return True
    settled = state.latest + SETTLED
    return bool(rows[0][2] < settled.timestamp() * 1000) and settled <= clock.now()


def due(settings: Settings) -> Mapping[UUID, State]:
    """The tenants of whom somebody is still to be forgotten here.

    Raises:
        EngineNotConfigured: Postgres or ClickHouse has no address.
    """
    client = clients.clickhouse(settings)
    try:
        return {state.tenant_id: state for state in tombstones.states(settings) if is_due(client, state)}
    finally:
        client.close()
