"""The catalogue as a shopper reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

import orjson

from commerce.catalog import hot
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.errors import NotFound

_FIRST_ID = UUID(int=0)
_FIRST_KEY = -(2**63)
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
MAX_WORDS = 12


class ProductNotFound(NotFound):
    """There is no such product in this shop."""

    code = "catalog.product_not_found"


Place = tuple[int, UUID]
"""Where a list goes on: (sort key, id) of the last item seen."""


async def list_products(
    database: Database, shop: Shop, *, category: str | None, after: Place | None, limit: int
) -> bytes:
    """A page of the catalogue, best sellers first: a `ProductList` as JSON."""
    key, last = after or (_FIRST_KEY, _FIRST_ID)
    values = {
        "tenant_id": shop.id,
        "currency": shop.currency,
        "category": category,
        "after_key": key,
        "after_id": last,
        "limit": limit,
    }
    statement = hot.LIST_PRODUCTS if category is None else hot.LIST_CATEGORY
    return await database.read_json(shop.id, statement, values) or b"{}"


async def search(database: Database, shop: Shop, *, words: str, after: Place | None, limit: int) -> bytes:
    """Products that have every word (the last one as a prefix), best matches first; any of the words when none has all.

    A `ProductList` as JSON.
    """
    key, last = after or (None, None)
    values = {"tenant_id": shop.id, "currency": shop.currency, "after_key": key, "after_id": last, "limit": limit}
    terms = [word.lower() for word in _WORD.findall(words)][:MAX_WORDS]
    empty = b'{"items":[],"has_more":false,"next_cursor":null}'
    for query in (all_words(terms), any_word(terms)):
        if not query:
            return empty
        body = await database.read_json(shop.id, hot.SEARCH_PRODUCTS, {**values, "query": query})
        if body is not None and not body.startswith((b'{"items":[]', b'{"items" : []')):
            return body
    return empty


def all_words(terms: Sequence[str]) -> str:
    """A tsquery for documents with every term."""
    return " & ".join(_prefixed(terms))


def any_word(terms: Sequence[str]) -> str:
    """A tsquery for documents with at least one term."""
    return " | ".join(_prefixed(terms))


def _prefixed(terms: Sequence[str]) -> list[str]:
    return [*terms[:-1], f"{terms[-1]}:*"] if terms else []


async def cards(database: Database, shop: Shop, product_ids: Sequence[UUID]) -> bytes:
    """The cards of these products, in this order; those not for sale are left out. A list of `ProductCard` as JSON."""
    values = {"tenant_id": shop.id, "currency": shop.currency, "ids": list(product_ids)}
    return await database.read_json(shop.id, hot.CARDS_BY_ID, values) or b"[]"


async def product(database: Database, shop: Shop, key: str) -> bytes:
    """A product by its handle or id: a `ProductDetail` as JSON.

    Raises:
        ProductNotFound: there is none, or it is not published.
    """
    values = {"tenant_id": shop.id, "currency": shop.currency, "today": clock.now().date()}
    identifier = _uuid(key)
    if identifier is not None:
        body = await database.read_json(shop.id, hot.PRODUCT_BY_ID, {**values, "id": identifier})
    else:
        body = await database.read_json(shop.id, hot.PRODUCT_BY_HANDLE, {**values, "handle": key})
    if body is None:
        raise ProductNotFound
    return body


def id_of(body: bytes) -> UUID:
    """Which product a `ProductDetail` is of."""
    return UUID(orjson.loads(body)["id"])


async def categories(database: Database, shop: Shop) -> bytes:
    """The upper levels of the tree that hold something: a `CategoryList` as JSON."""
    return await database.read_json(shop.id, hot.CATEGORIES, {"tenant_id": shop.id}) or b'{"items":[]}'


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
