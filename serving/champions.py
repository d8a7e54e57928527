"""The champion of each tenant, as the model registry names it now."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import httpx
import structlog

from foundation.settings import Settings
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import MODEL_NAMES
from models.registry import CHAMPION, MODEL_FOLDER, TENANT_TAG

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = structlog.get_logger(__name__)

PATIENCE = 5.0


class RegistryAway(ConnectionError):
    """Nobody answers at the registry's address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"MLflow doesn't answer at {address}")


class Named(NamedTuple):
    """A version of a registered model."""

    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Champion:
    """A version that holds the alias, loaded."""

    tenant_id: UUID
    name: str
    version: str
    model: RecommendationModel


class Champions:
    """Who recommends for whom. `refresh` talks to the registry; `of` only looks."""

    def __init__(self, tracking_uri: str, cache: Path) -> None:
        self._tracking_uri = tracking_uri
        self._cache = cache
        self._client: MlflowClient | None = None
        self._by_tenant: Mapping[UUID, Champion] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Champions:
        """The champions of the settings' registry; packages are kept under `var_dir`.

        Raises:
            EngineNotConfigured: MLflow has no address.
        """
        return cls(settings.require("mlflow_tracking_uri", "MLflow"), settings.var_dir / "serving" / "models")

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
        self._knock()
        named: dict[UUID, Named] = {}
        page: Any = self._registry().search_registered_models()
        while True:
            for model in page:
                version, tenant = model.aliases.get(CHAMPION), model.tags.get(TENANT_TAG)
                if version is not None and tenant is not None and model.name.startswith(MODEL_NAMES):
                    named[UUID(tenant)] = Named(model.name, str(version))
            if not page.token:
                return named
            page = self._registry().search_registered_models(page_token=page.token)

    def _knock(self) -> None:
        """See that a server is there before its client is imported (seconds) or asked (it retries for a minute)."""
        if not self._tracking_uri.startswith("http"):
            return
        try:
            httpx.get(f"{self._tracking_uri.rstrip('/')}/health", timeout=PATIENCE)
        except httpx.HTTPError as fault:
            raise RegistryAway(self._tracking_uri) from fault

    def _load(self, named: Named) -> RecommendationModel:
        place = self._cache / named.model / named.version
        if not place.exists():
            self._download(named, place)
        return RecommendationModel.load(place)

    def _download(self, named: Named, place: Path) -> None:
        """Fetch beside, then move: a folder in the cache is always whole."""
        place.parent.mkdir(parents=True, exist_ok=True)
        run_id = str(self._registry().get_model_version(*named).run_id)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            package = self._registry().download_artifacts(run_id, MODEL_FOLDER, folder)
            shutil.move(package, place)

    def _registry(self) -> MlflowClient:
        if self._client is None:
            # Seconds to import: after the service has begun to answer.
            from mlflow.tracking import MlflowClient  # noqa: PLC0415

            self._client = MlflowClient(self._tracking_uri, registry_uri=self._tracking_uri)
        return self._client
