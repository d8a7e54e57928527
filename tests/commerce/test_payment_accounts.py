"""Which providers a shop offers, where their money goes, and what a checkout is told."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from commerce.identity.staff import create_key
from commerce.payments.providers import Providers, TestProvider, UnknownProvider, configured, registry
from commerce.payments.providers.accounts import ShopAccounts
from foundation.database import Database
from foundation.settings import Settings
from tests.access.team import Team
from tests.commerce.conftest import Browser
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

ACCOUNTS = "/v1/admin/payment-accounts"


@pytest.fixture
async def staff(boss: httpx.AsyncClient) -> httpx.AsyncClient:
    """Whoever does what no key may."""
    return boss


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    """An installation with keys of every provider."""
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=8,
        stripe_secret_key=SecretStr("sk_test_1"),
        stripe_webhook_secret=SecretStr("whsec_1"),
        razorpay_key_id="rzp_test_1",
        razorpay_key_secret=SecretStr("secret"),
        paypal_client_id="client",
        paypal_client_secret=SecretStr("secret"),
        paypal_webhook_id="WH1",
    )


async def put(staff: httpx.AsyncClient, provider: str, **body: Any) -> httpx.Response:
    return await staff.put(f"{ACCOUNTS}/{provider}", json={"enabled": True, **body})


async def offered(http: httpx.AsyncClient) -> list[str]:
    return [one["provider"] for one in (await http.get("/v1/store/payment-options")).json()["items"]]


async def test_a_shop_offers_what_it_has_said_in_its_order(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    assert "test" in await offered(client)
    assert not {"stripe", "razorpay", "paypal"} & set(await offered(client))
    await put(staff, "paypal", position=2)
    await put(staff, "stripe", position=1, account="acct_1")
    await put(staff, "razorpay", enabled=False)
    assert [name for name in await offered(client) if name not in registry.OF_THE_SHOP] == ["stripe", "paypal"]
    await put(staff, "stripe", position=3)
    assert [name for name in await offered(client) if name not in registry.OF_THE_SHOP] == ["paypal", "stripe"]


async def test_options_say_what_each_can_do(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    await put(staff, "stripe")
    await put(staff, "paypal", position=1)
    options = (await client.get("/v1/store/payment-options")).json()
    said = {one["provider"]: (one["deferred"], one["saves_methods"]) for one in options["items"]}
    assert (said["stripe"], said["paypal"]) == ((False, True), (False, False))
    assert {one["lets_go_within_hours"] for one in options["items"]} == {0}  # each of these can void
    assert options["methods"] == []


async def test_what_a_shop_does_not_offer_is_not_taken(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    await put(staff, "test", enabled=False)
    refused = await browser.complete(cart, key="a")
    assert (refused.status_code, refused.json()["code"]) == (422, "payments.unknown_provider")
    await put(staff, "test")
    assert (await browser.complete(cart, key="b")).status_code == 201


async def test_staff_read_what_was_said(staff: httpx.AsyncClient) -> None:
    assert (await staff.get(f"{ACCOUNTS}/stripe")).json()["code"] == "payments.unknown_provider"
    await put(staff, "stripe", account="acct_1", position=4)
    said = (await staff.get(f"{ACCOUNTS}/stripe")).json()
    assert (said["enabled"], said["account"], said["position"]) == (True, "acct_1", 4)
    whole = (await staff.get(ACCOUNTS)).json()
    assert [one["provider"] for one in whole["items"]] == ["stripe"]
    assert {"test", "stripe", "razorpay", "paypal"} <= set(whole["available"])


async def test_an_account_belongs_to_one_shop(
    app: Any, staff: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop
) -> None:
    await put(staff, "stripe", account="acct_1")
    async with AsyncExitStack() as until_over:
        theirs = await Team(app, fashion, until_over).boss()
        taken = await put(theirs, "stripe", account="acct_1")
        assert (taken.status_code, taken.json()["code"]) == (409, "payments.account_taken")
        assert (await put(theirs, "stripe", account="acct_2")).status_code == 200
        assert (await put(theirs, "paypal", account="acct_1")).status_code == 200
        assert (await theirs.get(f"{ACCOUNTS}/stripe")).json()["account"] == "acct_2"
    accounts = ShopAccounts(app.state.core.database)
    assert [await accounts(shop.id, "stripe") for shop in (grocer, fashion)] == ["acct_1", "acct_2"]
    assert await accounts(grocer.id, "paypal") is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"enabled": 1},
        {"enabled": "yes"},
        {"account": ""},
        {"account": "a b"},
        {"account": "a\x00"},
        {"position": -1},
        {"position": 1001},
        {"position": 1.5},
        {"more": 1},
    ],
)
async def test_nonsense_is_refused(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await staff.put(
        f"{ACCOUNTS}/stripe", json=body if "enabled" in body or not body else {"enabled": True, **body}
    )
    assert answer.status_code in (400, 422)
    assert (await staff.get(ACCOUNTS)).json()["items"] == []


@pytest.mark.parametrize("name", ["nobody", "STRIPE", "a" * 51, "..", "stripe%00"])
async def test_a_provider_that_is_none_can_not_be_turned_on(staff: httpx.AsyncClient, name: str) -> None:
    assert (await put(staff, name)).status_code in (400, 404, 405, 422)


async def test_it_takes_the_scope(app: Any, client: httpx.AsyncClient, grocer: SeededShop) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Reader", scopes=["settings:read"])
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get(ACCOUNTS, headers=headers)).status_code == 200
    refused = await client.put(f"{ACCOUNTS}/test", json={"enabled": True}, headers=headers)
    assert (refused.status_code, refused.json()["scope"]) == (403, "payment_accounts:write")
    assert (await client.get(ACCOUNTS)).status_code == 401


async def test_without_keys_a_provider_is_not_there(database_urls: DatabaseUrls) -> None:
    database = Database(database_urls.app, pool_size=1)
    providers = configured(database, Settings(_env_file=None))
    with pytest.raises(UnknownProvider):
        providers.named("stripe")
    await database.close()


async def test_in_production_a_shop_that_has_said_nothing_takes_nothing(
    database_urls: DatabaseUrls, grocer: SeededShop
) -> None:
    database = Database(database_urls.app, pool_size=1)
    quiet = Providers(TestProvider(), accounts=ShopAccounts(database), in_production=True)
    assert list(await quiet.offered_by(grocer.id)) == []
    await database.close()


async def test_a_change_made_elsewhere_is_seen_soon(
    settings: Settings, grocer: SeededShop, staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)
    async with started(app):
        accounts = ShopAccounts(app.state.core.database)
        assert await accounts(grocer.id, "stripe") is None
        await put(staff, "stripe", account="acct_1")
        assert await accounts(grocer.id, "stripe") is None
        moment = __import__("time").monotonic() + 11
        monkeypatch.setattr("commerce.payments.providers.accounts.time.monotonic", lambda: moment)
        assert await accounts(grocer.id, "stripe") == "acct_1"
