"""A shop's files in the object store: found, read and deleted by the folders that are its own.

Nothing here holds a whole file in memory. It blocks: use it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast
from uuid import UUID

from foundation.naming import indexes, object_folders

CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Store:
    """The object store, below its root."""

    filesystem: Any
    root: str

    @classmethod
    def at(cls, url: str) -> Store:
        """The one at an fsspec URL."""
        import fsspec  # noqa: PLC0415

        filesystem, root = fsspec.url_to_fs(url)
        return cls(filesystem, root.rstrip("/"))

    def every(self, folder: str) -> Iterator[str]:
        """The paths of all files below a folder, itself left out of none of them; nothing when there is no folder."""
        try:
            for _, _, files in self.filesystem.walk(f"{self.root}/{folder}", detail=True):
                for one in files.values():
                    yield one["name"].removeprefix(f"{self.root}/")
        except FileNotFoundError:
            return

    def read(self, path: str) -> Iterator[bytes]:
        """A file, in pieces.

        Raises:
            FileNotFoundError.
        """
        with self.filesystem.open(f"{self.root}/{path}", "rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk

    def writing(self, path: str) -> IO[bytes]:
        """A new file, or one in place of what was there, to be closed by whoever asks."""
        self.filesystem.makedirs(f"{self.root}/{path}".rpartition("/")[0], exist_ok=True)
        return cast("IO[bytes]", self.filesystem.open(f"{self.root}/{path}", "wb"))

    def remove(self, path: str) -> int:
        """Delete a file, or a folder with all that is in it; how many files that were."""
        place = f"{self.root}/{path}"
        if not self.filesystem.exists(place):
            return 0
        folder = self.filesystem.isdir(place)
        count = sum(1 for _ in self.every(path)) if folder else 1
        self.filesystem.rm(place, recursive=folder)
        return count


def export_path(tenant_id: UUID, export_id: UUID, attempt: int) -> str:
    """Where an archive is written. Each attempt has its own: one that was given up and still writes spoils no other."""
    return f"{exports(tenant_id)}/{export_id}-{attempt}.zip"


def exports(tenant_id: UUID) -> str:
    """The folder of a shop's archives."""
    return f"exports/{tenant_id}"


def everything(tenant_id: UUID, slug: str | None) -> tuple[str, ...]:
    """Every place with files of a shop, those that are found by its name only while that is known to be its own."""
    own, _ = object_folders(tenant_id, str(tenant_id))
    named = object_folders(tenant_id, slug) if slug else (own,)
    return (*named, exports(tenant_id), indexes(tenant_id), f"audit/{tenant_id}", f"tombstones/{tenant_id}.json")
