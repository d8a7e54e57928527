"""What an address has to say, country by country."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from commerce.delivery.addresses import AddressInvalid, check
from commerce.delivery.schemas import AddressIn
from tests.commerce.conftest import Browser


def _address(**said: Any) -> AddressIn:
    return AddressIn.model_validate({"name": "A", "line1": "B 1", "city": "C", **said})


@pytest.mark.parametrize(
    "said",
    [
        {"country": "US", "postal_code": "43215", "region": "OH"},
        {"country": "US", "postal_code": "43215-1234", "region": "OH"},
        {"country": "US", "postal_code": "09012", "region": "AE"},
        {"country": "DE", "postal_code": "10115"},
        {"country": "IN", "postal_code": "560001", "region": "KA"},
        {"country": "GB", "postal_code": "sw1a 1aa"},
        {"country": "CA", "postal_code": "K1A 0B1", "region": "ON"},
        {"country": "JP", "postal_code": "100-0001", "region": "13"},
        {"country": "HK", "postal_code": "000"},
        {"country": "ZZ", "postal_code": "000"},
    ],
)
def test_an_address_that_is_one_of_its_country_is_taken(said: dict[str, Any]) -> None:
    check(_address(**said))


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"country": "US", "postal_code": "43215"}, [("region", "required")]),
        ({"country": "US", "postal_code": "4321", "region": "ZZ"}, [("postal_code", "invalid"), ("region", "invalid")]),
        ({"country": "DE", "postal_code": "1011"}, [("postal_code", "invalid")]),
        ({"country": "AT", "postal_code": "10115"}, [("postal_code", "invalid")]),
        ({"country": "GB", "postal_code": "12345"}, [("postal_code", "invalid")]),
        ({"country": "IN", "postal_code": "560001", "region": "XX"}, [("region", "invalid")]),
    ],
)
def test_one_that_is_not_says_which_field_is_wrong(said: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    with pytest.raises(AddressInvalid) as refused:
        check(_address(**said))
    assert [(error["param"], error["reason"]) for error in refused.value.errors] == errors


async def test_a_cart_keeps_its_address_when_another_makes_no_sense(browser: Browser, staff: httpx.AsyncClient) -> None:
    await staff.put("/v1/admin/delivery-methods/post", json={"name": "Post", "price": 0})
    cart = await browser.cart()
    path = f"/v1/store/carts/{cart['id']}/address"
    good = {"name": "A", "line1": "B 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}
    assert (await browser.http.put(path, json=good)).status_code == 200
    answer = await browser.http.put(path, json={**good, "postal_code": "101156"})
    assert (answer.status_code, answer.json()["code"]) == (422, "delivery.address_invalid")
    assert answer.json()["errors"] == [{"param": "postal_code", "reason": "invalid"}]
    assert (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()["address"]["postal_code"] == "10115"
