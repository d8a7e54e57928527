"""What a shop sells right now as a feed for Google's Merchant Center: RSS 2.0 in its product data specification.

<https://support.google.com/merchants/answer/7052112>. A variant is an item: what the shop's own pages say of it to
whoever is not signed in, at the same price (or a channel's own) and as available. One that lacks what Google requires
is left out, and why is told. Shipping and tax are set in the Merchant Center; what has no GTIN is said to have no
identifier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID
from xml.sax.saxutils import escape

import orjson
from markupsafe import Markup
from sqlalchemy import text

from commerce.catalog import service as catalog
from commerce.catalog.schemas import ProductDetail, VariantOut
from commerce.catalog.service import ProductNotFound
from commerce.catalog.words import is_html
from commerce.channels.service import WEB
from commerce.exchange import paths
from commerce.exchange.google import NAMESPACE, OPTIONS
from commerce.media.rendering import address
from commerce.paging import FIRST
from commerce.tenancy.service import Shop
from foundation.database import Database, hot
from foundation.money import to_decimal

MEDIA_TYPE = "application/xml"
LONGEST_ID, LONGEST_TITLE, LONGEST_DESCRIPTION, MOST_IMAGES = 50, 150, 5_000, 11
SHOWN_SKUS = 20
"""Of the variants that are left out for one reason."""
NO_DESCRIPTION = "has no description"
NO_PICTURE = "has no picture"
FREE = "costs nothing"
LONG_SKU = f"has a SKU of more than {LONGEST_ID} characters"
_AT_ONCE = 500
_NAMES: Mapping[str, str] = {said.casefold(): name for name, said in OPTIONS.items()} | {"color": "color"}
"""What an option of a product is called in a feed."""

# pk_product
_PUBLISHED = hot(
    text(
        f"""
        SELECT p.id, (
            SELECT jsonb_object_agg(v.sku, v.gtin) FROM variant v
            WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND v.gtin IS NOT NULL)::text AS gtins
        FROM product p
        WHERE p.tenant_id = :tenant_id AND p.id > CAST(:after AS uuid) AND p.status = 'published'
        ORDER BY p.id LIMIT {_AT_ONCE}
        """  # noqa: S608  (a number)
    )
)


@dataclass(slots=True)
class Sifted:
    """How many variants are in a feed, and which are not, by the reason."""

    taken: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    skus: dict[str, list[str]] = field(default_factory=dict)
    """The first of each."""

    @property
    def told(self) -> list[dict[str, object]]:
        """What is left out, the most frequent reason first, as `LeftOutOut` has it."""
        return [
            {"reason": reason, "count": count, "skus": self.skus[reason]} for reason, count in self.counts.most_common()
        ]

    def leave_out(self, sku: str, reason: str) -> None:
        """One more that is not in it."""
        self.counts[reason] += 1
        first = self.skus.setdefault(reason, [])
        if len(first) < SHOWN_SKUS:
            first.append(sku)


@dataclass(frozen=True, slots=True)
class Front:
    """Where the shop's pages are, and in which language whoever comes from a feed is to read them."""

    home: str
    language: str | None

    def page_of(self, said: ProductDetail) -> str:
        """The address of a product's."""
        return f"{self.home}/p/{said.handle}" + (f"?locale={self.language}" if self.language else "")


async def pieces(
    database: Database, shop: Shop, *, home: str, sifted: Sifted, seen: Callable[[int], None], channel: str = WEB
) -> AsyncIterator[bytes]:
    """The feed, in the language that the shop is read in and at the prices of a channel, of a shop whose pages are at
    `home`; `seen` is told how many products more were looked at.
    """
    yield _head(shop, home)
    after: UUID = FIRST
    while True:
        async with database.tx(shop.id, read_only=True) as tx:
            found = await tx.rows(_PUBLISHED, {"after": after})
        if not found:
            break
        after = found[-1]["id"]
        for row in found:
            said = await _shown(database, shop, row["id"], channel)
            if said is not None:
                gtins: Mapping[str, str] = orjson.loads(row["gtins"] or b"{}")
                yield "".join(_items(said, gtins, Front(home, shop.language), sifted)).encode()
            seen(1)
    yield b"</channel></rss>\n"


