"""A spool: what was taken is on this machine's disk, and somebody else carries it on.

A process appends frames to a segment of its own; frames that come while the disk is busy are written together and cost
one `fdatasync`. A segment is `.open` and locked while it is written, `.sealed` when whoever carries it on may have it.
The system lets go of a lock however its holder ended, so what a killed process left is found and carried on as well.

A frame is its length and its CRC-32, four bytes each, big-endian, and then its body. One that was cut short by a crash
was promised to nobody.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import TooMany, Unavailable
from foundation.ids import new_id

HEAD = struct.Struct(">II")
OPEN, SEALED, DAMAGED = ".open", ".sealed", ".damaged"
SEAL_SECONDS = 0.2
"""How long a segment is written to while the one before has been carried on."""
MOST_SEGMENT = 8 * 2**20
MOST_QUEUED = 16 * 2**20
"""Bytes that may wait for the disk."""
MEASURED_SECONDS = 1.0
RETRY_SECONDS = 2
AT_ONCE = 512
"""Buffers of one `writev`; the system takes 1,024."""


class Backlog(TooMany):
    """More events wait to be carried on than may; send these again later."""

    code = "events.backlog"


class SpoolAway(Unavailable):
    """Events can't be written down just now; send these again later."""

    code = "events.unavailable"


@dataclass(slots=True)
class _Waiting:
    frame: bytes
    done: asyncio.Future[None]


class Spool:
    """What a process writes to a folder that others may write to as well."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._kept = 0
        self._measured_at = float("-inf")
        self._queue: list[_Waiting] = []
        self._queued = 0
        self._wakes = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    async def append(self, body: bytes) -> None:
        """Keep a frame; it is on disk when this returns.

        Raises:
            Backlog: the spool holds as much as it may, or the disk can't follow.
            SpoolAway: the disk refuses.
        """
        self._require_room(len(body))
        frame = HEAD.pack(len(body), zlib.crc32(body)) + body
        waiting = _Waiting(frame, asyncio.get_running_loop().create_future())
        with self._wakes:
            if self._closing:
                raise SpoolAway
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="spool", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._queued += len(waiting.frame)
            self._wakes.notify()
        await waiting.done

    async def close(self) -> None:
        """Write what waits, and hand the last segment on."""
        with self._wakes:
            self._closing = True
            self._wakes.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _require_room(self, size: int) -> None:
        now = time.monotonic()
        if now - self._measured_at > MEASURED_SECONDS:
            self._kept, self._measured_at = size_of(self._folder), now
        if self._kept + self._queued + size > self._most_bytes or self._queued > MOST_QUEUED:
            raise Backlog(retry_after=RETRY_SECONDS)
        self._kept += size

    def _write(self) -> None:
        segment: _Segment | None = None
        before: Path | None = None
        while True:
            with self._wakes:
                if not self._queue and not self._closing:
                    self._wakes.wait(SEAL_SECONDS if segment else None)
                some, self._queue, self._queued = self._queue, [], 0
                closing = self._closing
            if some:
                try:
                    segment = segment or _Segment.made(self._folder)
                    segment.write([one.frame for one in some])
                except OSError as fault:
                    _tell(some, fault)
                    _let_go(segment)
                    segment = None
                else:
                    _tell(some, None)
            # While what went before still lies there, small segments would only make more of them.
            if segment and (closing or segment.is_full or (segment.is_old and not (before and before.exists()))):
                with suppress(OSError):
                    before, segment = segment.seal(), None
            if closing and not some:
                return


def _tell(some: Sequence[_Waiting], fault: OSError | None) -> None:
    def tell() -> None:
        for one in some:
            if one.done.done():  # whoever waited has left
                continue
            if fault is None:
                one.done.set_result(None)
            else:
                refusal = SpoolAway()
                refusal.__cause__ = fault
                one.done.set_exception(refusal)

    with suppress(RuntimeError):  # the loop has ended, and everybody with it
        some[0].done.get_loop().call_soon_threadsafe(tell)


def _let_go(segment: _Segment | None) -> None:
    if segment is not None:
        with suppress(OSError):
            segment.seal()


@dataclass(slots=True)
class _Segment:
    """The file that is written to."""

    path: Path
    descriptor: int
    size: int
    begun_at: float

    @classmethod
    def made(cls, folder: Path) -> _Segment:
        """A new one, locked before anybody can find it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{new_id()}"
        unseen, path = folder / f".{name}", folder / f"{name}{OPEN}"
        descriptor = os.open(unseen, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unseen.rename(path)
        _sync_folder(folder)
        return cls(path, descriptor, 0, time.monotonic())

    @property
    def is_full(self) -> bool:
        return self.size >= MOST_SEGMENT

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self.begun_at >= SEAL_SECONDS

    def write(self, frames: Sequence[bytes]) -> None:
        """All of them, on disk; or none, when that fails."""
        try:
            for first in range(0, len(frames), AT_ONCE):
                _write_all(self.descriptor, frames[first : first + AT_ONCE])
            os.fdatasync(self.descriptor)
        except OSError:
            os.ftruncate(self.descriptor, self.size)
            raise
        self.size += sum(map(len, frames))

    def seal(self) -> Path:
        sealed = self.path.with_suffix(SEALED)
        self.path.rename(sealed)
        os.close(self.descriptor)
        return sealed


def _write_all(descriptor: int, frames: Sequence[bytes]) -> None:
    written = os.writev(descriptor, frames)
    rest = b"".join(frames)[written:] if written < sum(map(len, frames)) else b""
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(folder: Path) -> int:
    """Bytes that wait in a spool."""
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it was carried on meanwhile
                size += entry.stat().st_size
    return size


@dataclass(frozen=True, slots=True)
class Left:
    """A segment that nobody writes to any more."""

    path: Path

    def frames(self) -> Iterator[bytes]:
        """The bodies of its frames, up to where it is whole."""
        content = self.path.read_bytes()
        at = 0
        while at + HEAD.size <= len(content):
            size, checksum = HEAD.unpack_from(content, at)
            body = content[at + HEAD.size : at + HEAD.size + size]
            # Zeros, as a power cut may leave them, look like empty frames.
            if not size or len(body) < size or zlib.crc32(body) != checksum:
                return
            at += HEAD.size + size
            yield body

    def is_whole(self) -> bool:
        """Whether its frames are all that it holds."""
        return sum(HEAD.size + len(body) for body in self.frames()) == self.path.stat().st_size

    def done(self) -> None:
        """It was carried on. What a segment holds after its last whole frame is set aside for somebody to look at, but
        for the end that a killed process didn't finish.
        """
        if self.path.suffix == SEALED and not self.is_whole():
            self.path.rename(self.path.with_suffix(DAMAGED))
        else:
            self.path.unlink()


def left_in(folder: Path) -> list[Left]:
    """The segments to be carried on, the oldest first: those that were sealed, and those whose writer has died."""
    with suppress(FileNotFoundError):
        paths = sorted(path for path in folder.iterdir() if path.suffix in {OPEN, SEALED})
        return [Left(path) for path in paths if path.suffix == SEALED or _is_abandoned(path)]
    return []


def _is_abandoned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it was sealed just now
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return path.exists()
    finally:
        os.close(descriptor)


@contextmanager
def carrying(folder: Path) -> Iterator[bool]:
    """Be the one who carries a spool on, for as long as this lasts; says whether that worked."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".carried", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
