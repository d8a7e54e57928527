"""PayPal as its documentation has it: orders that are approved, authorised and captured; refunds; transaction search.

https://developer.paypal.com/docs/api/orders/v2 and /payments/v2.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CLIENT = ("client", "secret")


def _error(status: int, issue: str) -> JSONResponse:
    name = "RESOURCE_NOT_FOUND" if status == 404 else "UNPROCESSABLE_ENTITY"
    return JSONResponse(
        {"name": name, "details": [{"issue": issue, "description": issue}], "debug_id": "1"}, status_code=status
    )


@dataclass
class PayPal:
    """Its books."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    declined: bool = False
    capture_status: str = "COMPLETED"
    refund_status: str = "COMPLETED"
    page_size: int = 500
    _numbers: Any = field(default_factory=itertools.count)

    def app(self) -> Starlette:
        """Its API."""
        routes = [
            Route("/v1/oauth2/token", self.token, methods=["POST"]),
            Route("/v2/checkout/orders", self._once(self.create), methods=["POST"]),
            Route("/v2/checkout/orders/{id}", self._guarded(self.fetch)),
            Route("/v2/checkout/orders/{id}", self._guarded(self.patch), methods=["PATCH"]),
            Route("/v2/checkout/orders/{id}/authorize", self._once(self.authorize), methods=["POST"]),
            Route("/v2/payments/authorizations/{id}/capture", self._once(self.capture), methods=["POST"]),
            Route("/v2/payments/authorizations/{id}/void", self._once(self.void), methods=["POST"]),
            Route("/v2/payments/captures/{id}/refund", self._once(self.refund), methods=["POST"]),
            Route("/v1/reporting/transactions", self._guarded(self.search)),
        ]
        return Starlette(routes=routes)

    def _name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):016d}"

    async def token(self, request: Request) -> Response:
        import base64

        if request.headers["authorization"] != "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode():
            return JSONResponse(
                {"error": "invalid_client", "error_description": "Client Authentication failed"}, status_code=401
            )
        return JSONResponse({"access_token": "A21", "token_type": "Bearer", "expires_in": 32400, "scope": ""})

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") != "Bearer A21":
                return _error(401, "AUTHENTICATION_FAILURE")
            return await handler(request)

        return guarded

    def _once(self, handler: Any) -> Any:
        """The same PayPal-Request-Id gives the same answer, until it is forgotten."""

        async def once(request: Request) -> Response:
            key = (request.url.path, request.headers.get("paypal-request-id", ""))
            if not key[1]:
                return _error(400, "MISSING_REQUIRED_PARAMETER")
            if key not in self.answers:
                answer = await handler(request)
                if answer.status_code >= 400:
                    return answer
                self.answers[key] = (answer.status_code, bytes(answer.body))
            status, body = self.answers[key]
            return Response(body, status_code=status, media_type="application/json")

        return self._guarded(once)

    async def create(self, request: Request) -> Response:
        said = await request.json()
        name = self._name("O")
        unit = said["purchase_units"][0]
        links = [
            {"rel": "self", "href": "x"},
            {"rel": "payer-action", "href": f"https://www.sandbox.paypal.com/checkoutnow?token={name}"},
        ]
        self.orders[name] = {
            "id": name, "intent": said["intent"], "status": "PAYER_ACTION_REQUIRED", "links": links, "said": said,
            "purchase_units": [{"custom_id": unit["custom_id"], "amount": unit["amount"], "payments": {}}],
        }  # fmt: skip
        return JSONResponse(self.orders[name])

    async def fetch(self, request: Request) -> Response:
        order = self.orders.get(request.path_params["id"])
        return JSONResponse(order) if order else _error(404, "INVALID_RESOURCE_ID")

    async def patch(self, request: Request) -> Response:
        order = self.orders[request.path_params["id"]]
        if order["status"] == "COMPLETED":
            return _error(422, "ORDER_ALREADY_COMPLETED")
        for change in await request.json():
            assert change["path"] == "/purchase_units/@reference_id=='default'/description"
            order["purchase_units"][0]["description"] = change["value"]
        return Response(status_code=204)

    async def authorize(self, request: Request) -> Response:
        order = self.orders[request.path_params["id"]]
        if order["status"] != "APPROVED":
            return _error(422, "ORDER_NOT_APPROVED")
        if self.declined:
            return _error(422, "INSTRUMENT_DECLINED")
        unit = order["purchase_units"][0]
        unit["payments"]["authorizations"] = [{"id": self._name("A"), "status": "CREATED", "amount": unit["amount"]}]
        order["status"] = "COMPLETED"
        return JSONResponse(order, status_code=201)

    def _find(self, kind: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        for order in self.orders.values():
            for one in order["purchase_units"][0]["payments"].get(kind, []):
                if one["id"] == name:
                    return order["purchase_units"][0]["payments"], one
        raise KeyError(name)

    async def capture(self, request: Request) -> Response:
        payments, authorisation = self._find("authorizations", request.path_params["id"])
        said = await request.json()
        if authorisation["status"] != "CREATED":
            return _error(422, f"AUTHORIZATION_{authorisation['status']}")
        if said["amount"] != authorisation["amount"]:
            return _error(422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        currency = said["amount"]["currency_code"]
        authorisation["status"] = "CAPTURED"
        captured = {
            "id": self._name("C"), "status": self.capture_status, "amount": said["amount"], "invoice_id": said["invoice_id"],
            "seller_receivable_breakdown": {"paypal_fee": {"currency_code": currency, "value": "0.87" if currency == "USD" else "35"}},
        }  # fmt: skip
        payments["captures"] = [captured]
        return JSONResponse(captured, status_code=201)

    async def void(self, request: Request) -> Response:
        _, authorisation = self._find("authorizations", request.path_params["id"])
        if authorisation["status"] != "CREATED":
            return _error(422, "PREVIOUSLY_CAPTURED" if authorisation["status"] == "CAPTURED" else "PREVIOUSLY_VOIDED")
        authorisation["status"] = "VOIDED"
        return Response(status_code=204)

    async def refund(self, request: Request) -> Response:
        payments, captured = self._find("captures", request.path_params["id"])
        said = await request.json()
        given = sum(Decimal(one["amount"]["value"]) for one in payments.get("refunds", []))
        if given + Decimal(said["amount"]["value"]) > Decimal(captured["amount"]["value"]):
            return _error(422, "REFUND_AMOUNT_EXCEEDED")
        made = {
            "id": self._name("R"),
            "status": self.refund_status,
            "amount": said["amount"],
            "custom_id": said["custom_id"],
        }
        payments.setdefault("refunds", []).append(made)
        return JSONResponse(made, status_code=201)

    async def search(self, request: Request) -> Response:
        asked = request.query_params
        found = [
            one
            for one in self.transactions
            if asked["start_date"] <= one["transaction_initiation_date"] <= asked["end_date"]
        ]
        size, page = min(int(asked["page_size"]), self.page_size), int(asked["page"])
        details = [{"transaction_info": one} for one in found[(page - 1) * size : page * size]]
        return JSONResponse(
            {
                "transaction_details": details,
                "page": page,
                "total_pages": -(-len(found) // size),
                "total_items": len(found),
            }
        )

    def approve(self, order_id: str) -> None:
        """The shopper approves on PayPal's page."""
        self.orders[order_id]["status"] = "APPROVED"

    def held(self, order_id: str) -> dict[str, Any]:
        """What became of an order's authorisation."""
        found: dict[str, Any] = self.orders[order_id]["purchase_units"][0]["payments"]["authorizations"][0]
        return found
