"""Every message of the core, declared: a context declares its own as it is imported, and whoever sends needs all."""

from commerce.accounts import managing
from commerce.acting import service as acting
from commerce.billing import letters as billing
from commerce.catalog.products import telling as products
from commerce.leaving import warning as leaving
from commerce.orders import letters as orders
from commerce.price_watches import letters as price_watches
from commerce.privacy import letters as privacy
from commerce.reviews import letters as reviews
from commerce.staffing import service as staffing
from commerce.stock_alerts import letters as stock_alerts
from commerce.webhooks import sending as webhooks

__all__ = [
    "acting",
    "billing",
    "leaving",
    "managing",
    "orders",
    "price_watches",
    "privacy",
    "products",
    "reviews",
    "staffing",
    "stock_alerts",
    "webhooks",
]
