"""What staff and programs do that the audit log tells of: one list, read by the dependencies that let them in.

`tests/access/test_deeds.py` walks every operation of the API that changes something for a shop, a vendor or the
platform, and fails for one that is not here. An entry names what was changed by its kind and id, which fields were
given, and those values that are codes or numbers; it is written in the transaction that makes the change
(`foundation.audit.begin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request

from foundation import audit

MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Told:
    """An operation that is written down."""

    action: str
    """`orders.refund`"""
    kind: str | None = None
    """What kind of thing is changed."""
    by: str | None = None
    """The name of its id in the address, or else in the body; without one the operation says what it made."""
    values: tuple[str, ...] = ()
    """Fields whose values are told too: codes and numbers, nobody's words."""
    within: str | None = None
    """The part of the body that holds the fields."""


@dataclass(frozen=True, slots=True)
class Untold:
    """An operation that is not written down by its route, and why."""

    why: str


_BY_ITSELF = Untold("its service writes the entry, with more than the route knows")
_READS = Untold("it changes nothing: it shows what would be")
_AMOUNT = ("amount", "currency")

DEEDS: Mapping[str, Told | Untold] = {
    "DELETE /v1/admin/acting": _BY_ITSELF,
    "POST /v1/admin/customers/{customer_id}/acting": _BY_ITSELF,
    "POST /v1/admin/customers/{customer_id}/erasure": _BY_ITSELF,
    "POST /v1/admin/customers/{customer_id}/erasure-requests": _BY_ITSELF,
    "POST /v1/admin/customers/{customer_id}/erasure-requests/withdrawal": _BY_ITSELF,
    "POST /v1/admin/customers/search": _READS,
    "POST /v1/admin/customers/{customer_id}/exports": _BY_ITSELF,
    "POST /v1/admin/exports": _BY_ITSELF,
    "POST /v1/admin/roles": _BY_ITSELF,
    "PUT /v1/admin/roles/{role_id}": _BY_ITSELF,
    "DELETE /v1/admin/roles/{role_id}": _BY_ITSELF,
    "PUT /v1/admin/built-in-roles/{name}/limits": _BY_ITSELF,
    "POST /v1/admin/staff": _BY_ITSELF,
    "PUT /v1/admin/staff/{member_id}": _BY_ITSELF,
    "DELETE /v1/admin/staff/{member_id}": _BY_ITSELF,
    "POST /v1/admin/staff/{member_id}/invitation": _BY_ITSELF,
    "PUT /v1/admin/staff/{member_id}/suspension": _BY_ITSELF,
    "DELETE /v1/admin/staff/{member_id}/suspension": _BY_ITSELF,
    "POST /v1/vendor/staff": _BY_ITSELF,
    "PUT /v1/vendor/staff/{member_id}": _BY_ITSELF,
    "DELETE /v1/vendor/staff/{member_id}": _BY_ITSELF,
    "PUT /v1/vendor/staff/{member_id}/suspension": _BY_ITSELF,
    "DELETE /v1/vendor/staff/{member_id}/suspension": _BY_ITSELF,
    # Keys, programs and webhooks
    "POST /v1/admin/api-keys": Told("keys.make", "key"),
    "DELETE /v1/admin/api-keys/{key_id}": Told("keys.end", "key", "key_id"),
    "POST /v1/admin/api-keys/{key_id}/replacement": Told("keys.replace", "key", "key_id"),
    "POST /v1/vendor/api-keys": Told("keys.make", "key"),
    "DELETE /v1/vendor/api-keys/{key_id}": Told("keys.end", "key", "key_id"),
    "POST /v1/vendor/api-keys/{key_id}/replacement": Told("keys.replace", "key", "key_id"),
    "POST /v1/admin/programs": Told("programs.register", "program", None, ("kind", "grants", "scopes", "channel")),
    "POST /v1/admin/programs/signing-keys": Told("programs.replace_signing_keys"),
    "PATCH /v1/admin/programs/{client_id}": Told(
        "programs.change", "program", "client_id", ("grants", "scopes", "channel")
    ),
    "DELETE /v1/admin/programs/{client_id}": Told("programs.disable", "program", "client_id"),
    "POST /v1/admin/programs/{client_id}/secret": Told("programs.replace_secret", "program", "client_id"),
    "POST /v1/admin/webhooks/subscriptions": Told("webhooks.subscribe", "webhook", None, ("events",)),
    "PATCH /v1/admin/webhooks/subscriptions/{subscription_id}": Told(
        "webhooks.change", "webhook", "subscription_id", ("events", "status")
    ),
    "DELETE /v1/admin/webhooks/subscriptions/{subscription_id}": Told(
        "webhooks.unsubscribe", "webhook", "subscription_id"
    ),
    "POST /v1/admin/webhooks/subscriptions/{subscription_id}/deliveries/{delivery_id}/replay": Told(
        "webhooks.replay", "delivery", "delivery_id"
    ),
    "POST /v1/admin/webhooks/subscriptions/{subscription_id}/replays": Told(
        "webhooks.replay_range", "webhook", "subscription_id", ("since", "until")
    ),
    "POST /v1/admin/webhooks/subscriptions/{subscription_id}/secret": Told(
        "webhooks.replace_secret", "webhook", "subscription_id"
    ),
    "POST /v1/admin/webhooks/subscriptions/{subscription_id}/test": Told("webhooks.test", "webhook", "subscription_id"),
    "POST /v1/admin/identity-providers": _BY_ITSELF,
    "PUT /v1/admin/identity-providers/{provider_id}": _BY_ITSELF,
    "DELETE /v1/admin/identity-providers/{provider_id}": _BY_ITSELF,
    "POST /v1/admin/identity-providers/{provider_id}/checks": _READS,
    "PUT /v1/admin/staff-sign-in": _BY_ITSELF,
    "DELETE /v1/admin/staff-sign-in": _BY_ITSELF,
    # What is sold
    "POST /v1/admin/imports": Told("imports.send", "import"),
    "POST /v1/admin/imports/{import_id}/cancellation": Told("imports.cancel", "import", "import_id"),
    "POST /v1/admin/catalogue-exports": Told("catalogue_exports.ask", "catalogue_export"),
    "POST /v1/admin/product-feeds": Told("product_feeds.declare", "product_feed", None, ("channel", "language")),
    "PUT /v1/admin/product-feeds/{feed_id}": Told(
        "product_feeds.change", "product_feed", "feed_id", ("channel", "language", "version")
    ),
    "POST /v1/admin/product-feeds/{feed_id}/builds": Told("product_feeds.build", "product_feed", "feed_id"),
    "POST /v1/admin/product-feeds/{feed_id}/rotation": Told("product_feeds.rotate", "product_feed", "feed_id"),
    "DELETE /v1/admin/product-feeds/{feed_id}": Told("product_feeds.revoke", "product_feed", "feed_id"),
    "POST /v1/admin/categories": Told("categories.add", "category"),
    "PUT /v1/admin/categories/{category_id}": Told(
        "categories.change", "category", "category_id", ("slug", "parent_id")
    ),
    "DELETE /v1/admin/categories/{category_id}": Told("categories.remove", "category", "category_id"),
    "POST /v1/admin/attributes": Told("attributes.add", "attribute", None, ("code", "kind", "unit")),
    "PUT /v1/admin/attributes/{code}": Told("attributes.change", "attribute", "code", ("retired", "version")),
    "DELETE /v1/admin/attributes/{code}": Told("attributes.remove", "attribute", "code"),
    "POST /v1/admin/product-types": Told("product_types.add", "product_type", None, ("code",)),
    "PUT /v1/admin/product-types/{code}": Told("product_types.change", "product_type", "code", ("version",)),
    "DELETE /v1/admin/product-types/{code}": Told("product_types.remove", "product_type", "code"),
    "POST /v1/admin/products": Told("products.add", "product"),
    "PUT /v1/admin/products/{product_id}": Told("products.change", "product", "product_id", ("version",)),
    "PUT /v1/admin/products/{product_id}/links": Told("products.link", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/copies": Told("products.copy", "product", "product_id"),
    "POST /v1/admin/products/{product_id}/submission": Told("products.submit", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/withdrawal": Told("products.withdraw", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/approval": Told("products.approve", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/rejection": Told("products.reject", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/publication": Told(
        "products.publish", "product", "product_id", ("version", "at")
    ),
    "POST /v1/admin/products/{product_id}/unpublication": Told(
        "products.unpublish", "product", "product_id", ("version",)
    ),
    "POST /v1/admin/products/{product_id}/archiving": Told("products.archive", "product", "product_id", ("version",)),
    "POST /v1/admin/products/{product_id}/media": Told("media.add", "product", "product_id", ("kind", "variant_id")),
    "POST /v1/admin/products/{product_id}/media/uploads": Told("media.upload", "product", "product_id"),
    "PUT /v1/admin/products/{product_id}/media/order": Told("media.order", "product", "product_id"),
    "PATCH /v1/admin/products/{product_id}/media/{media_id}": Told(
        "media.change", "media", "media_id", ("variant_id",)
    ),
    "DELETE /v1/admin/products/{product_id}/media/{media_id}": Told("media.remove", "media", "media_id"),
    "POST /v1/admin/products/{product_id}/media/{media_id}/pictures": Told("media.add_picture", "media", "media_id"),
    "POST /v1/admin/products/{product_id}/media/{media_id}/retries": Told("media.retry", "media", "media_id"),
    "POST /v1/admin/products/{product_id}/media/{media_id}/approval": Told("media.approve", "media", "media_id"),
    "POST /v1/vendor/products/{product_id}/media": Told("media.add", "product", "product_id", ("kind", "variant_id")),
    "POST /v1/vendor/products/{product_id}/media/uploads": Told("media.upload", "product", "product_id"),
    "PUT /v1/vendor/products/{product_id}/media/order": Told("media.order", "product", "product_id"),
    "PATCH /v1/vendor/products/{product_id}/media/{media_id}": Told(
        "media.change", "media", "media_id", ("variant_id",)
    ),
    "DELETE /v1/vendor/products/{product_id}/media/{media_id}": Told("media.remove", "media", "media_id"),
    "POST /v1/vendor/products/{product_id}/media/{media_id}/pictures": Told("media.add_picture", "media", "media_id"),
    "POST /v1/vendor/products/{product_id}/media/{media_id}/retries": Told("media.retry", "media", "media_id"),
    "POST /v1/vendor/products": Told("products.add", "product"),
    "PUT /v1/vendor/products/{product_id}": Told("products.change", "product", "product_id", ("version",)),
    "POST /v1/vendor/products/{product_id}/copies": Told("products.copy", "product", "product_id"),
    "POST /v1/vendor/products/{product_id}/submission": Told("products.submit", "product", "product_id", ("version",)),
    "POST /v1/vendor/products/{product_id}/withdrawal": Told(
        "products.withdraw", "product", "product_id", ("version",)
    ),
    "POST /v1/admin/brands": Told("brands.add", "brand", None, ("slug",)),
    "PUT /v1/admin/brands/{slug}": Told("brands.change", "brand", "slug", ("version",)),
    "DELETE /v1/admin/brands/{slug}": Told("brands.remove", "brand", "slug"),
    "PUT /v1/admin/products/{product_id}/translations/{locale}": Told(
        "catalog.translate", "product", "product_id", ("version",)
    ),
    "PUT /v1/admin/categories/{category_id}/translations/{locale}": Told(
        "catalog.translate", "category", "category_id"
    ),
    "PUT /v1/admin/brands/{slug}/translations/{locale}": Told("catalog.translate", "brand", "slug", ("version",)),
    "PUT /v1/admin/collections/{collection_id}/translations/{locale}": Told(
        "catalog.translate", "collection", "collection_id", ("version",)
    ),
    "PUT /v1/admin/attributes/{code}/translations/{locale}": Told(
        "catalog.translate", "attribute", "code", ("version",)
    ),
    "POST /v1/admin/collections": Told("collections.add", "collection"),
    "POST /v1/admin/collections/previews": _READS,
    "PUT /v1/admin/collections/{collection_id}": Told(
        "collections.change", "collection", "collection_id", ("version",)
    ),
    "DELETE /v1/admin/collections/{collection_id}": Told("collections.remove", "collection", "collection_id"),
    "PUT /v1/admin/collections/{collection_id}/picture": Told("collections.put_picture", "collection", "collection_id"),
    "PATCH /v1/admin/collections/{collection_id}/picture": Told(
        "collections.change_picture", "collection", "collection_id"
    ),
    "POST /v1/admin/collections/{collection_id}/picture/retries": Told(
        "collections.retry_picture", "collection", "collection_id"
    ),
    "DELETE /v1/admin/collections/{collection_id}/picture": Told(
        "collections.remove_picture", "collection", "collection_id"
    ),
    "PUT /v1/admin/collections/{collection_id}/products": Told(
        "collections.pick", "collection", "collection_id", ("version",)
    ),
    # The shop itself
    "PUT /v1/admin/configuration": Told("configuration.change", within="configuration", values=("version",)),
    "POST /v1/admin/configuration/reverts": Told("configuration.revert", values=("to", "version")),
    "POST /v1/admin/search/rules": Told("search.add_rule", "search_rule"),
    "PUT /v1/admin/search/rules/{rule_id}": Told("search.change_rule", "search_rule", "rule_id", ("version",)),
    "DELETE /v1/admin/search/rules/{rule_id}": Told("search.remove_rule", "search_rule", "rule_id"),
    "POST /v1/admin/search/rules/{rule_id}/previews": _READS,
    "PUT /v1/admin/search/rules/{rule_id}/publication": Told(
        "search.publish_rule", "search_rule", "rule_id", ("version",)
    ),
    "DELETE /v1/admin/search/rules/{rule_id}/publication": Told("search.withdraw_rule", "search_rule", "rule_id"),
    "POST /v1/admin/search/synonyms": Told("search.add_synonym", "synonym"),
    "PUT /v1/admin/search/synonyms/{synonym_id}": Told("search.change_synonym", "synonym", "synonym_id", ("version",)),
    "DELETE /v1/admin/search/synonyms/{synonym_id}": Told("search.remove_synonym", "synonym", "synonym_id"),
    "PUT /v1/admin/branding/logo": Told("branding.set_logo"),
    "DELETE /v1/admin/branding/logo": Told("branding.remove_logo"),
    "PUT /v1/admin/branding/messages/{template}": Told("branding.change_message", "template", "template"),
    "POST /v1/admin/branding/messages/{template}/previews": _READS,
    "POST /v1/admin/branding/messages/{template}/tests": Untold("it sends the person who asks a letter"),
    "POST /v1/admin/legal/previews": _READS,
    "PUT /v1/admin/legal/{kind}": Told("legal.publish", "legal_page", "kind", ("locale",)),
    "DELETE /v1/admin/legal/{kind}": Told("legal.remove", "legal_page", "kind"),
    "PUT /v1/admin/closure": Told("lifecycle.close"),
    "DELETE /v1/admin/closure": Told("lifecycle.keep"),
    "PUT /v1/admin/plan": Told("plans.choose", values=("plan", "code", "interval")),
    "POST /v1/admin/plan/cancellation": Told("plans.cancel"),
    "POST /v1/admin/plan/portal": _BY_ITSELF,
    "DELETE /v1/admin/plan/cancellation": Told("plans.go_on"),
    "POST /v1/admin/domains": Told("domains.add", "domain", None, ("host",)),
    "DELETE /v1/admin/domains/{domain_id}": Told("domains.remove", "domain", "domain_id"),
    "POST /v1/admin/domains/{domain_id}/checks": Told("domains.check", "domain", "domain_id"),
    "PUT /v1/admin/domains/{domain_id}/primary": Told("domains.make_primary", "domain", "domain_id"),
    "DELETE /v1/admin/domains/{domain_id}/primary": Told("domains.make_ordinary", "domain", "domain_id"),
    "POST /v1/operator/tenants": _BY_ITSELF,
    "POST /v1/operator/tenants/{slug}/exports": _BY_ITSELF,
    "POST /v1/operator/tenants/{slug}/removal": Told("lifecycle.remove", "tenant", "slug", ("now",)),
    "PUT /v1/operator/tenants/{slug}/closure": Told("lifecycle.close", "tenant", "slug"),
    "DELETE /v1/operator/tenants/{slug}/closure": Told("lifecycle.keep", "tenant", "slug"),
    "PUT /v1/operator/tenants/{slug}/suspension": Told("lifecycle.suspend", "tenant", "slug"),
    "DELETE /v1/operator/tenants/{slug}/suspension": Told("lifecycle.reactivate", "tenant", "slug"),
    # Money
    "POST /v1/admin/orders/{order_id}/refunds": Told("orders.refund", "order", "order_id", (*_AMOUNT, "reason")),
    "POST /v1/admin/orders/{order_id}/refunds/retry": Told("orders.retry_refunds", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/payments/{payment_id}/collect": Told(
        "payments.collect", "payment", "payment_id", _AMOUNT
    ),
    "PUT /v1/admin/payment-accounts/{provider}": Told("payments.set_account", "provider", "provider"),
    "PUT /v1/admin/payments/terms/{provider}": Told("payments.allow_terms", "provider", "provider"),
    "DELETE /v1/admin/payments/terms/{provider}": Told("payments.forbid_terms", "provider", "provider"),
    "POST /v1/admin/payments/disputes/{dispute_id}/evidence": Told("payments.contest", "dispute", "dispute_id"),
    "POST /v1/admin/payments/events/{event_id}/retry": Told("payments.retry_event", "provider_event", "event_id"),
    "POST /v1/admin/payments/reconciliation": Told("payments.reconcile", values=("provider", "day")),
    "POST /v1/admin/payments/reconciliation/{exception_id}/resolve": Told(
        "payments.resolve", "reconciliation_exception", "exception_id", ("resolution",)
    ),
    "POST /v1/admin/customers/{customer_id}/store-credit": Told("credit.grant", "customer", "customer_id", _AMOUNT),
    "POST /v1/admin/customers/{customer_id}/store-credit/claw-backs": Told(
        "credit.claw_back", "customer", "customer_id", _AMOUNT
    ),
    "POST /v1/admin/gift-cards": Told("gift_cards.issue", "gift_card", None, _AMOUNT),
    "POST /v1/admin/gift-cards/{card_id}/disable": Told("gift_cards.disable", "gift_card", "card_id"),
    "POST /v1/admin/gift-cards/{card_id}/enable": Told("gift_cards.enable", "gift_card", "card_id"),
    "POST /v1/admin/gift-cards/{card_id}/withdrawals": Told("gift_cards.withdraw", "gift_card", "card_id", _AMOUNT),
    "POST /v1/admin/orders/{order_id}/gift-cards/{card_id}/renewal": Told("gift_cards.renew", "gift_card", "card_id"),
    # Downloads
    "PUT /v1/admin/digital-goods/{sku}": Told("digital.put", "sku", "sku", ("download_limit", "download_days")),
    "POST /v1/admin/digital-goods/{sku}/files": Told("digital.add_file", "sku", "sku"),
    "PUT /v1/admin/digital-goods/{sku}/files/{file_id}/content": Told("digital.replace_file", "file", "file_id"),
    "DELETE /v1/admin/digital-goods/{sku}/files/{file_id}": Told("digital.remove_file", "file", "file_id"),
    "POST /v1/admin/orders/{order_id}/downloads/{line_id}/renewal": Told("downloads.renew", "line", "line_id"),
    "PUT /v1/admin/gift-card-products/{handle}": Told("gift_cards.sell", "product", "handle"),
    "DELETE /v1/admin/gift-card-products/{handle}": Told("gift_cards.stop_selling", "product", "handle"),
    "POST /v1/admin/vendors/{code}/payouts": Told("vendors.pay", "vendor", "code", _AMOUNT),
    # Reviews
    "PUT /v1/admin/reviews/{review_id}/publication": Told("reviews.publish", "review", "review_id", ("version",)),
    "PUT /v1/admin/reviews/{review_id}/rejection": Told("reviews.reject", "review", "review_id", ("version", "reason")),
    "PUT /v1/admin/reviews/{review_id}/answer": Told("reviews.answer", "review", "review_id"),
    "DELETE /v1/admin/reviews/{review_id}/answer": Told("reviews.remove_answer", "review", "review_id"),
    "PUT /v1/vendor/reviews/{review_id}/answer": Told("reviews.answer", "review", "review_id"),
    "DELETE /v1/vendor/reviews/{review_id}/answer": Told("reviews.remove_answer", "review", "review_id"),
    # Prices
    "POST /v1/admin/sales-channels": Told("channels.add", "channel", None, ("code",)),
    "PUT /v1/admin/sales-channels/{code}": Told("channels.rename", "channel", "code", ("version",)),
    "DELETE /v1/admin/sales-channels/{code}": Told("channels.retire", "channel", "code"),
    "PUT /v1/admin/prices/groups/{reference}": Told("prices.set_group", values=("group", "price_group")),
    "POST /v1/admin/prices/quotes": Told("prices.quote", "sku", "sku", _AMOUNT),
    "PUT /v1/admin/prices/variants/{sku}/list": Told("prices.set_list", "sku", "sku", _AMOUNT),
    "PUT /v1/admin/prices/variants/{sku}/cost": Told("prices.set_cost", "sku", "sku", ("currency",)),
    "POST /v1/admin/prices/bulk-changes": Told("prices.preview_many", "bulk_price_change", None, ("currency", "group")),
    "POST /v1/admin/prices/bulk-changes/{change_id}/application": Told(
        "prices.apply_many", "bulk_price_change", "change_id", ("violating", "changed")
    ),
    "POST /v1/admin/prices/bulk-changes/{change_id}/cancellation": Told(
        "prices.stop_many", "bulk_price_change", "change_id"
    ),
    "POST /v1/admin/prices/bulk-changes/{change_id}/undoing": Told(
        "prices.undo_many", "bulk_price_change", "change_id"
    ),
    "PUT /v1/admin/prices/variants/{sku}/offers": Told("prices.set_offers", "sku", "sku", ("currency",)),
    "PUT /v1/admin/discount-codes/{code}": Told(
        "discounts.put", "discount_code", "code", ("percent", *_AMOUNT, "usage_limit", "active")
    ),
    "PUT /v1/admin/gift-wrap": Told("gifts.set_wrapping", values=("price", "active", "tax_class")),
    # Stock
    "PUT /v1/admin/inventory/allocation": Told("inventory.set_allocation"),
    "PUT /v1/admin/inventory/bundles": Told("inventory.put_bundle", "sku", "sku"),
    "POST /v1/admin/inventory/counts": Told("inventory.count", "sku", "sku", ("warehouse", "counted", "quantity")),
    "POST /v1/admin/inventory/dispatches": Told(
        "inventory.dispatch", "sku", "sku", ("source", "destination", "quantity")
    ),
    "POST /v1/admin/inventory/dispatches/{dispatch_id}/arrivals": Told(
        "inventory.arrive", "dispatch", "dispatch_id", ("quantity",)
    ),
    "PUT /v1/admin/inventory/policies": Told("inventory.put_policy", "sku", "sku"),
    "POST /v1/admin/inventory/recalls": Told("inventory.recall", "sku", "sku", ("lot", "warehouse")),
    "POST /v1/admin/inventory/receipts": Told("inventory.receive", "sku", "sku", ("warehouse", "quantity", "lot")),
    "POST /v1/admin/inventory/transfers": Told(
        "inventory.transfer", "sku", "sku", ("source", "destination", "quantity")
    ),
    "PUT /v1/admin/inventory/warehouses/{code}": Told("inventory.put_warehouse", "warehouse", "code"),
    "POST /v1/admin/inventory/write-offs": Told("inventory.write_off", "sku", "sku", ("warehouse", "quantity", "lot")),
    # Orders
    "PUT /v1/admin/order-rules": Told("orders.set_rules"),
    "POST /v1/admin/orders/cancellations": Told("orders.cancel_many", values=("order_ids",)),
    "POST /v1/admin/orders/fulfilments": Told("orders.fulfil_many", values=("order_ids",)),
    "POST /v1/admin/orders/{order_id}/cancel": Told("orders.cancel", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/claims": Told("claims.raise", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/claims/{claim_id}/decision": Told(
        "claims.decide", "claim", "claim_id", ("decision", "outcome")
    ),
    "POST /v1/admin/orders/{order_id}/claims/{claim_id}/photos": Told("claims.add_photo", "claim", "claim_id"),
    "POST /v1/admin/orders/{order_id}/edits": Told("orders.draft_edit", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/edits/{edit_id}/cancel": Told("orders.cancel_edit", "edit", "edit_id"),
    "POST /v1/admin/orders/{order_id}/edits/{edit_id}/confirm": Told("orders.confirm_edit", "edit", "edit_id"),
    "POST /v1/admin/orders/{order_id}/fulfilments": Told("orders.fulfil", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/fulfilments/{fulfilment_id}/progress": Told(
        "orders.progress", "fulfilment", "fulfilment_id", ("status",)
    ),
    "POST /v1/admin/orders/{order_id}/fulfilments/{fulfilment_id}/tracking": Told(
        "orders.track", "fulfilment", "fulfilment_id"
    ),
    "POST /v1/admin/orders/{order_id}/notes": Told("orders.note", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/returns": Told("returns.announce", "order", "order_id"),
    "POST /v1/admin/orders/{order_id}/returns/{return_id}/approve": Told("returns.approve", "return", "return_id"),
    "POST /v1/admin/orders/{order_id}/returns/{return_id}/receive": Told("returns.receive", "return", "return_id"),
    "POST /v1/admin/orders/{order_id}/returns/{return_id}/reject": Told("returns.reject", "return", "return_id"),
    "POST /v1/vendor/orders/{vendor_order_id}/fulfilments": Told("orders.fulfil", "vendor_order", "vendor_order_id"),
    # How goods are brought, taxed and invoiced
    "PUT /v1/admin/carriers/{carrier}": Told("delivery.connect_carrier", "carrier", "carrier"),
    "PUT /v1/admin/delivery-calendar": Told("delivery.set_calendar"),
    "PUT /v1/admin/delivery-methods/{code}": Told("delivery.put_method", "delivery_method", "code", ("price",)),
    "PUT /v1/admin/delivery-methods/{code}/slots": Told("delivery.put_slots", "delivery_method", "code"),
    "PUT /v1/admin/documents/issuer": Told("documents.set_issuer"),
    "PUT /v1/admin/taxes/classes/{code}": Told("taxes.set_class", "tax_class", "code"),
    "PUT /v1/admin/taxes/policy": Told("taxes.set_policy", values=("country", "included", "engine")),
    "PUT /v1/admin/taxes/rates/{country}": Told("taxes.set_rates", "country", "country"),
    # Vendors
    "PUT /v1/admin/vendors/{code}": Told("vendors.put", "vendor", "code", ("status", "commission")),
    "POST /v1/admin/vendors/{code}/products": Told("vendors.assign_products", "vendor", "code", ("product_ids",)),
}
"""By method and path, as the API's description has them."""


def begin(request: Request, actor: str) -> None:
    """Have what this request does written down, if it is one of those that are."""
    told = DEEDS.get(f"{request.method} {request.scope['route'].path}")
    if isinstance(told, Told):
        audit.begin(deed_of(told, actor, request.path_params, request.scope["state"].get("body", b"")))


def deed_of(told: Told, actor: str, address: Mapping[str, Any], body: bytes) -> audit.Deed:
    """The entry of a request: what of its address and its body may be told."""
    given = _document(body)
    part = given.get(told.within) if told.within else given
    fields = sorted(part)[:MOST_FIELDS] if isinstance(part, dict) else []
    values = {name: given[name] for name in told.values if _is_plain(given.get(name))}
    named = address.get(told.by, given.get(told.by)) if told.by else None
    return audit.Deed(
        actor=actor,
        action=told.action,
        object=f"{told.kind}:{named}" if named is not None else None,
        details={**values, **({"fields": fields} if fields else {})},
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:  # a picture
        return {}
    return found if isinstance(found, dict) else {}


def _is_plain(value: object) -> bool:
    """Whether it is a code, a number or a list of codes; what is no code is withheld by the log."""
    if isinstance(value, list):
        return len(value) <= MOST_FIELDS and all(isinstance(one, str) for one in value)
    return isinstance(value, str | int | bool)
