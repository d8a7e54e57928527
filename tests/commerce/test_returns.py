"""Returns from the window to the inspection: too late, photographed, labelled, looked at."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from commerce.app import create_app
from commerce.orders import photos
from commerce.orders.photos import NotAPhoto
from foundation import clock
from foundation.settings import Settings
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

WEEK = timedelta(days=7)


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri()}))
    async with started(app):
        yield app


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """Three soups, delivered in two parcels, the second a day after the first; a week to send them back."""
    await staff.put("/v1/admin/order-rules", json={"return_days": 7})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    placed = (await browser.complete(cart)).json()
    soups = placed["lines"][0]["id"]
    now = clock.now()
    for day, units in ((0, 2), (1, 1)):
        later = now + timedelta(days=day)
        with clock.use(lambda at=later: at):
            sent = await _done(staff, placed, "fulfilments", lines=[{"line_id": soups, "quantity": units}])
            await _done(staff, placed, f"fulfilments/{sent['parcels'][-1]['id']}/progress", status="delivered")
    seen: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{placed['id']}")).json()
    return seen


async def _send(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    side = "admin" if "authorization" in http.headers else "store"
    headers = {"Idempotency-Key": str(uuid4())}
    return await http.post(f"/v1/{side}/orders/{order['id']}/{what}", json=body, headers=headers)


async def _done(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await _send(http, order, what, **body)
    assert answer.status_code in (200, 201), answer.text
    done: dict[str, Any] = answer.json()
    return done


def _soups(order: dict[str, Any], quantity: int) -> list[dict[str, Any]]:
    return [{"line_id": order["lines"][0]["id"], "quantity": quantity, "reason": "damaged"}]


def _delivered(order: dict[str, Any], parcel: int) -> Any:
    return datetime.fromisoformat(order["parcels"][parcel]["delivered_at"])


async def test_the_window_is_open_until_its_last_moment_and_by_parcel(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    first_closes, last_closes = (_delivered(order, parcel) + WEEK for parcel in (0, 1))
    just_before = first_closes - timedelta(microseconds=1)
    with clock.use(lambda: first_closes):
        late = await _send(browser.http, order, "returns", lines=_soups(order, 2))
        assert (late.status_code, late.json()["code"]) == (409, "orders.return_window_closed")
        assert (await _send(staff, order, "returns", lines=_soups(order, 2))).status_code == 409
    with clock.use(lambda: just_before):
        await _done(browser.http, order, "returns", lines=_soups(order, 2))
    with clock.use(lambda: last_closes):
        late = await _send(browser.http, order, "returns", lines=_soups(order, 1))
        assert (late.status_code, late.json()["code"]) == (409, "orders.return_window_closed")


async def test_staff_take_back_what_is_too_late_and_say_why(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    closed = _delivered(order, 1) + WEEK
    with clock.use(lambda: closed):
        taken = await _done(staff, order, "returns", lines=_soups(order, 3), override="was on holiday")
    assert taken["return_state"] == "in_progress"
    assert taken["timeline"][-1]["data"]["override"] == "was on holiday"


async def test_a_shop_without_rules_takes_everything_back(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    assert (await staff.put("/v1/admin/order-rules", json={})).json() == {"return_days": None, "cancel_minutes": None}
    closed = _delivered(order, 1) + 3 * WEEK
    with clock.use(lambda: closed):
        assert (await _send(browser.http, order, "returns", lines=_soups(order, 3))).status_code == 201
    for wrong in ({"return_days": -1}, {"return_days": 1.5}, {"days": 1}):
        refused = await staff.put("/v1/admin/order-rules", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_fields")


def _picture(kind: str, size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, "red").save(drawn, kind, **more)
    return drawn.getvalue()


async def _upload(http: httpx.AsyncClient, order: dict[str, Any], return_id: str, body: bytes) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4()), "content-type": "image/jpeg"}
    return await http.post(f"/v1/store/orders/{order['id']}/returns/{return_id}/photos", content=body, headers=headers)


async def test_photos_are_kept_as_pictures_and_shown_to_owner_and_staff_alone(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_soups(order, 1))
    back = asked["returns"][0]["id"]
    for kind in ("JPEG", "PNG", "WEBP"):
        added = await _upload(browser.http, order, back, _picture(kind))
        assert added.status_code == 201, added.text
    shown = added.json()["returns"][0]["photos"]
    assert len(shown) == 3
    where = f"orders/{order['id']}/returns/{back}/photos/{shown[0]}"
    for client, side in ((browser.http, "store"), (staff, "admin")):
        seen = await client.get(f"/v1/{side}/{where}")
        assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
        assert Image.open(io.BytesIO(seen.content)).size == (40, 30)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        await stranger.post("/v1/store/sessions", json={})
        assert (await stranger.get(f"/v1/store/{where}")).status_code == 404
        assert (await _upload(stranger, order, back, _picture("PNG"))).status_code == 404
    assert (await browser.http.get(f"/v1/store/{where[:-36]}{uuid4()}")).json()["code"] == "orders.photo_not_found"


async def test_what_is_no_photo_is_refused_and_no_return_has_more_than_eight(
    browser: Browser, order: dict[str, Any], rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_soups(order, 1))
    back = asked["returns"][0]["id"]
    for wrong in (b"", b"\xff\xd8\xff\xe0 no", b"<svg xmlns='http://www.w3.org/2000/svg'/>", _picture("GIF")):
        refused = await _upload(browser.http, order, back, wrong)
        assert (refused.status_code, refused.json()["code"]) == (415, "orders.not_a_photo")
    heavy = await _upload(browser.http, order, back, bytes(8 * 1_048_576 + 1))
    assert (heavy.status_code, heavy.json()["code"]) == (413, "request.body_too_large")
    for _ in range(8):
        assert (await _upload(browser.http, order, back, _picture("PNG"))).status_code == 201
    ninth = await _upload(browser.http, order, back, _picture("PNG"))
    assert (ninth.status_code, ninth.json()["code"]) == (409, "orders.too_many_photos")
    unknown = await _upload(browser.http, order, str(uuid4()), _picture("PNG"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "orders.return_not_found")
    assert rows("SELECT count(*) FROM return_photo") == [(8,)]


def test_nothing_but_the_picture_is_kept() -> None:
    hidden = b"where it was taken"
    exif = Image.Exif()
    exif[0x010E] = hidden.decode()
    upload = _picture("JPEG", exif=exif) + b"<?php something else ?>"
    assert hidden in upload
    kept = photos.read(upload)
    assert hidden not in kept.body
    assert b"php" not in kept.body
    assert photos.read(_picture("PNG", (3_000, 1_500))).width == 2_000
    sideways = Image.Exif()
    sideways[0x0112] = 6
    upright = photos.read(_picture("JPEG", (40, 30), exif=sideways))
    assert (upright.width, upright.height) == (30, 40)


def test_a_picture_too_large_to_unpack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MAX_PIXELS", 1_000)
    with pytest.raises(NotAPhoto):
        photos.read(_picture("PNG", (40, 30)))


async def test_an_approved_return_has_a_label_and_others_have_none(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_soups(order, 1))
    label = f"orders/{order['id']}/returns/{asked['returns'][0]['id']}/label.pdf"
    early = await browser.http.get(f"/v1/store/{label}")
    assert (early.status_code, early.json()["code"]) == (409, "orders.illegal_transition")
    await _done(staff, order, f"returns/{asked['returns'][0]['id']}/approve")
    for client, side in ((browser.http, "store"), (staff, "admin")):
        pdf = await client.get(f"/v1/{side}/{label}")
        assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")


async def test_what_came_back_is_looked_at_unit_by_unit(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_soups(order, 3))
    back, soups = asked["returns"][0]["id"], order["lines"][0]["id"]
    await _done(staff, order, f"returns/{back}/approve")
    arrived = [
        {"line_id": soups, "quantity": 2, "condition": "as_new"},
        {"line_id": soups, "quantity": 1, "condition": "damaged", "note": "dented", "restock": False},
    ]
    odd = await _send(
        staff, order, f"returns/{back}/receive", warehouse="main", lines=[{**arrived[0], "condition": "eaten"}]
    )
    assert (odd.status_code, odd.json()["code"]) == (422, "request.invalid_fields")
    there = await _done(staff, order, f"returns/{back}/receive", warehouse="main", lines=arrived)
    assert [
        (found["quantity"], found["condition"], found["restocked"], found["note"])
        for found in there["returns"][0]["inspected"]
    ] == [(2, "as_new", True, ""), (1, "damaged", False, "dented")]
    assert there["refunded"]["amount"] == 300
    written_off = "SELECT written_off FROM stock WHERE variant_id = %s"
    assert rows(written_off, grocer.products[0].variant_id) == [(1,)]
