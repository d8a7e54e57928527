"""Stripe Tax as an engine: one calculation a consignment, over its HTTP interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from commerce.taxes.quotes import Address, Answer, EngineUnavailable, Question, TaxPart
from commerce.taxes.schemes import INTRA_COMMUNITY

API = "https://api.stripe.com"
VERSION = "2024-09-30.acacia"


class StripeTax:
    """Asks `POST /v1/tax/calculations`. Nothing is recorded there until a transaction is made of a calculation."""

    def __init__(self, secret: str, *, api_base: str = API, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._secret, self._url, self._transport = secret, f"{api_base}/v1/tax/calculations", transport

    async def taxes(self, question: Question) -> Answer:
        """The taxes of a consignment.

        Raises:
            EngineUnavailable: Stripe did not answer, or with something else.
        """
        headers = {"Authorization": f"Bearer {self._secret}", "Stripe-Version": VERSION}
        try:
            async with httpx.AsyncClient(transport=self._transport, headers=headers, timeout=10) as client:
                answer = await client.post(self._url, data=dict(_form(question)))
            told = answer.raise_for_status().json()
            return _answer(question, told)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as fault:
            raise EngineUnavailable(type(fault).__name__) from fault


def _form(question: Question) -> Iterator[tuple[str, str]]:
    behavior = "inclusive" if question.included else "exclusive"
    yield "currency", question.currency.lower()
    for number, line in enumerate(question.lines):
        yield f"line_items[{number}][amount]", str(line.amount)
        yield f"line_items[{number}][reference]", str(number)
        yield f"line_items[{number}][tax_behavior]", behavior
        if line.code:
            yield f"line_items[{number}][tax_code]", line.code
    yield "shipping_cost[amount]", str(question.shipping.amount)
    yield "shipping_cost[tax_behavior]", behavior
    if question.shipping.code:
        yield "shipping_cost[tax_code]", question.shipping.code
    yield "customer_details[address_source]", "shipping"
    yield from _address("customer_details[address]", question.destination)
    if question.vat_id:
        yield "customer_details[tax_ids][0][type]", "eu_vat"
        yield "customer_details[tax_ids][0][value]", question.vat_id
    yield from _address("ship_from_details[address]", question.origin)
    yield "expand[0]", "line_items.data.tax_breakdown"
    yield "expand[1]", "shipping_cost.tax_breakdown"


def _address(prefix: str, address: Address) -> Iterator[tuple[str, str]]:
    said = {
        "country": address.country,
        "state": address.region,
        "postal_code": address.postal_code,
        "city": address.city,
        "line1": address.line1,
    }
    for name, value in said.items():
        if value:
            yield f"{prefix}[{name}]", value


def _answer(question: Question, told: Mapping[str, Any]) -> Answer:
    lines: dict[int, tuple[TaxPart, ...]] = {}
    for item in told["line_items"]["data"]:
        lines[int(item["reference"])] = _parts(item, question.lines[int(item["reference"])].amount)
    if told["line_items"].get("has_more") or sorted(lines) != list(range(len(question.lines))):
        raise ValueError("not every line was answered")
    shipping = _parts(told["shipping_cost"], question.shipping.amount) if question.shipping.amount else ()
    return Answer(tuple(lines[number] for number in range(len(question.lines))), shipping, told["id"])


def _parts(item: Mapping[str, Any], asked: int) -> tuple[TaxPart, ...]:
    """The taxes on a line; what its jurisdictions say has to add up to what the line says."""
    if item["amount"] != asked:
        raise ValueError("another amount than was asked for")
    found: Sequence[Mapping[str, Any]] = item["tax_breakdown"]
    parts = tuple(_part(tax) for tax in found if tax["amount"] or tax["taxability_reason"] == "reverse_charge")
    if sum(part.amount for part in parts) != item["amount_tax"]:
        raise ValueError("taxes that don't add up")
    return parts


def _part(tax: Mapping[str, Any]) -> TaxPart:
    rate = tax["tax_rate_details"] or {}
    share = Decimal(rate.get("percentage_decimal") or "0") / 100
    name = rate.get("display_name") or tax["jurisdiction"]["display_name"]
    if tax["taxability_reason"] == "reverse_charge":
        return TaxPart(name, "0", tax["taxable_amount"], 0, "intra_community", INTRA_COMMUNITY)
    return TaxPart(name, f"{share.normalize():f}", tax["taxable_amount"], tax["amount"])
