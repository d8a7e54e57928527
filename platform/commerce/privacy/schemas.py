"""What people may ask of what is kept about them, over HTTP."""

from __future__ import annotations

from typing import Final, Literal

from foundation.types import Id, Input, Instant, Model, MoneyOut, Note


class ErasureIn(Input):
    """Why a customer is forgotten."""

    reason: Note


class PersonExportIn(Input):
    """Why a customer's data is put together for them."""

    reason: Note


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


class StaysOut(Model):
    """What being forgotten waits for, and what it leaves."""

    open_orders: list[str]
    """Numbers of orders that have not come yet: only afterwards are they forgotten."""
    open_claims: list[str]
    """Numbers of orders about which a claim is open: likewise."""
    invoices: int
    """Invoices and credit notes, which the law makes the shop keep: sealed, and under nobody's account."""
    credit: list[MoneyOut]
    """Store credit, which is lost."""


class FarewellState(Model):
    """Whether somebody has asked to be forgotten, and what it comes to."""

    asked: FarewellOut | None
    stays: StaysOut
