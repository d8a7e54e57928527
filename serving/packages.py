"""The packages that the model registry has, by tenant: named as their aliases say now, fetched once and kept."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import httpx

from foundation.settings import Settings
from models.registry import CHAMPION, MODEL_FOLDER, TENANT_TAG

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PATIENCE = 5.0


class RegistryAway(ConnectionError):
    """Nobody answers at the registry's address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"MLflow doesn't answer at {address}")


class Named(NamedTuple):
    """A version of a registered model."""

    model: str
    version: str


class Packages:
    """One registry, and where what it has is kept.

    Each method raises `RegistryAway` when the registry doesn't answer, and `mlflow.exceptions.MlflowException` when it
    answers with an error.
    """

    def __init__(self, tracking_uri: str, cache: Path) -> None:
        self._tracking_uri = tracking_uri
        self._cache = cache
        self._client: MlflowClient | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Packages:
        """The registry of the settings; packages are kept under `var_dir`.

        Raises:
            EngineNotConfigured: MLflow has no address.
        """
        return cls(settings.require("mlflow_tracking_uri", "MLflow"), settings.var_dir / "serving" / "models")

    def champions(self, names: str) -> dict[UUID, Named]:
        """The champion of each tenant among the models whose names begin so; nothing is loaded for it."""
        self._knock()
        named: dict[UUID, Named] = {}
        page: Any = self._registry().search_registered_models()
        while True:
            for model in page:
                version, tenant = model.aliases.get(CHAMPION), model.tags.get(TENANT_TAG)
                if version is not None and tenant is not None and model.name.startswith(names):
                    named[UUID(tenant)] = Named(model.name, str(version))
            if not page.token:
                return named
            page = self._registry().search_registered_models(page_token=page.token)

    def folder(self, named: Named) -> Path:
        """The package of a version; it never changes, so it is fetched once."""
        place = self._cache / named.model / named.version
        if not place.exists():
            self._knock()
            self._download(named, place)
        return place

    def _knock(self) -> None:
        """See that a server is there before its client is imported (seconds) or asked (it retries for a minute)."""
        if not self._tracking_uri.startswith("http"):
            return
        try:
            httpx.get(f"{self._tracking_uri.rstrip('/')}/health", timeout=PATIENCE)
        except httpx.HTTPError as fault:
            raise RegistryAway(self._tracking_uri) from fault

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
