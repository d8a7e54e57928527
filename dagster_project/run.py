"""The whole line, run here and now, recorded where the UI shows it.

`python -m dagster_project.run` tells its progress on the standard output, one JSON object a line, and everything else
on the standard error.
"""

from __future__ import annotations

import os
import sys

import dagster as dg
import orjson

from dagster_project import assets, marts
from dagster_project.definitions import defs
from dagster_project.jobs import refresh
from dagster_project.resources import Shares
from foundation.progress import Progress

NAMES = (*assets.NAMES, *marts.NAMES)
"""The assets of a run."""


class RunFailed(RuntimeError):
    """A step or a blocking check failed; the run's page in Dagster has the whole story."""


def materialise_all(progress: Progress) -> None:
    """Run the job `refresh` in this process, as a run of the instance in DAGSTER_HOME.

    `progress` is told of `len(NAMES)` assets, parts of one included.

    Raises:
        RunFailed: saying which steps and checks failed.
    """
    # Bars of libraries and their links would be drawn over ours.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    job = defs.resolve_job_def(refresh.name)
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, resources={"reporter": Shares(len(NAMES), progress)}
        )
    failed = [f"{event.step_key}: {_cause(event)}" for event in result.all_events if event.is_step_failure]
    broken = [
        f"{one.check_name} did not pass"
        for one in result.get_asset_check_evaluations()
        if not one.passed and one.severity == dg.AssetCheckSeverity.ERROR
    ]
    if failed or broken or not result.success:
        raise RunFailed("; ".join([*broken, *failed]) + f" (run {result.run_id})")


def _cause(event: dg.DagsterEvent) -> str:
    """What was raised at the bottom of it all, in one line."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(error.message.split()) if error is not None else "no reason given"


def main() -> None:
    """Run the line, and tell whoever started this process how far it is."""
    # Libraries print: only progress may reach the one who reads.
    reader = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(done: float, total: float | None = None, note: str = "") -> None:
        reader.write(orjson.dumps({"done": done, "total": total, "note": note}) + b"\n")

    try:
        materialise_all(tell)
    except RunFailed as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
