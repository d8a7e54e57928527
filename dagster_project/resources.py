"""What every asset is given: the settings that the services use too, and somebody to tell how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import dagster as dg

from foundation.progress import Progress, silent
from foundation.settings import Settings


class Reporter(Protocol):
    """Gives an asset's work its progress."""

    def of(self, asset: str) -> Progress:
        """Told what is done, of how much (when that is known), and a note."""


class Silent:
    """Nobody watches: a run of the schedule."""

    def of(self, asset: str) -> Progress:  # noqa: ARG002
        """Progress that goes nowhere."""
        return silent


@dataclass(slots=True)
class Shares:
    """One bar for a run of `assets` assets, in whatever order they come; it never goes back."""

    assets: int
    progress: Progress
    _begun: list[str] = field(default_factory=list)
    _furthest: float = 0.0

    def of(self, asset: str) -> Progress:
        """The asset's own progress as a share of the run's."""
        if asset not in self._begun:
            self._begun.append(asset)
        before = self._begun.index(asset)

        def tell(done: float, total: float | None = None, note: str = "") -> None:
            share = min(done / total, 1.0) if total else 0.0
            self._furthest = max(self._furthest, before + share)
            self.progress(self._furthest, self.assets, f"{asset.replace('_', ' ')}: {note}")

        return tell


class Platform(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The settings, read from the environment when a run starts."""

    def settings(self) -> Settings:
        """The platform's settings, as every other process reads them."""
        return Settings()
