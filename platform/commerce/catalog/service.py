"""The catalogue as a shopper reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from commerce.catalog import hot
from commerce.catalog.comparing import compared
from commerce.catalog.prices import Shown, priced
from commerce.catalog.schemas import Comparison, ProductDetail
from commerce.channels.service import WEB
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, HotStatement
from foundation.errors import NotFound

_FIRST_ID = UUID(int=0)
_FIRST_KEY = -(2**63)
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
MAX_WORDS = 12
NOTHING = Shown(b'{"items":[],"has_more":false,"next_cursor":null}')
"""A page with no products."""


class ProductNotFound(NotFound):
    """There is no such product in this shop."""

    code = "catalog.product_not_found"


Place = tuple[int, UUID]
"""Where a list goes on: (sort key, id) of the last item seen."""


async def list_products(
    database: Database,
    shop: Shop,
    shopper: Shopper | None = None,
    *,
    category: str | None,
    after: Place | None,
    limit: int,
) -> Shown:
    """A page of the catalogue at this shopper's prices, best sellers first: a `ProductList` as JSON."""
    key, last = after or (_FIRST_KEY, _FIRST_ID)
    values = {"category": category, "after_key": key, "after_id": last, "limit": limit}
    statement = hot.LIST_PRODUCTS if category is None else hot.LIST_CATEGORY
    return await _shown(database, shop, shopper, statement, values) or NOTHING


async def list_collection(
    database: Database,
    shop: Shop,
    shopper: Shopper | None = None,
    *,
    collection_id: UUID,
    after: Place | None,
    limit: int,
) -> Shown:
    """A page of a collection at this shopper's prices, in its order: a `ProductList` as JSON."""
    key, last = after or (_FIRST_KEY, _FIRST_ID)
    values = {"collection_id": collection_id, "after_key": key, "after_id": last, "limit": limit}
    return await _shown(database, shop, shopper, hot.LIST_COLLECTION, values) or NOTHING


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What of filters Postgres narrows a list down by: any of each, and nothing where there is `None`."""

    categories: Sequence[UUID] | None = None
    brands: Sequence[str] | None = None
    vendors: Sequence[UUID] | None = None
    collections: Sequence[UUID] | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is chosen."""
        return all(chosen is None for chosen in self.values.values())

    @property
    def values(self) -> dict[str, Any]:
        """As the statements take it."""
        return {
            name: None if chosen is None else list(chosen)
            for name, chosen in (
                ("categories", self.categories),
                ("brands", self.brands),
                ("vendors", self.vendors),
                ("collections", self.collections),
            )
        }


async def list_narrowed(
    database: Database,
    shop: Shop,
    shopper: Shopper | None = None,
    *,
    narrowed: Narrowed,
    after: Place | None,
    limit: int,
) -> Shown:
    """As `list_products`, of what is chosen."""
    key, last = after or (_FIRST_KEY, _FIRST_ID)
    values = {"after_key": key, "after_id": last, "limit": limit, **narrowed.values}
    return await _shown(database, shop, shopper, hot.LIST_NARROWED, values) or NOTHING


async def search(
    database: Database,
    shop: Shop,
    shopper: Shopper | None = None,
    *,
    words: str,
    after: Place | None,
    limit: int,
    narrowed: Narrowed = Narrowed(),
) -> Shown:
    """Products that have every word (the last one as a prefix), best matches first; any of the words when none has all.

    A `ProductList` as JSON, at this shopper's prices.
    """
    key, last = after or (None, None)
    values: dict[str, Any] = {"after_key": key, "after_id": last, "limit": limit}
    statement = hot.SEARCH_PRODUCTS
    if not narrowed.is_everything:
        values |= narrowed.values
        statement = hot.SEARCH_NARROWED
    terms = terms_of(words)
    for query in (all_words(terms), any_word(terms)):
        if not query:
            return NOTHING
        shown = await _shown(database, shop, shopper, statement, {**values, "query": query})
        if shown is not None and not shown.body.startswith((b'{"items":[]', b'{"items" : []')):
            return shown
    return NOTHING


