"""Passwords of the local engines: made once, kept in one file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path`, readable by its owner alone; a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Passwords:
    """Named passwords in a JSON file (mode 0600); a name asked for the first time gets a random one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def get(self, name: str) -> str:
        """The password of `name`: 256 random bits, safe in a URL without quoting."""
        if name not in self._known:
            self._known[name] = secrets.token_urlsafe(32)
            write_private(self._path, json.dumps(self._known, indent=2, sort_keys=True) + "\n")
        return self._known[name]

    def file(self, name: str) -> Path:
        """A file (mode 0600) that holds only the password of `name`, for a server that reads it from one."""
        path = self._path.parent / "passwords" / name
        password = self.get(name)
        if not path.exists() or path.read_text(encoding="utf-8") != password:
            write_private(path, password)
        return path
