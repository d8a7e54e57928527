"""The pages of bulk price changes: one is tried, looked at, applied as people choose, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commerce.bulk_pricing import working

if TYPE_CHECKING:
    import httpx

    from tests.factories import SeededShop

AT = "/back-office/bulk-prices"
FORM = {
    "category": "pantry",
    "price_from": "2.00",
    "currency": "USD",
    "kind": "percent_down",
    "value": "10",
    "round_to": "0,10",
    "ending": "0.09",
    "struck": "before",
    "reason": "Spring <sale>",
}


async def test_prices_are_tried_looked_at_changed_and_set_back(
    app: Any, grocer: SeededShop, admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    core = app.state.core

    async def work() -> None:
        assert await working.see_to(core.database, await core.directory.by_host(grocer.host))

    tried = (await admin.post(f"{AT}/new", data={**FORM, "reason": "x", "shape": "try"})).text
    assert "5 SKUs" in tried
    assert "$1.79" in tried
    assert "No change yet" in (await admin.get(AT)).text
    for wrong, field in (
        ({"value": "ten"}, "value"),
        ({"round_to": "0.001"}, "round_to"),
        ({"price_to": "1"}, "price_from"),
        ({"skus": "SKU1 NONE"}, "skus"),
        ({"category": "nowhere"}, "category"),
        ({"reason": " "}, "reason"),
        ({"kind": "amount_up", "value": ""}, "value"),
        ({"starts_at": "2030-01-02T00:00", "ends_at": "2030-01-01T00:00"}, "ends_at"),
    ):
        refused = await admin.post(f"{AT}/new", data=FORM | wrong)
        assert refused.status_code in {404, 422}, wrong
        assert f'id="{field}-fault"' in refused.text, wrong

    asked = await admin.post(f"{AT}/new", data=FORM)
    page = asked.headers["location"]
    waits = (await admin.get(page)).text
    assert "Waits" in waits
    assert 'http-equiv="refresh"' in waits
    await work()
    shown = (await admin.get(page)).text
    assert "Change 5 prices" in shown
    assert "Spring &lt;sale&gt;" in shown
    assert (await analyst.get(page)).text.count("Change 5 prices") == 0
    assert (await analyst.post(f"{page}/application", data={})).status_code == 403
    like = (await admin.get(f"{AT}/new", params={"like": page.rpartition("/")[2]})).text
    for value in ("pantry", "2.00", "0.10", "0.09", "Spring &lt;sale&gt;"):
        assert f'value="{value}"' in like
    assert '<option value="percent_down" selected>' in like

    listed = "/v1/admin/prices/variants/SKU1/list"
    assert (await admin.put(listed, json={"currency": "USD", "amount": 250})).status_code == 200
    refused = await admin.post(f"{page}/application", data={})
    assert (refused.status_code, 'data-problem="bulk_pricing.prices_changed"' in refused.text) == (409, True)
    assert (await admin.post(f"{page}/application", data={"changed": "on"})).status_code == 303
    await work()
    assert "Left out" in (await admin.get(f"{page}?state=skipped")).text
    assert "Spring" in (await admin.get(AT)).text
    assert b"SKU5" in (await admin.get(f"{page}/file")).content

    assert (await admin.post(f"{page}/undoing", data={})).status_code == 303
    assert "Stopped" in (await admin.get((await admin.post(f"{page}/cancellation", data={})).headers["location"])).text
    await admin.post(f"{page}/undoing", data={})
    await work()
    assert "Undone" in (await admin.get(page)).text
