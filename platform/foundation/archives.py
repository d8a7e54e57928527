"""Archives larger than memory: a ZIP that is written as it is made, and says of each file how to check it.

The last file is `manifest.json`. It names every other one with its size, its SHA-256 and, where it has records, how
many: whoever has the archive can see that nothing is missing and nothing was changed on the way.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Self, cast

from foundation import clock

MANIFEST = "manifest.json"
_UNIX_FILE = 0o100600 << 16


@dataclass(slots=True)
class Entry:
    """A file of an archive while it is written."""

    _out: IO[bytes]
    size: int = 0
    records: int | None = None
    _digest: Any = field(default_factory=hashlib.sha256)

    def write(self, content: bytes, *, records: int | None = None) -> None:
        """Add to the file; `records` are how many more it holds with that."""
        self._out.write(content)
        self._digest.update(content)
        self.size += len(content)
        if records is not None:
            self.records = (self.records or 0) + records

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        digest: str = self._digest.hexdigest()
        return digest


class Measured:
    """A stream that is only written to, of which the size and the digest are known."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.size, self._digest = out, 0, hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Add to it."""
        self._digest.update(content)
        self.size += len(content)
        return self._out.write(content)

    def flush(self) -> None:
        """What is written is on its way."""
        self._out.flush()

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()


class Archive:
    """A ZIP on its way into a stream, which need not be one that can be sought in. It blocks: use it in a thread.

    Leaving it without an error writes the manifest; with one, what was written is no archive that opens.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self._measured = Measured(out)
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._measured), "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._files: list[dict[str, Any]] = []
        self.about: Mapping[str, Any] = {}
        """What the manifest says besides."""

    @property
    def size(self) -> int:
        """How many bytes were written; of the whole once it is left."""
        return self._measured.size

    @property
    def sha256(self) -> str:
        """Of the same, in hexadecimal."""
        return self._measured.sha256

    @contextmanager
    def file(self, name: str) -> Iterator[Entry]:
        """The next file, to be written before another is begun."""
        with self._open(name) as out:
            entry = Entry(out)
            yield entry
        said: dict[str, Any] = {"name": name, "bytes": entry.size, "sha256": entry.sha256}
        self._files.append(said if entry.records is None else {**said, "records": entry.records})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._zip.fp = None  # It would write its directory when it is collected.
        else:
            with self._open(MANIFEST) as out:
                out.write(json.dumps({**self.about, "files": self._files}, indent=2).encode())
            self._zip.close()

    def _open(self, name: str) -> IO[bytes]:
        now = clock.now()
        information = zipfile.ZipInfo(name, (now.year, now.month, now.day, now.hour, now.minute, now.second))
        information.compress_type, information.external_attr = zipfile.ZIP_DEFLATED, _UNIX_FILE
        return self._zip.open(information, "w", force_zip64=True)
