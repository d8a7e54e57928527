r"""Categories by their names from the top down, `Kitchen > Knives`; a name with `>` in it has `\>` there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text

from commerce.catalog.categories import service as tree
from commerce.catalog.categories.schemas import CategoryIn
from commerce.exchange.columns import Unfit
from foundation.database import Tx, hot
from foundation.errors import Problem

Path = tuple[str, ...]
_BETWEEN = re.compile(r"(?<!\\)>")

# Up from every category of one of the names, by the primary key.
_NAMED = hot(
    text(
        """
        WITH RECURSIVE up AS (
            SELECT id AS leaf, parent_id, ARRAY[name] AS names FROM category
            WHERE tenant_id = :tenant_id
              AND (name = ANY(CAST(:names AS text[])) OR lower(name) = ANY(CAST(:lower AS text[])))
            UNION ALL
            SELECT up.leaf, c.parent_id, c.name || up.names
            FROM up JOIN category c ON c.tenant_id = :tenant_id AND c.id = up.parent_id)
        SELECT leaf, names FROM up WHERE parent_id IS NULL ORDER BY leaf
        """
    )
)


def read(told: str) -> Path:
    """The names of a path."""
    return tuple(name for one in _BETWEEN.split(told) if (name := one.strip().replace("\\>", ">")))


def written(names: Sequence[str]) -> str:
    """A path of names."""
    return " > ".join(one.replace(">", "\\>") for one in names)


class Tree:
    """The shop's categories by their paths, as far as they were asked for; whoever asks holds the tree alone."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._there: dict[Path, list[UUID]] = {}

    async def look_up(self, paths: Iterable[Path]) -> None:
        """Find those of these paths, and of what is above them, that are there."""
        names = sorted({name for path in paths for name in path})
        wanted = {"names": names, "lower": [name.lower() for name in names]}
        for row in await self._tx.rows(_NAMED, wanted) if names else ():
            self._there.setdefault(_key(row["names"]), []).append(row["leaf"])

    async def at(self, path: Path, *, rather: UUID | None = None) -> UUID:
        """The category at a path, made if it is not there; of several the one that is rather wanted.

        Raises:
            Unfit: it can't be made.
        """
        found = self._there.get(_key(path))
        if found:
            return rather if rather in found else found[0]
        above = await self.at(path[:-1]) if len(path) > 1 else None
        try:
            made = await tree.add(self._tx, CategoryIn(name=path[-1], parent_id=above))
        except ValidationError as fault:
            raise Unfit(said_of(fault.errors()[0]["msg"])) from None
        except Problem as problem:
            raise Unfit(problem.title()) from None
        self._there[_key(path)] = [made]
        return made


def said_of(message: str) -> str:
    """A reason in the words of a validator, without Pydantic's own before them."""
    return message.removeprefix("Value error, ")


def _key(names: Sequence[str]) -> Path:
    return tuple(name.lower() for name in names)
