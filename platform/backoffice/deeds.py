"""What the forms of the back office do, by the names that the audit log has for the same deeds done by the API.

A form whose page is not here fails the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from commerce.deeds import DEEDS, MOST_FIELDS, Told, Untold
from foundation import audit

AT = "/back-office"
_BY_ITSELF = Untold("its service writes the entry, with more than the page knows")
_MEDIUM = "/{product_id}/media/{media_id}"
_OF_PRODUCTS = {
    "": "POST /v1/products",
    "/{product_id}": "PUT /v1/products/{product_id}",
    "/{product_id}/copies": "POST /v1/products/{product_id}/copies",
    "/{product_id}/submission": "POST /v1/products/{product_id}/submission",
    "/{product_id}/withdrawal": "POST /v1/products/{product_id}/withdrawal",
    "/{product_id}/media/uploads": "POST /v1/products/{product_id}/media/uploads",
    "/{product_id}/media/fetched": "POST /v1/products/{product_id}/media",
    "/{product_id}/media/videos": "POST /v1/products/{product_id}/media",
    "/{product_id}/media/sets": "POST /v1/products/{product_id}/media",
    _MEDIUM: f"PATCH /v1/products{_MEDIUM}",
    f"{_MEDIUM}/pictures": f"POST /v1/products{_MEDIUM}/pictures",
    f"{_MEDIUM}/place": "PUT /v1/products/{product_id}/media/order",
    f"{_MEDIUM}/retries": f"POST /v1/products{_MEDIUM}/retries",
    f"{_MEDIUM}/removal": f"DELETE /v1/products{_MEDIUM}",
}
"""Of products, below the address of the shop's or of a vendor's, and below `/v1/admin` or `/v1/vendor`."""
_ALIKE = {
    "/api-keys": "POST /v1/admin/api-keys",
    "/api-keys/{key_id}/replacement": "POST /v1/admin/api-keys/{key_id}/replacement",
    "/api-keys/{key_id}/end": "DELETE /v1/admin/api-keys/{key_id}",
    "/attributes": "POST /v1/admin/attributes",
    "/attributes/{code}": "PUT /v1/admin/attributes/{code}",
    "/attributes/{code}/removal": "DELETE /v1/admin/attributes/{code}",
    "/brands": "POST /v1/admin/brands",
    "/brands/{slug}": "PUT /v1/admin/brands/{slug}",
    "/brands/{slug}/removal": "DELETE /v1/admin/brands/{slug}",
    "/branding": "PUT /v1/admin/configuration",
    "/branding/logo": "PUT /v1/admin/branding/logo",
    "/branding/logo/removal": "DELETE /v1/admin/branding/logo",
    "/bulk-prices/new": "POST /v1/admin/prices/bulk-changes",
    "/bulk-prices/{change_id}/application": "POST /v1/admin/prices/bulk-changes/{change_id}/application",
    "/bulk-prices/{change_id}/cancellation": "POST /v1/admin/prices/bulk-changes/{change_id}/cancellation",
    "/bulk-prices/{change_id}/undoing": "POST /v1/admin/prices/bulk-changes/{change_id}/undoing",
    "/categories": "POST /v1/admin/categories",
    "/categories/{category_id}": "PUT /v1/admin/categories/{category_id}",
    "/categories/{category_id}/children": "POST /v1/admin/categories",
    "/categories/{category_id}/removal": "DELETE /v1/admin/categories/{category_id}",
    "/collections/new/{kind}": "POST /v1/admin/collections",
    "/collections/{collection_id}": "PUT /v1/admin/collections/{collection_id}",
    "/collections/{collection_id}/products": "PUT /v1/admin/collections/{collection_id}/products",
    "/collections/{collection_id}/picture": "PUT /v1/admin/collections/{collection_id}/picture",
    "/collections/{collection_id}/picture/words": "PATCH /v1/admin/collections/{collection_id}/picture",
    "/collections/{collection_id}/picture/retries": "POST /v1/admin/collections/{collection_id}/picture/retries",
    "/collections/{collection_id}/picture/removal": "DELETE /v1/admin/collections/{collection_id}/picture",
    "/collections/{collection_id}/removal": "DELETE /v1/admin/collections/{collection_id}",
    "/closing": "PUT /v1/admin/closure",
    "/closing/undo": "DELETE /v1/admin/closure",
    "/closing/archives": "POST /v1/admin/exports",
    "/customers": "POST /v1/admin/customers/search",
    "/customers/{customer_id}/acting": "POST /v1/admin/customers/{customer_id}/acting",
    "/customers/{customer_id}/acting/end": "DELETE /v1/admin/acting",
    "/domains": "POST /v1/admin/domains",
    "/domains/{domain_id}/check": "POST /v1/admin/domains/{domain_id}/checks",
    "/domains/{domain_id}/primary": "PUT /v1/admin/domains/{domain_id}/primary",
    "/domains/{domain_id}/ordinary": "DELETE /v1/admin/domains/{domain_id}/primary",
    "/domains/{domain_id}/removal": "DELETE /v1/admin/domains/{domain_id}",
    "/identity-providers/new/{kind}": "POST /v1/admin/identity-providers",
    "/identity-providers/staff": "PUT /v1/admin/staff-sign-in",
    "/identity-providers/staff/release": "DELETE /v1/admin/staff-sign-in",
    "/identity-providers/{provider_id}": "PUT /v1/admin/identity-providers/{provider_id}",
    "/identity-providers/{provider_id}/check": "POST /v1/admin/identity-providers/{provider_id}/checks",
    "/identity-providers/{provider_id}/removal": "DELETE /v1/admin/identity-providers/{provider_id}",
    "/imports": "POST /v1/admin/imports",
    "/imports/exports": "POST /v1/admin/catalogue-exports",
    "/imports/{import_id}/cancellation": "POST /v1/admin/imports/{import_id}/cancellation",
    "/imports/feeds": "POST /v1/admin/product-feeds",
    "/imports/feeds/{feed_id}": "PUT /v1/admin/product-feeds/{feed_id}",
    "/imports/feeds/{feed_id}/builds": "POST /v1/admin/product-feeds/{feed_id}/builds",
    "/imports/feeds/{feed_id}/rotation": "POST /v1/admin/product-feeds/{feed_id}/rotation",
    "/imports/feeds/{feed_id}/revocation": "DELETE /v1/admin/product-feeds/{feed_id}",
    "/legal/{kind}": "PUT /v1/admin/legal/{kind}",
    "/legal/{kind}/withdrawal": "DELETE /v1/admin/legal/{kind}",
    "/messages/{template}": "PUT /v1/admin/branding/messages/{template}",
    "/messages/{template}/test": "POST /v1/admin/branding/messages/{template}/tests",
    "/people": "POST /v1/admin/staff",
    "/people/{member_id}": "PUT /v1/admin/staff/{member_id}",
    "/people/{member_id}/invitation": "POST /v1/admin/staff/{member_id}/invitation",
    "/search/rules": "POST /v1/admin/search/rules",
    "/search/rules/{rule_id}": "PUT /v1/admin/search/rules/{rule_id}",
    "/search/rules/{rule_id}/previews": "POST /v1/admin/search/rules/{rule_id}/previews",
    "/search/rules/{rule_id}/publication": "PUT /v1/admin/search/rules/{rule_id}/publication",
    "/search/rules/{rule_id}/withdrawal": "DELETE /v1/admin/search/rules/{rule_id}/publication",
    "/search/rules/{rule_id}/removal": "DELETE /v1/admin/search/rules/{rule_id}",
    "/search/synonyms": "POST /v1/admin/search/synonyms",
    "/search/synonyms/{synonym_id}": "PUT /v1/admin/search/synonyms/{synonym_id}",
    "/search/synonyms/{synonym_id}/removal": "DELETE /v1/admin/search/synonyms/{synonym_id}",
    "/plan": "PUT /v1/admin/plan",
    "/plan/end": "POST /v1/admin/plan/cancellation",
    "/plan/going-on": "DELETE /v1/admin/plan/cancellation",
    "/plan/portal": "POST /v1/admin/plan/portal",
    "/privacy/customers/{customer_id}/archive": "POST /v1/admin/customers/{customer_id}/exports",
    "/privacy/customers/{customer_id}/erasure": "POST /v1/admin/customers/{customer_id}/erasure-requests",
    "/privacy/customers/{customer_id}/erasure/withdrawal": (
        "POST /v1/admin/customers/{customer_id}/erasure-requests/withdrawal"
    ),
    "/product-types": "POST /v1/admin/product-types",
    "/product-types/{code}": "PUT /v1/admin/product-types/{code}",
    "/product-types/{code}/removal": "DELETE /v1/admin/product-types/{code}",
    "/products/{product_id}/approval": "POST /v1/admin/products/{product_id}/approval",
    "/products/{product_id}/rejection": "POST /v1/admin/products/{product_id}/rejection",
    "/products/{product_id}/publication": "POST /v1/admin/products/{product_id}/publication",
    "/products/{product_id}/unpublication": "POST /v1/admin/products/{product_id}/unpublication",
    "/products/{product_id}/archiving": "POST /v1/admin/products/{product_id}/archiving",
    "/products/{product_id}/links": "PUT /v1/admin/products/{product_id}/links",
    **{
        f"{at}{page}": operation.replace("/v1/", f"/v1/{area}/", 1)
        for at, area in (("/products", "admin"), ("/vendor/products", "vendor"))
        for page, operation in _OF_PRODUCTS.items()
    },
    "/products/{product_id}/media/{media_id}/approval": (
        "POST /v1/admin/products/{product_id}/media/{media_id}/approval"
    ),
    "/programs": "POST /v1/admin/programs",
    "/programs/{program_id}": "PATCH /v1/admin/programs/{client_id}",
    "/programs/{program_id}/secret": "POST /v1/admin/programs/{client_id}/secret",
    "/programs/{program_id}/end": "DELETE /v1/admin/programs/{client_id}",
    "/vendor/reviews/{review_id}/answer": "PUT /v1/vendor/reviews/{review_id}/answer",
    "/vendor/reviews/{review_id}/answer/removal": "DELETE /v1/vendor/reviews/{review_id}/answer",
    "/reviews/{review_id}/publication": "PUT /v1/admin/reviews/{review_id}/publication",
    "/reviews/{review_id}/rejection": "PUT /v1/admin/reviews/{review_id}/rejection",
    "/reviews/{review_id}/answer": "PUT /v1/admin/reviews/{review_id}/answer",
    "/reviews/{review_id}/answer/removal": "DELETE /v1/admin/reviews/{review_id}/answer",
    "/sales-channels": "POST /v1/admin/sales-channels",
    "/sales-channels/{code}": "PUT /v1/admin/sales-channels/{code}",
    "/sales-channels/{code}/retirement": "DELETE /v1/admin/sales-channels/{code}",
    "/roles": "POST /v1/admin/roles",
    "/roles/{role_id}": "PUT /v1/admin/roles/{role_id}",
    "/roles/{role_id}/deletion": "DELETE /v1/admin/roles/{role_id}",
    "/roles/built-in/{name}": "PUT /v1/admin/built-in-roles/{name}/limits",
    "/settings": "PUT /v1/admin/configuration",
    "/settings/reverts": "POST /v1/admin/configuration/reverts",
    "/webhooks": "POST /v1/admin/webhooks/subscriptions",
    "/webhooks/{webhook_id}": "PATCH /v1/admin/webhooks/subscriptions/{subscription_id}",
    "/webhooks/{webhook_id}/status": "PATCH /v1/admin/webhooks/subscriptions/{subscription_id}",
    "/webhooks/{webhook_id}/secret": "POST /v1/admin/webhooks/subscriptions/{subscription_id}/secret",
    "/webhooks/{webhook_id}/test": "POST /v1/admin/webhooks/subscriptions/{subscription_id}/test",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": (
        "POST /v1/admin/webhooks/subscriptions/{subscription_id}/deliveries/{delivery_id}/replay"
    ),
    "/webhooks/{webhook_id}/removal": "DELETE /v1/admin/webhooks/subscriptions/{subscription_id}",
}
"""A form's page, and the operation of the API that does what it does."""

