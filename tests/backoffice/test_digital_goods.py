"""A download, by the pages: staff say that it is one and bring its file, a shopper buys it and gets it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import psycopg

from commerce.orders import fulfilling
from tests.access.team import Team
from tests.backoffice.conftest import SAME
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop


def _code(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None


async def test_it_is_brought_bought_and_got_by_pages(
    app: Any,
    admin: httpx.AsyncClient,
    analyst: httpx.AsyncClient,
    team: Team,
    grocer: SeededShop,
    database_urls: DatabaseUrls,
) -> None:
    sold = grocer.products[0]
    at = f"/back-office/products/{sold.product_id}/downloads/{sold.variant_id}"
    said = {"digital": "on", "download_limit": "1", "download_days": ""}
    refused = await admin.post(at, data=said)
    assert (refused.status_code, _code(refused)) == (409, "digital.variant_has_stock")
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        connection.execute(
            "UPDATE stock SET available = 0, written_off = received WHERE variant_id = %s", (sold.variant_id,)
        )
    assert (await admin.post(at, data=said)).status_code == 303
    assert _code(await admin.post(at, data={**said, "download_limit": "often"})) == "request.invalid_fields"
    brought = await admin.post(f"{at}/files", files={"file": ("jumper.pdf", b"%PDF-1.7", "application/pdf")})
    assert (brought.status_code, brought.headers["location"]) == (303, at)
    page = (await admin.get(at)).text
    (file_id,) = re.findall(r'data-file="([^"]+)"', page)
    assert (await admin.get(f"{at}/files/{file_id}")).content == b"%PDF-1.7"
    assert "Downloaded" in (await admin.get(at.rpartition("/")[0])).text
    assert (await analyst.post(at, data=said)).status_code == 403

    shopper = await team.door()
    shopper.headers.update(SAME)
    assert "data-digital" in (await shopper.get(f"/p/{sold.handle}")).text
    await shopper.post("/cart/lines", data={"variant_id": str(sold.variant_id), "quantity": "1"})
    checkout = (await shopper.get("/checkout")).text
    assert "Nothing is sent, so no address is needed" in checkout
    form = dict(re.findall(r'name="(cart_id|idempotency_key|expected_total|expected_rest)" value="([^"]*)"', checkout))
    placed = await shopper.post("/checkout", data={**form, "email": "a@b.example", "token": "tok_ok"})
    assert placed.status_code == 303, placed.text
    await fulfilling.hand_out(app.state.core.database, grocer.id)
    (address,) = re.findall(r'href="(/orders/[^"]+/downloads/[^"]+)"', (await shopper.get("/downloads")).text)
    assert address in (await shopper.get(placed.headers["location"])).text
    assert (await shopper.get(address)).content == b"%PDF-1.7"
    again = await shopper.get(address)
    assert again.status_code == 409
    assert "downloads.limit_reached" in again.text
    assert (await admin.post(f"{at}/files/{file_id}/removal")).status_code == 303
    assert "has not put its files here yet" in (await shopper.get("/downloads")).text
