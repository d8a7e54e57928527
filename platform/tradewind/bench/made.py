"""A shop of any size, made up by Postgres itself: shaped like the grocer, and every id follows from a number.

So a request, and a script of pgbench, can name the product, the stock or the prepared cart with a number without asking
for it first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import polars as pl
import psycopg
from psycopg import sql

from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, MethodIn
from commerce.taxes import service as taxes
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from foundation import sealing, veil
from foundation.database import TENANT_SETTING, Database
from tradewind.bench.load import ADDRESS
from tradewind.bench.scripts import Sql
from tradewind.data.sealing import sealed
from tradewind.data.tenants import GROCER, Shop, create

DEPARTMENTS, COMMODITIES, SHELVES = 10, 10, 3
"""Departments; commodities of each; shelves of each commodity, on which the products are."""
SHELF_COUNT = DEPARTMENTS * COMMODITIES * SHELVES
VARIANTS = 3
"""The most variants a product has; on average it has two."""
WAREHOUSES = 2
STOCK = 5_000
"""Units of each variant in the first warehouse; the second has a tenth of them."""
SCARCE = 500
"""The same of the last product, for which everybody comes."""
COUNTRY, REGION = "US", "OH"
_ADDRESS = AddressIn(**ADDRESS)
_NAME = re.compile(r"(?<!:):([a-z]+)")


@dataclass(frozen=True, slots=True)
class Kind:
    """Things numbered from 0, and their ids."""

    digit: str

    def id(self, number: int) -> UUID:
        """The id of one."""
        return UUID(f"{self.digit}{number:031x}")

    def sql(self, number: str) -> Sql:
        """The same in SQL, of an expression."""
        return Sql(f"('{self.digit}' || lpad(to_hex(({number})::bigint), 31, '0'))::uuid")


CATEGORY, PRODUCT, VARIANT, BALANCE, VISIT = Kind("a"), Kind("b"), Kind("c"), Kind("d"), Kind("e")


def variant(product: str, position: str = "0") -> str:
    """The number of a product's variant."""
    return f"({product}) * {VARIANTS} + {position}"


def balance(variant_number: str, warehouse: str = "0") -> str:
    """The number of a variant's stock in a warehouse."""
    return f"({variant_number}) * {WAREHOUSES} + {warehouse}"


def price(product: str) -> str:
    """What a product costs, in minor units."""
    return f"(99 + ({product}) * 7919 % 2000)"


def token(number: int) -> str:
    """The session's token of a prepared visit."""
    return f"prepared-{number}"


def token_hash(number: str) -> Sql:
    """What is kept of it."""
    return Sql(f"sha256(convert_to('prepared-' || ({number})::text, 'UTF8'))")


_CATEGORIES = f"""
    INSERT INTO category (tenant_id, id, parent_id, path, name, slug, depth, product_count)
    SELECT :tenant, {{id}}, {{parent}}, path::ltree, name, slug, depth, :products / count(*) OVER (PARTITION BY depth)
    FROM (
        SELECT n, NULL::int AS parent, 'd' || n AS path, 'Department ' || n AS name, 'department-' || n AS slug,
               0 AS depth
        FROM generate_series(0, {DEPARTMENTS} - 1) n
        UNION ALL
        SELECT 1000 + n, n / {COMMODITIES}, format('d%s.c%s', n / {COMMODITIES}, n), 'Commodity ' || n,
               'commodity-' || n, 1
        FROM generate_series(0, {DEPARTMENTS * COMMODITIES} - 1) n
        UNION ALL
        SELECT 10000 + n, 1000 + n / {SHELVES},
               format('d%s.c%s.s%s', n / {COMMODITIES * SHELVES}, n / {SHELVES}, n), 'Shelf ' || n, 'shelf-' || n, 2
        FROM generate_series(0, {SHELF_COUNT} - 1) n) c (n, parent, path, name, slug, depth)
""".format(id=CATEGORY.sql("n"), parent=f"CASE WHEN parent IS NULL THEN NULL ELSE {CATEGORY.sql('parent')} END")

# A product's place in the lists has nothing to do with its shelf, and its variants lie together.
_STATEMENTS = (
    _CATEGORIES,
    f"""
    INSERT INTO product (tenant_id, id, category_id, handle, title, description, brand, rank, attributes)
    SELECT :tenant, {PRODUCT.sql("n")}, {CATEGORY.sql(f"10000 + n % {SHELF_COUNT}")}, 'product-' || n,
           (ARRAY['Ripe', 'Roasted', 'Organic', 'Smoked', 'Fresh', 'Crunchy', 'Mild', 'Sweet'])[1 + n % 8] || ' '
           || (ARRAY['tomatoes', 'coffee', 'oats', 'salmon', 'bread', 'apples', 'cheddar'])[1 + n % 7] || ' ' || n,
           repeat('Picked, packed and sent on the day you order. ', 4), 'Brand ' || n % 500,
           (n::bigint * 7919) % :products, jsonb_build_object('size', (n % 20) * 50 || ' g', 'maker', n % 997)
    FROM generate_series(0, :products - 1) n
    """,
    f"""
    INSERT INTO variant (tenant_id, id, product_id, sku, title, position)
    SELECT :tenant, {VARIANT.sql(variant("n", "at"))}, {PRODUCT.sql("n")}, format('SKU-%s-%s', n, at),
           CASE at WHEN 0 THEN '' ELSE at * 500 || ' g' END, at
    FROM generate_series(0, :products - 1) n, generate_series(0, n % {VARIANTS}) at
    """,
    f"""
    INSERT INTO price (tenant_id, id, variant_id, currency, amount, compare_at)
    SELECT :tenant, {VARIANT.sql(variant("n", "at"))}, {VARIANT.sql(variant("n", "at"))}, 'USD',
           {price("n")} * (at + 1), CASE n % 10 WHEN 0 THEN {price("n")} * (at + 1) + 100 END
    FROM generate_series(0, :products - 1) n, generate_series(0, n % {VARIANTS}) at
    """,
    "INSERT INTO warehouse (tenant_id, id, code, name)"
    f" SELECT :tenant, {BALANCE.sql('n')}, 'w' || n, 'Warehouse ' || n FROM generate_series(0, {WAREHOUSES} - 1) n",
    f"""
    INSERT INTO stock (tenant_id, id, warehouse_id, variant_id, received, available)
    SELECT :tenant, {BALANCE.sql(balance(variant("n", "at"), "w"))}, {BALANCE.sql("w")},
           {VARIANT.sql(variant("n", "at"))}, units, units
    FROM generate_series(0, :products - 1) n, generate_series(0, n % {VARIANTS}) at,
         generate_series(0, {WAREHOUSES} - 1) w,
         LATERAL (SELECT CASE n WHEN :products - 1 THEN {SCARCE} ELSE {STOCK} END / CASE w WHEN 0 THEN 1 ELSE 10 END)
             AS of (units)
    """,
    """
    INSERT INTO stock_movement (tenant_id, id, stock_id, kind, quantity)
    SELECT tenant_id, id, id, 'receive', received FROM stock WHERE tenant_id = :tenant
    """,
)

