"""The tables of what became of products: every version of them, and what is proposed of one that is live."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, Units, belongs_to


class ProductVersion(TenantOwned, Base):
    """That somebody changed a product, or moved it on; never changed itself."""

    __tablename__ = "product_version"
    __table_args__ = (
        belongs_to("product", "product_id"),
        Index("uq_product_version", "tenant_id", "product_id", "version", unique=True),
    )

    product_id: Mapped[UUID]
    version: Mapped[Units]
    action: Mapped[Str]
    changed_by: Mapped[Str]
    """The principal: `account:...`, `key:...`, `system:worker`."""
    at: Mapped[Timestamp]
    reason: Mapped[Str | None]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The product as it was from then on, or as it is proposed; none when it only moved on."""
    approved: Mapped[bool]
    """Whether that content is what somebody who may publish has agreed to."""


class ProductProposal(TenantOwned, Base):
    """What a product that is live is to become, once somebody agrees."""

    __tablename__ = "product_proposal"
    __table_args__ = (
        belongs_to("product", "product_id"),
        CheckConstraint("status IN ('draft', 'in_review', 'rejected')", name="status"),
        Index("uq_product_proposal_product", "tenant_id", "product_id", unique=True),
    )

    product_id: Mapped[UUID]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[Str]
    proposed_by: Mapped[Str]
    reason: Mapped[Str | None]
    """Why it was rejected."""
    at: Mapped[Timestamp]
