"""Bytes on the wire: compressed bodies in and out, and the header that an empty Native result lacks."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable
from typing import Protocol, cast

import lz4.frame
import zstandard

from tradewind.engines.clickhouse.errors import QueryFailed

CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "XML": "application/xml; charset=UTF-8",
}


class Compressor(Protocol):
    """A stream of compressed bytes."""

    def compress(self, data: bytes, /) -> bytes:
        """Take some more."""
        ...

    def flush(self) -> bytes:
        """End the stream."""
        ...


class _Inflater(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...


class Lz4Compressor:
    """One LZ4 frame."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes, /) -> bytes:
        """Take some more."""
        return self._begin() + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        """End the frame."""
        return self._begin() + bytes(self._frame.flush())

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._frame.begin())


class Identity:
    """No compression."""

    def compress(self, data: bytes, /) -> bytes:
        """Give back what came."""
        return data

    def flush(self) -> bytes:
        """Have nothing left."""
        return b""


# In the order in which a server prefers them.
_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "lz4": Lz4Compressor,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=3, wbits=31),
    "deflate": lambda: zlib.compressobj(level=3),
    "xz": lambda: lzma.LZMACompressor(preset=1),
    "bz2": bz2.BZ2Compressor,
}


def choose_encoding(accepted: str) -> str | None:
    """The encoding of an answer to a client that accepts these; None for as it is."""
    offered = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
    return next((encoding for encoding in _COMPRESSORS if encoding in offered), None)


def compressor(encoding: str | None) -> Compressor:
    """Start a compressed stream in one of the encodings that `choose_encoding` gives."""
    return Identity() if encoding is None else _COMPRESSORS[encoding]()


class Decompressor:
    """A compressed body, piece by piece; it may be several streams one after the other, as clickhouse-connect sends.

    Raises:
        QueryFailed: an encoding nobody here knows, or bytes that aren't in it.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._stream = _inflater(encoding)
        self._begun = False

    def decompress(self, data: bytes) -> bytes:
        """What these bytes hold."""
        if self._stream is None:
            return data
        out = []
        while data:
            if self._stream.eof:
                self._stream = _fresh(self._encoding)
            try:
                out.append(self._stream.decompress(data))
            except (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, zstandard.ZstdError) as error:
                raise QueryFailed(
                    354, "ZLIB_INFLATE_FAILED", f"Cannot read the {self._encoding} body: {error}"
                ) from error
            self._begun = True
            data = (self._stream.unused_data or b"") if self._stream.eof else b""
        return b"".join(out)

    def finish(self) -> None:
        """Refuse a body that was cut."""
        if self._stream is not None and self._begun and not self._stream.eof:
            raise QueryFailed(32, "ATTEMPT_TO_READ_AFTER_EOF", f"The {self._encoding} body ends too early")


def _inflater(encoding: str) -> _Inflater | None:
    return None if encoding in ("", "identity") else _fresh(encoding)


def _fresh(encoding: str) -> _Inflater:
    match encoding:
        case "lz4":
            return cast("_Inflater", lz4.frame.LZ4FrameDecompressor())
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        case "gzip":
            return zlib.decompressobj(wbits=31)
        case "deflate":
            return zlib.decompressobj()
        case "xz":
            return lzma.LZMADecompressor()
        case "bz2":
            return bz2.BZ2Decompressor()
    raise QueryFailed(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {encoding!r} of the body")


def native_header(columns: Iterable[tuple[str, str]]) -> bytes:
    """A Native block of no rows, which tells the names and types of a result that has none."""
    named = list(columns)
    fields = (_text(part) for column in named for part in column)
    return _number(len(named)) + _number(0) + b"".join(fields)


def _text(value: str) -> bytes:
    data = value.encode()
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def exception_block(message: str, tag: str) -> bytes:
    """What a server appends to an answer that failed after its headers were sent."""
    size = len(message.encode()) + 1
    return f"\r\n__exception__\r\n{tag}\r\n{message}\n{size} {tag}\r\n__exception__\r\n".encode()