_VISITS = (
    f"""
    INSERT INTO session (tenant_id, id, token_hash, visitor_id, consent, consented_at, expires_at)
    SELECT :tenant, {VISIT.sql("n")}, {token_hash("n")}, {VISIT.sql("n")}, '["analytics", "personalisation"]',
           now(), now() + interval '1 day'
    FROM generate_series(:first, :last) n
    """,
    f"""
    INSERT INTO cart (tenant_id, id, visitor_id, currency, delivery_code)
    SELECT :tenant, {VISIT.sql("n")}, {VISIT.sql("n")}, 'USD', 'standard'
    FROM generate_series(:first, :last) n
    """,
)
_VISIT_KEYS = "INSERT INTO subject_key (tenant_id, id, wrapped, wrapped_by) VALUES (%s, %s, %s, %s)"
_VISIT_ADDRESSES = "UPDATE cart SET address = %s::jsonb WHERE tenant_id = %s AND id = %s"
_VISIT_LINES = f"""
    INSERT INTO cart_line (tenant_id, id, cart_id, variant_id, quantity, unit_price)
    SELECT :tenant, {VISIT.sql("n")}, {VISIT.sql("n")}, {VARIANT.sql(variant("p"))}, 1, {price("p")}
    FROM generate_series(:first, :last) n, LATERAL (SELECT :product + n % :among) AS of (p)
"""


@dataclass(frozen=True, slots=True)
class MadeShop:
    """A shop that was made up, on a server of our own."""

    superuser_url: str
    owner_url: str
    products: int
    shop: Shop = GROCER

    def load(self) -> None:
        """Fill the empty database. Row-level security refuses what is quick to everybody but the superuser."""
        create(self.owner_url, self.shop)
        with psycopg.connect(self.superuser_url) as connection:
            for statement in _STATEMENTS:
                self._run(connection, statement, products=self.products)
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    async def open_for_orders(self, database: Database) -> None:
        """Say how the shop delivers and what is taxed, as its staff would."""
        async with database.tx(self.shop.id) as tx:
            method = MethodIn(name="Standard", kind="ship", price=499, free_from=5000, min_days=2, max_days=4)
            await delivery.put(tx, "standard", method)
            await taxes.set_policy(tx, PolicyIn(included=False, country=COUNTRY, region=REGION))
            await taxes.set_rates(
                tx, COUNTRY, RatesIn(rates=[RateIn(name="Sales tax", rate=Decimal("0.0575"), region=REGION)])
            )

    def prepare(self, first: int, count: int, *, product: int = 0, among: int = 0) -> None:
        """Visitors numbered from `first`, each with a cart that has an address and a delivery.

        One of `among` products from `product` on goes into each cart; of none, they stay empty.
        """
        values = {"first": first, "last": first + count - 1}
        with psycopg.connect(self.superuser_url) as connection:
            for statement in _VISITS:
                self._run(connection, statement, **values)
            self._address(connection, [str(VISIT.id(number)) for number in range(first, first + count)])
            if among:
                self._run(connection, _VISIT_LINES, **values, product=product, among=among)

    def ask(self, statement: str, *values: object) -> tuple[object, ...]:
        """The one row that a statement gives, as the shop."""
        with psycopg.connect(self.superuser_url) as connection:
            connection.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(self.shop.id)))
            row = connection.execute(statement.encode(), values).fetchone()
        if row is None:
            raise LookupError(statement)
        return tuple(row)

    def _address(self, connection: psycopg.Connection, carts: Sequence[str]) -> None:
        """Give carts the address, each sealed by its own key as shoppers' are."""
        plain = pl.DataFrame({"id": carts, "address": [_ADDRESS.model_dump_json()] * len(carts)})
        rows, keys = sealed(sealing.keyring(), self.shop.id, plain, {"address": veil.ADDRESS})
        with connection.cursor() as cursor:
            cursor.executemany(_VISIT_KEYS, [(self.shop.id, *key) for key in keys.iter_rows()])
            cursor.executemany(_VISIT_ADDRESSES, [(address, self.shop.id, cart) for cart, address in rows.iter_rows()])

    def _run(self, connection: psycopg.Connection, statement: str, **values: object) -> None:
        known = {**values, "tenant": self.shop.id}
        filled = _NAME.sub(lambda name: sql.Literal(known[name[1]]).as_string(connection), statement)
        connection.execute(filled.encode())
