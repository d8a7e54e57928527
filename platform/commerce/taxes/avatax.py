"""Avalara AvaTax as an engine: one transaction a consignment, over its REST interface, never recorded there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from commerce.taxes.quotes import Address, Answer, EngineUnavailable, Question, Taxable, TaxPart
from foundation import clock
from foundation.money import from_decimal, to_decimal

API = "https://rest.avatax.com"
FREIGHT = "FR020100"
"""What AvaTax calls delivery by a common carrier."""
SHIPPING = "shipping"


class AvaTax:
    """Asks `POST /api/v2/transactions/create` for a `SalesOrder`, which AvaTax computes and does not keep."""

    def __init__(
        self,
        account: str,
        licence: str,
        company: str,
        *,
        api_base: str = API,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._auth, self._company, self._transport = (account, licence), company, transport
        self._url = f"{api_base}/api/v2/transactions/create"

    async def taxes(self, question: Question) -> Answer:
        """The taxes of a consignment.

        Raises:
            EngineUnavailable: AvaTax did not answer, or with something else.
        """
        try:
            async with httpx.AsyncClient(transport=self._transport, auth=self._auth, timeout=10) as client:
                answer = await client.post(self._url, json=_document(question, self._company))
            return _answer(question, json.loads(answer.raise_for_status().text, parse_float=Decimal))
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as fault:
            raise EngineUnavailable(type(fault).__name__) from fault


def _document(question: Question, company: str) -> dict[str, Any]:
    said = {
        "type": "SalesOrder",
        "companyCode": company,
        "customerCode": question.vat_id or "shopper",
        "date": clock.now().date().isoformat(),
        "currencyCode": question.currency,
        "addresses": {"shipFrom": _address(question.origin), "shipTo": _address(question.destination)},
        "lines": list(_lines(question)),
    }
    return {**said, "businessIdentificationNo": question.vat_id} if question.vat_id else said


def _lines(question: Question) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(question.lines):
        yield _line(question, str(number), line, line.code)
    if question.shipping.amount:
        yield _line(question, SHIPPING, question.shipping, question.shipping.code or FREIGHT)


def _line(question: Question, number: str, line: Taxable, code: str | None) -> dict[str, Any]:
    said = {
        "number": number,
        "quantity": 1,
        "amount": float(to_decimal(line.amount, question.currency)),
        "taxIncluded": question.included,
    }
    return {**said, "taxCode": code} if code else said


def _address(address: Address) -> dict[str, str]:
    said = {
        "line1": address.line1,
        "city": address.city,
        "region": address.region,
        "postalCode": address.postal_code,
        "country": address.country,
    }
    return {name: value for name, value in said.items() if value}


def _answer(question: Question, told: Mapping[str, Any]) -> Answer:
    lines = {line["lineNumber"]: _parts(line, question.currency) for line in told["lines"]}
    numbers = [str(number) for number in range(len(question.lines))]
    if sorted(lines) != sorted([*numbers, *([SHIPPING] if question.shipping.amount else [])]):
        raise ValueError("not every line was answered")
    return Answer(tuple(lines[number] for number in numbers), lines.get(SHIPPING, ()), told.get("code"))


def _parts(line: Mapping[str, Any], currency: str) -> tuple[TaxPart, ...]:
    """The taxes on a line; what its jurisdictions say has to add up to what the line says."""
    parts = tuple(
        TaxPart(
            detail["taxName"],
            f"{Decimal(detail['rate']).normalize():f}",
            from_decimal(Decimal(detail["taxableAmount"]), currency),
            from_decimal(Decimal(detail["tax"]), currency),
        )
        for detail in line["details"]
        if detail["tax"]
    )
    if sum(part.amount for part in parts) != from_decimal(Decimal(line["tax"]), currency):
        raise ValueError("taxes that don't add up")
    return parts
