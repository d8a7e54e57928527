"""Ids derived from the source's own, so that loading twice makes nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from foundation.ids import derived_id

NAMESPACE = UUID("5a3f1c1e-3b0e-5d43-9b1c-7f7f2f1d8a60")


@dataclass(frozen=True, slots=True)
class SourceIds:
    """The ids of one tenant's loaded facts."""

    tenant: str

    @property
    def tenant_id(self) -> UUID:
        """The tenant's own id."""
        return self.of("tenant", self.tenant)

    def of(self, kind: str, *source: object) -> UUID:
        """The id of the fact of this kind that the source knows as `source`."""
        return derived_id(NAMESPACE, self.tenant, kind, "/".join(map(str, source)))

    def column(self, kind: str, source: Iterable[object], *suffix: str) -> pl.Series:
        """The ids, as text, of a column of source ids."""
        end = "".join(f"/{part}" for part in suffix)
        return pl.Series(
            [str(derived_id(NAMESPACE, self.tenant, kind, f"{value}{end}")) for value in source], dtype=pl.String
        )

    def look_up(self, kind: str, source: pl.Series) -> pl.Series:
        """As `column`, for a column that repeats its values: each is derived once."""
        unique = source.unique()
        return source.replace_strict(unique, self.column(kind, unique.to_list()), return_dtype=pl.String)
