"""A platform that bills by Stripe, and the Stripe of these tests."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.billing.service import Billing
from foundation import clock
from foundation.ids import new_id
from foundation.settings import Settings
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SECRET = "whsec_platform"
VISA, DECLINED = "4242424242424242", "4000000000000341"
EMAIL = "owner@grocer.example"
HERE = Path(__file__).parent
PEER = HERE.parent / "providers" / "peers" / "stripe_peer.py"


@dataclass
class Peer:
    """The platform's Stripe."""

    url: str
    http: httpx.AsyncClient

    async def post(self, path: str, body: object = None) -> Any:
        answer = await self.http.post(
            f"{self.url}{path}", json=body or {}, headers={"Authorization": "Bearer sk_test_platform"}
        )
        return answer.json()

    async def get(self, path: str) -> Any:
        answer = await self.http.get(f"{self.url}{path}", headers={"Authorization": "Bearer sk_test_platform"})
        return answer.json()

    async def method(self, number: str = VISA) -> str:
        card = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        return str((await self.post("/v1/payment_methods", {"type": "card", "card": card}))["id"])

    async def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = await self.get("/_config/requests")
        return [one for one in said if one["method"] == method and one["path"].endswith(path)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, PEER], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture
async def peer(address: str) -> AsyncIterator[Peer]:
    async with httpx.AsyncClient() as http:
        peer = Peer(address, http)
        await peer.post("/_config/reset")
        yield peer


@pytest.fixture
def settings(database_urls: DatabaseUrls, peer: Peer) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_pool_size=4,
        catalogue_cache_mb=0,
        billing_stripe_secret_key=SecretStr("sk_test_platform"),
        billing_stripe_webhook_secret=SecretStr(SECRET),
        billing_stripe_api_base=peer.url,
    )


@pytest.fixture
def billing(app: Any, monkeypatch: pytest.MonkeyPatch) -> Billing:
    monkeypatch.setattr("commerce.billing.stripe.RETRIES", 0)
    billing: Billing = app.state.billing
    return billing


Subscribe = Callable[..., Any]


@pytest.fixture
def subscribe(staff: httpx.AsyncClient, peer: Peer) -> Subscribe:
    """Ask for a plan, as the shop's staff do."""

    async def asked(plan: str = "professional", *, card: str | None = VISA, key: str | None = None) -> httpx.Response:
        method = await peer.method(card) if card else None
        return await staff.put(
            "/v1/admin/plan",
            json={"plan": plan, "email": EMAIL, **({"payment_method": method} if method else {})},
            headers={"Idempotency-Key": key or str(new_id())},
        )

    return asked


@pytest.fixture
def tell(client: httpx.AsyncClient) -> Callable[..., Any]:
    """Stripe tells that something is new with a customer."""

    async def told(
        customer: str, kind: str = "invoice.paid", *, event: str = "", secret: str = SECRET
    ) -> httpx.Response:
        about = {"object": "invoice", "id": "in_1", "customer": customer}
        seconds = int(clock.now().timestamp())
        said = {"id": event or f"evt_{new_id().hex}", "object": "event", "type": kind, "created": seconds}
        body = json.dumps({**said, "data": {"object": about}}).encode()
        signature = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={seconds},v1={signature}", "Content-Type": "application/json"}
        return await client.post("/v1/platform/billing-events", content=body, headers=headers)

    return told


@pytest.fixture
def customer(rows: Any, grocer: SeededShop) -> Callable[[], str]:
    return lambda: str(rows("SELECT customer FROM billing_account")[0][0])
