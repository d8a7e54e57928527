"""A shop's branding, in and out."""

from __future__ import annotations

from foundation.types import Model


class LogoOut(Model):
    """The shop's logo."""

    version: int
    """Of the configuration that says so."""
    logo: str | None
    """Its address; without one the shop's name stands in its place."""
