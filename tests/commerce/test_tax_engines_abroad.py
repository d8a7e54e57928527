"""AvaTax and TaxJar: what they are asked, and how their answers are read, by recorded exchanges."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.taxes.avatax import AvaTax
from commerce.taxes.engines import configured
from commerce.taxes.quotes import Address, Answer, EngineUnavailable, Question, Taxable, TaxPart
from commerce.taxes.taxjar import TaxJar
from foundation import clock
from foundation.settings import Settings

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
LOS_ANGELES = Address("US", "CA", "90002", "Los Angeles", "1335 E 103rd St")
OHIO = Address("US", "OH")
ASKED = Question("USD", False, (Taxable(1499, "P0000000"), Taxable(500, None)), Taxable(300, None), LOS_ANGELES, OHIO)


class Peer:
    """Answers as it was told, and keeps what it was asked."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer


def _detail(name: str, rate: float, tax: float, base: float) -> dict[str, Any]:
    return {"jurisName": "CA", "jurisdictionType": "State", "taxName": name, "taxType": "Sales", "rate": rate, "tax": tax,
            "taxableAmount": base}  # fmt: skip


AVATAX: dict[str, Any] = {
    "id": 0,
    "code": "5e6bf5b4-6d4b-4a0a-9d7b-9a0d6c9f3a11",
    "type": "SalesOrder",
    "status": "Temporary",
    "currencyCode": "USD",
    "totalTax": 1.42,
    "lines": [
        {
            "lineNumber": "0",
            "lineAmount": 14.99,
            "tax": 1.42,
            "taxableAmount": 14.99,
            "details": [
                _detail("CA STATE TAX", 0.06, 0.9, 14.99),
                _detail("CA COUNTY TAX", 0.0025, 0.04, 14.99),
                _detail("CA SPECIAL TAX", 0.0325, 0.48, 14.99),
            ],
        },
        {"lineNumber": "shipping", "lineAmount": 3.0, "tax": 0.0, "taxableAmount": 0.0,
         "details": [_detail("CA STATE TAX", 0.06, 0.0, 0.0)]},
        {"lineNumber": "1", "lineAmount": 5.0, "tax": 0.0, "taxableAmount": 0.0, "details": []},
    ],
}  # fmt: skip


def _avatax(peer: Peer) -> AvaTax:
    return AvaTax("2000134479", "licence", "SHOP", transport=httpx.MockTransport(peer))


async def test_avatax_computes_an_order_that_it_does_not_keep() -> None:
    peer = Peer(httpx.Response(201, json=AVATAX))
    with clock.use(lambda: NOON):
        answer = await _avatax(peer).taxes(replace(ASKED, vat_id="ATU13585627"))
    (request,) = peer.asked
    assert (request.method, str(request.url)) == ("POST", "https://rest.avatax.com/api/v2/transactions/create")
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'2000134479:licence').decode()}"
    assert json.loads(request.content) == {
        "type": "SalesOrder",
        "companyCode": "SHOP",
        "customerCode": "ATU13585627",
        "businessIdentificationNo": "ATU13585627",
        "date": "2026-11-25",
        "currencyCode": "USD",
        "addresses": {
            "shipFrom": {"region": "OH", "country": "US"},
            "shipTo": {
                "line1": "1335 E 103rd St",
                "city": "Los Angeles",
                "region": "CA",
                "postalCode": "90002",
                "country": "US",
            },
        },
        "lines": [
            {"number": "0", "quantity": 1, "amount": 14.99, "taxIncluded": False, "taxCode": "P0000000"},
            {"number": "1", "quantity": 1, "amount": 5.0, "taxIncluded": False},
            {"number": "shipping", "quantity": 1, "amount": 3.0, "taxIncluded": False, "taxCode": "FR020100"},
        ],
    }
    assert answer == Answer(
        (
            (
                TaxPart("CA STATE TAX", "0.06", 1499, 90),
                TaxPart("CA COUNTY TAX", "0.0025", 1499, 4),
                TaxPart("CA SPECIAL TAX", "0.0325", 1499, 48),
            ),
            (),
        ),
        (),
        "5e6bf5b4-6d4b-4a0a-9d7b-9a0d6c9f3a11",
    )


