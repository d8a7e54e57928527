"""What programs may be allowed to do: for customers, two things; for the shop, what its staff may."""

from __future__ import annotations

from collections.abc import Iterable

from commerce.policies.registry import SCOPES

READ, WRITE = "store:read", "store:write"
OF_CUSTOMERS = {
    READ: "See your orders, your cart and what you saved",
    WRITE: "Fill your cart, order and change orders in your name",
}
"""Scopes that a customer can grant, in words."""


def of_shop(scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that are permissions of the shop's staff."""
    known = set(SCOPES)
    return sorted(scope for scope in set(scopes) if scope in known)


def of_customers(scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that a customer can grant."""
    return [scope for scope in OF_CUSTOMERS if scope in set(scopes)]


def written(scopes: Iterable[str]) -> str:
    """Scopes as OAuth writes them (RFC 6749, section 3.3)."""
    return " ".join(scopes)


def read(scope: str | None) -> list[str]:
    """What OAuth's `scope` names; each once."""
    return list(dict.fromkeys(part for part in (scope or "").split(" ") if part))
