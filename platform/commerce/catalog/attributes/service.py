"""Attributes as staff keep them.

An attribute's code, kind and unit are what products' values were checked by, so they stay. Whoever changes an attribute
or a type holds the shop's catalogue alone (`tree.alone`), as whoever writes a product does: a value is never checked by
a definition that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.attributes.schemas import AttributeChange, AttributeIn, AttributeOut, Kind, check_choices
from commerce.catalog.attributes.values import AttributeInvalid
from commerce.catalog.categories import service as tree
from commerce.catalog.refusals import CatalogueStale
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id

MOST = 500


class AttributeNotFound(NotFound):
    """There is no such attribute in this shop."""

    code = "catalog.attribute_not_found"

    attribute: str


class AttributeCodeTaken(Conflict):
    """Another attribute of the shop has this code."""

    code = "catalog.attribute_code_taken"


class TooManyAttributes(Unprocessable):
    """The shop has as many attributes as one can have."""

    code = "catalog.too_many_attributes"

    limit: int


class AttributeInUse(Conflict):
    """Types of product have this attribute, or products have values of it: retire it, or take it away there first."""

    code = "catalog.attribute_in_use"

    attribute: str
    types: list[str]


class ChoiceInUse(Conflict):
    """Products have a choice that would be gone."""

    code = "catalog.choice_in_use"

    choices: list[str]


_COLUMNS = """
    a.id, a.code, a.name, a.kind, a.unit, a.choices::text AS choices, a.retired, a.version,
    ARRAY(SELECT t.code FROM product_type_attribute o
          JOIN product_type t ON (t.tenant_id, t.id) = (o.tenant_id, o.type_id)
          WHERE o.tenant_id = a.tenant_id AND o.attribute_id = a.id ORDER BY t.code) AS types
"""

_PAGE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM attribute a
        WHERE a.tenant_id = :tenant_id AND a.id > :after ORDER BY a.id LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)

# uq_attribute_code
_ONE = hot(text(f"SELECT {_COLUMNS} FROM attribute a WHERE a.tenant_id = :tenant_id AND a.code = :code"))  # noqa: S608

_OF_TYPE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM product_type y
        JOIN product_type_attribute i ON (i.tenant_id, i.type_id) = (y.tenant_id, y.id)
        JOIN attribute a ON (a.tenant_id, a.id) = (i.tenant_id, i.attribute_id)
        WHERE y.tenant_id = :tenant_id AND y.code = :type ORDER BY i.position
        """  # noqa: S608  (the fragment is a literal)
    )
)

_COUNT = hot(text("SELECT count(*) FROM attribute WHERE tenant_id = :tenant_id"))

_ADD = hot(
    text(
        """
        INSERT INTO attribute (tenant_id, id, code, name, kind, unit, choices)
        VALUES (:tenant_id, :id, :code, :name, :kind, CAST(:unit AS text), CAST(CAST(:choices AS text) AS jsonb))
        """
    )
)

_CHANGE = hot(
    text(
        """
        UPDATE attribute SET name = :name, choices = CAST(CAST(:choices AS text) AS jsonb), retired = :retired,
                             version = version + 1
        WHERE tenant_id = :tenant_id AND code = :code
        """
    )
)

_REMOVE = hot(text("DELETE FROM attribute WHERE tenant_id = :tenant_id AND code = :code"))

# ix_product_type finds the products of the types that have the attribute.
_CHOSEN = hot(
    text(
        """
        SELECT DISTINCT p.attributes ->> CAST(:code AS text) AS choice
        FROM product_type_attribute o JOIN product p ON p.tenant_id = o.tenant_id AND p.type_id = o.type_id
        WHERE o.tenant_id = :tenant_id AND o.attribute_id = :id
          AND p.attributes ->> CAST(:code AS text) = ANY(CAST(:gone AS text[]))
        ORDER BY 1
        """
    )
)


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, AttributeOut]]:
    """Attributes after one, as they were added."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"after": after, "limit": limit})]


async def of_type(tx: Tx, type_code: str) -> list[AttributeOut]:
    """The attributes of a type of product, in the type's order; none when there is no such type."""
    return [_out(row) for row in await tx.rows(_OF_TYPE, {"type": type_code})]


async def read(tx: Tx, code: str) -> AttributeOut:
    """An attribute.

    Raises:
        AttributeNotFound.
    """
    return _out(await _row(tx, code))


async def add(tx: Tx, body: AttributeIn) -> AttributeOut:
    """A new attribute, of no type yet.

    Raises:
        AttributeCodeTaken, TooManyAttributes.
    """
    await tree.alone(tx)
    row = await tx.one(_COUNT)
    if row and row[0] >= MOST:
        raise TooManyAttributes(limit=MOST)
    values = body.model_dump()
    try:
        await tx.rows(_ADD, {**values, "id": new_id(), "choices": _written(values["choices"])})
    except asyncpg.UniqueViolationError as fault:
        raise AttributeCodeTaken from fault
    return await read(tx, body.code)


async def change(tx: Tx, code: str, body: AttributeChange) -> AttributeOut:
    """Name an attribute anew, give it other choices, retire it or bring it back.

    Raises:
        AttributeNotFound, CatalogueStale.
        AttributeInvalid: the choices don't fit its kind.
        ChoiceInUse: products have one that would be gone.
    """
    await tree.alone(tx)
    row = await _row(tx, code)
    if row["version"] != body.version:
        raise CatalogueStale(version=row["version"])
    _check(code, row["kind"], body)
    gone = {one["code"] for one in orjson.loads(row["choices"])} - {one.code for one in body.choices}
    if gone:
        chosen = await tx.rows(_CHOSEN, {"id": row["id"], "code": code, "gone": sorted(gone)})
        if chosen:
            raise ChoiceInUse(choices=[one["choice"] for one in chosen])
    values = body.model_dump()
    await tx.rows(_CHANGE, {**values, "code": code, "choices": _written(values["choices"])})
    return await read(tx, code)


async def remove(tx: Tx, code: str) -> None:
    """Take an attribute away that no type has, so that no product has a value of it.

    Raises:
        AttributeNotFound, AttributeInUse.
    """
    await tree.alone(tx)
    row = await _row(tx, code)
    if row["types"]:
        raise AttributeInUse(attribute=code, types=row["types"])
    await tx.rows(_REMOVE, {"code": code})


async def _row(tx: Tx, code: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_ONE, {"code": code})
    if row is None:
        raise AttributeNotFound(attribute=code)
    return row


def _check(code: str, kind: Kind, body: AttributeChange) -> None:
    try:
        check_choices(kind, body.choices)
    except ValueError as fault:
        raise AttributeInvalid(attribute=code, reason=str(fault)) from fault


def _written(choices: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(choices).decode()


def _out(row: Mapping[str, Any]) -> AttributeOut:
    said = {name: row[name] for name in AttributeOut.model_fields}
    return AttributeOut(**said | {"choices": orjson.loads(row["choices"])})