PAGES: Mapping[str, Told | Untold] = {
    **{page: DEEDS[operation] for page, operation in _ALIKE.items()},
    "/translations/{locale}/{kind}/{key}": Told("catalog.translate", "text", "key"),
    "/products/{product_id}/offers/{variant_id}": Told("prices.set_offers", "variant", "variant_id"),
    "/products/{product_id}/downloads/{variant_id}": Told("digital.put", "variant", "variant_id"),
    "/products/{product_id}/downloads/{variant_id}/files": Told("digital.add_file", "variant", "variant_id"),
    "/products/{product_id}/downloads/{variant_id}/files/{file_id}/removal": Told(
        "digital.remove_file", "file", "file_id"
    ),
    "/invitation": _BY_ITSELF,
    "/people/{member_id}/status": _BY_ITSELF,
    "/privacy/links": Told("privacy.send_link"),
    "/sign-out": Untold("it changes nothing of the shop's"),
}
"""By the address of the form, below `/back-office`."""


def begin(request: Request, actor: str) -> None:
    """Have what this form does written down, if it is one of those that are."""
    told = PAGES.get(request.scope["route"].path.removeprefix(AT)) if request.method == "POST" else None
    if isinstance(told, Told):
        # A form with a file in it has fields of which none is told: its body is the file's.
        urlencoded = "urlencoded" in request.headers.get("content-type", "")
        body = request.scope["state"].get("body", b"") if urlencoded else b""
        audit.begin(deed_of(told, actor, request.path_params, body))


def deed_of(told: Told, actor: str, address: Mapping[str, Any], body: bytes) -> audit.Deed:
    """The entry of a form: what of its address may be told, and which fields it has."""
    fields = sorted({name for name, _ in parse_qsl(body.decode("latin-1"), keep_blank_values=True)})[:MOST_FIELDS]
    return audit.Deed(
        actor=actor,
        action=told.action,
        object=f"{told.kind}:{list(address.values())[-1]}" if told.by and address else None,
        details={"fields": fields} if fields else {},
    )
