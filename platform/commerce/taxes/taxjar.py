"""TaxJar as an engine: one calculation a consignment, over its HTTP interface. It knows no prices that include tax."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from commerce.taxes.quotes import Address, Answer, EngineUnavailable, Question, TaxPart
from foundation.money import from_decimal, to_decimal

API = "https://api.taxjar.com"


class TaxJar:
    """Asks `POST /v2/taxes`. Nothing is recorded there until an order is reported."""

    def __init__(self, key: str, *, api_base: str = API, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._key, self._url, self._transport = key, f"{api_base}/v2/taxes", transport

    async def taxes(self, question: Question) -> Answer:
        """The taxes of a consignment.

        Raises:
            EngineUnavailable: TaxJar did not answer, or with something else; or prices include tax.
        """
        if question.included:
            raise EngineUnavailable("TaxJar takes prices without tax")
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with httpx.AsyncClient(transport=self._transport, headers=headers, timeout=10) as client:
                answer = await client.post(self._url, json=_asked(question))
            told = json.loads(answer.raise_for_status().text, parse_float=Decimal)
            return _answer(question, told["tax"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as fault:
            raise EngineUnavailable(type(fault).__name__) from fault


def _asked(question: Question) -> dict[str, Any]:
    return {
        **_address("from", question.origin),
        **_address("to", question.destination),
        "shipping": _number(question.shipping.amount, question.currency),
        "line_items": [
            {
                "id": str(number),
                "quantity": 1,
                "unit_price": _number(line.amount, question.currency),
                **({"product_tax_code": line.code} if line.code else {}),
            }
            for number, line in enumerate(question.lines)
        ],
    }


def _number(amount: int, currency: str) -> float:
    return float(to_decimal(amount, currency))


def _address(end: str, address: Address) -> dict[str, str]:
    said = {
        "country": address.country,
        "state": address.region,
        "zip": address.postal_code,
        "city": address.city,
        "street": address.line1,
    }
    return {f"{end}_{name}": value for name, value in said.items() if value}


def _answer(question: Question, told: Mapping[str, Any]) -> Answer:
    """What is to be collected; where the shop has no nexus that is nothing, and has no breakdown."""
    breakdown = told.get("breakdown") or {"line_items": []}
    where = (told.get("jurisdictions") or {}).get("state") or question.destination.region or ""
    found = {line["id"]: _part(line, where, question.currency) for line in breakdown["line_items"]}
    if not set(found) <= {str(number) for number in range(len(question.lines))}:
        raise ValueError("a line that was not asked for")
    lines = tuple(found.get(str(number), ()) for number in range(len(question.lines)))
    shipping = _part(breakdown["shipping"], where, question.currency) if "shipping" in breakdown else ()
    collected = sum(part.amount for parts in (*lines, shipping) for part in parts)
    if collected != from_decimal(Decimal(told["amount_to_collect"]), question.currency):
        raise ValueError("taxes that don't add up")
    return Answer(lines, shipping)


def _part(told: Mapping[str, Any], where: str, currency: str) -> tuple[TaxPart, ...]:
    amount = from_decimal(Decimal(told["tax_collectable"]), currency)
    if not amount:
        return ()
    rate = f"{Decimal(told['combined_tax_rate']).normalize():f}"
    base = from_decimal(Decimal(told["taxable_amount"]), currency)
    return (TaxPart(f"Sales tax, {where}" if where else "Sales tax", rate, base, amount),)
