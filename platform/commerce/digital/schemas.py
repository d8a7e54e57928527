"""Goods that are downloaded, as the API has them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from foundation.types import Id, Input, Model, Text

MediaType = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$")
]


class DigitalIn(Input):
    """Whether a variant is downloaded, and for how long and how often what was bought can be."""

    digital: bool
    download_limit: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """How often each file of it, by whoever bought it; `null`: as often as they like."""
    download_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    """How many days from when it was handed out; `null`: for ever."""


class FileQuery(Input):
    """What a file that is sent is called."""

    name: Text
    media_type: MediaType = "application/octet-stream"

    @field_validator("name")
    @classmethod
    def _no_path(cls, name: str) -> str:
        if "/" in name or "\\" in name or name.startswith("."):
            raise ValueError("is the name of a file, without a folder")
        return name


class DigitalFileOut(Model):
    """A file of a variant, as staff see it."""

    id: Id
    name: str
    media_type: str
    size: int
    """Bytes."""
    sha256: str
    version: int
    uploaded_at: datetime


class DigitalOut(Model):
    """What a variant is as a download."""

    sku: str
    digital: bool
    download_limit: int | None
    download_days: int | None
    files: list[DigitalFileOut]
    """In the order in which they came."""
