"""What a person's permissions are bounded by: how much they give away, and the warehouses they are bound to.

A bound is a rule on top of a permission. It is kept with the membership, or else with a role; it goes with whoever
acts, and is asked by the service that does the work. Whoever is bounded makes no keys and programs; those that they
made before have their bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from commerce.policies import inventory, money, orders
from commerce.policies.roles import ROLES, SUPPORT_AGENT, WAREHOUSE_MANAGER
from foundation.errors import Forbidden
from foundation.money import exponent

PER_ORDER, PER_DAY = 100, 500
"""What a support agent gives back when nothing else is said, in units of the currency."""
GIVES = frozenset({orders.WRITE.name, orders.REFUND.name, money.STORED_VALUE_WRITE.name})
"""The permissions by which value is given away: by refunds, cancellations, returns, claims, edits, credit and cards."""
STORES = frozenset({inventory.READ.name, inventory.WRITE.name, orders.READ.name, orders.FULFIL.name, orders.WRITE.name})
"""The permissions by which something of a warehouse is seen or changed."""


class RefundTooMuch(Forbidden):
    """This is more than whoever asks may give back; somebody with a higher limit has to."""

    code = "orders.refund_over_limit"

    limit: int
    """In minor units of `currency`: what they may give back of one order, or in a day."""
    left: int
    """How much of it is left."""
    currency: str
    per: str
    """`order` or `day`."""


class OtherWarehouse(Forbidden):
    """Whoever asks is bound to some warehouses, and this concerns all of them."""

    code = "inventory.other_warehouse"


@dataclass(frozen=True, slots=True)
class RefundLimit:
    """The most that somebody gives back, in minor units of one currency."""

    per_order: int
    per_day: int
    """Of a day of the shop's."""

    def within(self, other: RefundLimit) -> bool:
        """Whether whoever has the other limit may give this one."""
        return self.per_order <= other.per_order and self.per_day <= other.per_day


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one person."""

    refunds: Mapping[str, RefundLimit] | None = None
    """By currency, of which others aren't given back at all; `None`: as much as was paid."""
    refunds_by_default: bool = False
    """In a currency that `refunds` does not name it is `PER_ORDER` and `PER_DAY`."""
    warehouses: frozenset[UUID] | None = None
    """Those they are bound to; `None`: all."""

    def refund(self, currency: str) -> RefundLimit | None:
        """The most they give back in a currency; `None`: as much as was paid."""
        if self.refunds is None:
            return None
        unit = 10 ** exponent(currency)
        usual = RefundLimit(PER_ORDER * unit, PER_DAY * unit) if self.refunds_by_default else RefundLimit(0, 0)
        return self.refunds.get(currency, usual)

    def require_refund(self, currency: str, amount: int, *, of_order: int, today: int) -> None:
        """Stop what is more than they may give back, given what they have given back of the order and today already.

        Raises:
            RefundTooMuch.
        """
        limit = self.refund(currency)
        if limit is None:
            return
        for per, most, given in (("order", limit.per_order, of_order), ("day", limit.per_day, today)):
            left = max(most - given, 0)
            if amount > left:
                raise RefundTooMuch(limit=most, left=left, currency=currency, per=per)

    @property
    def mine(self) -> list[UUID] | None:
        """The warehouses they are bound to, as statements take them: `MINE`."""
        return None if self.warehouses is None else sorted(self.warehouses)

    def sees(self, warehouse_id: UUID | None) -> bool:
        """Whether a warehouse is one of theirs; `None`, several at once, is not."""
        return self.warehouses is None or warehouse_id in self.warehouses

    def require_everywhere(self) -> None:
        """Stop somebody who is bound to some warehouses from what concerns all of them.

        Raises:
            OtherWarehouse.
        """
        if self.warehouses is not None:
            raise OtherWarehouse

    def within(self, other: Limits, permissions: frozenset[str]) -> bool:
        """Whether these are no wider than the other ones, as far as `permissions` are concerned."""
        refunds = not permissions & GIVES or self._refunds_within(other)
        stock = not permissions & STORES or _within(self.warehouses, other.warehouses)
        return refunds and stock

    def _refunds_within(self, other: Limits) -> bool:
        if other.refunds is None:
            return True
        if self.refunds is None or (self.refunds_by_default and not other.refunds_by_default):
            return False
        return all(limit.within(other.refund(currency) or limit) for currency, limit in self.refunds.items())

    @property
    def bound(self) -> bool:
        """Whether there is any."""
        return self != NONE


NONE = Limits()
_NO_REFUNDS: Mapping[str, RefundLimit] = MappingProxyType({})


