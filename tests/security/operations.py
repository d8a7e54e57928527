"""A valid request for every operation of the API, with a name in place of each id: `/v1/store/orders/{order}`.

Paths come from the OpenAPI description: what a parameter stands for follows from the segment before it (`BY_SEGMENT`). A
body is the least that its schema allows, with ids by the names of their fields (`BY_FIELD`), unless `BODIES` has a better
one. An operation with a parameter that has no name here fails the tests: add the name, and to `world.py` what makes such a
thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BY_SEGMENT = {
    "carts": "cart",
    "carts/lines": "cart_line",
    "carts/codes": "discount",
    "carts/saved-items": "saved_item",
    "saved-items": "saved_item",
    "shared-carts": "shared",
    "products": "handle",
    "orders": "order",
    "orders/edits": "edit",
    "orders/changes": "edit",
    "orders/returns": "return",
    "returns/photos": "return_photo",
    "orders/claims": "claim",
    "claims/photos": "claim_photo",
    "orders/gift-cards": "sold_card",
    "orders/fulfilments": "fulfilment",
    "orders/downloads": "download_line",
    "downloads/files": "digital_file",
    "digital-goods": "digital_sku",
    "digital-goods/files": "digital_file",
    "orders/payments": "payment",
    "orders/documents": "document",
    "vendor/orders": "vendor_order",
    "gift-cards": "gift_card",
    "gift-card-products": "handle",
    "dispatches": "dispatch",
    "warehouses": "warehouse",
    "payment-methods": "method",
    "setups": "setup",
    "reconciliation": "exception",
    "events": "event",
    "disputes": "dispute",
    "delivery-methods": "delivery",
    "classes": "tax_class",
    "vendors": "vendor",
    "variants": "sku",
    "groups": "group_of",
    "customers": "customer",
    "discount-codes": "discount",
    "devices": "device",
    "domains": "domain",
    "passkeys": "passkey",
    "identities": "identity",
    "identity-providers": "identity_provider",
    "addresses": "address",
    "admin/categories": "category",
    "admin/attributes": "attribute",
    "admin/product-types": "product_type",
    "admin/brands": "brand",
    "sales-channels": "channel",
    "admin/collections": "collection",
    "store/collections": "collection_handle",
    "search/rules": "search_rule",
    "search/synonyms": "synonym",
    "admin/products": "draft",
    "vendor/products": "vendor_product",
    "stock-alerts": "variant",
    "reviews": "review",
    "vendor/reviews": "vendor_review",
    "products/media": "media",
    "vendor/products/media": "vendor_media",
    "wishlists": "wishlist",
    "wishlists/items": "variant",
    "shared-wishlists": "shared_wishlist",
    "programs": "program",
    "operator/tenants": "slug",
    "subscriptions": "hook",
    "subscriptions/deliveries": "hook_delivery",
    "api-keys": "key",
    "vendor/api-keys": "vendor_key",
    "admin/staff": "member",
    "admin/exports": "export",
    "admin/imports": "import",
    "prices/bulk-changes": "bulk_change",
    "admin/catalogue-exports": "catalogue_export",
    "admin/product-feeds": "product_feed",
    "feeds": "feed_token",
    "tenants/exports": "export",
    "privacy/exports": "person_export",
    "vendor/staff": "vendor_member",
    "roles": "role",
}
"""A segment, or the last two that are no parameters, and the thing that the parameter after it stands for."""

COMMON = {
    "product-exports": "csv",
    "carriers": "post",
    "tenants": "of-the-operator",
    "payment-accounts": "test",
    "terms": "invoice",
    "legal": "terms",
    "messages": "register",
    "rates": "DE",
    "webhooks": "test",
    "webhooks/carriers": "post",
    "problems": "request.not_found",
    "products/translations": "de",
    "categories/translations": "de",
    "brands/translations": "de",
    "collections/translations": "de",
    "attributes/translations": "de",
    "built-in-roles": "analyst",
}
"""What means the same in every shop, such as a country."""

BY_FIELD = {
    "variant_id": "variant",
    "product_id": "product",
    "product_ids": "product",
    "line_id": "line",
    "order_id": "order",
    "order_ids": "order",
    "method_id": "method",
    "customer_id": "customer",
    "slot_id": "slot",
    "sku": "sku",
    "parent_id": "category",
    "provider_id": "identity_provider",
    "warehouse": "warehouse",
    "source": "warehouse",
    "lot": "lot",
    "tax_class": "tax_class",
}
"""A field of a body, or a parameter of a query, and the thing it stands for."""

BY_OPTIONAL_FIELD = {
    **BY_FIELD,
    "accepted": "legal_page",
    "categories": "category",
    "category_id": "category",
    "consignment_id": "consignment",
    "cross_sell": "product",
    "id": "variant",
    "picture_of": "product",
    "pin": "product",
    "products": "product",
    "role_ids": "role",
    "up_sell": "product",
    "warehouses": "warehouse_id",
}
"""The same for what the least request leaves out."""

_VALID: Mapping[str, object] = {
    "country": "DE",
    "locale": "en-US",
    "currency": "USD",
    "email": "a@example.com",
    "vat_id": "DE136695976",
    "provider": "test",
    "postal_code": "10115",
    "period": "2026-01",
    "password": "correct horse battery",
    "new": "correct horse battery",
    "phone": "+4930123456",
    "zone": "UTC",
    "working_days": [0, 1, 2, 3, 4],
}
"""Values for fields whose form the schema does not tell."""

_STEERED = {"name": "x", "query": "x", "boost": {"brands": ["x"]}}
_LINE = {"line_id": "{line}", "quantity": 1}
_PAY = {"payment": {"method_id": "{method}"}, "email": "a@example.com"}


VIDEO: Json = {"kind": "video", "url": "https://vimeo.com/76979871", "alt": "x"}
"""A medium that nothing has to be fetched for."""


def _product(sku: str, **more: object) -> Json:
    """What a product says; its brand is made where staff name one that isn't there, so only vendors name one here."""
    return {
        "title": "x",
        "category_id": "{category}",
        "type": "{product_type}",
        "attributes": {"{attribute}": "x"},
        "variants": [{"sku": sku, "price": 1}],
        **more,
    }


