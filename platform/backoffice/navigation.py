"""What the back office has, for whoever may open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commerce.identity.staff import Staff
from commerce.policies.registry import known


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

    def __post_init__(self) -> None:
        known(self.permission)


ENTRIES: Sequence[Entry] = (
    Entry("Customers", "/back-office/customers", "search", "customers:read"),
    Entry("People", "/back-office/people", "person", "staff:read"),
    Entry("Roles", "/back-office/roles", "key", "staff:read"),
)


def open_to(staff: Staff) -> list[Entry]:
    """The pages that somebody may open."""
    of_vendor = staff.vendor_id is not None
    return [entry for entry in ENTRIES if entry.permission in staff.scopes and entry.for_vendors == of_vendor]