async def _shown(database: Database, shop: Shop, product_id: UUID, channel: str) -> ProductDetail | None:
    """The product as whoever is not signed in sees it; `None`: it was withdrawn meanwhile."""
    try:
        shown = await catalog.product(database, shop, str(product_id), channel=channel)
    except ProductNotFound:
        return None
    return ProductDetail.model_validate_json(shown.body)


def _head(shop: Shop, home: str) -> bytes:
    name = escape(shop.name)
    said = f"<title>{name}</title><link>{escape(home)}</link><description>{name}</description>"
    opening = f'<rss version="2.0" xmlns:g="{NAMESPACE}"><channel>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}{said}\n'.encode()


def _items(said: ProductDetail, gtins: Mapping[str, str], front: Front, sifted: Sifted) -> Iterator[str]:
    description = _plain(said.description)
    for one in said.variants:
        images = _images(said, one, front.home)
        if reason := _lacking(one, description, images):
            sifted.leave_out(one.sku, reason)
        else:
            sifted.taken += 1
            told = "".join(
                f"<g:{name}>{escape(value)}</g:{name}>"
                for name, value in _told(said, one, description, images, gtins.get(one.sku), front)
            )
            yield f"<item>{told}</item>\n"


def _lacking(one: VariantOut, description: str, images: list[str]) -> str | None:
    if len(one.sku) > LONGEST_ID:
        return LONG_SKU
    if not description:
        return NO_DESCRIPTION
    if not images:
        return NO_PICTURE
    return None if one.price.amount > 0 else FREE


def _told(
    said: ProductDetail, one: VariantOut, description: str, images: list[str], gtin: str | None, front: Front
) -> Iterator[tuple[str, str]]:
    """The attributes of an item, each as the specification has it."""
    yield "id", one.sku
    if len(said.variants) > 1:
        yield "item_group_id", said.handle if len(said.handle) <= LONGEST_ID else said.id.hex
    yield "title", said.title[:LONGEST_TITLE]
    yield "description", description[:LONGEST_DESCRIPTION]
    yield "link", front.page_of(said)
    yield "image_link", images[0]
    for image in images[1:]:
        yield "additional_image_link", image
    yield from _availability(one)
    yield from _prices(one)
    if said.brand:
        yield "brand", said.brand
    yield from [("gtin", gtin)] if gtin else [("identifier_exists", "no")]
    yield "condition", "new"
    if said.breadcrumbs:
        yield "product_type", paths.written([above.name for above in said.breadcrumbs])
    for name, value in one.options.items():
        if known := _NAMES.get(name.casefold()):
            yield known, value


def _availability(one: VariantOut) -> Iterator[tuple[str, str]]:
    if one.available and one.promised_on is not None:
        yield "availability", "backorder"
        yield "availability_date", f"{one.promised_on.isoformat()}T00:00Z"
    else:
        yield "availability", "in_stock" if one.available else "out_of_stock"


def _prices(one: VariantOut) -> Iterator[tuple[str, str]]:
    currency = one.price.currency
    now = f"{to_decimal(one.price.amount, currency)} {currency}"
    if one.compare_at is not None and one.compare_at > one.price.amount:
        yield "price", f"{to_decimal(one.compare_at, currency)} {currency}"
        yield "sale_price", now
    else:
        yield "price", now


def _images(said: ProductDetail, one: VariantOut, home: str) -> list[str]:
    """Pictures of the variant, or else of all; the drawing that a shop shows in place of one is none."""
    shown = [medium for medium in said.media if medium.variant_id in {None, one.id}]
    shown.sort(key=lambda medium: medium.variant_id is None)
    found = [picture.whole.src for medium in shown if medium.kind == "image" for picture in medium.pictures]
    if not found and said.image and not said.image.endswith(".svg"):
        found = [address(said.image)]
    return [f"{home}{path}" for path in found[:MOST_IMAGES]]


def _plain(description: str) -> str:
    """A description without its markup."""
    words = Markup(description).striptags() if is_html(description) else description  # noqa: S704  (it is taken away)
    return " ".join(words.split())
