"""Types of product as staff keep them: which attributes products of each have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.attributes.schemas import ProductTypeChange, ProductTypeIn, ProductTypeOut, TypeAttribute
from commerce.catalog.attributes.service import AttributeInUse, AttributeNotFound
from commerce.catalog.attributes.values import Definition
from commerce.catalog.categories import service as tree
from commerce.catalog.refusals import CatalogueStale
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id

MOST = 500


class ProductTypeNotFound(NotFound):
    """There is no such type of product in this shop."""

    code = "catalog.product_type_not_found"

    type: str


class ProductTypeCodeTaken(Conflict):
    """Another type of product of the shop has this code."""

    code = "catalog.product_type_code_taken"


class TooManyProductTypes(Unprocessable):
    """The shop has as many types of product as one can have."""

    code = "catalog.too_many_product_types"

    limit: int


class ProductTypeInUse(Conflict):
    """Products are of this type: give them another first."""

    code = "catalog.product_type_in_use"


_COLUMNS = """
    t.id, t.code, t.name, t.version, coalesce((
        SELECT json_agg(json_build_object('attribute', a.code, 'required', o.required) ORDER BY o.position)
        FROM product_type_attribute o JOIN attribute a ON (a.tenant_id, a.id) = (o.tenant_id, o.attribute_id)
        WHERE o.tenant_id = t.tenant_id AND o.type_id = t.id), '[]')::text AS attributes
"""

_PAGE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM product_type t
        WHERE t.tenant_id = :tenant_id AND t.id > :after ORDER BY t.id LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)

# uq_product_type_code
_ONE = hot(text(f"SELECT {_COLUMNS} FROM product_type t WHERE t.tenant_id = :tenant_id AND t.code = :code"))  # noqa: S608

_DEFINITIONS = hot(
    text(
        """
        SELECT a.code, a.name, a.kind, a.unit, a.choices::text AS choices, a.retired, o.required
        FROM product_type t
        JOIN product_type_attribute o ON (o.tenant_id, o.type_id) = (t.tenant_id, t.id)
        JOIN attribute a ON (a.tenant_id, a.id) = (o.tenant_id, o.attribute_id)
        WHERE t.tenant_id = :tenant_id AND t.code = :code ORDER BY o.position
        """
    )
)

_THERE = hot(text("SELECT code FROM product_type WHERE tenant_id = :tenant_id AND code = ANY(CAST(:codes AS text[]))"))

_COUNT = hot(text("SELECT count(*) FROM product_type WHERE tenant_id = :tenant_id"))

_ADD = hot(
    text("INSERT INTO product_type (tenant_id, id, code, name) VALUES (:tenant_id, :id, :code, CAST(:name AS text))")
)

_CHANGE = hot(
    text("UPDATE product_type SET name = :name, version = version + 1 WHERE tenant_id = :tenant_id AND id = :id")
)

_FORGET = hot(text("DELETE FROM product_type_attribute WHERE tenant_id = :tenant_id AND type_id = :id"))

_GIVE = hot(
    text(
        """
        INSERT INTO product_type_attribute (tenant_id, type_id, attribute_id, position, required)
        SELECT :tenant_id, :id, a.id, given.position, given.required
        FROM unnest(CAST(:codes AS text[]), CAST(:required AS boolean[])) WITH ORDINALITY
             AS given (code, required, position)
        JOIN attribute a ON a.tenant_id = :tenant_id AND a.code = given.code
        RETURNING (SELECT code FROM attribute b WHERE b.tenant_id = :tenant_id AND b.id = attribute_id) AS code
        """
    )
)

_REMOVE = hot(text("DELETE FROM product_type WHERE tenant_id = :tenant_id AND id = :id"))

# ix_product_type
_USED = hot(text("SELECT 1 FROM product WHERE tenant_id = :tenant_id AND type_id = :id LIMIT 1"))

_HELD = hot(
    text(
        """
        SELECT code FROM unnest(CAST(:codes AS text[])) AS gone (code)
        WHERE EXISTS (SELECT FROM product p
                      WHERE p.tenant_id = :tenant_id AND p.type_id = :id AND p.attributes ? gone.code)
        """
    )
)


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, ProductTypeOut]]:
    """Types after one, as they were added."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"after": after, "limit": limit})]