def _within(warehouses: frozenset[UUID] | None, others: frozenset[UUID] | None) -> bool:
    return others is None or (warehouses is not None and warehouses <= others)


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives value away."""

    principal: str
    """In whose name it is summed: for a key, whoever made it."""
    limits: Limits


@dataclass(frozen=True, slots=True)
class Said:
    """What a membership or a role says of its bounds."""

    refunds: Mapping[str, RefundLimit] | None = None
    warehouses: frozenset[UUID] | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Said:
        """As it is kept."""
        refunds, warehouses = kept.get("refunds"), kept.get("warehouses")
        return cls(
            {currency: RefundLimit(**limit) for currency, limit in refunds.items()} if refunds is not None else None,
            frozenset(map(UUID, warehouses)) if warehouses is not None else None,
        )

    def kept(self) -> dict[str, Any]:
        """As it is to be kept."""
        found: dict[str, Any] = {}
        if self.refunds is not None:
            found["refunds"] = {
                currency: {"per_order": limit.per_order, "per_day": limit.per_day}
                for currency, limit in sorted(self.refunds.items())
            }
        if self.warehouses is not None:
            found["warehouses"] = sorted(map(str, self.warehouses))
        return found

    def told(self) -> dict[str, list[str]]:
        """As the audit log has it, amounts in minor units."""
        refunds = [
            f"{currency}.{per}:{amount}"
            for currency, limit in sorted((self.refunds or {}).items())
            for per, amount in (("per_order", limit.per_order), ("per_day", limit.per_day))
        ]
        told = {"refunds": refunds, "warehouses": sorted(map(str, self.warehouses or ()))}
        return {name: values for name, values in told.items() if values}

    def bounds(self) -> frozenset[str]:
        """The permissions that are bounded by it."""
        return (GIVES if self.refunds is not None else frozenset()) | (
            STORES if self.warehouses is not None else frozenset()
        )


SILENT = Said()


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role as somebody has it: one of the shop's own, or of the platform's by its name."""

    permissions: frozenset[str]
    said: Said
    """What the shop says of its bounds."""
    name: str | None = None

    @classmethod
    def built_in(cls, name: str, said: Said) -> HeldRole:
        """One of the platform's, and what the shop says of it."""
        return cls(ROLES[name].permissions if name in ROLES else frozenset(), said, name)

    @property
    def limits(self) -> Limits:
        """What bounds whoever has it, if their membership says nothing.

        A support agent's refunds and a warehouse manager's warehouses are bounded even when nothing is said of them.
        """
        if self.name == SUPPORT_AGENT.name:
            return Limits(self.said.refunds or _NO_REFUNDS, refunds_by_default=True, warehouses=self.said.warehouses)
        if self.name == WAREHOUSE_MANAGER.name:
            return Limits(self.said.refunds, warehouses=self.said.warehouses or frozenset())
        return Limits(self.said.refunds, warehouses=self.said.warehouses)

    @property
    def concerns(self) -> frozenset[str]:
        """The permissions that it holds, or bounds others of whoever has it by."""
        return self.permissions | self.said.bounds()


def limits_of(said: Said, roles: Sequence[HeldRole]) -> Limits:
    """The bounds of somebody with some roles, and of whose bounds their membership says something or nothing.

    What the membership says comes first. Of several roles the widest limit counts; one that holds `orders:refund`, or
    `inventory:write`, and has no limit, frees them of those of the others.
    """
    refunds, usual = _widest_refunds(roles)
    if said.refunds is not None:
        refunds = {**(refunds or {}), **said.refunds} if usual else said.refunds
    warehouses = said.warehouses if said.warehouses is not None else _widest_warehouses(roles)
    return Limits(refunds, usual, warehouses)


def _widest_refunds(roles: Sequence[HeldRole]) -> tuple[Mapping[str, RefundLimit] | None, bool]:
    """By currency, and whether what isn't named is as usual."""
    limited = [role.limits for role in roles if role.limits.refunds is not None]
    free = any(orders.REFUND.name in role.permissions and role.limits.refunds is None for role in roles)
    if free or not limited:
        return None, False
    currencies = {currency for limits in limited for currency in limits.refunds or ()}
    widest = {
        currency: RefundLimit(max(one.per_order for one in found), max(one.per_day for one in found))
        for currency in currencies
        if (found := [limit for limits in limited if (limit := limits.refund(currency)) is not None])
    }
    return widest, any(limits.refunds_by_default for limits in limited)


def _widest_warehouses(roles: Sequence[HeldRole]) -> frozenset[UUID] | None:
    limited = [role.limits.warehouses for role in roles if role.limits.warehouses is not None]
    free = any(inventory.WRITE.name in role.permissions and role.limits.warehouses is None for role in roles)
    return frozenset[UUID]().union(*limited) if limited and not free else None
