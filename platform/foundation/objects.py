"""Files in the object store, each whole or not there at all. These block: call them in a thread.

fsspec is loaded when the first file is asked for, and no sooner: most workers never need it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import IO, cast

from foundation.naming import ObjectPath

_PIECE = 2**20


def put(url: str, path: ObjectPath, body: bytes) -> None:
    """Write a file of the store at `url`, in place of one that is there.

    Raises:
        OSError: the store takes nothing now.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    target = f"{root}/{path}"
    store.makedirs(target.rpartition("/")[0], exist_ok=True)
    with store.transaction, store.open(target, "wb") as file:
        file.write(body)


def delete(url: str, path: ObjectPath) -> None:
    """Delete a file of the store at `url`, if it is there.

    Raises:
        OSError: the store can't be reached now.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    with suppress(FileNotFoundError):
        store.rm_file(f"{root}/{path}")


def get(url: str, path: ObjectPath) -> bytes | None:
    """A file of the store at `url`; `None` if it is not there.

    Raises:
        OSError: the store can't be read now.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    try:
        body: bytes = store.cat_file(f"{root}/{path}")
    except FileNotFoundError:
        return None
    return body


def copy_to(url: str, path: ObjectPath, target: IO[bytes]) -> None:
    """Write a file of the store at `url` into one that is open, piece by piece.

    Raises:
        OSError: the store can't be read now, or there is no such file.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    with store.open(f"{root}/{path}", "rb") as source:
        shutil.copyfileobj(source, target, _PIECE)


def reading(url: str, path: ObjectPath) -> IO[bytes]:
    """A file of the store at `url`, open at its beginning, to be closed by whoever asks.

    Raises:
        OSError: the store can't be read now, or there is no such file.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    return cast("IO[bytes]", store.open(f"{root}/{path}", "rb"))


def writing(url: str, path: ObjectPath) -> IO[bytes]:
    """A new file of the store at `url`, to be closed by whoever asks.

    Raises:
        OSError: the store takes nothing now.
    """
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    target = f"{root}/{path}"
    store.makedirs(target.rpartition("/")[0], exist_ok=True)
    return cast("IO[bytes]", store.open(target, "wb"))