async def read(tx: Tx, code: str) -> ProductTypeOut:
    """A type of product.

    Raises:
        ProductTypeNotFound.
    """
    return _out(await _row(tx, code))


async def id_of(tx: Tx, code: str) -> UUID:
    """The type of a code.

    Raises:
        ProductTypeNotFound.
    """
    found: UUID = (await _row(tx, code))["id"]
    return found


async def definitions(tx: Tx, code: str) -> list[Definition]:
    """What values of a type's products are checked by; none when there is no such type."""
    return [
        Definition(
            row["code"],
            row["kind"],
            row["unit"],
            frozenset(one["code"] for one in orjson.loads(row["choices"])),
            row["retired"],
            row["required"],
        )
        for row in await tx.rows(_DEFINITIONS, {"code": code})
    ]


async def known(tx: Tx, codes: Collection[str]) -> dict[str, dict[str, Definition]]:
    """What values of products are checked by, by type and attribute; a type that there is not is left out."""
    there = [row["code"] for row in await tx.rows(_THERE, {"codes": list(codes)})] if codes else []
    return {code: {one.code: one for one in await definitions(tx, code)} for code in there}


async def add(tx: Tx, body: ProductTypeIn) -> ProductTypeOut:
    """A new type of product.

    Raises:
        ProductTypeCodeTaken, TooManyProductTypes.
        AttributeNotFound: there is no attribute of one of the codes.
    """
    await tree.alone(tx)
    row = await tx.one(_COUNT)
    if row and row[0] >= MOST:
        raise TooManyProductTypes(limit=MOST)
    made = new_id()
    try:
        await tx.rows(_ADD, {"id": made, "code": body.code, "name": body.name})
    except asyncpg.UniqueViolationError as fault:
        raise ProductTypeCodeTaken from fault
    await _give(tx, made, body.attributes)
    return await read(tx, body.code)


async def change(tx: Tx, code: str, body: ProductTypeChange) -> ProductTypeOut:
    """Name a type anew, and say which attributes its products have.

    Products that are published stay so without what is required from now on; the next time somebody publishes one it
    must have it.

    Raises:
        ProductTypeNotFound, CatalogueStale, AttributeNotFound.
        AttributeInUse: products have values of an attribute that the type would not have any more.
    """
    await tree.alone(tx)
    row = await _row(tx, code)
    if row["version"] != body.version:
        raise CatalogueStale(version=row["version"])
    had = {one["attribute"] for one in orjson.loads(row["attributes"])}
    gone = had - {one.attribute for one in body.attributes}
    held = await tx.one(_HELD, {"id": row["id"], "codes": sorted(gone)}) if gone else None
    if held is not None:
        raise AttributeInUse(attribute=held["code"], types=[code])
    await tx.rows(_CHANGE, {"id": row["id"], "name": body.name})
    await tx.rows(_FORGET, {"id": row["id"]})
    await _give(tx, row["id"], body.attributes)
    return await read(tx, code)


async def remove(tx: Tx, code: str) -> None:
    """Take a type away that no product is of.

    Raises:
        ProductTypeNotFound, ProductTypeInUse.
    """
    await tree.alone(tx)
    row = await _row(tx, code)
    if await tx.one(_USED, {"id": row["id"]}) is not None:
        raise ProductTypeInUse
    await tx.rows(_FORGET, {"id": row["id"]})
    await tx.rows(_REMOVE, {"id": row["id"]})


async def _give(tx: Tx, type_id: UUID, attributes: Sequence[TypeAttribute]) -> None:
    codes = [one.attribute for one in attributes]
    values = {"id": type_id, "codes": codes, "required": [one.required for one in attributes]}
    given = {row["code"] for row in await tx.rows(_GIVE, values)}
    for code in codes:
        if code not in given:
            raise AttributeNotFound(attribute=code)


async def _row(tx: Tx, code: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_ONE, {"code": code})
    if row is None:
        raise ProductTypeNotFound(type=code)
    return row


def _out(row: Mapping[str, Any]) -> ProductTypeOut:
    return ProductTypeOut(
        code=row["code"],
        name=row["name"],
        attributes=[TypeAttribute(**one) for one in orjson.loads(row["attributes"])],
        version=row["version"],
    )
