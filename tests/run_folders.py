"""The folder of a run's files: whoever comes next removes it if the run was killed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "tradewind-test-"
_LOCK = "owner"


@contextmanager
def run_folder(parent: Path | None) -> Iterator[Path]:
    """A folder in `parent`, or else where temporary files are, until the block ends.

    It holds a lock, which the system lets go of however its process ends: those of runs that are over are removed first.
    """
    where = parent or Path(tempfile.gettempdir())
    remove_abandoned(where)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(where: Path) -> None:
    """Remove the folders of runs that are over."""
    for folder in where.glob(f"{PREFIX}*"):
        _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # its run goes on, has only just begun, or is somebody else's
        return
    shutil.rmtree(folder, ignore_errors=True)
