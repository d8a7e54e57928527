"""The proof of a domain, asked of a name server as it is in the DNS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from commerce.domains import records
from commerce.domains.records import Dns, look
from foundation.settings import Settings
from tests.commerce.dns_server import NameServer, Trouble, serving

NAME, TOKEN = "_tradewind.shop.example.com", "tradewind-proof"


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with serving() as made:
        yield made


def _dns(*servers: NameServer) -> Dns:
    return Dns.of(Settings(_env_file=None, dns_nameservers=",".join(one.address for one in servers)))


@pytest.mark.parametrize(
    ("texts", "finding"),
    [
        ([TOKEN], "found"),
        (["v=spf1 -all", TOKEN], "found"),
        (["v=spf1 -all"], "different"),
        ([TOKEN + "x"], "different"),
        ([TOKEN.upper()], "different"),
    ],
)
async def test_the_record_must_say_what_was_asked(server: NameServer, texts: list[str], finding: str) -> None:
    server.texts[NAME] = texts
    assert await look(_dns(server), NAME, TOKEN) == finding
    assert server.asked == [("udp", NAME)]


async def test_a_name_that_is_not_there_has_no_record(server: NameServer) -> None:
    assert await look(_dns(server), NAME, TOKEN) == "absent"


async def test_a_name_that_is_there_with_other_records_has_none_either(server: NameServer) -> None:
    server.others.add(NAME)
    assert await look(_dns(server), NAME, TOKEN) == "absent"


async def test_an_alias_is_followed_to_where_the_record_is(server: NameServer) -> None:
    server.aliases |= {NAME: "proofs.provider.example", "proofs.provider.example": "a.provider.example"}
    assert await look(_dns(server), NAME, TOKEN) == "absent"
    server.texts["a.provider.example"] = [TOKEN]
    assert await look(_dns(server), NAME, TOKEN) == "found"


async def test_a_long_answer_is_asked_for_again_over_tcp(server: NameServer) -> None:
    server.texts[NAME] = [f"{number} {'x' * 300}" for number in range(10)] + [TOKEN]
    assert await look(_dns(server), NAME, TOKEN) == "found"
    assert [transport for transport, _ in server.asked] == ["udp", "tcp"]


async def test_a_record_in_several_strings_is_one_text(server: NameServer) -> None:
    server.texts[NAME] = ["y" * 400]
    assert await look(_dns(server), NAME, "y" * 400) == "found"


@pytest.mark.parametrize("trouble", Trouble)
async def test_a_server_in_trouble_says_nothing_of_the_record(
    server: NameServer, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "SECONDS", 1.0)
    server.texts[NAME], server.trouble = [TOKEN], trouble
    assert await look(_dns(server), NAME, TOKEN) == "unsure"


async def test_where_one_server_fails_the_next_is_asked(server: NameServer) -> None:
    server.trouble = Trouble.FAILING
    async with serving() as other:
        other.texts[NAME] = [TOKEN]
        assert await look(_dns(server, other), NAME, TOKEN) == "found"


async def test_nobody_at_the_address_is_no_answer(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SECONDS", 1.0)
    async with serving() as gone:
        address = gone.address
    assert await look(Dns(address), NAME, TOKEN) == "unsure"


async def test_a_shop_proves_its_domain_by_a_record_in_the_dns(
    app: Any, staff: httpx.AsyncClient, server: NameServer
) -> None:
    app.state.text_records = _dns(server)
    claimed = (await staff.post("/v1/admin/domains", json={"host": "shop.example.com"})).json()
    check = f"/v1/admin/domains/{claimed['id']}/checks"
    assert (await staff.post(check)).json()["finding"] == "absent"

    server.texts[claimed["record"]["name"]] = [claimed["record"]["value"]]

    assert (await staff.post(check)).json()["status"] == "verified"
    assert (await staff.get("/v1/store/products", headers={"Host": "shop.example.com"})).status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["co.uk", "github.io", "foo.kawasaki.jp", "blogspot.com", "GitHub.IO.", "公司.cn"])
async def test_nobody_claims_what_others_have_their_names_below(staff: httpx.AsyncClient, host: str) -> None:
    refused = await staff.post("/v1/admin/domains", json={"host": host})
    assert (refused.status_code, refused.json()["code"]) == (422, "domains.name_unfit")
    assert refused.json()["reason"] == "public_suffix"


@pytest.mark.parametrize("host", ["acme.co.uk", "acme.github.io", "city.kawasaki.jp", "acme.公司.cn"])
async def test_a_name_below_one_may_be_claimed(staff: httpx.AsyncClient, host: str) -> None:
    assert (await staff.post("/v1/admin/domains", json={"host": host})).status_code == 201
