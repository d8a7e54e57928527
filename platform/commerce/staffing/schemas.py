"""People, roles and invitations over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from commerce.policies.limits import RefundLimit, Said
from foundation.types import Currency, Email, Id, Input, MinorUnits, Model, Note, Slug, Text

RoleName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z_]+$")]
PermissionName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Version = Annotated[int, Field(ge=1, le=2**31)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RefundLimitIn(Input):
    """The most that somebody gives back in one currency, in minor units."""

    per_order: MinorUnits
    per_day: MinorUnits


class LimitsIn(Input):
    """What bounds somebody's permissions; what is left out is bounded as their roles are."""

    refunds: Annotated[dict[Currency, RefundLimitIn], Field(max_length=50)] | None = None
    """By currency, of which others aren't given back at all."""
    warehouses: Annotated[list[Id], Field(max_length=200)] | None = None
    """The warehouses they are bound to."""

    @classmethod
    def of(cls, said: Said) -> LimitsIn:
        """What is said elsewhere, as it is asked for here."""
        return cls.model_validate(said.kept())

    def said(self) -> Said:
        """As a membership or a role keeps it."""
        refunds = self.refunds
        return Said(
            {currency: RefundLimit(limit.per_order, limit.per_day) for currency, limit in refunds.items()}
            if refunds is not None
            else None,
            frozenset(self.warehouses) if self.warehouses is not None else None,
        )


class RefundLimitOut(Model):
    """The most that somebody gives back in one currency, in minor units."""

    per_order: int
    per_day: int
    """Of a day of the shop's."""


class LimitsOut(Model):
    """What a membership or a role says of bounds; where a membership says nothing, its roles' hold."""

    refunds: dict[str, RefundLimitOut] | None
    """By currency."""
    warehouses: list[UUID] | None

    @classmethod
    def of(cls, said: Said) -> LimitsOut:
        """What is kept, as it is shown."""
        refunds, warehouses = said.refunds, said.warehouses
        return cls(
            refunds=None
            if refunds is None
            else {
                currency: RefundLimitOut(per_order=limit.per_order, per_day=limit.per_day)
                for currency, limit in sorted(refunds.items())
            },
            warehouses=None if warehouses is None else sorted(warehouses),
        )


class GrantIn(Input):
    """The roles somebody gets: the platform's, the shop's own, or both."""

    roles: Annotated[list[RoleName], Field(default_factory=list, max_length=20)]
    role_ids: Annotated[list[Id], Field(default_factory=list, max_length=20)]
    limits: LimitsIn = LimitsIn()


class VendorInviteIn(GrantIn):
    """Somebody whom a vendor invites."""

    email: Email


class InviteIn(VendorInviteIn):
    """Somebody whom the shop invites."""

    vendor: Slug | None = None
    """The code of the vendor whose part of the shop they are to look after; without one they are the shop's."""


class ChangeIn(GrantIn):
    """Other roles and limits, in place of those of `version`."""

    version: Version


class MemberOut(Model):
    """Somebody who works for the shop or for a vendor."""

    id: UUID
    account_id: UUID | None
    name: str | None
    email: str | None
    """The address they were invited by; the account's once they have accepted."""
    vendor_id: UUID | None
    status: Literal["invited", "active", "suspended", "removed"]
    roles: tuple[str, ...]
    role_ids: tuple[UUID, ...]
    limits: LimitsOut
    version: int
    created_at: datetime
    accepted_at: datetime | None


class MemberList(Model):
    """Who works here, those invited too."""

    items: list[MemberOut]


class RoleIn(Input):
    """A role to make."""

    name: Text
    meaning: Note
    permissions: Annotated[list[PermissionName], Field(min_length=1, max_length=200)]
    limits: LimitsIn = LimitsIn()
    """Of whoever has it and is given none of their own."""


class RoleChange(RoleIn):
    """Another role in place of that of `version`."""

    version: Version


class RoleLimitsIn(Input):
    """Other limits of a role of the platform's, in place of those of `version`."""

    limits: LimitsIn
    version: Annotated[int, Field(ge=0, le=2**31)]


class RoleOut(Model):
    """A role."""

    id: UUID | None
    """Of the shop's own; the platform's are named."""
    name: str
    title: str
    meaning: str
    permissions: tuple[str, ...]
    limits: LimitsOut | None
    """Of whoever has it and is given none of their own; an admin's role, and those of vendors, can have none."""
    version: int | None
    """`None` where there is nothing to change; 0 for one of the platform's of which the shop has said nothing yet."""


class PermissionOut(Model):
    """A permission."""

    name: str
    meaning: str
    rule: str | None


class RoleList(Model):
    """The roles there are, the platform's first, and the permissions they are made of."""

    items: list[RoleOut]
    permissions: list[PermissionOut]


class AcceptIn(Input):
    """An invitation that is accepted. Whoever has an account with its address needs nothing but the link."""

    token: Secret
    display_name: Text | None = None
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = None


class InvitationOut(Model):
    """What an invitation is for."""

    email: str
    has_account: bool
    """Without one, a name is needed to accept it."""
    roles: tuple[str, ...]
