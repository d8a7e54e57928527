"""Loading the Complete Journey as a tenant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import psycopg

from commerce.consent.wording import STUDY
from foundation import clock, veil
from foundation.database import TENANT_SETTING
from foundation.events import CouponRedeemed, CustomerRegistered, OrderPlaced
from foundation.progress import Progress, silent
from foundation.sealing import Keyring
from foundation.settings import Settings
from tradewind.data import catalogue, history, sealing, source, tenants, terms
from tradewind.data.bulk import Loader, loading
from tradewind.data.report import LoadReport, timed
from tradewind.data.tenants import GROCER
from tradewind.errors import StackError

COUNTED = (
    "category",
    "product",
    "variant",
    "price",
    "stock",
    "stock_movement",
    "customer",
    "orders",
    "order_line",
    "ledger_posting",
    "campaign",
    "coupon",
    "coupon_product",
    "coupon_redemption",
)
_INDEX_BATCH = 5_000
_PERSONAL = {"display_name": None, "traits": veil.EVERYTHING}
"""The columns of a customer that are sealed; the reference is the number of a household in the study."""


class AnotherSlice(StackError):
    """The tenant holds another part of the data than the one asked for."""


# Loaded history is consented to: the households of the study agreed to be analysed. Nobody asked them about mails.
_AGREED_TO = ["analytics", "personalisation"]
_CUSTOMER_REGISTERED = """
INSERT INTO outbox (
    tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id, consent, payload)
SELECT %(tenant_id)s, event_id, %(name)s, %(version)s, created_at, now(), id, id,
       '{analytics,personalisation}', jsonb_build_object('customer_id', id)
FROM staged_customer ORDER BY created_at
"""

_CONSENTED = """
INSERT INTO consent_answer (tenant_id, id, answered_at, visitor_id, customer_id, purpose, given, source, text_version)
SELECT %(tenant_id)s, gen_random_uuid(), created_at, id, id, purpose, true, 'import', %(study)s
FROM staged_customer, unnest(CAST(%(purposes)s AS text[])) purpose
"""

_ORDER_PLACED = """
INSERT INTO outbox (
    tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id, consent, payload)
SELECT %(tenant_id)s, o.event_id, %(name)s, %(version)s, o.placed_at, now(), o.id, o.customer_id,
       '{analytics,personalisation}',
       jsonb_build_object(
           'order_id', o.id, 'currency', o.currency, 'subtotal', o.subtotal, 'discount', o.discount,
           'shipping', o.shipping, 'tax', o.tax, 'total', o.total, 'original_at', o.original_at, 'lines', l.lines)
FROM staged_orders o
JOIN (SELECT order_id, jsonb_agg(jsonb_build_object(
          'line_id', id, 'product_id', product_id, 'variant_id', variant_id, 'quantity', quantity,
          'unit_price', unit_price, 'discount', discount, 'total', total)) AS lines
      FROM staged_order_line GROUP BY order_id) l ON l.order_id = o.id
ORDER BY o.placed_at
"""

_COUPON_REDEEMED = """
INSERT INTO outbox (
    tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id, consent, payload)
SELECT %(tenant_id)s, r.event_id, %(name)s, %(version)s, r.redeemed_at, now(), r.id, r.customer_id,
       '{analytics,personalisation}',
       jsonb_build_object('coupon_id', r.coupon_id, 'campaign_id', c.campaign_id, 'original_at', r.original_at)
