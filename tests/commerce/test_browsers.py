"""What a browser is told: which pages of other origins may ask, and what an answer may load and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

ORIGIN = "https://app.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
CARTS = "/v1/store/carts"


@pytest.fixture
def _named(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute(
            """UPDATE tenant SET settings = settings || '{"cors_origins": ["https://app.example"]}' WHERE id = %s""",
            (grocer.id,),
        )


def _allowed(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


@pytest.mark.usefixtures("_named")
async def test_a_page_that_the_shop_names_may_ask_its_api(client: httpx.AsyncClient) -> None:
    before = await client.options(CARTS, headers=PREFLIGHT)
    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == ORIGIN
    assert "idempotency-key" in before.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in before.headers

    answer = await client.get("/v1/store/products", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Origin" in answer.headers.get_list("vary")


@pytest.mark.one_database
@pytest.mark.usefixtures("_named")
@pytest.mark.parametrize(
    "origin",
    ["https://app.example.evil", "https://evil.app.example", "http://app.example", "null", "https://app.example:444"],
)
async def test_a_page_of_another_origin_may_not(client: httpx.AsyncClient, origin: str) -> None:
    assert not _allowed(await client.options(CARTS, headers={**PREFLIGHT, "Origin": origin}))
    assert not _allowed(await client.get("/v1/store/products", headers={"Origin": origin}))


@pytest.mark.usefixtures("_named")
async def test_what_one_shop_names_means_nothing_in_another(client: httpx.AsyncClient, fashion: SeededShop) -> None:
    assert not _allowed(await client.options(CARTS, headers={**PREFLIGHT, "Host": fashion.host}))


async def test_an_answer_that_is_no_page_loads_and_runs_nothing(client: httpx.AsyncClient) -> None:
    for path in ("/v1/store/products", "/v1/store/nothing", "/healthz"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_description_runs_only_scripts_it_names(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    policy = page.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) >= 20
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 0
    again: Any = await client.get(path)
    assert nonce not in again.text