def asked_by(
    currency: str, shopper: Shopper | None = None, language: str | None = None, channel: str = WEB
) -> dict[str, Any]:
    """What the hot reads ask for whoever looks; nobody in particular, without a shopper, and in the shop's language."""
    now = clock.now()
    return {
        **spoken(language),
        "currency": currency,
        "now": now,
        "today": now.date(),
        "customer_id": shopper.customer_id if shopper else None,
        "visitor_id": shopper.visitor_id if shopper else None,
        "channel": shopper.channel if shopper else channel,
    }


def spoken(language: str | None) -> dict[str, str | None]:
    """What reads ask for a language: texts in its locale, else in the language whatever the country."""
    broadly, country, _ = (language or "").partition("-")
    return {"spoken": language, "broadly": broadly if country else None}


def terms_of(words: str) -> list[str]:
    """The words that are searched for, the first of them."""
    return [word.lower() for word in _WORD.findall(words)][:MAX_WORDS]


def words_of(words: str) -> str:
    """A tsquery for documents with every word, the last one as a prefix."""
    return all_words(terms_of(words))


def all_words(terms: Sequence[str]) -> str:
    """A tsquery for documents with every term."""
    return " & ".join(_prefixed(terms))


def any_word(terms: Sequence[str]) -> str:
    """A tsquery for documents with at least one term."""
    return " | ".join(_prefixed(terms))


def _prefixed(terms: Sequence[str]) -> list[str]:
    return [*terms[:-1], f"{terms[-1]}:*"] if terms else []


async def cards(database: Database, shop: Shop, shopper: Shopper | None, product_ids: Sequence[UUID]) -> bytes:
    """The cards of these products, in this order, at this shopper's prices; those not for sale are left out.

    `{"items": [...]}` as JSON, of `ProductCard`s.
    """
    return (await cards_shown(database, shop, shopper, product_ids)).body


async def cards_shown(database: Database, shop: Shop, shopper: Shopper | None, product_ids: Sequence[UUID]) -> Shown:
    """As `cards`, and whether and until when others would be shown the same."""
    return await _shown(database, shop, shopper, hot.CARDS_BY_ID, {"ids": list(product_ids)}) or NOTHING


async def product(
    database: Database, shop: Shop, key: str, shopper: Shopper | None = None, *, channel: str = WEB
) -> Shown:
    """A product by its handle or id, at this shopper's prices, or without one at a channel's: a `ProductDetail` as
    JSON.

    Raises:
        ProductNotFound: there is none, or it is not published.
    """
    identifier = identifier_of(key)
    if isinstance(identifier, UUID):
        found = await _shown(database, shop, shopper, hot.PRODUCT_BY_ID, {"id": identifier}, channel)
    else:
        found = await _shown(database, shop, shopper, hot.PRODUCT_BY_HANDLE, {"handle": key}, channel)
    if found is None:
        raise ProductNotFound
    return found


async def comparison(database: Database, shop: Shop, shopper: Shopper | None, keys: Sequence[str]) -> Comparison:
    """Products side by side, each once, by their handles or ids.

    Raises:
        ProductNotFound: one of them is not there, or not published.
    """
    found = [ProductDetail.model_validate_json((await product(database, shop, key, shopper)).body) for key in keys]
    return compared(list({one.id: one for one in found}.values()))


def id_of(body: bytes) -> UUID:
    """Which product a `ProductDetail` is of."""
    return UUID(orjson.loads(body)["id"])


async def categories(database: Database, shop: Shop) -> bytes:
    """The upper levels of the tree that hold something: a `CategoryList` as JSON."""
    asked = {"tenant_id": shop.id, **spoken(shop.language)}
    return await database.read_json(shop.id, hot.CATEGORIES, asked) or b'{"items":[]}'


async def _shown(
    database: Database,
    shop: Shop,
    shopper: Shopper | None,
    statement: HotStatement,
    values: Mapping[str, Any],
    channel: str = WEB,
) -> Shown | None:
    asked = {**values, **asked_by(shop.currency, shopper, shop.language, channel)}
    async with database.tx(shop.id, read_only=True, plan_once=True) as tx:
        row = await tx.one(statement, asked)
    return None if row is None else priced(row[0].encode(), row["offers"], at=asked["now"])


def identifier_of(key: str) -> UUID | str:
    """What names a product in an address: its id, where it is one, or else its handle."""
    try:
        return UUID(key)
    except ValueError:
        return key
