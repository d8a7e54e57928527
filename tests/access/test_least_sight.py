"""What somebody need not know for their work is in no answer to them."""

from __future__ import annotations

import pytest

from commerce.policies.roles import ROLES
from tests.access.team import Team
from tests.commerce.desk import Desk

ADDRESS = "a@b.example"
"""What a desk's orders are placed with."""


@pytest.mark.parametrize(
    ("role", "sees"),
    [("admin", True), ("support_agent", True), ("warehouse_manager", False), ("analyst", False)],
)
async def test_the_address_of_an_order_is_for_those_who_may_know_customers(team: Team, role: str, sees: bool) -> None:
    """Every answer that is read without more than an order's id: a route that is new is read too."""
    desk = await Desk.at(team.app.state.core.database, team.shop)
    order = await desk.order(1)
    person = await team.hire(role)
    asked, told = set(), set()
    for path, operations in team.app.openapi()["paths"].items():
        needed = operations.get("get", {}).get("x-needs", "").removeprefix("staff:")
        at = path.replace("{order_id}", str(order.id))
        if needed in ROLES[role].permissions and "{" not in at:
            answer = await person.http.get(at)
            asked.add(path)
            told |= {path} if ADDRESS in answer.text else set()

    orders = {"/v1/admin/orders", "/v1/admin/orders/{order_id}", "/v1/admin/orders/export"}
    assert orders <= asked
    assert told == (orders if sees else set())
    found = await person.http.get("/v1/admin/orders", params={"q": ADDRESS})
    assert len(found.json()["items"]) == int(sees), "nor is it found by it"
    assert len((await person.http.get("/v1/admin/orders", params={"q": order.number})).json()["items"]) == 1
