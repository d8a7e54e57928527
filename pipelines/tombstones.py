"""Who was forgotten, as the core's tombstones have it: what may not be loaded, nor be left anywhere.

A tombstone's subject is a customer, one of their accounts, carts, orders or browsers (`commerce.privacy.erasing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from foundation.settings import Settings

# uq_tombstone_subject
_AMONG = """
    SELECT t.tenant_id, t.subject_id
    FROM unnest(%s::uuid[], %s::uuid[]) AS asked (tenant_id, subject_id) JOIN tombstone t USING (tenant_id, subject_id)
"""
_STATES = """
    SELECT tenant_id, count(*) AS tombstones, bit_xor(hashtextextended(subject_id::text, 0)) AS mark,
           max(erased_at) AS latest
    FROM tombstone GROUP BY tenant_id ORDER BY tenant_id
"""
_OF = "SELECT subject_id FROM tombstone WHERE tenant_id = %s ORDER BY subject_id"

Subject = tuple[UUID, UUID]
"""A tenant, and somebody or something of theirs."""


@dataclass(frozen=True, slots=True)
class State:
    """A tenant's tombstones in three figures: they differ when the tombstones do."""

    tenant_id: UUID
    tombstones: int
    mark: int
    latest: datetime
    """When the last of them was forgotten."""


def among(connection: psycopg.Connection[Any], asked: Sequence[Subject]) -> set[Subject]:
    """Which of these are forgotten."""
    if not asked:
        return set()
    tenants, subjects = zip(*asked, strict=True)
    return {(row[0], row[1]) for row in connection.execute(_AMONG, (list(tenants), list(subjects))).fetchall()}


def states(settings: Settings) -> list[State]:
    """The tombstones of every tenant that has any. Those of a tenant that was moved are in two databases; the one that
    it lives in has all that the other has.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    found: dict[UUID, State] = {}
    for url in settings.everywhere("relay_url", "Postgres for the relay").values():
        with psycopg.connect(url) as connection, connection.cursor(row_factory=class_row(State)) as cursor:
            for state in cursor.execute(_STATES).fetchall():
                other = found.get(state.tenant_id)
                if other is None or other.tombstones < state.tombstones:
                    found[state.tenant_id] = state
    return sorted(found.values(), key=lambda state: state.tenant_id)


def subjects(settings: Settings, tenant_id: UUID) -> list[UUID]:
    """All whom a tenant has forgotten.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    found: set[UUID] = set()
    for url in settings.everywhere("relay_url", "Postgres for the relay").values():
        with psycopg.connect(url) as connection:
            found.update(row[0] for row in connection.execute(_OF, (tenant_id,)).fetchall())
    return sorted(found)
