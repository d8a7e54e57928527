"""Whoever made a key or registered a program: it never may do more than they may, now.

A key that an admin made is no way around the limits they get later. Where whoever made it does not work here any more,
or was a program that nobody answers for, it has what it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity.membership import held_by
from commerce.policies.limits import NONE, Limits
from commerce.policies.registry import SCOPES
from foundation import sealing
from foundation.database import Tx, hot


def join(made: str) -> str:
    """The membership `m` of whoever made a row of the table that is called `made`: uq_membership_account."""
    return f"""LEFT JOIN membership m ON m.tenant_id = {made}.tenant_id AND m.status <> 'removed'
               AND m.account_id = CAST(substring({made}.created_by FROM '^account:(.*)$') AS uuid)"""


def bounded(row: Any, scopes: Iterable[str]) -> tuple[frozenset[str], Limits]:
    """What is left of scopes, and the limits that go with them, by the membership of whoever made a key or a program.

    What only people may do is nothing that is left: it may have been given before that was so.
    """
    given = frozenset(scopes) & frozenset(SCOPES)
    if row["membership"] is None:
        return given, NONE
    maker = held_by(row["membership"])
    return given & maker.permissions, maker.limits


_PERSON = "account:"


@dataclass(frozen=True, slots=True)
class Maker:
    """A person who made a key or registered a program."""

    name: str
    works_here: bool
    """Not removed since; else the program goes on without anybody who answers for it."""


# pk_account, uq_membership_account
_MAKERS = hot(
    text(
        """
        SELECT a.id, a.display_name,
               EXISTS (SELECT FROM membership m WHERE m.tenant_id = a.tenant_id AND m.account_id = a.id
                         AND m.status <> 'removed') AS works_here
        FROM account a WHERE a.tenant_id = :tenant_id AND a.id = ANY (CAST(:ids AS uuid[]))
        """
    )
)


async def named(tx: Tx, principals: Iterable[str | None]) -> Mapping[str | None, Maker]:
    """Who stands behind principals, of those that are people."""
    ids = {UUID(one.removeprefix(_PERSON)) for one in principals if one is not None and one.startswith(_PERSON)}
    rows = await tx.rows(_MAKERS, {"ids": sorted(ids)}) if ids else []
    names = await sealing.unseal(tx, [row["display_name"] for row in rows])
    return {
        f"{_PERSON}{row['id']}": Maker(name or "", row["works_here"]) for row, name in zip(rows, names, strict=True)
    }
