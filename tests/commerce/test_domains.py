"""Domains of a shop's own: proved by a record, nobody's who can't prove them, and where pages are asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from commerce.domains import checking
from commerce.domains.records import Unsure
from commerce.identity.staff import create_key
from foundation import clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.factories import SeededShop

DOMAINS, HOST = "/v1/admin/domains", "shop.example.com"
DAYS = 7


@dataclass
class Zone:
    """A DNS in which a test writes."""

    records: dict[str, list[str]] = field(default_factory=dict)
    silent: bool = False

    async def __call__(self, name: str) -> list[str]:
        if self.silent:
            raise Unsure
        return self.records.get(name, [])

    def publish(self, domain: dict[str, Any]) -> None:
        self.records.setdefault(domain["record"]["name"], []).append(domain["record"]["value"])


@pytest.fixture
def zone(app: Any) -> Zone:
    app.state.text_records = made = Zone()
    return made


@pytest.fixture
async def rival(app: Any, fashion: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """Another shop's staff."""
    async with app.state.core.database.transaction(fashion.id) as session:
        _, token = await create_key(session, fashion.id, name="Rival")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{fashion.host}", headers=headers) as http:
        yield http


async def _claim(http: httpx.AsyncClient, host: str = HOST) -> dict[str, Any]:
    response = await http.post(DOMAINS, json={"host": host})
    assert response.status_code == 201, response.text
    claimed: dict[str, Any] = response.json()
    return claimed


async def _check(http: httpx.AsyncClient, domain: dict[str, Any]) -> dict[str, Any]:
    response = await http.post(f"{DOMAINS}/{domain['id']}/checks")
    assert response.status_code == 200, response.text
    checked: dict[str, Any] = response.json()
    return checked


async def _answers(http: httpx.AsyncClient, host: str = HOST) -> int:
    return (await http.get("/v1/store/products", headers={"Host": host})).status_code


@pytest.mark.both_homes
async def test_a_shop_answers_to_a_domain_once_its_record_is_found_and_not_before(
    staff: httpx.AsyncClient, zone: Zone
) -> None:
    claimed = await _claim(staff)
    assert (claimed["status"], claimed["record"]["name"]) == ("pending", f"_tradewind.{HOST}")
    assert ((await _check(staff, claimed))["finding"], await _answers(staff)) == ("absent", 404)
    zone.records[claimed["record"]["name"]] = ["something else"]
    assert ((await _check(staff, claimed))["finding"], await _answers(staff)) == ("different", 404)
    zone.silent = True
    assert ((await _check(staff, claimed))["finding"], await _answers(staff)) == ("unsure", 404)
    zone.silent = False
    zone.publish(claimed)
    assert ((await _check(staff, claimed))["status"], await _answers(staff)) == ("verified", 200)
    assert (await staff.delete(f"{DOMAINS}/{claimed['id']}")).status_code == 204
    assert await _answers(staff) == 404


async def test_of_two_shops_that_claim_a_domain_the_one_that_proves_it_gets_it(
    staff: httpx.AsyncClient, rival: httpx.AsyncClient, zone: Zone
) -> None:
    mine, theirs = await _claim(staff), await _claim(rival)
    assert mine["record"]["value"] != theirs["record"]["value"]
    zone.publish(mine)
    assert (await _check(rival, theirs))["finding"] == "different"
    assert (await _check(staff, mine))["status"] == "verified"
    zone.publish(theirs)
    assert (await rival.post(f"{DOMAINS}/{theirs['id']}/checks")).json()["code"] == "domains.taken"
    assert (await rival.post(DOMAINS, json={"host": HOST})).status_code == 409
    assert (await staff.get("/v1/store/products", headers={"Host": HOST})).status_code == 200


