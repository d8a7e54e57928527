"""What a permission is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that staff, programs or vendors may be allowed to do."""

    name: str
    """`orders:refund`: what it is about, and the verb."""
    meaning: str
    """What whoever holds it may do, in a sentence."""
    vendors: str | None = None
    """What it lets somebody of a vendor do; without it vendors can't hold it."""
    rule: str | None = None
    """What else is asked of whoever holds it: a limit, a part of the shop."""

    personal: bool = False
    """Only a person holds it, who has signed in: no key and no program is given it. By it one comes by rights, keeps
    them, or has money go elsewhere, which whoever finds a key must not.
    """

    @property
    def reads(self) -> bool:
        """Whether whoever holds it only looks."""
        return self.name.endswith(":read")
