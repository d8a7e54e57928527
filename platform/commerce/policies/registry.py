"""Every permission by its name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

from commerce.policies import (
    catalog,
    customers,
    inventory,
    money,
    orders,
    people,
    platform,
    privacy,
    programs,
    selling,
    shop,
)
from commerce.policies.permission import Permission

_CONTEXTS = (catalog, customers, inventory, money, orders, people, platform, privacy, programs, selling, shop)


def _by_name() -> Mapping[str, Permission]:
    found: dict[str, Permission] = {}
    for permission in chain.from_iterable(context.PERMISSIONS for context in _CONTEXTS):
        if permission.name in found:
            raise ValueError(f"two permissions are called {permission.name}")
        found[permission.name] = permission
    return MappingProxyType(dict(sorted(found.items())))


PERMISSIONS: Mapping[str, Permission] = _by_name()
"""All there are, by name."""
SCOPES: tuple[str, ...] = tuple(PERMISSIONS)
"""Their names: the scopes of keys and of programs."""
VENDOR_SCOPES = frozenset(name for name, permission in PERMISSIONS.items() if permission.vendors)
"""The names of those that somebody of a vendor may hold."""


def known(name: str) -> str:
    """The name, if it is a permission's: a route that asks for one which isn't there fails as it is written.

    Raises:
        ValueError: there is no such permission.
    """
    if name not in PERMISSIONS:
        raise ValueError(f"no such permission: {name}")
    return name
