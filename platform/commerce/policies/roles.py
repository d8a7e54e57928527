"""The roles that every shop has, and what each of them may do. A shop makes its own beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from commerce.policies import catalog, customers, events, inventory, money, orders, people, programs, reviews, selling
from commerce.policies.permission import Permission
from commerce.policies.registry import PERMISSIONS, VENDOR_SCOPES


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the platform's."""

    name: str
    title: str
    meaning: str
    permissions: frozenset[str]
    for_vendors: bool = False
    """It is one of a vendor's people, not of the shop's."""


def _names(*permissions: Permission) -> frozenset[str]:
    return frozenset(permission.name for permission in permissions)


ADMIN = Role("admin", "Admin", "Runs the shop: may do everything that staff can.", frozenset(PERMISSIONS))
SUPPORT_AGENT = Role(
    "support_agent",
    "Support agent",
    "Helps customers: looks after orders, gives money back up to a limit, and acts as a customer for a while.",
    _names(
        customers.READ,
        customers.ACT_AS,
        orders.READ,
        orders.WRITE,
        orders.REFUND,
        inventory.READ,
        money.PAYMENTS_READ,
        money.STORED_VALUE_READ,
        selling.PROMOTIONS_READ,
        reviews.READ,
        reviews.WRITE,
    ),
)
WAREHOUSE_MANAGER = Role(
    "warehouse_manager",
    "Warehouse manager",
    "Keeps the stock of the warehouses that are theirs, and sends parcels from them.",
    _names(inventory.READ, inventory.WRITE, orders.READ, orders.FULFIL),
)
MERCHANDISER = Role(
    "merchandiser",
    "Merchandiser",
    "Decides what is sold at which price.",
    _names(
        catalog.READ,
        catalog.WRITE,
        catalog.PUBLISH,
        selling.PRICES_READ,
        selling.PRICES_WRITE,
        selling.PRICES_QUOTE,
        selling.PROMOTIONS_READ,
        selling.PROMOTIONS_WRITE,
        selling.VENDORS_READ,
        inventory.READ,
        reviews.READ,
        reviews.WRITE,
    ),
)
ANALYST = Role(
    "analyst",
    "Analyst",
    "Reads figures, and changes nothing.",
    _names(
        catalog.READ,
        events.READ,
        inventory.READ,
        money.LEDGER_READ,
        money.PAYMENTS_READ,
        money.STORED_VALUE_READ,
        orders.READ,
        selling.PRICES_READ,
        selling.PROMOTIONS_READ,
        selling.VENDORS_READ,
        reviews.READ,
    ),
)
VENDOR = Role(
    "vendor",
    "Vendor",
    "Looks after a vendor's own part: its products, its lines, its money, its people, its keys.",
    _names(
        catalog.READ,
        catalog.WRITE,
        orders.READ,
        orders.FULFIL,
        programs.API_KEYS_READ,
        programs.API_KEYS_WRITE,
        people.STAFF_READ,
        people.STAFF_WRITE,
        reviews.READ,
        reviews.WRITE,
    ),
    for_vendors=True,
)
ROLES: Mapping[str, Role] = MappingProxyType(
    {role.name: role for role in (ADMIN, SUPPORT_AGENT, WAREHOUSE_MANAGER, MERCHANDISER, ANALYST, VENDOR)}
)
"""All there are, by name. A customer has none: what they may do is theirs by their session."""


def held(roles: Sequence[str], permissions: Sequence[str], *, of_vendor: bool) -> frozenset[str]:
    """What somebody may do who has some of the platform's roles, and whose own roles hold `permissions`."""
    found = frozenset(permissions).union(*(ROLES[role].permissions for role in roles if role in ROLES))
    return found & (VENDOR_SCOPES if of_vendor else frozenset(PERMISSIONS))