async def test_of_two_that_prove_it_at_once_one_gets_it(
    staff: httpx.AsyncClient, rival: httpx.AsyncClient, zone: Zone, rows: Any
) -> None:
    mine, theirs = await _claim(staff), await _claim(rival)
    zone.publish(mine)
    zone.publish(theirs)
    answers = await asyncio.gather(
        *(http.post(f"{DOMAINS}/{one['id']}/checks") for http, one in ((staff, mine), (rival, theirs)))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert rows("SELECT count(*) FROM tenant_domain WHERE host = %s", HOST) == [(1,)]


async def test_a_domain_lapses_when_its_record_is_gone_for_days_and_never_for_silence(
    staff: httpx.AsyncClient, rival: httpx.AsyncClient, zone: Zone
) -> None:
    claimed = await _claim(staff)
    zone.publish(claimed)
    await _check(staff, claimed)
    start, days = clock.now(), timedelta(days=1)
    zone.silent = True
    with clock.use(lambda: start + 30 * days):
        assert (await _check(staff, claimed))["status"] == "verified"
    zone.silent, zone.records = False, {}
    assert (await _check(staff, claimed))["status"] == "verified"
    with clock.use(lambda: start + (DAYS - 1) * days):
        assert (await _check(staff, claimed))["status"] == "verified"
    with clock.use(lambda: start + (DAYS + 1) * days):
        assert ((await _check(staff, claimed))["status"], await _answers(staff)) == ("lapsed", 404)
    theirs = await _claim(rival)
    zone.publish(theirs)
    assert (await _check(rival, theirs))["status"] == "verified"


async def test_the_worker_finds_the_record_by_itself(
    app: Any, staff: httpx.AsyncClient, zone: Zone, grocer: SeededShop
) -> None:
    claimed = await _claim(staff)
    zone.publish(claimed)
    later = clock.now() + timedelta(hours=1)
    with clock.use(lambda: later):
        await checking.check_due(app.state.core.database, zone, grocer.id, lapse_days=DAYS)
    assert (await staff.get(f"{DOMAINS}/{claimed['id']}")).json()["status"] == "verified"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "host",
    ["localhost", "shop", "127.0.0.1", "0x7f.1", "[::1]", "a b.example.com", "-a.example.com", "x" * 64 + ".com"],
)
async def test_a_name_that_is_no_domain_is_refused(staff: httpx.AsyncClient, host: str) -> None:
    response = await staff.post(DOMAINS, json={"host": host})
    assert response.status_code == 422, response.text
    assert (await staff.get(DOMAINS)).json() == {"items": []}


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("Shop.Example.COM.", "shop.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("аpple.com", "xn--pple-43d.com"),  # noqa: RUF001  (a Cyrillic a, to be seen for what it is)
    ],
)
async def test_a_name_is_kept_as_the_dns_has_it(staff: httpx.AsyncClient, host: str, kept: str) -> None:
    assert (await _claim(staff, host))["host"] == kept


async def test_pages_are_asked_for_at_the_primary_domain_and_the_api_where_it_is(
    staff: httpx.AsyncClient, zone: Zone, grocer: SeededShop
) -> None:
    claimed = await _claim(staff)
    assert (await staff.put(f"{DOMAINS}/{claimed['id']}/primary")).status_code == 409
    zone.publish(claimed)
    await _check(staff, claimed)
    assert (await staff.put(f"{DOMAINS}/{claimed['id']}/primary")).json()["is_primary"] is True

    for path in ("/p/tomato-soup?d=1&e=%2F", "//evil.example/", "/c/pantry"):
        sent = await staff.get(f"http://{grocer.host}{path}")
        assert (sent.status_code, sent.headers["location"]) == (301, f"http://{HOST}{path}")
    assert (await staff.get("/v1/store/products")).status_code == 200
    assert (await staff.post("/cart/lines")).status_code != 301
    assert (await staff.get("/nowhere", headers={"Host": HOST})).status_code != 301
    assert (await staff.get("/nowhere", headers={"Host": "evil.example"})).status_code != 301

    await staff.delete(f"{DOMAINS}/{claimed['id']}/primary")
    assert (await staff.get("/c/pantry")).status_code != 301
