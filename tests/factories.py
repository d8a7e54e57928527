"""Valid things for tests: a shop with a few products, written as the roles that would write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from commerce.identity.staff import Staff
from commerce.policies.limits import NONE, Giver
from commerce.policies.registry import PERMISSIONS
from foundation.ids import new_id

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@dataclass(frozen=True)
class Sold:
    """A product for sale in a seeded shop."""

    product_id: UUID
    variant_id: UUID
    handle: str
    title: str
    price: int


@dataclass(frozen=True)
class SeededShop:
    """A tenant with stock, prices and two households."""

    id: UUID
    slug: str
    host: str
    products: list[Sold] = field(default_factory=list)
    category_slug: str = "pantry"


WITHOUT_LIMIT = Giver("key:back office", NONE)
"""Whoever may give as much away as they like."""
TITLES = ("Tomato soup", "Orange juice", "Rye bread", "Ground coffee", "Green tea", "Tomato paste")


@dataclass(frozen=True)
class Seed:
    """A shop as `seed_shop` makes it."""

    slug: str
    titles: tuple[str, ...] = TITLES
    stock: int = 100

    def sown(self, urls: DatabaseUrls) -> SeededShop:
        """Made there."""
        return seed_shop(urls, self.slug, stock=self.stock, titles=self.titles)


def seed_shop(
    urls: DatabaseUrls, slug: str, *, stock: int = 100, titles: tuple[str, ...] = TITLES, currency: str = "USD"
) -> SeededShop:
    """A tenant at `<slug>.localhost` with one product for each title, priced 100, 200, ... cents."""
    shop = SeededShop(new_id(), slug, f"{slug}.localhost")
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "INSERT INTO tenant (id, slug, name, currency, settings) VALUES (%s, %s, %s, %s, %s)",
            (shop.id, slug, slug.title(), currency, '{"sign_in": "reference"}'),
        )
        owner.execute("INSERT INTO tenant_domain (host, tenant_id) VALUES (%s, %s)", (shop.host, shop.id))
    with psycopg.connect(urls.app) as app, app.pipeline():
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        category, warehouse = new_id(), new_id()
        app.execute(
            "INSERT INTO category (tenant_id, id, path, name, slug, depth, product_count)"
            " VALUES (%s, %s, 'pantry', 'Pantry', 'pantry', 0, %s)",
            (shop.id, category, len(titles)),
        )
        app.execute(
            "INSERT INTO warehouse (tenant_id, id, code, name) VALUES (%s, %s, 'main', 'Main')", (shop.id, warehouse)
        )
        for place, title in enumerate(titles):
            shop.products.append(_seed_product(app, shop, category, warehouse, place, title, stock, currency))
        for number in (1, 2):
            app.execute(
                "INSERT INTO customer (tenant_id, id, reference, display_name) VALUES (%s, %s, %s, %s)",
                (shop.id, new_id(), f"household-{number}", f"Household {number}"),
            )
        app.execute("SELECT index_products(%s)", ([sold.product_id for sold in shop.products],))
    return shop


def _seed_product(
    app: psycopg.Connection[tuple[object, ...]],
    shop: SeededShop,
    category: UUID,
    warehouse: UUID,
    place: int,
    title: str,
    stock: int,
    currency: str,
) -> Sold:
    sold = Sold(new_id(), new_id(), title.lower().replace(" ", "-"), title, 100 * (place + 1))
    app.execute(
        "INSERT INTO product (tenant_id, id, category_id, handle, title, brand, rank)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (shop.id, sold.product_id, category, sold.handle, title, "Store brand", -100 + place),
    )
    app.execute(
        "INSERT INTO variant (tenant_id, id, product_id, sku) VALUES (%s, %s, %s, %s)",
        (shop.id, sold.variant_id, sold.product_id, f"SKU{place}"),
    )
    app.execute(
        "INSERT INTO price (tenant_id, id, variant_id, currency, amount) VALUES (%s, %s, %s, %s, %s)",
        (shop.id, new_id(), sold.variant_id, currency, sold.price),
    )
    stock_id = new_id()
    app.execute(
        "INSERT INTO stock (tenant_id, id, warehouse_id, variant_id, received, available)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (shop.id, stock_id, warehouse, sold.variant_id, stock, stock),
    )
    if stock:
        app.execute(
            "INSERT INTO stock_movement (tenant_id, id, stock_id, kind, quantity) VALUES (%s, %s, %s, 'receive', %s)",
            (shop.id, new_id(), stock_id, stock),
        )
    return sold


def owner(shop_id: UUID) -> Staff:
    """Somebody who may do all there is."""
    return Staff(shop_id, new_id(), "Owner", frozenset(PERMISSIONS))
