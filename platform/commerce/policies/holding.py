"""What somebody's roles come to: what they may do, and what bounds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commerce.policies.limits import SILENT, HeldRole, Limits, Said, limits_of
from commerce.policies.roles import held


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody may do, and its bounds."""

    permissions: frozenset[str]
    limits: Limits


def comes_to(
    said: Said, roles: Sequence[str], of_built_in: Mapping[str, Said], own: Sequence[HeldRole], *, of_vendor: bool
) -> Held:
    """What somebody holds whose membership says this of bounds, who has some of the platform's roles, of which the shop
    says that, and some of its own.
    """
    permissions = frozenset[str]().union(*(role.permissions for role in own))
    built_in = [HeldRole.built_in(name, of_built_in.get(name, SILENT)) for name in roles]
    return Held(held(roles, sorted(permissions), of_vendor=of_vendor), limits_of(said, [*built_in, *own]))
