"""What is refused, case by case: the rows of the reference page of errors, each of which a test sends to the API.

Words in braces stand for things of the shop that the test sets up: `{cart}` is a cart with two soups, `{empty}` is
another shopper's cart, `{paid}`, `{sent}`, `{cancelled}` and `{changed}` are orders, `{theirs}` is another shop's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["negative", "fractional", "enormous", "duplicated", "stale", "foreign", "out of order", "malformed"]
By = Literal["shopper", "another shopper", "staff", "staff elsewhere", "nobody"]
NEW_KEY, USED_KEY, NO_KEY = "new", "used", None


@dataclass(frozen=True, slots=True)
class Case:
    """One request that is refused, and nothing is changed by it."""

    kind: Kind
    says: str
    request: str
    code: str
    body: Any = None
    """JSON, or text that is sent as it is."""
    by: By = "shopper"
    key: str | None = NEW_KEY
    """The Idempotency-Key: a new one, one that was used, none, or these very characters."""


INVALID = "request.invalid_fields"
_LINES = "POST /v1/store/carts/{cart}/lines"
_LINE = "PATCH /v1/store/carts/{cart}/lines/{line}"
_COMPLETE = "POST /v1/store/carts/{cart}/complete"
_REFUNDS = "POST /v1/admin/orders/{paid}/refunds"
_RECEIPTS = "POST /v1/admin/inventory/receipts"
_PAY = {"provider": "test", "token": "tok_ok"}


def _receipt(**changed: Any) -> dict[str, Any]:
    return {"sku": "SKU0", "warehouse": "main", "quantity": 1} | changed


def _refund(amount: Any) -> dict[str, Any]:
    return {"amount": amount, "reason": "late"}


CASES: tuple[Case, ...] = (
    Case("negative", "fewer than no units in a cart", _LINES, INVALID, {"variant_id": "{variant}", "quantity": -1}),
    Case("negative", "no units added", _LINES, INVALID, {"variant_id": "{variant}", "quantity": 0}),
    Case("negative", "a line of fewer than no units", _LINE, INVALID, {"quantity": -2}),
    Case("negative", "a total below zero", _COMPLETE, INVALID, {"payment": _PAY, "expected_total": -1}),
    Case("negative", "a refund of less than nothing", _REFUNDS, INVALID, _refund(-1), "staff"),
    Case("negative", "a refund of nothing", _REFUNDS, INVALID, _refund(0), "staff"),
    Case("negative", "a receipt of fewer than no units", _RECEIPTS, INVALID, _receipt(quantity=-5), "staff"),
    Case(
        "negative",
        "a count below zero",
        "POST /v1/admin/inventory/counts",
        INVALID,
        {"sku": "SKU0", "warehouse": "main", "counted": -1},
        "staff",
    ),
    Case(
        "negative",
        "a price below zero",
        "PUT /v1/admin/prices/variants/SKU0/list",
        INVALID,
        {"price": {"amount": -1, "currency": "USD"}},
        "staff",
    ),
    Case("negative", "a gift card of less than nothing", "POST /v1/admin/gift-cards", INVALID, {"amount": -1}, "staff"),
    Case("fractional", "one and a half units", _LINES, INVALID, {"variant_id": "{variant}", "quantity": 1.5}),
    Case("fractional", "units as text", _LINES, INVALID, {"variant_id": "{variant}", "quantity": "2"}),
    Case("fractional", "units as yes or no", _LINES, INVALID, {"variant_id": "{variant}", "quantity": True}),
    Case("fractional", "a total with half a cent", _COMPLETE, INVALID, {"payment": _PAY, "expected_total": 200.5}),
    Case("fractional", "a refund of half a cent", _REFUNDS, INVALID, _refund(0.5), "staff"),
    Case("fractional", "a receipt of two and a half units", _RECEIPTS, INVALID, _receipt(quantity=2.5), "staff"),
    Case(
        "enormous", "more units than a line may have", _LINES, INVALID, {"variant_id": "{variant}", "quantity": 10**4}
    ),
    Case("enormous", "more units than there are numbers", _LINE, INVALID, {"quantity": 10**40}),
    Case(
        "enormous",
        "a line that grows beyond what a cart may hold",
        _LINES,
        "cart.full",
        {"variant_id": "{variant}", "quantity": 9_999},
    ),
    Case("enormous", "a refund beyond 64 bits", _REFUNDS, INVALID, _refund(2**63), "staff"),
    Case(
        "enormous",
        "a refund of more than was captured",
        _REFUNDS,
        "payments.refund_exceeds_captured",
        _refund(10**6),
        "staff",
    ),
    Case("enormous", "a receipt of a billion units", _RECEIPTS, INVALID, _receipt(quantity=10**9), "staff"),
    Case(
        "enormous",
        "more written off than is there",
        "POST /v1/admin/inventory/write-offs",
        "inventory.out_of_stock",
        _receipt(quantity=10_000, reason="lost"),
        "staff",
    ),
    Case(
        "enormous",
        "more moved than is there",
        "POST /v1/admin/inventory/dispatches",
        "inventory.out_of_stock",
        {"sku": "SKU0", "source": "main", "destination": "north", "quantity": 10_000},
        "staff",
    ),
    Case("enormous", "a page of more than a hundred", "GET /v1/store/products?limit=101", INVALID),
    Case("enormous", "a note of a million letters", "PUT /v1/store/carts/{cart}/note", INVALID, {"note": "x" * 10**5}),
    Case(
        "enormous", "a key of 201 characters", _COMPLETE, "idempotency.key_required", {"payment": _PAY}, key="k" * 201
    ),
    Case("duplicated", "a key with another body", _REFUNDS, "idempotency.key_reused", _refund(2), "staff", USED_KEY),
    Case(
        "duplicated",
        "one line twice in an edit",
        "POST /v1/admin/orders/{paid}/edits",
        "orders.edit_contradicts",
        {"actions": [{"action": "set_quantity", "line_id": "{paid_line}", "quantity": n} for n in (1, 2)]},
        "staff",
    ),
    Case(
        "duplicated",
        "a component twice in a bundle",
        "PUT /v1/admin/inventory/bundles",
        "inventory.nested_bundle",
        {"sku": "SKU5", "components": [{"sku": "SKU1"}, {"sku": "SKU1"}]},
        "staff",
    ),
    Case(
        "duplicated",
        "an order cancelled twice",
        "POST /v1/admin/orders/{cancelled}/cancel",
        "orders.illegal_transition",
        {"reason": "again"},
        "staff",
    ),
    Case(
        "duplicated",
        "an order sent twice",
        "POST /v1/admin/orders/{sent}/fulfilments",
        "orders.illegal_transition",
        {},
        "staff",
    ),
    Case(
        "stale",
        "a cart that costs something else by now",
        _COMPLETE,
        "checkout.total_changed",
        {"payment": _PAY, "email": "a@b.example", "expected_total": 1},
    ),
    Case(
        "stale",
        "what was accepted of a cart that has changed since",
        "POST /v1/store/carts/{cart}/accept",
        "cart.moved_on",
        {"version": 999},
    ),
    Case(
        "stale",
        "an edit of an order that has changed since",
        "POST /v1/admin/orders/{changed}/edits/{draft}/confirm",
        "orders.outdated",
        {"version": "{draft_version}"},
        "staff",
    ),
    Case(
        "stale",
        "goods that have expired",
        _RECEIPTS,
        "inventory.lot_expired",
        _receipt(lot="A", expires_on="2020-01-01"),
        "staff",
    ),
    Case("stale", "a place in another list", "GET /v1/store/products?cursor=bm9uZQ", "request.malformed_cursor"),
    Case(
        "foreign",
        "another shop's goods",
        _LINES,
        "catalog.variant_not_for_sale",
        {"variant_id": "{theirs}", "quantity": 1},
    ),
    Case("foreign", "another shopper's cart", "GET /v1/store/carts/{empty}", "cart.not_found"),
    Case("foreign", "another shop's cart", "GET /v1/store/carts/{theirs}", "cart.not_found"),
    Case("foreign", "another cart's line", "DELETE /v1/store/carts/{cart}/lines/{paid_line}", "cart.line_not_found"),
    Case("foreign", "another shopper's order", "GET /v1/store/orders/{order_of_another}", "orders.not_found"),
    Case(
        "foreign",
        "another shopper's order, cancelled",
        "POST /v1/store/orders/{order_of_another}/cancel",
        "orders.not_found",
        {"reason": "mine"},
    ),
    Case("foreign", "another shop's order", "GET /v1/admin/orders/{theirs}", "orders.not_found", by="staff"),
    Case(
        "foreign", "another shop's staff", "GET /v1/admin/orders/{paid}", "identity.key_unknown", by="staff elsewhere"
    ),
    Case("foreign", "a shopper in the back office", "GET /v1/admin/orders/{paid}", "identity.not_staff"),
    Case("foreign", "nobody's cart", "GET /v1/store/carts/{cart}", "identity.session_unknown", by="nobody"),
    Case(
        "foreign",
        "another order's line",
        "POST /v1/admin/orders/{paid}/fulfilments",
        "orders.unknown_line",
        {"lines": [{"line_id": "{sent_line}", "quantity": 1}]},
        "staff",
    ),
    Case("foreign", "goods that nobody knows", _RECEIPTS, "inventory.unknown_sku", _receipt(sku="none"), "staff"),
    Case(
        "foreign",
        "a warehouse that nobody knows",
        _RECEIPTS,
        "inventory.unknown_warehouse",
        _receipt(warehouse="none"),
        "staff",
    ),
    Case(
        "foreign",
        "a provider that is not taken",
        _COMPLETE,
        "payments.unknown_provider",
        {"payment": {"provider": "none", "token": "t"}, "email": "a@b.example"},
    ),
    Case(
        "foreign",
        "a notification that the provider has not signed",
        "POST /v1/webhooks/test",
        "payments.forged_event",
        {"kind": "payment_changed"},
        "nobody",
    ),
    Case(
        "foreign",
        "a gift card that nobody has",
        "POST /v1/store/gift-cards/lookup",
        "gift_cards.code_not_good",
        {"code": "AAAA-BBBB-CCCC-DDDD"},
    ),
    Case(
        "out of order",
        "goods put into a cart that is an order",
        "POST /v1/store/carts/{paid_cart}/lines",
        "cart.not_open",
        {"variant_id": "{variant}", "quantity": 1},
    ),
    Case(
        "out of order",
        "an empty cart paid",
        "POST /v1/store/carts/{empty}/complete",
        "checkout.requirements_unmet",
        {"payment": _PAY, "email": "a@b.example"},
        "another shopper",
    ),
    Case(
        "out of order",
        "back from a challenge that nobody asked for",
        "POST /v1/store/carts/{cart}/continue",
        "checkout.nothing_to_continue",
    ),
    Case(
        "out of order",
        "given up before it was begun",
        "POST /v1/store/carts/{cart}/give-up",
        "checkout.nothing_to_continue",
    ),
    Case("out of order", "no key", _COMPLETE, "idempotency.key_required", {"payment": _PAY}, key=NO_KEY),
    Case(
        "out of order",
        "cancelled after it was sent",
        "POST /v1/admin/orders/{sent}/cancel",
        "orders.illegal_transition",
        {"reason": "late"},
        "staff",
    ),
    Case(
        "out of order",
        "sent after it was cancelled",
        "POST /v1/admin/orders/{cancelled}/fulfilments",
        "orders.illegal_transition",
        {},
        "staff",
    ),
    Case(
        "out of order",
        "sent back before it was sent",
        "POST /v1/store/orders/{paid}/returns",
        "orders.illegal_transition",
        {"lines": [{"line_id": "{paid_line}", "quantity": 1, "reason": "other"}]},
    ),
    Case(
        "out of order",
        "more arrives than was sent",
        "POST /v1/admin/inventory/dispatches/{dispatch}/arrivals",
        "inventory.not_in_transit",
        {"received": 2},
        "staff",
    ),
    Case("malformed", "JSON with NaN", _LINES, "request.malformed_json", '{"variant_id": "x", "quantity": NaN}'),
    Case("malformed", "half a JSON", _LINES, "request.malformed_json", '{"variant_id": '),
    Case("malformed", "a field that nobody knows", _LINE, INVALID, {"quantity": 1, "price": 1}),
    Case(
        "malformed",
        "text with a NUL byte",
        "PUT /v1/store/carts/{cart}/note",
        "request.malformed_json",
        '{"note": "\\u0000"}',
    ),
    Case("malformed", "an id that is none", "GET /v1/store/carts/one", INVALID),
)
