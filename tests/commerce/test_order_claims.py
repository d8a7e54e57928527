"""Claims: what came damaged, wrong or not at all is made good once, by its money or by other units, and by no more."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from PIL import Image

from commerce.app import create_app
from commerce.inventory import keeping
from commerce.inventory.schemas import CountIn
from commerce.inventory.service import OutOfStock
from commerce.orders import cancelling, claiming, fulfilling, refunding, returning
from commerce.orders.claiming import ClaimContradicts, Claimed, ClaimNotFound, ClaimRefundTooHigh, ReplacementTooLarge
from commerce.orders.lines import TooManyUnits, UnknownLine
from commerce.orders.returning import Announced
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.states import IllegalTransition
from foundation.database import Database, Tx
from foundation.settings import Settings
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import SeededShop, seed_shop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop with nine of each."""
    database = Database(database_urls.app, pool_size=6)
    desk = await Desk.at(database, seed_shop(database_urls, "claims", stock=9))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    async with database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
    await database.close()


async def _do(desk: Desk, order: StaffOrderOut, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        done = await do(tx)
    await desk.money.settle(desk.shop.id, order.id)
    return done


async def _sent(desk: Desk, *quantities: int) -> StaffOrderOut:
    order = await desk.order(*quantities)
    await _do(desk, order, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    return await desk.look(order.id)


async def _claim(desk: Desk, order: StaffOrderOut, line: int, quantity: int, reason: str = "damaged") -> UUID:
    claimed = [Claimed(order.lines[line].id, quantity, reason)]
    claim_id: UUID = await _do(desk, order, lambda tx: claiming.raise_claim(tx, order.id, STAFF, claimed))
    return claim_id


async def test_what_came_damaged_gives_back_its_share_and_is_neither_claimed_nor_sent_back_again(desk: Desk) -> None:
    order = await _sent(desk, 3, 1)
    claim_id = await _claim(desk, order, 0, 2)
    soup = order.lines[0].id
    with pytest.raises(TooManyUnits):
        await _claim(desk, order, 0, 2)
    back = [Announced(soup, 2, "damaged")]
    with pytest.raises(TooManyUnits):
        await _do(desk, order, lambda tx: returning.request(tx, order.id, STAFF, back, note=""))
    await _do(desk, order, lambda tx: claiming.refund(tx, order.id, claim_id, STAFF, answer="Sorry"))
    seen = await desk.look(order.id)
    assert (seen.refunded.amount, seen.credited, seen.payment_state) == (200, 200, "partially_refunded")
    (claim,) = seen.claims
    assert (claim.status, claim.refunded, claim.answer) == ("refunded", 200, "Sorry")
    assert (seen.lines[0].claimed, seen.lines[0].returnable) == (2, 1)
    assert [entry.kind for entry in seen.timeline][-3:] == ["claim_raised", "claim_refunded", "refunded"]
    for late in (claiming.refund, claiming.reject, claiming.replace_units):
        with pytest.raises(IllegalTransition):
            await _do(desk, order, lambda tx, late=late: late(tx, order.id, claim_id, STAFF))

    back = [Announced(soup, 1, "other")]
    return_id = await _do(desk, order, lambda tx: returning.request(tx, order.id, STAFF, back, note=""))
    await _do(desk, order, lambda tx: returning.receive(tx, order.id, return_id, STAFF, None, warehouse="main"))
    assert (await desk.look(order.id)).refunded.amount == 300


async def test_a_claim_never_gives_back_more_than_its_units_are_worth_or_was_paid(desk: Desk) -> None:
    order = await _sent(desk, 2)
    first, other = await _claim(desk, order, 0, 1), await _claim(desk, order, 0, 1, "missing")
    with pytest.raises(ClaimRefundTooHigh) as refused:
        await _do(desk, order, lambda tx: claiming.refund(tx, order.id, first, STAFF, amount=101))
    assert refused.value.refundable == 100
    await _do(desk, order, lambda tx: claiming.refund(tx, order.id, first, STAFF, amount=30))
    await _do(desk, order, lambda tx: refunding.refund_amount(tx, order.id, STAFF, amount=120, reason="sorry"))
    await _do(desk, order, lambda tx: claiming.refund(tx, order.id, other, STAFF))
    seen = await desk.look(order.id)
    assert ([claim.refunded for claim in seen.claims], seen.refunded.amount) == ([30, 50], 200)
    third = await _sent(desk, 1)
    claim_id = await _claim(desk, third, 0, 1)
    await _do(desk, third, lambda tx: refunding.refund_amount(tx, third.id, STAFF, amount=100, reason="sorry"))
    with pytest.raises(ClaimRefundTooHigh):
        await _do(desk, third, lambda tx: claiming.refund(tx, third.id, claim_id, STAFF))


async def test_what_never_came_is_sent_again_from_stock_at_no_charge(desk: Desk) -> None:
    order = await _sent(desk, 2, 1)
    claim_id = await _claim(desk, order, 0, 2, "not_delivered")
    juice = desk.seeded.products[1].variant_id
    with pytest.raises(ReplacementTooLarge):
        await _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF, wanted={juice: 3}))
    await _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF))
    seen = await desk.look(order.id)
    added = seen.lines[-1]
    assert (added.quantity, added.unit_price, added.total, added.tax) == (2, 0, 0, 0)
    assert added.explanation.price is not None
    assert (added.explanation.price.source, added.explanation.price.list_price) == ("replacement", 100)
    assert (seen.total, seen.refunded.amount, seen.fulfilment_state) == (order.total, 0, "partially_fulfilled")
    assert seen.claims[0].status == "replaced"
    sent = await _do(desk, order, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    assert sent
    assert (await desk.look(order.id)).fulfilment_state == "shipped"


async def test_a_replacement_that_is_not_sent_is_cancelled_for_nothing(desk: Desk) -> None:
    order = await _sent(desk, 1)
    claim_id = await _claim(desk, order, 0, 1)
    await _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF))
    await _do(desk, order, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="lost interest"))
    seen = await desk.look(order.id)
    assert (seen.refunded.amount, seen.lines[-1].cancelled, seen.fulfilment_state) == (0, 1, "shipped")


