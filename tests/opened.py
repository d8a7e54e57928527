"""Rows as the shop itself reads them: what is sealed in them is opened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from foundation import sealing, veil


def opened(connection: psycopg.Connection[Any], tenant_id: UUID, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """`rows` with every text opened that a key of the tenant's opens."""
    ring = sealing.keyring()
    kept = connection.execute("SELECT id, wrapped, wrapped_by FROM subject_key WHERE tenant_id = %s", (tenant_id,))
    keys = {
        subject: ring.unwrap(bytes(wrapped), by, tenant_id=tenant_id, subject_id=subject)
        for subject, wrapped, by in kept.fetchall()
    }

    def read(value: Any) -> Any:
        return veil._read(tenant_id, keys, value) if isinstance(value, str) and veil.MARK in value else value

    return [tuple(read(value) for value in row) for row in rows]
