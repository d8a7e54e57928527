"""What was bought to be downloaded, as the API has it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from foundation.types import Id, Model

DownloadState = Literal["ready", "expired", "withdrawn"]


class DownloadFileOut(Model):
    """A file that can be downloaded."""

    id: Id
    name: str
    media_type: str
    size: int
    """Bytes."""
    downloads: int
    """How often it was, as far as that counts."""
    left: int | None
    """How often it can still be; `null`: as often as one likes."""


class DownloadOut(Model):
    """A line of an order that is downloaded."""

    order_id: Id
    order_number: str
    line_id: Id
    product_id: Id
    title: str
    granted_at: datetime
    expires_at: datetime | None
    state: DownloadState
    """`withdrawn`: it was given back, or its payment was."""
    files: list[DownloadFileOut]


class OrderDownloads(Model):
    """What can be downloaded of an order."""

    items: list[DownloadOut]


class DownloadList(Model):
    """What somebody can download, the latest first."""

    items: list[DownloadOut]
    has_more: bool
    next_cursor: str | None
