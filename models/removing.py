"""A shop is gone: its models, and the record of how they were trained, go too.

MLflow only marks what is deleted: the files of the models are deleted here, `mlflow gc` throws the marked rows away.
"""

from __future__ import annotations

from uuid import UUID

from mlflow.entities import ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from models.recommendation import register as recommendation
from models.registry import TENANT_TAG
from models.visual_search import register as visual_search

KINDS = (recommendation, visual_search)
"""What trains; each names a tenant's model and its experiment."""


def remove(tracking_uri: str, tenant_id: UUID, tenant_slug: str) -> int:
    """Remove a tenant's models and trainings; how many runs that were. Another tenant's of the same name stay.

    Raises:
        mlflow.exceptions.MlflowException: MLflow can't; what was done before stays done.
    """
    client = MlflowClient(tracking_uri, registry_uri=tracking_uri)
    count = 0
    for kind in KINDS:
        for model in client.search_registered_models(f"name = '{kind.model_name(tenant_slug)}'"):
            if model.tags.get(TENANT_TAG) == str(tenant_id):
                client.delete_registered_model(model.name)
        count += _forget(client, tracking_uri, kind.experiment_name(tenant_slug))
    return count


def _forget(client: MlflowClient, tracking_uri: str, name: str) -> int:
    experiment = client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage == "deleted":
        return 0
    count = 0
    while runs := client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY, max_results=500):
        for run in runs:
            get_artifact_repository(run.info.artifact_uri, tracking_uri=tracking_uri).delete_artifacts()  # type: ignore[no-untyped-call]
            client.delete_run(run.info.run_id)
        count += len(runs)
    # A deleted experiment keeps its name from whoever opens a shop of this name.
    client.rename_experiment(experiment.experiment_id, f"removed/{experiment.experiment_id}")
    client.delete_experiment(experiment.experiment_id)
    return count
