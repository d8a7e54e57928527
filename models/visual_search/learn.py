"""One tenant's training from end to end: its pictures out of the object store, a registered version into MLflow."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from foundation.progress import Progress, silent
from foundation.settings import Settings
from models.visual_search.collecting import Classes, labelled
from models.visual_search.encoder import OnnxEncoder, folder_of
from models.visual_search.register import Registration, register
from pipelines.tenants import reading


def kept_encoders(settings: Settings) -> Path:
    """Where encoders out of packages are kept once they are written."""
    return settings.var_dir / "encoders"


def learn(
    settings: Settings,
    tenant_id: UUID,
    tenant_slug: str,
    *,
    code_version: str,
    classes: Classes = Classes.CATEGORY,
    progress: Progress = silent,
) -> Registration:
    """Learn from the pictures that a tenant shows now, and register what was learnt.

    Raises:
        EngineNotConfigured: Postgres, the object store or MLflow has no address.
        EncoderMissing: there is no encoder to begin with.
        UnreadableFolder: there are too few classes to learn from.
        OSError, psycopg.Error, mlflow.exceptions.MlflowException: one of them can't be read now.
    """
    tracking_uri = settings.require("mlflow_tracking_uri", "MLflow")
    store = settings.require("objects_url", "The object store")
    folder = folder_of(settings.picture_encoder, kept_encoders(settings))
    with reading(settings, tenant_id) as connection:
        vectors, labels = labelled(connection, store, tenant_id, OnnxEncoder.load(folder), classes, progress=progress)
    return register(
        vectors,
        labels,
        encoder=folder,
        tenant_id=tenant_id,
        tenant_slug=tenant_slug,
        tracking_uri=tracking_uri,
        code_version=code_version,
        progress=progress,
    )
