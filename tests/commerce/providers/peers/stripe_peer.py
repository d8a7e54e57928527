"""`localstripe` on a loopback port, with what it lacks and Stripe documents.

Added: idempotency keys, challenges with an address to go to and to come back from, `off_session`, lists by time and by payout,
fees, error codes, refunds that are pending or fail, disputes, sessions of the billing portal; and a door for tests to lose answers and to look at what was
asked. Run as a process: it prints its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from typing import Any

from aiohttp import web
from localstripe import resources, server, webhooks

FEE_PER_MILLE, FEE_FIXED = 29, 30
CHALLENGED = "4000002500003155"

_faults: list[dict[str, Any]] = []
_requests: list[dict[str, Any]] = []
_answers: dict[tuple[str, str, str], tuple[str, int, bytes]] = {}
_return_urls: dict[str, str] = {}
_pending: dict[str, dict[str, Any]] = {}


def _code(path: str, status: int) -> str | None:
    if status == 404:
        return "resource_missing"
    if re.search(r"/payment_intents/\w+/(capture|cancel|confirm)$", path):
        return "payment_intent_unexpected_state"
    return None


def _error(status: int, code: str, **more: Any) -> web.Response:
    kind = "card_error" if status == 402 else "invalid_request_error"
    return web.json_response({"error": {"type": kind, "code": code, "message": code, **more}}, status=status)


@web.middleware
async def _watched(request: web.Request, handler: Any) -> web.StreamResponse:
    """Write down what was asked, and answer badly when a test wants it."""
    if request.path.startswith("/_config"):
        return await handler(request)
    body = await request.text()
    said = {"method": request.method, "path": request.path, "query": dict(request.query), "body": body}
    _requests.append(
        {**said, "key": request.headers.get("Idempotency-Key"), "account": request.headers.get("Stripe-Account")}
    )
    fault = next(
        (f for f in _faults if re.search(f["path"], request.path) and f["method"] in ("*", request.method)), None
    )
    if fault is not None:
        fault["times"] -= 1
        if fault["times"] <= 0:
            _faults.remove(fault)
        if fault["kind"] == "away":
            return web.json_response(
                {"error": {"type": "api_error", "message": "Something is wrong"}}, status=fault["status"]
            )
    response = await handler(request)
    if fault is not None and fault["kind"] == "lost":
        request.transport.close()
    return response


@web.middleware
async def _idempotent(request: web.Request, handler: Any) -> web.StreamResponse:
    """The same key: the same answer, but for failures to even begin; another body is an error."""
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return await handler(request)
    name = (request.headers.get("Stripe-Account", ""), request.path, key)
    body = await request.text()
    if name in _answers:
        asked, status, answer = _answers[name]
        if asked != body:
            return web.json_response(
                {
                    "error": {
                        "type": "idempotency_error",
                        "message": "Keys for idempotent requests can only be used with the same parameters",
                    }
                },
                status=400,
            )
        return web.Response(
            body=answer, status=status, content_type="application/json", headers={"Idempotent-Replayed": "true"}
        )
    response = await handler(request)
    _answers[name] = (body, response.status, bytes(response.body))
    return response


@web.middleware
async def _coded(request: web.Request, handler: Any) -> web.StreamResponse:
    """Give localstripe's errors the codes that Stripe's have."""
    try:
        response = await handler(request)
    except resources.UserError as error:
        response = error.to_response()
    if response.status >= 400 and request.path.startswith("/v1/"):
        document = json.loads(response.body)
        error = document.get("error") or {}
        if response.status == 402:
            code = error.get("code") or "card_declined"
            decline = "generic_decline" if code == "card_declined" else None
            error = {**error, "type": "card_error", "code": code, "decline_code": decline}
        else:
            error = {**error, "code": error.get("code") or _code(request.path, response.status)}
        return web.json_response({"error": error}, status=response.status)
    return response


class Intent(resources.PaymentIntent):
    """A PaymentIntent that is challenged on a page and listed by time."""

    object = "payment_intent"

    def __init__(self, payment_method_types: Any = None, **data: Any) -> None:
        super().__init__(payment_method_types=payment_method_types, **data)
        self.cancellation_reason = None

    @classmethod
    def _api_confirm(cls, id: str, return_url: str | None = None, off_session: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        found = cls._api_retrieve(id)
        method = resources.PaymentMethod._api_retrieve(found.payment_method)
        if off_session and method._requires_authentication():
            raise resources.UserError(402, "authentication_required", {"code": "authentication_required"})
        confirmed = super()._api_confirm(id, **kwargs)
        if confirmed.next_action and return_url:
            url = f"http://127.0.0.1:{_port}/_config/challenge/{confirmed.id}"
            confirmed.next_action = {
                "type": "redirect_to_url",
                "redirect_to_url": {"url": url, "return_url": return_url},
            }
            _return_urls[confirmed.id] = return_url
        return confirmed

    @classmethod
    def _api_capture(cls, id: str, amount_to_capture: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        if cls._api_retrieve(id).status != "requires_capture":
            raise resources.UserError(400, "Bad request")
        return super()._api_capture(id, amount_to_capture, **kwargs)

    @classmethod
    def _api_list_all(cls, url: str, created: Any = None, limit: Any = None, starting_after: Any = None) -> Any:
        found = super()._api_list_all(url, limit=limit, starting_after=starting_after)
        if created:
            found._list = [i for i in found._list if int(created["gte"]) <= i.created <= int(created["lte"])]
        return found


class Setup(resources.SetupIntent):
    """A SetupIntent whose owner is challenged on a page."""

    object = "setup_intent"

    @classmethod
    def _api_confirm(cls, id: str, return_url: str | None = None, **kwargs: Any) -> Any:  # noqa: A002
        confirmed = super()._api_confirm(id, **kwargs)
        if confirmed.next_action and return_url:
            url = f"http://127.0.0.1:{_port}/_config/challenge/{confirmed.id}"
            redirect = {"url": url, "return_url": return_url}
            confirmed.next_action = {"type": "redirect_to_url", "redirect_to_url": redirect}
            _return_urls[confirmed.id] = return_url
        return confirmed

    def _decide(self, *, confirmed: bool) -> None:
        """The owner has answered."""
        self.next_action = None
        self.status = "succeeded" if confirmed else "requires_payment_method"
        self.last_setup_error = None if confirmed else {"code": "setup_intent_authentication_failure"}


def _refund_init(self: Any, *args: Any, **kwargs: Any) -> None:
    intent = resources.PaymentIntent._api_retrieve(kwargs["payment_intent"])
    if intent.status != "succeeded":
        raise resources.UserError(400, "No successful charge", {"code": "charge_not_captured"})
    if intent.latest_charge.amount_refunded + int(kwargs["amount"]) > intent.amount:
        raise resources.UserError(400, "Too much", {"code": "charge_already_refunded"})
    _plain_refund(self, *args, **kwargs)
    self.failure_reason = None
    if self.metadata.get("refund_id") in _pending:
        outcome = _pending[self.metadata["refund_id"]]
        self.status, self.failure_reason = outcome["status"], outcome.get("failure_reason")


def _transaction_init(self: Any, *args: Any, **kwargs: Any) -> None:
    _plain_transaction(self, *args, **kwargs)
    self.fee = self.amount * FEE_PER_MILLE // 1000 + FEE_FIXED if self.reporting_category == "charge" else 0
    self._payout = None


_plain_refund, resources.Refund.__init__ = resources.Refund.__init__, _refund_init
_plain_transaction, resources.BalanceTransaction.__init__ = resources.BalanceTransaction.__init__, _transaction_init
_payouts: dict[str, dict[str, Any]] = {}
_disputes: dict[str, dict[str, Any]] = {}


async def _open_portal(request: web.Request) -> web.Response:
    asked = await request.post()
    customer = resources.Customer._api_retrieve(asked["customer"]).id
    session = {"object": "billing_portal.session", "id": "bps_1", "customer": customer, **asked}
    return web.json_response(session | {"url": f"http://127.0.0.1:{_port}/p/session/{customer}"})


async def _list_payouts(request: web.Request) -> web.Response:
    asked = server.unflatten_data(request.query)
    since, until = int(asked["arrival_date"]["gte"]), int(asked["arrival_date"]["lt"])
    data = [p for p in _payouts.values() if since <= p["arrival_date"] < until and p["status"] == asked["status"]]
    return web.json_response({"object": "list", "url": "/v1/payouts", "has_more": False, "data": data})


async def _list_transactions(request: web.Request) -> web.Response:
    data = []
    for transaction in list(resources.store.values()):
        if isinstance(transaction, resources.BalanceTransaction) and transaction._payout == request.query["payout"]:
            line = transaction._export()
            source = resources.StripeObject._get_class_for_id(transaction.source)._api_retrieve(transaction.source)
            data.append({**line, "source": source._export()})
    data += _payouts[request.query["payout"]]["lines"]
    return web.json_response({"object": "list", "url": "/v1/balance_transactions", "has_more": False, "data": data})


async def _pay_out(request: web.Request) -> web.Response:
    """Put every balance transaction that was in no payout into one that arrives when the test says."""
    body = await request.json()
    payout = {
        "id": f"po_{len(_payouts)}",
        "object": "payout",
        "status": "paid",
        "lines": body.get("lines", []),
        **body["payout"],
    }
    for transaction in list(resources.store.values()):
        if isinstance(transaction, resources.BalanceTransaction) and transaction._payout is None:
            transaction._payout = payout["id"]
    _payouts[payout["id"]] = payout
    return web.json_response(payout)


async def _update_dispute(request: web.Request) -> web.Response:
    asked = server.unflatten_data(await request.post())
    _disputes[request.match_info["id"]] = asked
    return web.json_response({"id": request.match_info["id"], "object": "dispute", "status": "under_review"})


async def _challenge(request: web.Request) -> web.Response:
    """The page of the shopper's bank: `?answer=yes` is what its button does."""
    name, confirmed = request.match_info["id"], request.query["answer"] == "yes"
    if name.startswith("seti_"):
        Setup._api_retrieve(name)._decide(confirmed=confirmed)
        raise web.HTTPFound(_return_urls[name])
    intent = resources.PaymentIntent._api_retrieve(name)
    intent._api_authenticate(intent.id, client_secret=intent.client_secret, success=confirmed)
    raise web.HTTPFound(_return_urls[intent.id])


