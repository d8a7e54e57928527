"""Imports as staff ask for them and see them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.types import Id, Input, Instant, Model, Text

Status = Literal["waiting", "running", "done", "refused", "cancelled", "failed"]
MOST_MAPPED = 100
Mapped = Annotated[str, StringConstraints(pattern=r"^[^=]{1,200}=[^=]{1,80}$", max_length=300)]
"""What a column is called in a file, and here: `Article number=sku`."""


class ImportQuery(Input):
    """How a file is to be taken in."""

    name: Text
    """What it is called where it comes from, such as `products.csv`."""
    format: Literal["csv", "xlsx", "jsonl", "google"] | None = None
    """Left out, by the end of the name."""
    dry_run: Annotated[bool, Field(strict=False)] = False
    """Everything is checked, and nothing is changed."""
    map: Annotated[list[Mapped], Field(max_length=MOST_MAPPED)] = Field(default_factory=list)
    """Columns that are called otherwise in the file: `Article number=sku`; `Remarks=-` leaves one out."""

    def mapping(self) -> dict[str, str]:
        """The same by the file's names."""
        return {theirs.strip(): ours.strip() for theirs, _, ours in (one.partition("=") for one in self.map)}


class FileProblem(Model):
    """Why a file, or the rest of it, could not be taken."""

    line: int
    column: str
    reason: str


class ImportOut(Model):
    """An import, and how far it is."""

    id: Id
    status: Status
    """`refused`: the file is not of its form, `problem` says why; what was taken in before that stays."""
    format: Literal["csv", "xlsx", "jsonl", "google"]
    name: str
    dry_run: bool
    size: int
    """Of the file, in bytes."""
    bytes: int
    """How far into it the import is; of a workbook, about."""
    rows: int
    """How many were seen to."""
    created: int
    """Products, as the three below."""
    changed: int
    unchanged: int
    bad: int
    """Rows that were not taken: `/errors` has them."""
    problem: FileProblem | None
    requested_by: str
    requested_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
    """When it is deleted, with its file and its bad rows."""


class ImportList(Model):
    """A page of imports, the latest first."""

    items: list[ImportOut]
    has_more: bool
    next_cursor: str | None


ExportFormat = Literal["csv", "jsonl", "xlsx", "google"]


class ExportIn(Input):
    """A file of the catalogue that is asked for."""

    format: ExportFormat
    costs: bool = False
    """With what variants cost the shop, and on which channel; it takes `prices:read`. A feed has none of it."""


class ExportQuery(Input):
    """What of the catalogue is taken at once."""

    costs: Annotated[bool, Field(strict=False)] = False
    """As `ExportIn` has it."""


class LeftOutOut(Model):
    """Variants that a feed does not have, for one reason."""

    reason: str
    """Such as `has no picture`."""
    count: int
    skus: list[str]
    """The first of them."""


class CatalogueExportOut(Model):
    """A file of the catalogue, and how far it is."""

    id: Id
    status: Literal["waiting", "running", "ready", "failed"]
    format: ExportFormat
    costs: bool
    """It has what variants cost the shop: only who may see prices is given it."""
    products: int
    """How many are written."""
    total: int
    """Of how many there were when it was begun."""
    size: int | None
    """In bytes."""
    sha256: str | None
    left_out: list[LeftOutOut]
    """What a feed for Google does not have; the other formats have everything."""
    problem: str | None
    """Why it can't be made."""
    requested_by: str
    requested_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
    """When it is deleted."""


class CatalogueExportList(Model):
    """A page of files of the catalogue, the latest first."""

    items: list[CatalogueExportOut]
    has_more: bool
    next_cursor: str | None
