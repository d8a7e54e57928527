"""What the back office has, for whoever may open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commerce.identity.staff import Staff
from commerce.policies.registry import known
from commerce.tenancy.service import Shop


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation."""

    title: str
    path: str
    icon: str
    """One of `pages/templates/_icons.html`."""
    permission: str
    """Without it the page isn't shown."""
    for_vendors: bool = False
    """It is a page of a vendor's, not of the shop's."""
    group: str = "People"
    """Under which heading it stands."""
    to_the_end: bool = False
    """It stays open while the shop is closed and waits to be deleted."""

    def __post_init__(self) -> None:
        known(self.permission)


ENTRIES: Sequence[Entry] = (
    Entry("Customers", "/back-office/customers", "search", "customers:read"),
    Entry("Privacy", "/back-office/privacy", "lock", "privacy:read"),
    Entry("People", "/back-office/people", "person", "staff:read"),
    Entry("Roles", "/back-office/roles", "badge", "staff:read"),
    Entry("Sign-in", "/back-office/identity-providers", "key", "identity_providers:read"),
    Entry("Products", "/back-office/products", "box", "catalog:read", group="Catalogue"),
    Entry("Products", "/back-office/vendor/products", "box", "catalog:read", group="Catalogue", for_vendors=True),
    Entry("Categories", "/back-office/categories", "tree", "catalog:read", group="Catalogue"),
    Entry("Collections", "/back-office/collections", "layers", "catalog:read", group="Catalogue"),
    Entry("Types and attributes", "/back-office/product-types", "sliders", "catalog:read", group="Catalogue"),
    Entry("Brands", "/back-office/brands", "badge", "catalog:read", group="Catalogue"),
    Entry("Reviews", "/back-office/vendor/reviews", "spark", "reviews:read", group="Catalogue", for_vendors=True),
    Entry("Reviews", "/back-office/reviews", "spark", "reviews:read", group="Catalogue"),
    Entry("Sales channels", "/back-office/sales-channels", "globe", "prices:read", group="Catalogue"),
    Entry("Bulk prices", "/back-office/bulk-prices", "gauge", "prices:read", group="Catalogue"),
    Entry("Import and export", "/back-office/imports", "arrow", "catalog:read", group="Catalogue"),
    Entry("Searches", "/back-office/search/report", "gauge", "catalog:read", group="Search"),
    Entry("Search rules", "/back-office/search/rules", "sliders", "catalog:read", group="Search"),
    Entry("Synonyms", "/back-office/search/synonyms", "copy", "catalog:read", group="Search"),
    Entry("Branding", "/back-office/branding", "palette", "settings:read", group="Shop"),
    Entry("Settings", "/back-office/settings", "sliders", "settings:read", group="Shop"),
    Entry("Messages", "/back-office/messages", "mail", "settings:read", group="Shop"),
    Entry("Legal pages", "/back-office/legal", "page", "settings:read", group="Shop"),
    Entry("Domains", "/back-office/domains", "globe", "settings:read", group="Shop"),
    Entry("API keys", "/back-office/api-keys", "key", "api_keys:read", group="Programs"),
    Entry("Programs", "/back-office/programs", "plug", "programs:read", group="Programs"),
    Entry("Webhooks", "/back-office/webhooks", "bell", "webhooks:read", group="Programs"),
    Entry("Plan and usage", "/back-office/plan", "gauge", "billing:read", group="The shop itself", to_the_end=True),
    Entry("Audit log", "/back-office/audit", "clock", "audit:read", group="The shop itself"),
    Entry("Close or export", "/back-office/closing", "door", "settings:read", group="The shop itself", to_the_end=True),
)


HOME = ("/back-office", "/back-office/sign-out")


def open_to(staff: Staff, shop: Shop) -> list[Entry]:
    """The pages that somebody may open."""
    of_vendor = staff.vendor_id is not None
    return [
        entry
        for entry in ENTRIES
        if entry.permission in staff.scopes
        and entry.for_vendors == of_vendor
        and (entry.to_the_end or shop.status != "closing")
    ]


def stays_open(path: str) -> bool:
    """Whether a page is there while the shop is closed and waits to be deleted."""
    return path in HOME or any(f"{path}/".startswith(f"{entry.path}/") for entry in ENTRIES if entry.to_the_end)


def grouped(entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    """Pages under their headings, in the order in which headings first come."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return list(groups.items())