async def _pay_invoice(request: web.Request) -> web.Response:
    """A subscription's invoice that can't be charged makes it past due, and the call an error."""
    invoice = resources.Invoice._api_pay_invoice(request.match_info["id"])
    if invoice.status == "open" and invoice.subscription:
        resources.Subscription._api_retrieve(invoice.subscription)._on_recurring_payment_failure(invoice)
        return _error(402, "card_declined", decline_code="generic_decline")
    return web.json_response(invoice._export())


async def _config(request: web.Request) -> web.Response:
    match request.match_info["what"]:
        case "faults":
            _faults.append({"method": "*", "times": 1, "status": 500, **await request.json()})
        case "forget_keys":
            _answers.clear()
        case "refunds":
            _pending.update(await request.json())
            for found in list(resources.store.values()):
                if isinstance(found, resources.Refund) and found.metadata.get("refund_id") in _pending:
                    outcome = _pending[found.metadata["refund_id"]]
                    found.status, found.failure_reason = outcome["status"], outcome.get("failure_reason")
        case "requests":
            return web.json_response(_requests)
        case "disputes":
            return web.json_response(_disputes)
        case "reset":
            for kept in (_faults, _requests, _answers, _return_urls, _pending, _payouts, _disputes, resources.store):
                kept.clear()
    return web.json_response({})