async def test_nothing_is_replaced_by_what_is_not_there(desk: Desk) -> None:
    order = await _sent(desk, 1)
    claim_id = await _claim(desk, order, 0, 1)
    await _do(desk, order, lambda tx: keeping.count(tx, CountIn(sku="SKU0", warehouse="main", counted=0)))
    with pytest.raises(OutOfStock):
        await _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF))
    seen = await desk.look(order.id)
    assert (seen.claims[0].status, len(seen.lines)) == ("open", 1)


async def test_a_rejected_claim_leaves_the_units_as_they_were(desk: Desk) -> None:
    order = await _sent(desk, 1)
    claim_id = await _claim(desk, order, 0, 1)
    await _do(desk, order, lambda tx: claiming.reject(tx, order.id, claim_id, STAFF, answer="It was whole"))
    seen = await desk.look(order.id)
    assert (seen.claims[0].status, seen.lines[0].returnable, seen.refunded.amount) == ("rejected", 1, 0)
    await _claim(desk, order, 0, 1)


async def test_claims_that_make_no_sense_change_nothing(desk: Desk) -> None:
    not_sent, order = await desk.order(1), await _sent(desk, 2)
    line = order.lines[0].id
    with pytest.raises(IllegalTransition):
        await _claim(desk, not_sent, 0, 1)
    for claimed, refused in (
        ([Claimed(line, 3, "damaged")], TooManyUnits),
        ([Claimed(uuid4(), 1, "damaged")], UnknownLine),
        ([Claimed(line, 1, "damaged"), Claimed(line, 1, "missing")], ClaimContradicts),
    ):
        with pytest.raises(refused):
            await _do(desk, order, lambda tx, said=claimed: claiming.raise_claim(tx, order.id, STAFF, said))
    claim_id = await _claim(desk, order, 0, 1)
    other = await _sent(desk, 1)
    with pytest.raises(ClaimNotFound):
        await _do(desk, other, lambda tx: claiming.refund(tx, other.id, claim_id, STAFF))
    assert (await desk.look(other.id)).credited == 0


async def test_of_two_decisions_at_once_one_is_made(desk: Desk) -> None:
    order = await _sent(desk, 2)
    claim_id = await _claim(desk, order, 0, 2)
    done = await asyncio.gather(
        _do(desk, order, lambda tx: claiming.refund(tx, order.id, claim_id, STAFF)),
        _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF)),
        _do(desk, order, lambda tx: claiming.refund(tx, order.id, claim_id, STAFF)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, IllegalTransition) for answer in done) == 2
    seen = await desk.look(order.id)
    assert (seen.refunded.amount == 200) != (len(seen.lines) == 2)


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri()}))
    async with started(app):
        yield app


async def test_a_claim_is_raised_and_decided_over_http_and_seen_by_nobody_else(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    order = (await browser.complete(cart)).json()
    where, line = f"orders/{order['id']}", order["lines"][0]["id"]

    async def send(http: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
        side = "admin" if "authorization" in http.headers else "store"
        return await http.post(f"/v1/{side}/{path}", json=body, headers={"Idempotency-Key": str(uuid4())})

    assert (await send(staff, f"{where}/fulfilments")).status_code == 201
    said = {"lines": [{"line_id": line, "quantity": 1, "reason": "damaged"}], "note": "Crushed"}
    raised = await send(browser.http, f"{where}/claims", **said)
    assert (raised.status_code, raised.json()["claims"][0]["status"]) == (201, "open")
    claim = raised.json()["claims"][0]["id"]

    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    for http in (browser.http, staff):
        side = "admin" if http is staff else "store"
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "image/png"}
        added = await http.post(
            f"/v1/{side}/{where}/claims/{claim}/photos", content=picture.getvalue(), headers=headers
        )
        assert added.status_code == 201, added.text
        photo = added.json()["claims"][0]["photos"][-1]
        assert (await http.get(f"/v1/{side}/{where}/claims/{claim}/photos/{photo}")).status_code == 200
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        await stranger.post("/v1/store/sessions", json={})
        assert (await send(stranger, f"{where}/claims", **said)).json()["code"] == "orders.not_found"
        assert (await stranger.get(f"/v1/store/{where}/claims/{claim}/photos/{photo}")).status_code == 404

    for wrong in ({"resolution": "refund", "amount": 0}, {"resolution": "gift"}, {"resolution": "refund", "lines": []}):
        refused = await send(staff, f"{where}/claims/{claim}/decision", **wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_fields"), wrong
    decided = await send(staff, f"{where}/claims/{claim}/decision", resolution="refund", answer="Sorry")
    assert (decided.status_code, decided.json()["refunded"]["amount"]) == (200, 100)
    for nothing in ({**said, "lines": []}, {"lines": [{"line_id": line, "quantity": 1, "reason": "late"}]}):
        assert (await send(browser.http, f"{where}/claims", **nothing)).status_code == 422
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.Error, match="append"):
        owner.execute("UPDATE order_claim_line SET quantity = 9")
