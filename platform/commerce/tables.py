"""Every table of the core, loaded: what the migrations are compared with."""

from commerce.billing import models as billing
from commerce.bulk_pricing import models as bulk_pricing
from commerce.cart import models as cart
from commerce.catalog import models as catalog
from commerce.catalog.attributes import models as attributes
from commerce.catalog.brands import models as brands
from commerce.catalog.collections import models as collections
from commerce.catalog.links import models as links
from commerce.catalog.products import models as products
from commerce.channels import models as channels
from commerce.configuration import models as configuration
from commerce.consent import models as consent
from commerce.delivery import models as delivery
from commerce.digital import models as digital
from commerce.documents import models as documents
from commerce.domains import models as domains
from commerce.exchange import models as exchange
from commerce.factors import models as factors
from commerce.federation import models as federation
from commerce.feeds import models as feeds
from commerce.giving import models as giving
from commerce.identity import models as identity
from commerce.identity import people_models as people
from commerce.identity import staff
from commerce.inventory import models as inventory
from commerce.leaving import models as leaving
from commerce.ledger import models as ledger
from commerce.legal import models as legal
from commerce.lifecycle import models as lifecycle
from commerce.media import models as media
from commerce.merchandising import models as merchandising
from commerce.notifications import models as notifications
from commerce.oauth import models as oauth
from commerce.onboarding import models as onboarding
from commerce.orders import (
    carrier_models,
    change_models,
    claim_models,
    download_models,
    gift_models,
    return_models,
)
from commerce.orders import models as orders
from commerce.payments import models as payments
from commerce.payments.accounts import models as payment_accounts
from commerce.payments.methods import models as payment_methods
from commerce.payments.providers.test import models as test_bank
from commerce.payments.reconciliation import models as reconciliation
from commerce.plans import models as plans
from commerce.pricing import models as pricing
from commerce.privacy import models as privacy
from commerce.profile import models as profile
from commerce.promotions import models as promotions
from commerce.reviews import models as reviews
from commerce.stock_alerts import models as stock_alerts
from commerce.stored_value import models as stored_value
from commerce.taxes import models as taxes
from commerce.tenancy import models as tenancy
from commerce.throttling import models as throttling
from commerce.vendors import models as vendors
from commerce.webhooks import models as webhooks
from commerce.wishlists import models as wishlists
from foundation import audit, idempotency, outbox, sealing

__all__ = [
    "attributes",
    "audit",
    "billing",
    "brands",
    "bulk_pricing",
    "carrier_models",
    "cart",
    "catalog",
    "change_models",
    "channels",
    "claim_models",
    "collections",
    "configuration",
    "consent",
    "delivery",
    "digital",
    "documents",
    "domains",
    "download_models",
    "exchange",
    "factors",
    "federation",
    "feeds",
    "gift_models",
    "giving",
    "idempotency",
    "identity",
    "inventory",
    "leaving",
    "ledger",
    "legal",
    "lifecycle",
    "links",
    "media",
    "merchandising",
    "notifications",
    "oauth",
    "onboarding",
    "orders",
    "outbox",
    "payment_accounts",
    "payment_methods",
    "payments",
    "people",
    "plans",
    "pricing",
    "privacy",
    "products",
    "profile",
    "promotions",
    "reconciliation",
    "return_models",
    "reviews",
    "sealing",
    "staff",
    "stock_alerts",
    "stored_value",
    "taxes",
    "tenancy",
    "test_bank",
    "throttling",
    "vendors",
    "webhooks",
    "wishlists",
]
