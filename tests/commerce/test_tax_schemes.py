"""Which scheme a supply falls under, worked by hand from the rules, and what of it reaches the order."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from commerce.taxes.places import Place
from commerce.taxes.schemes import Seller, TaxClass, treat
from commerce.taxes.vat_ids import MalformedVatId, RegisterUnavailable, Verdict, Vies, verified, well_formed
from foundation import clock
from tests.commerce.conftest import Browser
from tests.factories import SeededShop

BERLIN = Seller("DE", vat_id="DE136695976")
AUSTRIAN, FRENCH = "ATU13585627", "FR40303265045"
VIENNA = {"name": "Ada", "line1": "Ring 1", "postal_code": "1010", "city": "Wien", "country": "AT"}


@pytest.mark.parametrize(
    ("seller", "to", "buyer", "value", "scheme", "rates"),
    [
        (BERLIN, Place("DE", postal_code="10115"), None, 1, "domestic", "there"),
        (BERLIN, Place("DE", postal_code="10115"), "AT", 1, "domestic", "there"),
        (BERLIN, Place("AT", postal_code="1010"), None, 1, "oss", "there"),
        (BERLIN, Place("AT", postal_code="1010"), "AT", 1, "intra_community", "none"),
        # The goods go to another member state; which state gave the number matters only if it is the seller's own.
        (BERLIN, Place("AT", postal_code="1010"), "FR", 1, "intra_community", "none"),
        (BERLIN, Place("AT", postal_code="1010"), "DE", 1, "oss", "there"),
        (Seller("DE"), Place("AT", postal_code="1010"), "AT", 1, "oss", "there"),
        (Seller("DE", oss=False), Place("AT", postal_code="1010"), None, 1, "origin", "home"),
        (BERLIN, Place("CH", postal_code="8001"), None, 1, "export", "none"),
        (BERLIN, Place("MC", postal_code="98000"), None, 1, "oss", "there"),
        (BERLIN, Place("DE", postal_code="78266"), None, 1, "export", "none"),
        (Seller("ES"), Place("ES", postal_code="35 001"), None, 1, "export", "none"),
        (Seller("ES"), Place("ES", postal_code="28013"), None, 1, "domestic", "there"),
        (BERLIN, Place("GB", postal_code="bt1 5gs"), None, 1, "oss", "there"),
        (BERLIN, Place("GB", postal_code="SW1A 1AA"), None, 1, "export", "none"),
        (Seller("GB"), Place("GB", postal_code="BT1 5GS"), None, 1, "domestic", "there"),
        (Seller("US", "OH", ioss_limit=15_000), Place("DE", postal_code="10115"), None, 15_000, "ioss", "there"),
        (Seller("US", "OH", ioss_limit=15_000), Place("DE", postal_code="10115"), None, 15_001, "import", "none"),
        (Seller("US", "OH", ioss_limit=15_000), Place("DE", postal_code="10115"), "DE", 100, "import", "none"),
        (Seller("US", "OH"), Place("DE", postal_code="10115"), None, 100, "import", "none"),
        (Seller("US", "OH"), Place("US", "CA", "94016"), None, 100, "domestic", "there"),
        (Seller("IN", "KA"), Place("IN", "KA", "560001"), None, 100, "gst", "there"),
        (Seller("IN", "KA"), Place("SG", postal_code="018956"), None, 100, "export", "none"),
    ],
)
def test_the_scheme_of_a_supply(
    seller: Seller, to: Place, buyer: str | None, value: int, scheme: str, rates: str
) -> None:
    treatment = treat(seller, to, buyer=buyer, value=value, rated=False)
    assert (treatment.scheme, treatment.rates) == (scheme, rates)
    assert treatment.note or scheme == "domestic"


SERVICE, DIGITAL, SCRAP = TaxClass("service"), TaxClass("digital"), TaxClass(reverse_charge=True)


@pytest.mark.parametrize(
    ("of", "seller", "to", "buyer", "scheme", "rates", "law"),
    [
        (SERVICE, BERLIN, Place("DE"), None, "domestic", "there", ""),
        (SERVICE, BERLIN, Place("AT"), None, "domestic", "home", "Article 45"),
        (SERVICE, BERLIN, Place("AT"), "AT", "reverse_charge", "none", "Articles 44 and 196"),
        (SERVICE, Seller("DE"), Place("AT"), "AT", "domestic", "home", "Article 45"),
        (SERVICE, BERLIN, Place("CH"), None, "domestic", "home", "Article 45"),
        (DIGITAL, BERLIN, Place("AT"), None, "oss", "there", "One-Stop Shop"),
        (DIGITAL, Seller("DE", oss=False), Place("AT"), None, "origin", "home", "Article 59c"),
        (DIGITAL, BERLIN, Place("AT"), "AT", "reverse_charge", "none", "Articles 44 and 196"),
        (DIGITAL, BERLIN, Place("CH"), None, "outside_scope", "none", "Article 59"),
        (SCRAP, BERLIN, Place("DE"), "DE", "reverse_charge", "none", "Article 199"),
        (SCRAP, BERLIN, Place("DE"), None, "domestic", "there", ""),
        (SCRAP, BERLIN, Place("DE"), "AT", "domestic", "there", ""),
        (SCRAP, BERLIN, Place("AT"), "AT", "intra_community", "none", "Article 138"),
        (SCRAP, Seller("GB"), Place("GB"), "GB", "reverse_charge", "none", "section 55A"),
    ],
)
def test_the_scheme_of_a_class_that_is_special(
    of: TaxClass, seller: Seller, to: Place, buyer: str | None, scheme: str, rates: str, law: str
) -> None:
    treatment = treat(seller, to, buyer=buyer, value=1, rated=False, of=of)
    assert (treatment.scheme, treatment.rates) == (scheme, rates)
    assert law in treatment.note


@pytest.mark.parametrize("to", [Place("CH", postal_code="8001"), Place("GB", postal_code="SW1A 1AA")])
def test_a_seller_who_keeps_rates_abroad_is_registered_there(to: Place) -> None:
    assert treat(BERLIN, to, buyer=None, value=1, rated=True).scheme == "destination"
    assert treat(Seller("US"), Place("DE"), buyer=None, value=1, rated=True).scheme == "destination"


def test_the_parts_of_spain_outside_the_vat_area_are_not_taxed_by_spains_rates() -> None:
    assert treat(Seller("ES"), Place("ES", postal_code="38001"), buyer=None, value=1, rated=True).rates == "none"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("de 136 695 976", "DE136695976"), ("GR094259216", "EL094259216"), (AUSTRIAN, AUSTRIAN), (FRENCH, FRENCH)],
)
def test_a_vat_number_is_kept_in_one_form(given: str, kept: str) -> None:
    assert well_formed(given) == kept


@pytest.mark.parametrize("wrong", ["DE136695977", "136695976", "US123456789", "EU826010755", "IM3720000001", "", "DE"])
def test_what_no_member_state_would_give_is_refused(wrong: str) -> None:
    with pytest.raises(MalformedVatId):
        well_formed(wrong)


class Told:
    """A register that says one thing, or nothing."""

    def __init__(self, valid: bool | None) -> None:
        self.valid, self.asked = valid, 0

    async def look_up(self, number: str) -> Verdict:
        self.asked += 1
        if self.valid is None:
            raise RegisterUnavailable(number)
        return Verdict(self.valid, "WAPIAAAA")


async def test_a_register_that_takes_too_long_leaves_the_number_unverified() -> None:
    class Slow:
        async def look_up(self, number: str) -> Verdict:
            await asyncio.Event().wait()
            return Verdict(valid=True)

    assert (await verified(Slow(), AUSTRIAN, at=clock.now(), deadline=0.01)).status == "unverified"


@pytest.mark.parametrize(
    ("answer", "status", "reference"),
    [
        (
            httpx.Response(200, json={"valid": True, "requestIdentifier": "WAPI1", "userError": "VALID"}),
            "valid",
            "WAPI1",
        ),
        (httpx.Response(200, json={"valid": False, "requestIdentifier": "", "userError": "INVALID"}), "invalid", None),
        (httpx.Response(200, json={"valid": False, "userError": "MS_UNAVAILABLE"}), "unverified", None),
        (httpx.Response(200, json={"valid": "true"}), "unverified", None),
        (httpx.Response(200, json=[1]), "unverified", None),
        (httpx.Response(200, text="<html>"), "unverified", None),
        (httpx.Response(503), "unverified", None),
    ],
)
async def test_what_vies_answers_is_read_strictly(answer: httpx.Response, status: str, reference: str | None) -> None:
    asked: list[httpx.Request] = []

    def vies(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(vies)) as client:
        found = await verified(Vies(client, "https://vies.example/rest-api/"), AUSTRIAN, at=clock.now())
    assert (found.status, found.reference, found.country) == (status, reference, "AT")
    assert (str(asked[0].url), asked[0].content) == (
        "https://vies.example/rest-api/check-vat-number",
        b'{"countryCode":"AT","vatNumber":"U13585627"}',
    )


@pytest.fixture
async def from_berlin(staff: httpx.AsyncClient) -> None:
    policy = {"included": False, "country": "DE", "vat_id": "DE136695976"}
    assert (await staff.put("/v1/admin/taxes/policy", json=policy)).status_code == 200
    for country, rate in (("DE", "0.19"), ("AT", "0.2")):
        await staff.put(f"/v1/admin/taxes/rates/{country}", json={"rates": [{"name": "VAT", "rate": rate}]})


async def _say(browser: Browser, cart: dict[str, Any], what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await browser.http.put(f"/v1/store/carts/{cart['id']}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def _schemes(of: dict[str, Any]) -> list[tuple[str, int]]:
    return [(tax["scheme"], tax["amount"]) for tax in of["taxes"]]


@pytest.mark.usefixtures("from_berlin")
async def test_a_business_elsewhere_in_the_eu_pays_no_vat_once_its_number_is_verified(
    app: Any, browser: Browser, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[3].variant_id, 10)
    cart = await _say(browser, cart, "address", VIENNA)
    assert _schemes(cart["totals"]) == [("oss", 800)]
    app.state.vat_register = Told(None)
    cart = await _say(browser, cart, "vat-id", {"vat_id": "atu 13585627"})
    assert (cart["vat_id"]["number"], cart["vat_id"]["status"]) == (AUSTRIAN, "unverified")
    assert _schemes(cart["totals"]) == [("oss", 800)]
    app.state.vat_register = Told(True)
    cart = await _say(browser, cart, "vat-id", {"vat_id": AUSTRIAN})
    assert _schemes(cart["totals"]) == [("intra_community", 0)]
    order = (await browser.complete(cart, expected_total=4000)).json()
    (tax,) = order["taxes"]
    assert (tax["amount"], tax["base"], order["vat_id"]) == (0, 4000, AUSTRIAN)
    assert "Article 138" in tax["note"]
    assert "everse charge" in tax["note"]


@pytest.mark.usefixtures("from_berlin")
async def test_a_number_can_be_taken_back_and_a_wrong_one_is_never_asked_for(
    app: Any, browser: Browser, grocer: SeededShop
) -> None:
    app.state.vat_register = register = Told(True)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    await _say(browser, cart, "address", VIENNA)
    wrong = await browser.http.put(f"/v1/store/carts/{cart['id']}/vat-id", json={"vat_id": "ATU13585628"})
    assert (wrong.status_code, wrong.json()["code"], register.asked) == (422, "taxes.malformed_vat_id", 0)
    await _say(browser, cart, "vat-id", {"vat_id": AUSTRIAN})
    without = (await browser.http.delete(f"/v1/store/carts/{cart['id']}/vat-id")).json()
    assert (without["vat_id"], _schemes(without["totals"])) == (None, [("oss", 20)])


@pytest.mark.usefixtures("from_berlin")
async def test_another_shopper_can_not_set_a_carts_vat_number(app: Any, browser: Browser, grocer: SeededShop) -> None:
    app.state.vat_register = register = Told(True)
    cart = await browser.cart()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={})
        answer = await http.put(f"/v1/store/carts/{cart['id']}/vat-id", json={"vat_id": AUSTRIAN})
        gone = await http.delete(f"/v1/store/carts/{cart['id']}/vat-id")
    assert (answer.json()["code"], gone.json()["code"], register.asked) == ("cart.not_found", "cart.not_found", 0)


@pytest.mark.parametrize(("quantity", "scheme", "tax"), [(1, "ioss", 40), (2, "import", 0)])
async def test_ioss_ends_where_the_goods_without_their_vat_are_worth_more_than_its_limit(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, quantity: int, scheme: str, tax: int
) -> None:
    policy = {"included": True, "country": "US", "region": "OH", "ioss_limit": 200}
    await staff.put("/v1/admin/taxes/policy", json=policy)
    await staff.put("/v1/admin/taxes/rates/AT", json={"rates": [{"name": "VAT", "rate": "0.2"}]})
    await staff.put("/v1/admin/delivery-methods/post", json={"name": "Post", "price": 40})
    # One at 200 with its VAT is worth 167; two are worth 333. The delivery does not count.
    cart = await browser.add(await browser.cart(), grocer.products[1].variant_id, quantity)
    await _say(browser, cart, "address", VIENNA)
    cart = await _say(browser, cart, "delivery", {"code": "post"})
    assert _schemes(cart["totals"]) == [(scheme, tax)]


async def test_a_rate_may_hold_for_some_postal_codes_only(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    await staff.put("/v1/admin/taxes/policy", json={"included": False, "country": "US", "region": "OH"})
    rates = [
        {"name": "Ohio", "rate": "0.0575", "region": "OH"},
        {"name": "Franklin County", "rate": "0.0175", "region": "OH", "postal_prefixes": ["430", "432"]},
    ]
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": rates})
    cart = await browser.add(await browser.cart(), grocer.products[3].variant_id, 5)
    at = {**VIENNA, "country": "US", "region": "OH", "city": "Columbus"}
    columbus = await _say(browser, cart, "address", {**at, "postal_code": "43215"})
    cleveland = await _say(browser, cart, "address", {**at, "postal_code": "44101"})
    assert [tax["name"] for tax in columbus["totals"]["taxes"]] == ["Ohio", "Franklin County"]
    assert [tax["name"] for tax in cleveland["totals"]["taxes"]] == ["Ohio"]


ZURICH = {"name": "Ada", "line1": "Limmatquai 1", "postal_code": "8001", "city": "Zürich", "country": "CH"}


@pytest.fixture
async def vat_in_prices(staff: httpx.AsyncClient) -> dict[str, Any]:
    """A shop in Germany whose prices include its VAT, and that sends anywhere for 595."""
    policy = {"included": True, "country": "DE", "vat_id": "DE136695976"}
    assert (await staff.put("/v1/admin/taxes/policy", json=policy)).json()["policy"]["lower_when_free"]
    for country, rate in (("DE", "0.19"), ("AT", "0.2")):
        await staff.put(f"/v1/admin/taxes/rates/{country}", json={"rates": [{"name": "VAT", "rate": rate}]})
    await staff.put("/v1/admin/delivery-methods/post", json={"name": "Post", "price": 595, "free_from": 5000})
    return policy


async def test_who_pays_no_tax_pays_the_price_without_it(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, vat_in_prices: dict[str, Any], rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[3].variant_id, 3)
    cart = await browser.add(cart, grocer.products[0].variant_id)
    cart = await _say(browser, cart, "address", VIENNA)
    cart = await _say(browser, cart, "delivery", {"code": "post"})
    assert (cart["totals"]["total"], cart["totals"]["discounts"]) == (1895, [])

    cart = await _say(browser, cart, "address", ZURICH)
    # 1300 / 1.19 = 1092.44; the 208 are shared 192 : 16 over 1200 and 100. 595 / 1.19 = 500.
    assert _schemes(cart["totals"]) == [("export", 0)]
    assert cart["totals"]["discounts"] == [{"name": "Tax not charged", "amount": 208}]
    assert [line["total"] for line in cart["lines"]] == [1008, 84]
    assert (cart["totals"]["shipping"], cart["delivery"]["price"], cart["totals"]["total"]) == (500, 500, 1592)
    order = (await browser.complete(cart, expected_total=1592)).json()
    assert [line["discount"] for line in order["lines"]] == [192, 16]
    assert (order["total"]["amount"], order["delivery"]["price"]) == (1592, 500)
    assert rows("SELECT sum(total) FROM order_line") == [(1092,)]
    headers = {"Idempotency-Key": "gone"}
    body = {"reason": "changed their mind"}
    gone = await staff.post(f"/v1/admin/orders/{order['id']}/cancel", json=body, headers=headers)
    assert gone.status_code == 200, gone.text
    assert rows("SELECT credited, total FROM orders") == [(1592, 1592)]


async def test_a_delivery_is_as_free_as_its_goods_are_dear_with_their_tax(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, vat_in_prices: dict[str, Any]
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[4].variant_id, 10)
    cart = await _say(browser, cart, "address", ZURICH)
    cart = await _say(browser, cart, "delivery", {"code": "post"})
    assert (cart["totals"]["shipping"], cart["delivery"]["price"]) == (0, 0)
    assert cart["totals"]["total"] == 4202


async def test_a_shop_may_keep_one_price_for_everybody(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, vat_in_prices: dict[str, Any]
) -> None:
    await staff.put("/v1/admin/taxes/policy", json={**vat_in_prices, "lower_when_free": False})
    cart = await browser.add(await browser.cart(), grocer.products[3].variant_id, 3)
    cart = await _say(browser, cart, "address", ZURICH)
    assert (cart["totals"]["total"], cart["totals"]["discounts"]) == (1200, [])


async def test_services_and_goods_of_one_cart_are_taxed_each_where_they_are_supplied(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, vat_in_prices: dict[str, Any], rows: Any
) -> None:
    rows("UPDATE product SET tax_class = 'course' WHERE handle = 'orange-juice'")
    rates = [{"name": "VAT", "rate": "0.19"}, {"name": "VAT", "rate": "0.07", "tax_class": "course"}]
    await staff.put("/v1/admin/taxes/rates/DE", json={"rates": rates})
    told = await staff.put("/v1/admin/taxes/classes/course", json={"kind": "service"})
    assert told.json()["classes"] == [{"code": "course", "kind": "service", "reverse_charge": False}]
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 12)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    cart = await _say(browser, cart, "address", VIENNA)
    cart = await _say(browser, cart, "delivery", {"code": "post"})
    # 1200 + 595 with 20 % VAT of Austria, 200 with 7 % of Germany.
    assert sorted(_schemes(cart["totals"])) == [("domestic", 13), ("oss", 299)]
    assert sorted(tax["base"] for tax in cart["totals"]["taxes"]) == [200, 1795]

    app.state.vat_register = Told(True)
    cart = await _say(browser, cart, "vat-id", {"vat_id": AUSTRIAN})
    # 1200 / 1.19 = 1008, 595 / 1.19 = 500, 200 / 1.07 = 187.
    assert sorted(_schemes(cart["totals"])) == [("intra_community", 0), ("reverse_charge", 0)]
    assert sorted(tax["base"] for tax in cart["totals"]["taxes"]) == [187, 1508]
    assert cart["totals"]["total"] == 1695
    order = (await browser.complete(cart, expected_total=1695)).json()
    assert {tax["scheme"]: tax["base"] for tax in order["taxes"]} == {"intra_community": 1508, "reverse_charge": 187}

    cart = await browser.add(await browser.cart(), grocer.products[1].variant_id)
    cart = await _say(browser, cart, "address", ZURICH)
    assert _schemes(cart["totals"]) == [("domestic", 13)]


async def test_a_business_at_home_accounts_for_the_tax_of_what_the_law_says(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, vat_in_prices: dict[str, Any]
) -> None:
    await staff.put("/v1/admin/taxes/classes/standard", json={"reverse_charge": True})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 12)
    cart = await _say(browser, cart, "address", {**VIENNA, "country": "DE", "postal_code": "10115"})
    assert (_schemes(cart["totals"]), cart["totals"]["total"]) == ([("domestic", 192)], 1200)
    app.state.vat_register = Told(True)
    cart = await _say(browser, cart, "vat-id", {"vat_id": "DE136695976"})
    assert (_schemes(cart["totals"]), cart["totals"]["total"]) == ([("reverse_charge", 0)], 1008)


@pytest.mark.parametrize("body", [{"kind": "thing"}, {"reverse_charge": 1}, {"rate": "0.1"}])
async def test_a_class_that_makes_no_sense_is_refused(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await staff.put("/v1/admin/taxes/classes/food", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid_fields")