async def test_avatax_is_told_that_prices_include_tax_and_counts_in_the_currencys_own_decimals() -> None:
    line = {"lineNumber": "0", "lineAmount": 1000, "tax": 100, "taxableAmount": 1000,
            "details": [_detail("JP", 0.1, 100, 1000)]}  # fmt: skip
    peer = Peer(httpx.Response(201, json={"code": "x", "lines": [line]}))
    asked = Question("JPY", True, (Taxable(1100, None),), Taxable(0, None), Address("JP"), Address("JP"))
    answer = await _avatax(peer).taxes(asked)
    assert json.loads(peer.asked[0].content)["lines"] == [
        {"number": "0", "quantity": 1, "amount": 1100.0, "taxIncluded": True}
    ]
    assert answer.lines == ((TaxPart("JP", "0.1", 1000, 100),),)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"error": {"code": "AuthenticationException"}}),
        httpx.Response(500),
        httpx.Response(201, text="<html>"),
        httpx.Response(201, json=[]),
        httpx.Response(201, json={**AVATAX, "lines": AVATAX["lines"][:2]}),
        httpx.Response(201, json={**AVATAX, "lines": [*AVATAX["lines"], {**AVATAX["lines"][2], "lineNumber": "2"}]}),
        httpx.Response(201, json={**AVATAX, "lines": [{**AVATAX["lines"][0], "tax": 1.43}, *AVATAX["lines"][1:]]}),
        httpx.Response(201, json={**AVATAX, "lines": [{**AVATAX["lines"][0], "details": None}, *AVATAX["lines"][1:]]}),
    ],
)
async def test_what_is_no_answer_of_avatax_is_not_taken_for_one(answer: httpx.Response) -> None:
    with pytest.raises(EngineUnavailable):
        await _avatax(Peer(answer)).taxes(ASKED)


TAXJAR: dict[str, Any] = {
    "order_total_amount": 22.99,
    "shipping": 3.0,
    "taxable_amount": 17.99,
    "amount_to_collect": 1.71,
    "rate": 0.095,
    "has_nexus": True,
    "freight_taxable": True,
    "tax_source": "destination",
    "jurisdictions": {"country": "US", "state": "CA", "county": "LOS ANGELES", "city": "LOS ANGELES"},
    "breakdown": {
        "taxable_amount": 17.99,
        "tax_collectable": 1.71,
        "combined_tax_rate": 0.095,
        "shipping": {"taxable_amount": 3.0, "tax_collectable": 0.29, "combined_tax_rate": 0.095},
        "line_items": [
            {"id": "1", "taxable_amount": 0.0, "tax_collectable": 0.0, "combined_tax_rate": 0.0},
            {"id": "0", "taxable_amount": 14.99, "tax_collectable": 1.42, "combined_tax_rate": 0.095},
        ],
    },
}


def _taxjar(peer: Peer) -> TaxJar:
    return TaxJar("key", transport=httpx.MockTransport(peer))


async def test_taxjar_is_asked_for_one_calculation() -> None:
    peer = Peer(httpx.Response(200, json={"tax": TAXJAR}))
    answer = await _taxjar(peer).taxes(ASKED)
    (request,) = peer.asked
    assert (request.method, str(request.url)) == ("POST", "https://api.taxjar.com/v2/taxes")
    assert request.headers["authorization"] == "Bearer key"
    assert json.loads(request.content) == {
        "from_country": "US",
        "from_state": "OH",
        "to_country": "US",
        "to_state": "CA",
        "to_zip": "90002",
        "to_city": "Los Angeles",
        "to_street": "1335 E 103rd St",
        "shipping": 3.0,
        "line_items": [
            {"id": "0", "quantity": 1, "unit_price": 14.99, "product_tax_code": "P0000000"},
            {"id": "1", "quantity": 1, "unit_price": 5.0},
        ],
    }
    assert answer == Answer(
        ((TaxPart("Sales tax, CA", "0.095", 1499, 142),), ()), (TaxPart("Sales tax, CA", "0.095", 300, 29),)
    )


async def test_where_the_shop_has_no_nexus_nothing_is_taxed() -> None:
    told = {"order_total_amount": 22.99, "amount_to_collect": 0, "rate": 0, "has_nexus": False, "shipping": 3.0}
    answer = await _taxjar(Peer(httpx.Response(200, json={"tax": told}))).taxes(ASKED)
    assert answer == Answer(((), ()), ())


async def test_taxjar_is_not_asked_about_prices_that_include_tax() -> None:
    peer = Peer(httpx.Response(200, json={"tax": TAXJAR}))
    with pytest.raises(EngineUnavailable):
        await _taxjar(peer).taxes(replace(ASKED, included=True))
    assert peer.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "Bad Request", "detail": "to_zip is not used within to_state"}),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"tax": {**TAXJAR, "amount_to_collect": 1.72}}),
        httpx.Response(200, json={"tax": {**TAXJAR, "breakdown": None}}),
        httpx.Response(
            200,
            json={
                "tax": {
                    **TAXJAR,
                    "breakdown": {"line_items": [{**TAXJAR["breakdown"]["line_items"][1], "id": "7"}]},
                }
            },
        ),
    ],
)
async def test_what_is_no_answer_of_taxjar_is_not_taken_for_one(answer: httpx.Response) -> None:
    with pytest.raises(EngineUnavailable):
        await _taxjar(Peer(answer)).taxes(ASKED)


def test_an_engine_can_be_asked_when_all_that_it_needs_is_set() -> None:
    nothing = Settings(_env_file=None)
    assert configured(nothing) == {}
    half = nothing.model_copy(update={"avatax_account": "1", "avatax_licence_key": SecretStr("2")})
    assert configured(half) == {}
    whole = half.model_copy(update={"avatax_company": "SHOP", "taxjar_api_key": SecretStr("3")})
    assert set(configured(whole)) == {"avatax", "taxjar"}