_RULE: Json = {
    "conditions": [
        {"field": "category", "values": ["{category}"]},
        {"field": "brand", "values": ["{brand}"]},
        {"field": "type", "values": ["{product_type}"]},
        {"field": "vendor", "values": ["{vendor}"]},
        {"field": "attribute", "attribute": "{attribute}", "values": ["x"]},
    ]
}

BODIES: Mapping[str, object] = {
    "POST /v1/store/sessions": {},
    "POST /v1/admin/domains": {"host": "shop.example.com"},
    "POST /v1/store/carts/{cart_id}/codes": {"code": "{discount}"},
    "PUT /v1/store/carts/{cart_id}/consignments": {
        "consignments": [
            {
                "delivery": "{delivery}",
                "slot": {"slot_id": "{slot}", "day": "2099-01-01"},
                "lines": [{"line_id": "{cart_line}", "quantity": 1}],
            },
        ]
    },
    "PUT /v1/store/carts/{cart_id}/delivery": {"code": "{delivery}"},
    "POST /v1/store/carts/{cart_id}/take-shared": {"token": "{shared}"},
    "POST /v1/store/carts/{cart_id}/complete": _PAY,
    "POST /v1/store/orders/lookup": {"number": "{number}", "email": "{email}"},
    "POST /v1/store/orders/{order_id}/edits": {"actions": [{"action": "set_quantity", **_LINE}]},
    "POST /v1/admin/orders/{order_id}/edits": {
        "actions": [{"action": "set_quantity", **_LINE}, {"action": "add", "variant_id": "{variant}", "quantity": 1}]
    },
    "POST /v1/store/orders/{order_id}/returns": {
        "lines": [{**_LINE, "reason": "damaged"}],
        "wanted": [{"variant_id": "{variant}", "quantity": 1}],
    },
    "POST /v1/store/orders/{order_id}/returns/preview": {
        "lines": [{**_LINE, "reason": "damaged"}],
        "wanted": [{"variant_id": "{variant}", "quantity": 1}],
    },
    "POST /v1/admin/orders/{order_id}/returns": {"lines": [{**_LINE, "reason": "damaged"}]},
    "POST /v1/store/orders/{order_id}/changes/{change_id}/pay": {"method_id": "{method}"},
    "POST /v1/admin/orders/{order_id}/claims/{claim_id}/decision": {
        "resolution": "replacement",
        "lines": [{"variant_id": "{variant}", "quantity": 1}],
    },
    "POST /v1/admin/orders/{order_id}/fulfilments": {"lines": [_LINE], "warehouse": "{warehouse}"},
    "POST /v1/vendor/orders/{vendor_order_id}/fulfilments": {"lines": [{"line_id": "{vendor_line}", "quantity": 1}]},
    "POST /v1/admin/orders/{order_id}/returns/{return_id}/receive": {"warehouse": "{warehouse}", "lines": [_LINE]},
    "POST /v1/admin/orders/{order_id}/cancel": {"reason": "x", "lines": [_LINE]},
    "POST /v1/admin/orders/{order_id}/refunds": {"lines": [_LINE], "reason": "x"},
    "POST /v1/admin/inventory/transfers": {
        "sku": "{sku}",
        "source": "{warehouse}",
        "destination": "main",
        "quantity": 1,
    },
    "POST /v1/admin/inventory/dispatches": {
        "sku": "{sku}",
        "source": "{warehouse}",
        "destination": "main",
        "quantity": 1,
    },
    "PUT /v1/admin/inventory/bundles": {"sku": "{sku}", "components": [{"sku": "SKU4", "quantity": 1}]},
    "PUT /v1/admin/payments/terms/{provider}": {"customer_id": "{customer}", "days": 30},
    "PUT /v1/admin/delivery-methods/{code}": {
        "name": "x",
        "price": 1,
        "min_days": 1,
        "max_days": 2,
        "tax_class": "{tax_class}",
    },
    "PUT /v1/admin/taxes/rates/{country}": {"rates": [{"name": "VAT", "rate": "0.1", "tax_class": "{tax_class}"}]},
    "PUT /v1/admin/discount-codes/{code}": {"percent": 5},
    "POST /v1/store/gift-cards/lookup": {"code": "{gift_code}"},
    "POST /v1/store/orders/{order_id}/pay": {"payment": {"method_id": "{method}"}},
    "POST /v1/store/payment-methods": {"provider": "test", "token": "tok_ok"},
    "PUT /v1/admin/delivery-methods/{code}/slots": {
        "slots": [{"weekday": 1, "begins": "09:00", "ends": "10:00", "capacity": 1}]
    },
    "POST /v1/admin/webhooks/subscriptions": {
        "url": "https://hooks.example.com/b",
        "events": ["order.placed"],
        "contact": "a@example.com",
    },
    "POST /v1/admin/webhooks/subscriptions/{subscription_id}/replays": {
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-02T00:00:00Z",
    },
    "POST /v1/admin/programs": {
        "name": "x",
        "kind": "confidential",
        "grants": ["client_credentials"],
        "scopes": ["orders:read"],
    },
    "PUT /v1/admin/sales-channels/{code}": {"name": "x", "version": 1},
    "POST /v1/admin/prices/bulk-changes": {
        "filter": {"rule": _RULE, "collection_id": "{collection}", "skus": ["{sku}"]},
        "currency": "USD",
        "reckoning": {"kind": "percent", "percent": "-10"},
        "reason": "x",
    },
    "POST /v1/admin/search/rules": _STEERED,
    "PUT /v1/admin/search/rules/{rule_id}": {**_STEERED, "version": 1},
    "POST /v1/admin/search/synonyms": {"phrases": ["x", "y"]},
    "PUT /v1/admin/search/synonyms/{synonym_id}": {"phrases": ["x", "y"], "version": 1},
    "POST /v1/store/products/{key}/reviews": {"rating": 5, "title": "x"},
    "PUT /v1/store/reviews/{review_id}": {"rating": 4, "title": "x", "version": 1},
    "POST /v1/admin/branding/messages/{template}/previews": {"words": {"subject": "Welcome"}},
    "PUT /v1/admin/legal/{kind}": {"locale": "en-US", "markdown": "Words"},
    "POST /v1/admin/products": _product("w"),
    "PUT /v1/admin/products/{product_id}": _product("x", version=1),
    "POST /v1/vendor/products": _product("y", brand="{brand}"),
    "PUT /v1/vendor/products/{product_id}": _product("z", brand="{brand}", version=1),
    "PUT /v1/admin/products/{product_id}/translations/{locale}": {"texts": {"title": "x"}, "version": 1},
    "PUT /v1/admin/categories/{category_id}/translations/{locale}": {"texts": {"name": "x"}},
    "PUT /v1/admin/brands/{slug}/translations/{locale}": {"texts": {"name": "x"}, "version": 1},
    "PUT /v1/admin/collections/{collection_id}/translations/{locale}": {"texts": {"title": "x"}, "version": 1},
    "PUT /v1/admin/attributes/{code}/translations/{locale}": {"texts": {"name": "x"}, "version": 1},
    "POST /v1/admin/collections": {"title": "x", "picture_of": "{product}", "rule": _RULE},
    "POST /v1/admin/collections/previews": {"rule": _RULE},
    "PUT /v1/admin/collections/{collection_id}": {"title": "x", "rule": _RULE, "version": 1},
    "PATCH /v1/admin/collections/{collection_id}/picture": {"alt": "x"},
    "PUT /v1/admin/collections/{collection_id}/products": {"product_ids": ["{product}"], "version": 1},
    "PUT /v1/admin/products/{product_id}/links": {"related": ["{product}"], "version": 1},
    "POST /v1/admin/products/{product_id}/rejection": {"version": 1, "reason": "x"},
    "POST /v1/admin/products/{product_id}/media": VIDEO,
    "PUT /v1/admin/products/{product_id}/media/order": {"ids": ["{media}"]},
    "PATCH /v1/admin/products/{product_id}/media/{media_id}": {"alt": "x"},
    "POST /v1/vendor/products/{product_id}/media": VIDEO,
    "PUT /v1/vendor/products/{product_id}/media/order": {"ids": ["{vendor_media}"]},
    "PATCH /v1/vendor/products/{product_id}/media/{media_id}": {"alt": "x"},
    "POST /v1/admin/attributes": {"code": "x", "name": "x", "kind": "text"},
    "PUT /v1/admin/attributes/{code}": {"name": "x", "choices": [], "retired": False, "version": 1},
    "POST /v1/admin/product-types": {"code": "x", "name": "x", "attributes": [{"attribute": "{attribute}"}]},
    "PUT /v1/admin/product-types/{code}": {
        "name": "x",
        "attributes": [{"attribute": "{attribute}"}],
        "version": 1,
    },
    "PUT /v1/admin/brands/{slug}": {"name": "{brand}", "slug": "{brand}", "version": 1},
    "POST /v1/admin/api-keys": {"name": "x", "scopes": ["orders:read"]},
    "POST /v1/store/identity-providers/{provider_id}/logouts": {"logout_token": "x"},
    "POST /v1/vendor/api-keys": {"name": "x", "scopes": ["orders:read"]},
    "POST /v1/events": {"events": []},
    "POST /v1/admin/staff": {"email": "new@example.com", "roles": ["vendor"], "vendor": "{vendor}"},
    "PUT /v1/admin/staff/{member_id}": {"roles": ["analyst"], "role_ids": ["{role}"], "version": 1},
    "POST /v1/vendor/staff": {"email": "newer@example.com", "roles": ["vendor"]},
    "PUT /v1/vendor/staff/{member_id}": {"roles": ["vendor"], "version": 1},
    "POST /v1/admin/roles": {"name": "x", "meaning": "x", "permissions": ["orders:read"]},
    "PUT /v1/admin/built-in-roles/{name}/limits": {"limits": {}, "version": 0},
    "PUT /v1/admin/roles/{role_id}": {"name": "y", "meaning": "x", "permissions": ["orders:read"], "version": 1},
}
"""Bodies that say more than the least."""

