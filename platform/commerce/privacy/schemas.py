"""What people may ask of what is kept about them, over HTTP."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from foundation.types import Id, Input, Instant, Model, MoneyOut, Note


class ErasureIn(Input):
    """Why a customer is forgotten."""

    reason: Note


class WithdrawalIn(Input):
    """Why somebody is not forgotten who was to be."""

    reason: Note


class PersonExportIn(Input):
    """Why a customer's data is put together for them."""

    reason: Note


class PrivacyRequestsQuery(Input):
    """Which requests."""

    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 25


class PrivacyRequestOut(Model):
    """Something that was asked for by a customer, or for them."""

    id: Id
    kind: Literal["archive", "erasure"]
    customer_id: Id
    customer: str
    """What they are called; empty of somebody who is forgotten."""
    requested_by: str
    """The principal: a customer's own account, the customer, or somebody of the shop."""
    by_themselves: bool
    """Whether that was the customer."""
    requested_at: Instant
    status: Literal["waiting", "running", "ready", "failed", "asked", "held", "begun", "kept", "erased"]
    """Of an archive how far it is; of an erasure `asked` in the time of grace, `held` by what is to be settled first,
    `begun` when they were told that it is now, `kept` when they stayed."""
    until: Instant | None
    """When an archive is deleted; when somebody is to be forgotten, or when that ended."""


class PrivacyRequestList(Model):
    """Requests, the newest first."""

    items: list[PrivacyRequestOut]
    has_more: bool
    next_cursor: str | None


class PersonExportOut(Model):
    """An archive of what is kept about a person."""

    id: Id
    status: Literal["waiting", "running", "ready", "failed"]
    requested_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
    """When it is deleted."""
    size: int | None
    """In bytes."""
    sha256: str | None
    """In hexadecimal."""


class PersonExportList(Model):
    """Archives, the latest first."""

    items: list[PersonExportOut]


FORGET_ME: Final = "FORGET ME"
"""What is typed by whoever means it."""


class FarewellIn(Input):
    """What somebody types who means it."""

    confirmation: Literal["FORGET ME"]


class FarewellOut(Model):
    """Somebody asked to be forgotten."""

    requested_at: Instant
    due_at: Instant
    """Until then they can stay."""


class UnsettledOut(Model):
    """What is open between the shop and somebody, by the numbers of their orders; one may be in several."""

    orders: list[str]
    """Those that have not come yet."""
    claims: list[str]
    """Those about which a claim is open."""
    returns: list[str]
    """Those of which something is on its way back, for some months."""
    disputes: list[str]
    """Those whose payment is disputed at the bank."""
    unpaid: list[str]
    """Those that are still to be paid."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is open."""
        return not any((self.orders, self.claims, self.returns, self.disputes, self.unpaid))


class StaysOut(Model):
    """What being forgotten waits for, and what it leaves."""

    waits_for: UnsettledOut
    """Only when it is settled are they forgotten."""
    invoices: int
    """Invoices and credit notes, which the law makes the shop keep: sealed, and under nobody's account."""
    credit: list[MoneyOut]
    """Store credit, which is lost."""


class FarewellState(Model):
    """Whether somebody has asked to be forgotten, and what it comes to."""

    asked: FarewellOut | None
    stays: StaysOut
