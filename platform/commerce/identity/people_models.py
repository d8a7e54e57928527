"""The people who work for a shop or for one of its vendors: their roles, and when one is in the shop as a customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class CustomRole(TenantOwned, Base):
    """A role that a shop, or one of its vendors, has made for itself, beside the platform's own."""

    __tablename__ = "role"
    __table_args__ = (
        belongs_to("vendor", "vendor_id"),
        Index("uq_role_name", "tenant_id", "vendor_id", "name", unique=True, postgresql_nulls_not_distinct=True),
    )

    vendor_id: Mapped[UUID | None]
    name: Mapped[Str]
    meaning: Mapped[Str]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    limits: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """`commerce.policies.limits`: of whoever has the role and is given no limit of their own."""
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]


class BuiltInRole(TenantOwned, Base):
    """What a shop says of a role of the platform's; of most it says nothing."""

    __tablename__ = "built_in_role"
    __table_args__ = (Index("uq_built_in_role_name", "tenant_id", "name", unique=True),)

    name: Mapped[Str]
    """`commerce.policies.roles.ROLES`"""
    limits: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`commerce.policies.limits`: of whoever has the role and is given no limit of their own."""
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]


class Membership(TenantOwned, Base):
    """Somebody of the shop's staff or of a vendor's people. Whoever was invited has no account here yet, but an
    address.
    """

    __tablename__ = "membership"
    __table_args__ = (
        belongs_to("account", "account_id"),
        belongs_to("vendor", "vendor_id"),
        CheckConstraint("status IN ('invited', 'active', 'suspended', 'removed')", name="status"),
        CheckConstraint("status IN ('invited', 'removed') OR account_id IS NOT NULL", name="whose"),
        Index(
            "uq_membership_account",
            "tenant_id",
            "account_id",
            unique=True,
            postgresql_where=text("status <> 'removed'"),
        ),
        Index(
            "uq_membership_email_digest",
            "tenant_id",
            "email_digest",
            unique=True,
            postgresql_where=text("status <> 'removed'"),
        ),
    )

    account_id: Mapped[UUID | None]
    email: Mapped[Str | None]
    """Sealed by the membership's own key until it is accepted; the account has it then."""
    email_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    vendor_id: Mapped[UUID | None]
    """The vendor whose part of the shop they look after; without one they are the shop's own staff."""
    status: Mapped[Str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The platform's roles, by name."""
    role_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """The shop's own roles."""
    limits: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """`commerce.policies.limits`: how much they refund, and the warehouses they are bound to."""
    invited_by: Mapped[Str]
    """The principal."""
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    accepted_at: Mapped[Timestamp | None]


class Acting(TenantOwned, Base):
    """A member of staff who is in the shop as a customer for a while, and why."""

    __tablename__ = "acting"
    __table_args__ = (
        belongs_to("membership", "membership_id"),
        belongs_to("customer", "customer_id"),
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="over"),
        Index("ix_acting_customer", "tenant_id", "customer_id", "started_at"),
        Index(
            "uq_acting_membership", "tenant_id", "membership_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )

    membership_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    visitor_id: Mapped[UUID]
    """Who they are in the shop meanwhile, so that nothing of their own gets into the customer's."""
    staff_session_id: Mapped[UUID]
    """The session of their own that they began it in: it ends with that. No foreign key, because sessions have one to
    this table, and may be thrown away before.
    """
    category: Mapped[Str]
    """What it is about, as the customer is told."""
    reason: Mapped[Str]
    """Sealed by the customer's key: it says something of them."""
    ticket: Mapped[Str | None]
    """Where it was asked for, sealed likewise."""
    started_at: Mapped[Timestamp]
    ends_at: Mapped[Timestamp]
    """At the latest; earlier when they stop."""
    ended_at: Mapped[Timestamp | None]
    ending: Mapped[Str | None]
    """`commerce.identity.acting.Ending`"""