QUERIES: Mapping[str, Mapping[str, str]] = {
    "GET /v1/store/recommendations": {"product_id": "{product}"},
    "GET /v1/store/products": {"category": "pantry"},
    "GET /v1/store/carts/{cart_id}/delivery-slots": {"code": "{delivery}"},
    "GET /v1/admin/orders": {"q": "{number}"},
    "GET /v1/admin/products": {
        "brand": "{brand}",
        "type": "{product_type}",
        "vendor": "{vendor}",
    },
    "POST /v1/admin/products/{product_id}/media/uploads": {"alt": "x"},
    "POST /v1/vendor/products/{product_id}/media/uploads": {"alt": "x"},
    "PUT /v1/admin/collections/{collection_id}/picture": {"alt": "x"},
    "GET /v1/admin/orders/export": {"q": "{number}"},
    "DELETE /v1/admin/payments/terms/{provider}": {"customer_id": "{customer}"},
    "GET /v1/store/search": {"q": "tomato"},
}
"""Parameters of queries that are worth giving; those that are required are given by their names."""


class Unnamed(Exception):
    """A parameter of an operation has no name here."""


@dataclass(frozen=True)
class Operation:
    """A valid request, with names in place of ids."""

    label: str
    """`GET /v1/store/orders/{order_id}`, as the description has it."""
    method: str
    path: str
    query: Mapping[str, str]
    body: object | None
    media: str | None
    parameters: tuple[Json, ...]
    schema: Json

    @property
    def actor(self) -> str:
        """Who asks: the client of a side."""
        area = self.path.split("/")[2] if self.path.startswith("/v1/") else ""
        return {"admin": "staff", "vendor": "vendor", "operator": "operator"}.get(area, "shopper")

    @property
    def names(self) -> list[str]:
        """Every thing that the request speaks of."""
        return sorted(set(re.findall(r"\{(\w+)\}", f"{self.path} {self.query} {self.body}")))


