"""Which products are shown beside which.

A link leads one way, and to whatever is published of what staff have named: what is taken out of the shop is left out,
and is there again with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog import service as catalog
from commerce.catalog.categories import service as tree
from commerce.catalog.handles import by_handle
from commerce.catalog.links.schemas import KINDS, LinkedCards, LinkedOut, LinksIn, LinksOut
from commerce.catalog.products import history, keeping, reading
from commerce.catalog.products.history import Author
from commerce.catalog.products.writing import changed, held
from commerce.catalog.schemas import ProductCard
from commerce.catalog.service import ProductNotFound
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database, Tx, hot
from foundation.errors import NotFound, Unprocessable


class LinkedProductNotFound(NotFound):
    """There is no such product to show beside this one."""

    code = "catalog.linked_product_not_found"

    product: str
    """By its id, or its handle."""


class LinkedToItself(Unprocessable):
    """A product isn't shown beside itself."""

    code = "catalog.linked_to_itself"


_LINKS = hot(
    text(
        """
        SELECT l.kind, o.id, o.title, o.handle, o.status
        FROM product_link l JOIN product o ON (o.tenant_id, o.id) = (l.tenant_id, l.other_id)
        WHERE l.tenant_id = :tenant_id AND l.product_id = :product_id ORDER BY l.kind, l.position
        """
    )
)

_SHOWN = """
    SELECT l.kind, l.other_id AS id FROM product p
    LEFT JOIN product_link l ON (l.tenant_id, l.product_id) = (p.tenant_id, p.id)
    WHERE p.tenant_id = :tenant_id AND p.status = 'published' AND {key} ORDER BY l.kind, l.position
"""
_SHOWN_BY_ID = hot(text(_SHOWN.format(key="p.id = :key")))
_SHOWN_BY_HANDLE = hot(text(_SHOWN.format(key="p.handle = :key")))

_FORGET = hot(text("DELETE FROM product_link WHERE tenant_id = :tenant_id AND product_id = :product_id"))

_PUT = hot(
    text(
        """
        INSERT INTO product_link (tenant_id, product_id, kind, other_id, position)
        SELECT :tenant_id, :product_id, t.kind, o.id, t.position
        FROM unnest(CAST(:kinds AS text[]), CAST(:others AS uuid[])) WITH ORDINALITY AS t (kind, other_id, position)
        JOIN product o ON o.tenant_id = :tenant_id AND o.id = t.other_id
        RETURNING other_id
        """
    )
)


async def read(tx: Tx, product_id: UUID, *, currency: str) -> LinksOut:
    """What staff have put beside a product.

    Raises:
        ProductNotFound.
    """
    row = await reading.row_of(tx, product_id, currency=currency)
    rows = await tx.rows(_LINKS, {"product_id": product_id})
    linked = {
        kind: [LinkedOut(**{name: one[name] for name in LinkedOut.model_fields}) for one in rows if one["kind"] == kind]
        for kind in KINDS
    }
    return LinksOut(**linked, version=row["version"])


async def ids_of(tx: Tx, handles: Sequence[str]) -> list[UUID]:
    """The products at some handles, in their order.

    Raises:
        LinkedProductNotFound.
    """
    found = await by_handle(tx, handles)
    for handle in handles:
        if handle not in found:
            raise LinkedProductNotFound(product=handle)
    return [found[handle] for handle in handles]


async def put(tx: Tx, by: Author, product_id: UUID, body: LinksIn, *, currency: str) -> None:
    """Put products beside one, in place of those that were there.

    Raises:
        ProductNotFound, CatalogueStale, LinkedProductNotFound, LinkedToItself.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, body.version, currency=currency)
    said = [(kind, other) for kind in KINDS for other in getattr(body, kind)]
    if any(other == product_id for _, other in said):
        raise LinkedToItself
    await tx.rows(_FORGET, {"product_id": product_id})
    values = {"kinds": [kind for kind, _ in said], "others": [other for _, other in said]}
    there = {one["other_id"] for one in await tx.rows(_PUT, {**values, "product_id": product_id})}
    for _, other in said:
        if other not in there:
            raise LinkedProductNotFound(product=str(other))
    reached = await keeping.advance(tx, product_id, row["status"], row["publish_at"])
    await history.write(tx, product_id, reached, "link", by.principal)
    await changed(tx, product_id, reached, ["links"])


async def beside(database: Database, shop: Shop, shopper: Shopper | None, key: UUID | str) -> LinkedCards:
    """What a shopper sees beside a product, which is named by its id or its handle, at their prices.

    Raises:
        ProductNotFound: nobody sees the product itself.
    """
    statement = _SHOWN_BY_ID if isinstance(key, UUID) else _SHOWN_BY_HANDLE
    async with database.tx(shop.id, read_only=True) as tx:
        rows = await tx.rows(statement, {"key": key})
    if not rows:
        raise ProductNotFound
    linked = [row for row in rows if row["id"] is not None]
    cards = await _cards(database, shop, shopper, {row["id"] for row in linked})
    return LinkedCards(
        **{kind: [cards[row["id"]] for row in linked if row["kind"] == kind and row["id"] in cards] for kind in KINDS}
    )


async def _cards(
    database: Database, shop: Shop, shopper: Shopper | None, product_ids: Collection[UUID]
) -> dict[UUID, ProductCard]:
    if not product_ids:
        return {}
    body = await catalog.cards(database, shop, shopper, list(product_ids))
    return {card.id: card for card in (ProductCard.model_validate(one) for one in orjson.loads(body)["items"])}