FROM staged_coupon_redemption r JOIN staged_coupon c ON c.id = r.coupon_id ORDER BY r.redeemed_at
"""


def load_complete_journey(
    settings: Settings, *, households: int | None = None, progress: Progress = silent
) -> LoadReport:
    """Load the grocer: catalogue, stock, customers, a year of orders and coupons, and their events.

    Nothing is made twice: what is there is left as it is, and a load that was cut short goes on where it stopped.
    `households` takes the first so many households and what they bought.

    Raises:
        AnotherSlice: when the tenant was loaded with another number of households.
    """
    owner_url = settings.require("database_owner_url", "Postgres")
    tenants.create(owner_url, GROCER)
    tenants.create(owner_url, tenants.FASHION)
    report = LoadReport(GROCER.slug)
    with timed(report), loading(settings) as connection:
        memory = tenants.recall(owner_url, GROCER)
        if memory and memory["households"] != households:
            raise AnotherSlice(
                f"`{GROCER.slug}` holds {memory['households'] or 'all'} households: load the same, or start empty."
            )
        if _is_complete(connection, memory, report):
            return report
        progress(0, None, "reading")
        journey = source.read(households)
        shift = _shift(owner_url, memory, journey, households)
        _load(connection, Keyring.of(settings), journey, shift, report, progress)
        counts = _counts(connection)
        tenants.remember(owner_url, GROCER, {"rows": counts})
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("ANALYZE")
    return report


def _load(
    connection: psycopg.Connection,
    keyring: Keyring,
    journey: source.Journey,
    shift: timedelta,
    report: LoadReport,
    progress: Progress,
) -> None:
    ids, currency = GROCER.ids, GROCER.currency
    opened = history.began(journey) + shift
    goods = catalogue.build(journey, ids, currency, opened)
    customers = history.customers(journey, ids, shift)
    offers = history.promotions(journey, ids, shift)
    baskets = history.baskets(journey)
    total = (
        sum(frame.height for frame in (goods.category, goods.product, goods.variant, goods.price, goods.stock))
        + goods.stock_movement.height
        + 2 * customers.height  # with their keys
        + sum(
            frame.height for frame in (offers.campaign, offers.coupon, offers.coupon_product, offers.coupon_redemption)
        )
        + journey.lines.height
        + 3 * baskets.height
    )
    loader = Loader(connection, GROCER.id, report, progress, total)
    _load_catalogue(loader, goods)
    _load_customers(loader, keyring, customers)
    _load_promotions(loader, offers)
    for part in history.orders(journey, _missing(loader, baskets), goods.names, ids, currency, shift):
        _load_orders(loader, part)


def _load_catalogue(loader: Loader, goods: catalogue.Catalogue) -> None:
    with loader.transaction():
        for table in ("category", "product", "variant", "price", "warehouse", "stock", "stock_movement"):
            loader.insert(table, getattr(goods, table))
        published = goods.product.filter(pl.col("status") == "published")["id"].to_list()
        for start in range(0, len(published), _INDEX_BATCH):
            loader.connection.execute("SELECT index_products(%s::uuid[])", (published[start : start + _INDEX_BATCH],))
        terms.enter(loader, GROCER.slug, GROCER.ids)


def _load_customers(loader: Loader, keyring: Keyring, customers: pl.DataFrame) -> None:
    with loader.transaction():
        known = _known(loader, "SELECT id::text FROM customer")
        people, keys = sealing.sealed(keyring, GROCER.id, _new(customers, known), _PERSONAL)
        loader.insert(sealing.KEYS, keys)
        loader.insert("customer", people, extra={"event_id": "uuid"})
        loader.execute("outbox", _CUSTOMER_REGISTERED, _envelope(CustomerRegistered))
        loader.execute("consent_answer", _CONSENTED, {"tenant_id": GROCER.id, "study": STUDY, "purposes": _AGREED_TO})


def _load_promotions(loader: Loader, offers: history.Promotions) -> None:
    with loader.transaction():
        known = _known(loader, "SELECT id::text FROM coupon_redemption")
        for table in ("campaign", "coupon", "coupon_product"):
            loader.insert(table, getattr(offers, table))
        loader.insert("coupon_redemption", _new(offers.coupon_redemption, known), extra={"event_id": "uuid"})
        loader.execute("outbox", _COUPON_REDEEMED, _envelope(CouponRedeemed))


def _load_orders(loader: Loader, part: history.Orders) -> None:
    with loader.transaction():
        loader.insert("orders", part.orders, extra={"event_id": "uuid"})
        loader.insert("order_line", part.order_line)
        loader.insert("ledger_posting", part.ledger_posting)
        loader.execute("outbox", _ORDER_PLACED, _envelope(OrderPlaced))


def _missing(loader: Loader, baskets: pl.DataFrame) -> pl.DataFrame:
    """The baskets that are not orders yet; an order came with its lines, its postings and its event, or not at all."""
    with loader.transaction():
        known = _known(loader, "SELECT number FROM orders WHERE original_at IS NOT NULL")
    return baskets.filter(~pl.col("basket_id").cast(pl.String).is_in(known.implode()))


def _known(loader: Loader, query: Any) -> pl.Series:
    return pl.Series([value for (value,) in loader.connection.execute(query)], dtype=pl.String)


def _new(frame: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    return frame.filter(~pl.col("id").is_in(known.implode()))


def _envelope(contract: type[CustomerRegistered | CouponRedeemed | OrderPlaced]) -> dict[str, object]:
    return {"tenant_id": GROCER.id, "name": contract.name, "version": contract.version}


def _shift(owner_url: str, memory: dict[str, Any], journey: source.Journey, households: int | None) -> timedelta:
    """The shift of the first load, kept so that a load which goes on tomorrow makes the same dates."""
    if "shift_days" in memory:
        return timedelta(days=memory["shift_days"])
    yesterday: date = clock.now().date() - timedelta(days=1)
    shift = history.shift_to(journey, yesterday)
    tenants.remember(owner_url, GROCER, {"shift_days": shift.days, "households": households})
    return shift


def _is_complete(connection: psycopg.Connection, memory: dict[str, Any], report: LoadReport) -> bool:
    """Whether every table still holds at least what the finished load left there."""
    if "rows" not in memory:
        return False
    counts = _counts(connection)
    for table, rows in memory["rows"].items():
        report.add(table, rows, 0, 0.0)
    return all(counts[table] >= rows for table, rows in memory["rows"].items())


def _counts(connection: psycopg.Connection) -> dict[str, int]:
    query = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in COUNTED)  # noqa: S608
    with connection.transaction():
        connection.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(GROCER.id)))
        rows: list[tuple[str, int]] = connection.execute(query).fetchall()
    return dict(rows)
