"""What every asset is given: the settings that the services use too, and somebody to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import dagster as dg

from foundation.settings import Settings

Progress = Callable[[float, float | None, str], None]


class Reporter(Protocol):
    """Gives an asset's work its progress."""

    def of(self, asset: str) -> Progress:
        """Told what is done, of how much (when that is known), and a note."""


class Silent:
    """Nobody watches: a run of the schedule."""

    def of(self, asset: str) -> Progress:  # noqa: ARG002
        """Progress that goes nowhere."""
        return lambda _done, _total, _note: None


@dataclass(frozen=True, slots=True)
class Shares:
    """One bar for a whole run: every asset is one of `assets`."""

    assets: tuple[str, ...]
    progress: Progress

    def of(self, asset: str) -> Progress:
        """The asset's own progress as a share of the run's."""
        before = self.assets.index(asset)

        def tell(done: float, total: float | None, note: str) -> None:
            share = min(done / total, 1.0) if total else 0.0
            self.progress(before + share, len(self.assets), f"{asset.replace('_', ' ')}: {note}")

        return tell


class Platform(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The settings, read from the environment when a run starts."""

    def settings(self) -> Settings:
        """The platform's settings, as every other process reads them."""
        return Settings()
