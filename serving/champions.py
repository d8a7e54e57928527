"""The champion of each tenant, as the model registry names it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from foundation.settings import Settings
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import MODEL_NAMES
from serving.packages import Named, Packages

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Champion:
    """A version that holds the alias, loaded."""

    tenant_id: UUID
    name: str
    version: str
    model: RecommendationModel


class Champions:
    """Who recommends for whom. `refresh` talks to the registry; `of` only looks."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self._by_tenant: Mapping[UUID, Champion] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Champions:
        """The champions of the settings' registry; packages are kept under `var_dir`.

        Raises:
            EngineNotConfigured: MLflow has no address.
        """
        return cls(Packages.from_settings(settings))

    def of(self, tenant_id: UUID) -> Champion | None:
        """The tenant's champion."""
        return self._by_tenant.get(tenant_id)

    @property
    def all(self) -> Mapping[UUID, Champion]:
        """Every tenant's champion."""
        return self._by_tenant

    def refresh(self) -> None:
        """Load what the alias names now; a version that can't be loaded leaves the one before in place.

        Raises:
            RegistryAway: the registry doesn't answer.
            mlflow.exceptions.MlflowException: the registry answers with an error.
        """
        found: dict[UUID, Champion] = {}
        for tenant_id, named in self.named().items():
            known = self._by_tenant.get(tenant_id)
            if known is not None and (known.name, known.version) == named:
                found[tenant_id] = known
                continue
            try:
                found[tenant_id] = Champion(tenant_id, *named, self._load(named))
                log.info("serving.champion", tenant_id=str(tenant_id), model=named.model, version=named.version)
            except (OSError, ValueError, KeyError) as fault:
                log.exception("serving.champion_unreadable", **named._asdict(), error=str(fault))
                if known is not None:
                    found[tenant_id] = known
        self._by_tenant = found

    def load(self, tenant_id: UUID) -> Champion | None:
        """One tenant's champion, as the alias names it now, and nobody else's.

        Raises:
            RegistryAway: the registry doesn't answer.
            mlflow.exceptions.MlflowException: the registry answers with an error.
        """
        named = self.named().get(tenant_id)
        return Champion(tenant_id, *named, self._load(named)) if named else None

    def named(self) -> dict[UUID, Named]:
        """What the alias names now, by tenant; nothing is loaded for it.

        Raises:
            RegistryAway: the registry doesn't answer.
            mlflow.exceptions.MlflowException: the registry answers with an error.
        """
        return self._packages.champions(MODEL_NAMES)

    def _load(self, named: Named) -> RecommendationModel:
        return RecommendationModel.load(self._packages.folder(named))
