"""What tenant-owned tables share: the tenant first in the key, and composite references that can't cross tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Text, func
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from foundation.ids import new_id

Timestamp = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True))]
Created = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True), server_default=func.now())]
Minor = Annotated[int, mapped_column(BigInteger)]
"""An amount of money in minor units."""
Units = Annotated[int, mapped_column(BigInteger)]
"""A number of pieces."""
Str = Annotated[str, mapped_column(Text)]


class TenantOwned:
    """Keyed by (tenant_id, id).

    There is no foreign key to the tenant: every insert would lock the tenant's one row, and row-level security already
    refuses a tenant_id other than the transaction's own.
    """

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


def belongs_to(table: str, column: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A reference to a row of the same tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=ondelete)
