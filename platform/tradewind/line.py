"""The pipelines, run once for the demo: in a process of their own, because they need more memory than the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from foundation.progress import Progress
from tradewind.errors import StackError
from tradewind.processes import stop, tail
from tradewind.stack.site import read_variables, repository_root

LOG = "pipelines.log"
PATIENCE = 10.0


class LineFailed(StackError):
    """The pipelines did not run to their end."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"The pipelines failed; the end of {log}:\n{tail(log)}")


def run_line(var: Path, progress: Progress) -> None:
    """Materialise every asset, as a run of the stack's Dagster.

    Raises:
        LineFailed: with the end of its log.
    """
    log = var / "log" / LOG
    environment = {
        **os.environ,
        **read_variables(var),
        "TRADEWIND_VAR_DIR": str(var.absolute()),
        "DAGSTER_HOME": str(var.absolute() / "dagster"),
    }
    command = [sys.executable, "-m", "dagster_project.run"]
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            command,
            cwd=repository_root(),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                told = json.loads(line)
                progress(told["done"], told["total"], told["note"])
            status = process.wait()
        finally:
            stop(process, signal.SIGTERM, patience=PATIENCE)
    if status != 0:
        raise LineFailed(log)