def operations(description: Json) -> Iterator[Operation]:
    """A request for each operation.

    Raises:
        Unnamed: a parameter has no name here.
    """
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method, said in methods.items():
            label = f"{method.upper()} {path}"
            media, schema = next(iter(said.get("requestBody", {"content": {}})["content"].items()), (None, {}))
            schema = schema.get("schema", {})
            body = BODIES.get(label, least(schema, schemas) if media and "json" in media else None)
            given = tuple(said.get("parameters", ()))
            query = {
                one["name"]: str(_named(one["name"], one["schema"], schemas))
                for one in given
                if one["in"] == "query" and one.get("required")
            }
            yield Operation(
                label, method.upper(), _filled(path), {**query, **QUERIES.get(label, {})}, body, media, given, schema
            )


def _filled(path: str) -> str:
    segments, fixed = [], []
    for segment in path.split("/"):
        bare, dot, end = segment.partition(".")
        if not bare.startswith("{"):
            segments.append(segment)
            fixed.append(segment)
            continue
        two = "/".join(fixed[-2:])
        name = BY_SEGMENT.get("/".join(fixed[-3:])) or BY_SEGMENT.get(two) or BY_SEGMENT.get(fixed[-1])
        common = COMMON.get(two) or COMMON.get(fixed[-1])
        if name is None and common is None:
            raise Unnamed(f"{path}: what {bare} stands for is not in BY_SEGMENT (tests/security/operations.py)")
        segments.append((common or f"{{{name}}}") + dot + end)
    return "/".join(segments)


