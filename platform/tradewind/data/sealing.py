"""Personal columns of many people at once, sealed as the core seals them: each by a new key of the person's own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import polars as pl

from foundation import veil
from foundation.sealing import KEY_BYTES, Keyring
from foundation.veil import Shape

KEYS = "subject_key"


def sealed(
    keyring: Keyring, tenant_id: UUID, people: pl.DataFrame, columns: Mapping[str, Shape | None]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`people` with these columns sealed, and the rows of their keys; a shape says which strings of a document."""
    keys: list[dict[str, str]] = []
    rows: list[dict[str, Any]] = []
    for row in people.iter_rows(named=True):
        person, key = UUID(row["id"]), os.urandom(KEY_BYTES)
        wrapped = keyring.wrap(key, tenant_id=tenant_id, subject_id=person)
        keys.append({"id": row["id"], "wrapped": f"\\x{wrapped.hex()}", "wrapped_by": keyring.current})

        def seal(text: str, key: bytes = key, person: UUID = person) -> str:
            return veil.sealed_by(key, tenant_id, person, text) if text else text

        rows.append(row | {name: _one(row[name], shape, seal) for name, shape in columns.items()})
    schema = {"id": pl.String, "wrapped": pl.String, "wrapped_by": pl.String}
    return pl.DataFrame(rows, schema=people.schema), pl.DataFrame(keys, schema=schema)


def _one(value: str | None, shape: Shape | None, seal: Any) -> str | None:
    if value is None or shape is None:
        return seal(value) if value else value
    return json.dumps(veil.mapped(json.loads(value), shape, seal), ensure_ascii=False)
