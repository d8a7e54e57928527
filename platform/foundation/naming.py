"""What things are called where there are no rows to secure: keys of the cache, of features, of files.

Each name takes the tenant it belongs to, so that no tenant's can be another's. What all tenants share (a queue whose
entries carry the tenant) is named by `shared_key`, and is the exception to be seen. `tests/isolation/test_one_door.py`
finds a name that is put together anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType
from uuid import UUID

CacheKey = NewType("CacheKey", str)
"""A key in Redis."""
EntityKey = NewType("EntityKey", str)
"""The key of something that features are known of."""
ObjectPath = NewType("ObjectPath", str)
"""Where a file is in the object store, below its root."""

_PREFIX = "tradewind"
NOBODY = "-"
"""Stands for the tenant in keys of requests that no tenant is known for."""


class UnsafeName(ValueError):
    """A part of a name could lead out of its tenant's."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part!r} can't be a part of a name")


def cache_key(tenant_id: UUID | None, kind: str, *parts: str) -> CacheKey:
    """A key of a tenant. Its id is in braces, so that a cluster keeps a tenant's keys of a kind together."""
    return CacheKey(":".join((_PREFIX, kind, f"{{{tenant_id or NOBODY}}}", *parts)))


def shared_key(kind: str) -> CacheKey:
    """A key that all tenants share; what is kept there says whose it is."""
    return CacheKey(f"{_PREFIX}:{kind}")


def entity_key(tenant_id: UUID, entity_id: UUID) -> EntityKey:
    """The join key of a shopper or a product; `features/sql` puts together the same."""
    return EntityKey(f"{tenant_id}:{entity_id}")


def object_path(tenant_id: UUID, *parts: str) -> ObjectPath:
    """A file of a tenant.

    Raises:
        UnsafeName: a part is empty, begins with a dot or holds a slash.
    """
    return _below(str(tenant_id), parts)


def picture_path(slug: str, *parts: str) -> ObjectPath:
    """A picture of a shop's products: public, so it is found by the name that addresses have.

    Raises:
        UnsafeName: a part is empty, begins with a dot or holds a slash.
    """
    return _below(slug, ("products", *parts))


def object_folders(tenant_id: UUID, slug: str) -> tuple[ObjectPath, ObjectPath]:
    """The folders with all of a tenant's files: its own, and that of its public pictures.

    Raises:
        UnsafeName: the slug is empty, begins with a dot or holds a slash.
    """
    return _below(str(tenant_id), ()), _below(slug, ())


def index_path(tenant_id: UUID, name: str) -> ObjectPath:
    """A file of a tenant's search index, apart from its own files: it is made of its rows, and made anew of them.

    Raises:
        UnsafeName: the name begins with a dot or holds a slash.
    """
    return ObjectPath(f"{indexes(tenant_id)}/{_safe(name)}")


def indexes(tenant_id: UUID) -> ObjectPath:
    """The folder with the files of a tenant's search index."""
    return ObjectPath(f"indexes/{tenant_id}")


REMOVED = "removed"
"""The folder with what is left of tenants that are gone."""


def removed_path(tenant_id: UUID) -> ObjectPath:
    """What is left of a tenant that is gone."""
    return ObjectPath(f"{REMOVED}/{tenant_id}.json")


def _below(owner: str, parts: Sequence[str]) -> ObjectPath:
    return ObjectPath("/".join(("tenants", *map(_safe, (owner, *parts)))))


def _safe(part: str) -> str:
    if not part or part.startswith(".") or "/" in part or "\\" in part:
        raise UnsafeName(part)
    return part
