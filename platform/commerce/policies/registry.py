"""Every permission by its name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

from commerce.policies import (
    catalog,
    customers,
    events,
    inventory,
    money,
    orders,
    people,
    platform,
    privacy,
    programs,
    reviews,
    selling,
    shop,
)
from commerce.policies.permission import Permission
from foundation.errors import Forbidden

_CONTEXTS = (
    catalog,
    customers,
    events,
    inventory,
    money,
    orders,
    people,
    platform,
    privacy,
    programs,
    reviews,
    selling,
    shop,
)


def _by_name() -> Mapping[str, Permission]:
    found: dict[str, Permission] = {}
    for permission in chain.from_iterable(context.PERMISSIONS for context in _CONTEXTS):
        if permission.name in found:
            raise ValueError(f"two permissions are called {permission.name}")
        found[permission.name] = permission
    return MappingProxyType(dict(sorted(found.items())))


PERMISSIONS: Mapping[str, Permission] = _by_name()
"""All there are, by name."""
SCOPES: tuple[str, ...] = tuple(name for name, permission in PERMISSIONS.items() if not permission.personal)
"""The names of those that keys and programs may hold: their scopes."""
VENDOR_SCOPES = frozenset(name for name, permission in PERMISSIONS.items() if permission.vendors)
"""The names of those that somebody of a vendor may hold."""


class ForPeople(Forbidden):
    """Only a person who has signed in may do this: no key and no program is given it."""

    code = "identity.for_people"

    scope: str


def require_scope(name: str) -> None:
    """Stop what would give a key or a program a permission that only people hold.

    Raises:
        ForPeople.
    """
    if name in PERMISSIONS and name not in SCOPES:
        raise ForPeople(scope=name)


def known(name: str) -> str:
    """The name, if it is a permission's: a route that asks for one which isn't there fails as it is written.

    Raises:
        ValueError: there is no such permission.
    """
    if name not in PERMISSIONS:
        raise ValueError(f"no such permission: {name}")
    return name