def app() -> web.Application:
    """localstripe's routes behind ours."""
    resources.Store.dump_to_disk = lambda self: None  # type: ignore[method-assign]
    made = web.Application(middlewares=[_watched, _idempotent, _coded, server.auth_middleware])
    made.router.add_route("*", "/_config/{what}", _config)
    made.router.add_post("/_config/payouts/made", _pay_out)
    made.router.add_get("/_config/challenge/{id}", _challenge)
    made.router.add_get("/v1/payouts", _list_payouts)
    made.router.add_post("/v1/invoices/{id}/pay", _pay_invoice)
    made.router.add_post("/v1/billing_portal/sessions", _open_portal)
    made.router.add_get("/v1/balance_transactions", _list_transactions)
    made.router.add_post("/v1/disputes/{id}", _update_dispute)
    made.router.add_post("/v1/setup_intents", server.api_create(Setup, "/v1/setup_intents"))
    made.router.add_get("/v1/setup_intents/{id}", server.api_retrieve(Setup, "/v1/setup_intents/{id}"))
    made.router.add_post(
        "/v1/setup_intents/{id}/confirm", server.api_extra(Setup._api_confirm, "/v1/setup_intents/{id}/confirm")
    )
    made.router.add_post("/v1/payment_intents", server.api_create(Intent, "/v1/payment_intents"))
    made.router.add_get("/v1/payment_intents", server.api_list_all(Intent, "/v1/payment_intents"))
    made.router.add_post(
        "/v1/payment_intents/{id}/confirm", server.api_extra(Intent._api_confirm, "/v1/payment_intents/{id}/confirm")
    )
    made.router.add_post(
        "/v1/payment_intents/{id}/capture", server.api_extra(Intent._api_capture, "/v1/payment_intents/{id}/capture")
    )
    for resource in server.app.router.resources():
        for route in resource:
            if not resource.canonical.startswith("/_config"):
                made.router.add_route(route.method, resource.canonical, route.handler)
    return made


_port = 0


def main() -> None:
    """Serve until killed."""
    global _port  # noqa: PLW0603
    webhooks.schedule_webhook = resources.schedule_webhook = lambda event: None  # tests sign their own
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    _port = listening.getsockname()[1]
    sys.stdout.write(f"{_port}\n")
    sys.stdout.flush()
    asyncio.run(_serve(listening))


async def _serve(listening: socket.socket) -> None:
    runner = web.AppRunner(app())
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
