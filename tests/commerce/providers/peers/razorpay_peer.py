"""Razorpay as its documentation has it: orders, UPI and net banking payments, captures, refunds, the combined report.

Orders: https://razorpay.com/docs/api/orders; payments: https://razorpay.com/docs/payments/payment-gateway/s2s-integration.
"""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

KEYS = ("rzp_test_1", "secret")
FEE_PER_MILLE = 20


def _error(description: str, status: int = 400, code: str = "BAD_REQUEST_ERROR") -> JSONResponse:
    error = {
        "code": code,
        "description": description,
        "source": "business",
        "step": "NA",
        "reason": "input_validation_failed",
    }
    return JSONResponse({"error": error}, status_code=status)


@dataclass
class Razorpay:
    """Its books."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    disputes: dict[str, dict[str, Any]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    report: list[dict[str, Any]] = field(default_factory=list)
    refund_status: str = "processed"
    _numbers: Any = field(default_factory=itertools.count)

    def app(self) -> Starlette:
        """Its API."""
        routes = [
            Route("/v1/orders", self._guarded(self.create_order), methods=["POST"]),
            Route("/v1/orders", self._guarded(self.list_orders)),
            Route("/v1/orders/{id}", self._guarded(self.fetch_order)),
            Route("/v1/orders/{id}", self._guarded(self.edit_order), methods=["PATCH"]),
            Route("/v1/orders/{id}/payments", self._guarded(self.order_payments)),
            Route("/v1/payments/create/upi", self._guarded(self.create_payment), methods=["POST"]),
            Route("/v1/payments/create/json", self._guarded(self.create_payment), methods=["POST"]),
            Route("/v1/payments/{id}/capture", self._guarded(self.capture), methods=["POST"]),
            Route("/v1/payments/{id}/refund", self._guarded(self.refund), methods=["POST"]),
            Route("/v1/payments/{id}/refunds", self._guarded(self.list_refunds)),
            Route("/v1/disputes/{id}", self._guarded(self.fetch_dispute)),
            Route("/v1/disputes/{id}/contest", self._guarded(self.contest), methods=["PATCH"]),
            Route("/v1/documents", self._guarded(self.create_document), methods=["POST"]),
            Route("/v1/settlements/recon/combined", self._guarded(self.combined)),
        ]
        return Starlette(routes=routes)

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: Request) -> JSONResponse:
            expected = "Basic " + base64.b64encode(":".join(KEYS).encode()).decode()
            if request.headers.get("authorization") != expected:
                return _error("Authentication failed", 401)
            return await handler(request)

        return guarded

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):014d}"

    async def create_order(self, request: Request) -> JSONResponse:
        said = await request.json()
        if said["amount"] < 100 and said["currency"] == "INR":
            return _error("Order amount less than minimum amount allowed")
        name = self._name("order")
        self.orders[name] = {**said, "id": name, "entity": "order", "status": "created", "amount_paid": 0}
        return JSONResponse(self.orders[name])

    async def list_orders(self, request: Request) -> JSONResponse:
        found = [order for order in self.orders.values() if order["receipt"] == request.query_params["receipt"]]
        return JSONResponse({"entity": "collection", "count": len(found), "items": found})

    async def fetch_order(self, request: Request) -> JSONResponse:
        order = self.orders.get(request.path_params["id"])
        return JSONResponse(order) if order else _error("The id provided does not exist")

    async def edit_order(self, request: Request) -> JSONResponse:
        order = self.orders[request.path_params["id"]]
        order["notes"] = (await request.json())["notes"]
        return JSONResponse(order)

    async def order_payments(self, request: Request) -> JSONResponse:
        name = request.path_params["id"]
        if name not in self.orders:
            return _error("The id provided does not exist")
        found = [payment for payment in self.payments.values() if payment["order_id"] == name]
        return JSONResponse({"entity": "collection", "count": len(found), "items": found})

    async def create_payment(self, request: Request) -> JSONResponse:
        said = await request.json()
        order = self.orders[said["order_id"]]
        if (said["amount"], said["currency"]) != (order["amount"], order["currency"]):
            return _error("Your payment amount is different from your order amount")
        if not said.get("email") or not said.get("contact"):
            return _error("The contact field is required.")
        if said["method"] == "netbanking" and said["bank"] == "NONE":
            return _error("Bank is not enabled for the merchant")
        name = self._name("pay")
        self.payments[name] = {
            "id": name,
            "entity": "payment",
            "status": "created",
            "order_id": order["id"],
            "amount": order["amount"],
            "currency": order["currency"],
            "method": said["method"],
            "notes": said["notes"],
            "fee": None,
            "error_reason": None,
            "created_at": 1_900_000_000 + len(self.payments),
            "said": said,
        }
        if said["method"] == "upi":
            answer = {"razorpay_payment_id": name}
            if said["upi"]["flow"] == "intent":
                answer["link"] = f"upi://pay?pa=shop@razorpay&tr={name}&am={order['amount']}"
            return JSONResponse(answer)
        url = f"https://api.razorpay.com/v1/payments/{name}/authenticate"
        return JSONResponse({"razorpay_payment_id": name, "next": [{"action": "redirect", "url": url}]})

    async def capture(self, request: Request) -> JSONResponse:
        payment, said = self.payments[request.path_params["id"]], await request.json()
        if payment["status"] == "captured":
            return _error("This payment has already been captured")
        if payment["status"] != "authorized":
            return _error("Only payments which have been authorized and not yet captured can be captured")
        if (said["amount"], said["currency"]) != (payment["amount"], payment["currency"]):
            return _error("Capture amount must be equal to the amount authorized")
        payment.update(status="captured", fee=payment["amount"] * FEE_PER_MILLE // 1000)
        return JSONResponse(payment)

    async def refund(self, request: Request) -> JSONResponse:
        payment, said = self.payments[request.path_params["id"]], await request.json()
        if payment["status"] != "captured":
            return _error("The payment status should be captured for action to be taken")
        key = request.headers.get("x-refund-idempotency")
        for made in self.refunds.values():
            if key and made["key"] == key:
                return JSONResponse(made)
        given = sum(made["amount"] for made in self.refunds.values() if made["payment_id"] == payment["id"])
        if given + said["amount"] > payment["amount"]:
            return _error("The total refund amount is greater than the refund payment amount")
        name = self._name("rfnd")
        self.refunds[name] = {
            "id": name,
            "entity": "refund",
            "payment_id": payment["id"],
            "status": self.refund_status,
            "key": key,
            **said,
        }
        return JSONResponse(self.refunds[name])

    async def list_refunds(self, request: Request) -> JSONResponse:
        found = [made for made in self.refunds.values() if made["payment_id"] == request.path_params["id"]]
        return JSONResponse({"entity": "collection", "count": len(found), "items": found})

    async def fetch_dispute(self, request: Request) -> JSONResponse:
        dispute = self.disputes.get(request.path_params["id"])
        return JSONResponse(dispute) if dispute else _error("The id provided does not exist")

    async def create_document(self, request: Request) -> JSONResponse:
        async with request.form() as form:
            file = form["file"]
            if form["purpose"] != "dispute_evidence" or file.content_type not in ("application/pdf", "image/png"):
                return _error("The file type is not supported")
            name = self._name("doc")
            self.documents[name] = await file.read()
        return JSONResponse({"id": name, "entity": "document", "purpose": "dispute_evidence"})

    async def contest(self, request: Request) -> JSONResponse:
        dispute, said = self.disputes[request.path_params["id"]], await request.json()
        if dispute["status"] != "open":
            return _error("Action not allowed on a closed dispute")
        if any(name not in self.documents for name in said.get("explanation_letter") or [""]):
            return _error("At least one document is needed")
        dispute.update(status="under_review", evidence={**said, "submitted_at": 1_900_000_000})
        return JSONResponse(dispute)

    async def combined(self, request: Request) -> JSONResponse:
        asked = {name: int(value) for name, value in request.query_params.items()}
        day = f"{asked['year']}-{asked['month']:02}-{asked['day']:02}"
        found = [line for line in self.report if line["day"] == day]
        page = found[asked["skip"] : asked["skip"] + asked["count"]]
        return JSONResponse({"entity": "collection", "count": len(page), "items": page})

    def pay(self, order_id: str, *, status: str = "authorized", reason: str | None = None) -> str:
        """The shopper pays in their app, at their bank, or in Checkout."""
        for payment in self.payments.values():
            if payment["order_id"] == order_id and payment["status"] == "created":
                payment.update(status=status, error_reason=reason)
                return str(payment["id"])
        order = self.orders[order_id]
        name = self._name("pay")
        self.payments[name] = {
            "id": name,
            "entity": "payment",
            "status": status,
            "order_id": order_id,
            "amount": order["amount"],
            "fee": None,
            "currency": order["currency"],
            "method": "card",
            "notes": order["notes"],
            "error_reason": reason,
            "created_at": 1_900_000_000,
        }
        return name

    def settle(self, day: str, *, adjustments: list[dict[str, Any]] | None = None) -> None:
        """Put every capture and refund into a day's report."""
        for payment in self.payments.values():
            if payment["status"] == "captured":
                order = self.orders[payment["order_id"]]
                self.report.append(
                    {
                        "entity_id": payment["id"],
                        "type": "payment",
                        "debit": 0,
                        "credit": payment["amount"] - payment["fee"],
                        "amount": payment["amount"],
                        "currency": payment["currency"],
                        "fee": payment["fee"],
                        "tax": 0,
                        "day": day,
                        "notes": json.dumps(payment["notes"]),
                        "order_id": order["id"],
                        "order_receipt": order["receipt"],
                    }
                )
        for made in self.refunds.values():
            self.report.append(
                {
                    "entity_id": made["id"],
                    "type": "refund",
                    "debit": made["amount"],
                    "credit": 0,
                    "amount": made["amount"],
                    "currency": "INR",
                    "fee": 0,
                    "tax": 0,
                    "day": day,
                    "notes": json.dumps(made["notes"]),
                    "payment_id": made["payment_id"],
                }
            )
        self.report += [{"currency": "INR", "fee": 0, "notes": None, "day": day, **one} for one in adjustments or []]