def least(schema: Json, schemas: Json, field: str = "") -> Any:
    """The least value that a schema allows."""
    if "$ref" in schema:
        return least(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, field)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return least(schema[choice][0], schemas, field)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {key: _named(key, of, schemas) for key, of in schema.get("properties", {}).items() if key in required}
    if schema.get("type") == "array":
        return [_named(field, schema["items"], schemas)] * max(1, schema.get("minItems", 0))
    return _scalar(schema)


def _named(field: str, schema: Json, schemas: Json) -> Any:
    if field in BY_FIELD and schema.get("type") != "array":
        return f"{{{BY_FIELD[field]}}}"
    return _VALID[field] if field in _VALID else least(schema, schemas, field)


def _scalar(schema: Json) -> Any:
    kind = schema.get("type")
    if kind in {"integer", "number"}:
        return int(max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1, 1))
    if kind == "boolean":
        return True
    formats = {
        "uuid": "01900000-0000-7000-8000-000000000000",
        "date": "2099-01-01",
        "date-time": "2099-01-01T00:00:00Z",
        "time": "09:00",
    }
    return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))


def filled(template: Any, things: Mapping[str, str]) -> Any:
    """A request's part with the things' values in place of their names."""
    if isinstance(template, str):
        return re.sub(r"\{(\w+)\}", lambda found: things[found[1]], template)
    if isinstance(template, Mapping):
        return {filled(key, things): filled(value, things) for key, value in template.items()}
    return [filled(value, things) for value in template] if isinstance(template, list) else template
