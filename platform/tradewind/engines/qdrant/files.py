"""Files that survive a crash, and copies that stay as small as what they copy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)


def write_json(path: Path, value: Any) -> None:
    """Replace a file by JSON: after a crash it holds the old value or the new one, whole."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(orjson.dumps(value))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a directory, leaving holes where a file holds only zeros: the engine preallocates far more than it fills."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_tree(entry, target / entry.name)
        else:
            _copy_file(entry, target / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            if chunk == _ZEROS[: len(chunk)]:
                writing.seek(len(chunk), os.SEEK_CUR)
            else:
                writing.write(chunk)
        writing.truncate(writing.tell())
