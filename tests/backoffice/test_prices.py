"""The page of what became of a product's prices."""

from __future__ import annotations

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
