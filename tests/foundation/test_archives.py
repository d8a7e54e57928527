"""Archives open, and their manifest says of each file what is in it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import IO, cast

import pytest

from foundation.archives import MANIFEST, Archive


class Pipe(io.RawIOBase):
    """A stream that can only be written to, as an upload is."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, content: object) -> int:
        added = bytes(cast("bytes", content))
        self.taken += added
        return len(added)


def test_an_archive_written_into_a_pipe_opens_and_is_what_its_manifest_says() -> None:
    pipe = Pipe()
    with Archive(cast("IO[bytes]", pipe)) as archive:
        with archive.file("a.jsonl") as entry:
            entry.write(b'{"a": 1}\n', records=1)
            entry.write(b'{"a": 2}\n{"a": 3}\n', records=2)
        with archive.file("b/picture.jpg") as entry:
            entry.write(b"\xff\xd8")
        archive.about = {"format": "test"}

    read = zipfile.ZipFile(io.BytesIO(pipe.taken))
    assert read.testzip() is None
    manifest = json.loads(read.read(MANIFEST))
    assert (archive.size, archive.sha256) == (len(pipe.taken), hashlib.sha256(pipe.taken).hexdigest())
    assert manifest["format"] == "test"
    assert [(one["name"], one.get("records")) for one in manifest["files"]] == [("a.jsonl", 3), ("b/picture.jpg", None)]
    for one in manifest["files"]:
        content = read.read(one["name"])
        assert (one["bytes"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_an_archive_that_was_interrupted_does_not_open() -> None:
    pipe = Pipe()

    def interrupted() -> None:
        with Archive(cast("IO[bytes]", pipe)) as archive:
            with archive.file("a") as entry:
                entry.write(b"a")
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        interrupted()
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(pipe.taken))
