"""The page of what became of a product's prices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.factories import SeededShop


async def test_staff_see_who_changed_a_price_from_what_to_what(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    at = f"/back-office/products/{grocer.products[0].product_id}"
    assert f'href="{at}/prices"' in (await admin.get(at)).text
    assert "No price of it was changed" in (await admin.get(f"{at}/prices")).text

    prices = "/v1/admin/prices/variants/SKU0"
    await admin.put(f"{prices}/list", json={"currency": "USD", "amount": 90, "compare_at": 120})
    await admin.put(f"{prices}/offers", json={"currency": "USD", "offers": [{"amount": 75, "group": "trade"}]})

    page = (await admin.get(f"{at}/prices")).text
    assert page.count("data-change=") == 2
    assert page.index("for trade") < page.index("$1.00") < page.rindex("$1.20")


async def test_whoever_may_not_read_prices_sees_none_of_it(team: Team, grocer: SeededShop) -> None:
    http = await team.browser(await team.hire("warehouse_manager"))
    page = await http.get(f"/back-office/products/{grocer.products[0].product_id}/prices")
    assert page.status_code == 403


async def test_offers_are_added_changed_and_taken_away_and_none_that_nobody_saw_is_lost(
    admin: httpx.AsyncClient, grocer: SeededShop, team: Team
) -> None:
    sold = grocer.products[0]
    at = f"/back-office/products/{sold.product_id}/offers"
    assert f'href="{at}"' in (await admin.get(f"/back-office/products/{sold.product_id}")).text
    assert ("0 offers" in (page := (await admin.get(at)).text), f'href="{at}/{sold.variant_id}"' in page) == (
        True,
        True,
    )
    form = f"{at}/{sold.variant_id}"

    def seen(page: str) -> str:
        found = re.search(r'name="seen" value="([^"]*)"', page)
        assert found is not None
        return found[1]

    sale = {"0.amount": "0,75", "0.starts_at": "2026-01-31T09:00", "0.ends_at": "2099-01-31T09:00:30", "1.amount": ""}
    trade = {"1.amount": "0.50", "1.min_quantity": "10", "1.group": "trade", "1.channel": "web", "2.group": "x"}
    assert (await admin.post(form, data={**sale, **trade, "seen": ""})).headers["location"] == at
    assert "2 offers" in (await admin.get(at)).text
    page = (await admin.get(form)).text
    told = ("0.75", "2026-01-31T09:00", "2099-01-31T09:00:30", "0.50", "10", "trade")
    assert [value for value in told if f'value="{value}"' not in page] == []
    [_, offer] = (await admin.get("/v1/admin/prices/variants/SKU0")).json()["offers"]
    assert (offer["amount"], offer["min_quantity"], offer["group"], offer["channel"]) == (50, 10, "trade", "web")

    wrong = await admin.post(form, data={"seen": seen(page), "0.amount": "cheap", "1.amount": "1", "1.group": "T!"})
    assert (wrong.status_code, 'id="0.amount-fault"' in wrong.text, 'value="cheap"' in wrong.text) == (422, True, True)
    backwards = {"0.amount": "1", "0.starts_at": "2099-01-02T00:00", "0.ends_at": "2099-01-01T00:00"}
    assert "pricing.bad_window" in (await admin.post(form, data={"seen": seen(page), **backwards})).text
    stale = await admin.post(form, data={"seen": "", "0.amount": "0.10"})
    assert (stale.status_code, "pricing.offers_changed" in stale.text) == (409, True)
    assert (await admin.post(form, data={"seen": seen(page), "0.amount": ""})).status_code == 303
    assert "0 offers" in (await admin.get(at)).text
    assert (await admin.get(f"{at}/{grocer.products[1].variant_id}")).status_code == 404
    analyst = await team.browser(await team.hire("analyst"))
    assert "Keep them" not in (await analyst.get(form)).text
    assert (await analyst.post(form, data={"seen": ""}, headers={"Sec-Fetch-Site": "same-origin"})).status_code == 403
