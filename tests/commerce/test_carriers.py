"""What carriers say of parcels, in any order and any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.states import PARCEL_PROGRESS, furthest
from foundation import webhooks
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NEWS = ("in_transit", "out_for_delivery", "failed_attempt", "delivered")


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """Two soups, sent with DHL as JD1."""
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    placed = (await browser.complete(cart)).json()
    sent: dict[str, Any] = (await _do(staff, placed, "fulfilments", carrier="DHL", tracking_number="JD1")).json()
    return sent


@pytest.fixture
async def secret(staff: httpx.AsyncClient) -> str:
    """What DHL signs with."""
    answer = await staff.put("/v1/admin/carriers/dhl")
    given: str = answer.json()["secret"]
    return given


async def _do(staff: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4())}
    return await staff.post(f"/v1/admin/orders/{order['id']}/{what}", json=body, headers=headers)


async def _say(
    http: httpx.AsyncClient,
    secret: str,
    status: str,
    *,
    number: str = "JD1",
    event: str | None = None,
    at: datetime = NOON,
    sent: timedelta = timedelta(),
    **more: Any,
) -> httpx.Response:
    body = orjson.dumps({"tracking_number": number, "status": status, "occurred_at": at, **more})
    event, now = event or str(uuid4()), datetime.now(UTC) + sent
    headers = {
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhooks.sign(secret, event, now, body),
        "content-type": "application/json",
    }
    return await http.post("/v1/webhooks/carriers/dhl", content=body, headers=headers)


async def _look(staff: httpx.AsyncClient, order: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()
    return seen


async def test_a_parcel_is_followed_to_the_door(
    app: Any, staff: httpx.AsyncClient, order: dict[str, Any], secret: str, grocer: SeededShop
) -> None:
    for hour, status in enumerate(NEWS):
        said = await _say(staff, secret, status, at=NOON + timedelta(hours=hour), place="Columbus")
        assert (said.status_code, said.json()) == (200, {"known": False}), said.text
    there = await _look(staff, order)
    parcel = there["parcels"][0]
    assert (there["status"], parcel["status"], parcel["delivered_at"]) == (
        "delivered",
        "delivered",
        "2026-11-25T15:00:00Z",
    )
    assert [(event["status"], event["place"]) for event in parcel["history"]] == [(s, "Columbus") for s in NEWS]
    assert [entry["kind"] for entry in there["timeline"]][-4:] == list(NEWS)
    assert await all_faults(app.state.core.database, grocer) == []


@pytest.mark.parametrize("news", list(permutations(NEWS[1:])))
async def test_a_parcel_never_goes_back_however_the_news_arrives(
    news: Sequence[str], app: Any, staff: httpx.AsyncClient, order: dict[str, Any], secret: str, grocer: SeededShop
) -> None:
    at = {status: NOON + timedelta(hours=hour) for hour, status in enumerate(NEWS)}
    for status in (*news, *reversed(news)):
        said = await _say(staff, secret, status, at=at[status], event=f"event-{status}")
        assert said.status_code == 200
    there = await _look(staff, order)
    assert (there["status"], len(there["parcels"][0]["history"])) == ("delivered", 3)
    assert there["parcels"][0]["delivered_at"] == "2026-11-25T15:00:00Z"
    assert await all_faults(app.state.core.database, grocer) == []


async def test_what_is_said_of_an_unknown_number_is_kept_until_a_parcel_has_it(
    staff: httpx.AsyncClient, order: dict[str, Any], secret: str
) -> None:
    await _say(staff, secret, "delivered", number="JD2")
    unmatched = (await staff.get("/v1/admin/carrier-events")).json()["items"]
    assert [(event["tracking_number"], event["status"]) for event in unmatched] == [("JD2", "delivered")]
    assert (await _look(staff, order))["status"] == "shipped"

    parcel = order["parcels"][0]["id"]
    mended = await _do(staff, order, f"fulfilments/{parcel}/tracking", carrier="DHL", tracking_number="JD2")
    assert (mended.json()["status"], mended.json()["parcels"][0]["tracking_number"]) == ("delivered", "JD2")
    assert (await staff.get("/v1/admin/carrier-events")).json()["items"] == []
    missing = await _do(staff, order, f"fulfilments/{uuid4()}/tracking", tracking_number="JD2")
    assert (missing.status_code, missing.json()["code"]) == (404, "orders.fulfilment_not_found")


async def test_another_carriers_number_is_another_parcels(
    staff: httpx.AsyncClient, order: dict[str, Any], secret: str
) -> None:
    parcel = order["parcels"][0]["id"]
    await _do(staff, order, f"fulfilments/{parcel}/tracking", carrier="UPS", tracking_number="JD1")
    await _say(staff, secret, "delivered")
    assert (await _look(staff, order))["status"] == "shipped"


async def test_only_the_carrier_is_believed_and_only_for_minutes(
    app: Any, staff: httpx.AsyncClient, order: dict[str, Any], secret: str, fashion: SeededShop, rows: Any
) -> None:
    other = (await staff.put("/v1/admin/carriers/ups")).json()["secret"]
    late = [await _say(staff, secret, "delivered", sent=timedelta(minutes=minutes)) for minutes in (-6, 6)]
    forged = await _say(staff, other, "delivered")
    unsigned = await staff.post("/v1/webhooks/carriers/dhl", json={})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=f"http://{fashion.host}"
    ) as another_shop:
        elsewhere = await _say(another_shop, secret, "delivered")
    for answer in (*late, forged, unsigned, elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (401, "orders.forged_carrier_event")
    assert rows("SELECT count(*) FROM carrier_event") == [(0,)]

    renewed = (await staff.put("/v1/admin/carriers/dhl")).json()["secret"]
    assert (await _say(staff, secret, "in_transit")).status_code == 401
    assert (await _say(staff, renewed, "in_transit")).status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize(
    "wrong", [{"status": "lost"}, {"status": "shipped"}, {"at": "yesterday"}, {"number": ""}, {"extra": 1}]
)
async def test_news_that_makes_no_sense_is_refused(
    wrong: dict[str, Any], staff: httpx.AsyncClient, secret: str, rows: Any
) -> None:
    answer = await _say(staff, secret, **{"status": "delivered", **wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid_fields")
    assert rows("SELECT count(*) FROM carrier_event") == [(0,)]


async def test_orders_are_found_by_sku_and_tracking_number(
    staff: httpx.AsyncClient, order: dict[str, Any], browser: Browser, grocer: SeededShop
) -> None:
    other = await browser.add(await browser.cart(), grocer.products[1].variant_id)
    await browser.complete(other, key="another")
    for q in ("SKU0", "JD1", order["number"].lower()):
        found = (await staff.get("/v1/admin/orders", params={"q": q})).json()["items"]
        assert [seen["id"] for seen in found] == [order["id"]], q
    assert (await staff.get("/v1/admin/orders", params={"q": "SKU9"})).json()["items"] == []


@given(st.lists(st.sampled_from(PARCEL_PROGRESS), min_size=1), st.randoms())
def test_how_far_it_has_come_does_not_depend_on_the_order_of_news(said: list[str], random: Any) -> None:
    shuffled = [*said, *said]
    random.shuffle(shuffled)
    assert furthest(shuffled) == furthest(said)


def test_a_signature_of_the_standard_is_read() -> None:
    """The example of the Standard Webhooks' own documentation."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    sent = datetime.fromtimestamp(1614265330, UTC)
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert webhooks.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, body) == signature
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v1,bm8= {signature}",
    }
    assert webhooks.verify(secret, headers, body, now=sent) == headers["webhook-id"]
    for broken in ({"webhook-timestamp": "soon"}, {"webhook-id": ""}, {"webhook-signature": "v1,?"}):
        with pytest.raises(webhooks.Forged):
            webhooks.verify(secret, headers | broken, body, now=sent)
