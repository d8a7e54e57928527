"""A limit of a role: of whoever has it and is given none of their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies import inventory, orders
from commerce.policies.limits import SILENT, HeldRole, Limits, RefundLimit, Said, limits_of
from tests.access.team import Person, Team

STAFF = "/v1/admin/staff"
ROLES = "/v1/admin/roles"
AGENTS = "/v1/admin/built-in-roles/support_agent/limits"
MANAGERS = "/v1/admin/built-in-roles/warehouse_manager/limits"
SAME = {"Sec-Fetch-Site": "same-origin"}
GIFTS = "/v1/admin/gift-cards"


def usd(per_order: int, per_day: int | None = None) -> dict[str, Any]:
    return {"refunds": {"USD": {"per_order": per_order, "per_day": per_day or per_order}}}


async def _left(person: Person, amount: int) -> tuple[int, int | None]:
    """The answer to a gift card of so much, which is given away as an order of its own is."""
    body = {"amount": amount, "reason": "sorry"}
    answer = await person.http.post(GIFTS, json=body, headers={"Idempotency-Key": str(uuid4())})
    return answer.status_code, answer.json().get("limit")


async def _seen(person: Person) -> list[str]:
    answer = await person.http.get("/v1/admin/inventory/warehouses")
    return [one["code"] for one in answer.json()["items"]]


async def _last_entry(admin: Person) -> dict[str, Any]:
    entries = (await admin.http.get("/v1/admin/audit")).json()["items"]
    found: dict[str, Any] = entries[0]
    return found


async def test_a_limit_of_a_role_of_the_shops_own_is_of_all_who_have_it_unless_they_have_one(team: Team) -> None:
    admin = await team.hire("admin")
    role = {"name": "Makes up", "meaning": "Makes up.", "permissions": ["stored_value:write"], "limits": usd(500)}
    made = await admin.http.post(ROLES, json=role)
    assert (made.status_code, made.json()["limits"]) == (201, usd(500) | {"warehouses": None})
    role_id = made.json()["id"]
    one = await team.hire(email="one@shop.example", role_ids=(role_id,))
    two = await team.hire(email="two@shop.example", role_ids=(role_id,), refunds={"USD": RefundLimit(900, 900)})
    assert (await _left(one, 501), await _left(one, 400)) == ((403, 500), (201, None))
    assert (await _left(two, 901), await _left(two, 800)) == ((403, 900), (201, None))

    wider = await admin.http.put(f"{ROLES}/{role_id}", json=role | {"limits": usd(600), "version": 1})
    assert wider.status_code == 200, wider.text
    assert await _left(one, 201) == (403, 600), "what was given before counts against it"
    entry = await _last_entry(admin)
    assert (entry["action"], entry["details"]["refunds"]) == ("roles.changed", ["USD.per_order:600", "USD.per_day:600"])
    assert (await _left(one, 200))[0] == 201


async def test_a_shop_says_what_its_support_agents_give_away(team: Team) -> None:
    admin, agent = await team.hire("admin"), await team.hire("support_agent")
    made = {"name": "Cards", "meaning": "Cards.", "permissions": ["stored_value:write"]}
    cards = (await admin.http.post(ROLES, json=made)).json()["id"]
    body = {"roles": ["support_agent"], "role_ids": [cards], "version": 1}
    assert (await admin.http.put(f"{STAFF}/{agent.member_id}", json=body)).status_code == 200
    assert await _left(agent, 10_001) == (403, 10_000)

    said = await admin.http.put(AGENTS, json={"limits": usd(300), "version": 0})
    assert said.status_code == 200, said.text
    assert said.json() == said.json() | {"name": "support_agent", "limits": usd(300) | {"warehouses": None}}
    assert await _left(agent, 301) == (403, 300)
    listed = (await admin.http.get(ROLES)).json()["items"]
    assert {one["name"]: one["version"] for one in listed if one["id"] is None} == {
        "admin": None,
        "support_agent": 1,
        "warehouse_manager": 0,
        "merchandiser": 0,
        "analyst": 0,
    }
    assert await _last_entry(admin) == await _last_entry(admin) | {
        "action": "roles.limited",
        "object": "role:support_agent",
        "details": {"refunds": ["USD.per_order:300", "USD.per_day:300"]},
    }
    key = await agent.http.post("/v1/admin/api-keys", json={"name": "Mine", "scopes": ["orders:read"]})
    assert key.status_code == 403

    assert (await admin.http.put(AGENTS, json={"limits": {}, "version": 0})).json()["code"] == "staffing.stale"
    assert (await admin.http.put(AGENTS, json={"limits": {}, "version": 1})).status_code == 200
    assert await _left(agent, 10_001) == (403, 10_000)


async def test_a_warehouse_manager_has_the_warehouses_of_the_role(team: Team) -> None:
    admin, manager = await team.hire("admin"), await team.hire("warehouse_manager")
    await admin.http.put("/v1/admin/inventory/warehouses/north", json={"name": "North"})
    found = (await admin.http.get("/v1/admin/inventory/warehouses")).json()["items"]
    ids = {one["code"]: one["id"] for one in found}
    own = await team.hire("warehouse_manager", email="own@shop.example", warehouses=frozenset({UUID(ids["main"])}))
    assert await _seen(manager) == []
    answer = await admin.http.put(MANAGERS, json={"limits": {"warehouses": [ids["north"]]}, "version": 0})
    assert answer.status_code == 200, answer.text
    assert (await _seen(manager), await _seen(own)) == (["north"], ["main"])
    odd = {"limits": {"warehouses": [str(uuid4())]}, "version": 1}
    assert (await admin.http.put(MANAGERS, json=odd)).json()["code"] == "staffing.unknown_warehouse"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("admin", 422, "staffing.role_without_limits"),
        ("vendor", 422, "staffing.role_without_limits"),
        ("pirate", 404, "staffing.role_not_found"),
    ],
)
async def test_roles_that_have_no_limits(team: Team, name: str, status: int, code: str) -> None:
    admin = await team.hire("admin")
    answer = await admin.http.put(f"/v1/admin/built-in-roles/{name}/limits", json={"limits": usd(1), "version": 0})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_nobody_widens_a_role_beyond_their_own_limit(team: Team) -> None:
    admin = await team.hire("admin")
    keeps = ["roles:write", "staff:read", "stored_value:write"]
    keeper = (await admin.http.post(ROLES, json={"name": "Keeper", "meaning": "Keeps.", "permissions": keeps})).json()
    gives = {"name": "Gives", "meaning": "Gives.", "permissions": ["stored_value:write"]}
    given_ = (await admin.http.post(ROLES, json=gives | {"limits": usd(100)})).json()
    person = await team.hire(role_ids=(keeper["id"],), refunds={"USD": RefundLimit(100, 100)})
    at = f"{ROLES}/{given_['id']}"

    async def code(limits: dict[str, Any], permissions: list[str]) -> str | None:
        body = gives | {"limits": limits, "permissions": permissions, "version": 1}
        return (await person.http.put(at, json=body)).json().get("code")  # type: ignore[no-any-return]

    for wider in (usd(101), {}, {"refunds": {"EUR": {"per_order": 1, "per_day": 1}}}):
        assert await code(wider, ["stored_value:write"]) == "staffing.wider_limits"
    assert await code({}, ["staff:read"]) == "staffing.wider_limits", "nor is it done by way of what the role holds"
    more = gives | {"name": "More"}
    assert (await person.http.post(ROLES, json=more)).json()["code"] == "staffing.wider_limits"
    assert (await person.http.post(ROLES, json=more | {"limits": usd(100)})).status_code == 201
    assert await code(usd(50), ["stored_value:write"]) is None
    agents = await person.http.put(AGENTS, json={"limits": usd(50), "version": 0})
    assert agents.json()["code"] == "staffing.cannot_grant"


async def test_limits_of_roles_are_set_on_pages(team: Team) -> None:
    admin, agent = await team.hire("admin"), await team.hire("support_agent")
    browser = await team.browser(admin)
    browser.headers.update(SAME)
    at = "/back-office/roles/built-in/support_agent"
    assert 'name="per_order" value=""' in (await browser.get(at)).text
    kept = await browser.post(at, data={"version": "0", "per_order": "12.50", "per_day": "40"})
    assert kept.status_code == 303, kept.text
    assert 'name="per_day" value="40.00"' in (await browser.get(at)).text
    assert "12.50 USD an order" in (await browser.get("/back-office/roles")).text
    unclear = await browser.post(at, data={"version": "1", "per_order": "12.50"})
    assert (unclear.status_code, "backoffice.limit_unclear" in unclear.text) == (422, True)
    assert (await browser.get("/back-office/roles/built-in/admin")).status_code == 404

    async with team.tx() as tx:
        warehouse = str(await tx.connection.fetchval("SELECT id FROM warehouse WHERE code = 'main'"))
    role = {"name": "Packer", "meaning": "Packs.", "permissions": "orders:fulfil", "warehouses": warehouse}
    assert (await browser.post("/back-office/roles", data=role | {"per_order": "1", "per_day": "2"})).status_code == 303
    items = (await admin.http.get(ROLES)).json()["items"]
    assert items[-1]["limits"] == usd(100, 200) | {"warehouses": [warehouse]}
    theirs = await team.browser(agent)
    theirs.headers.update(SAME)
    assert (await theirs.post(at, data={"version": "1"})).status_code == 403


AMOUNTS = st.integers(0, 1_000)
LIMITS = st.builds(RefundLimit, AMOUNTS, AMOUNTS)
SAYS = st.builds(
    Said,
    st.none() | st.dictionaries(st.sampled_from(["USD", "EUR"]), LIMITS, max_size=2),
    st.none() | st.frozensets(st.sampled_from([UUID(int=n) for n in range(3)])),
)
HOLDS = st.frozensets(st.sampled_from([orders.REFUND.name, inventory.WRITE.name, orders.READ.name]))
OWN = st.builds(HeldRole, HOLDS, SAYS)
BUILT_IN = st.builds(
    HeldRole.built_in, st.sampled_from(["support_agent", "warehouse_manager", "analyst", "admin"]), SAYS
)


@given(st.lists(OWN | BUILT_IN, max_size=4), OWN | BUILT_IN)
def test_one_more_role_never_narrows_what_the_others_give(roles: list[HeldRole], more: HeldRole) -> None:
    before, after = limits_of(SILENT, roles), limits_of(SILENT, [*roles, more])
    if before.refunds is not None:
        assert Limits(before.refunds, before.refunds_by_default).within(after, frozenset({orders.REFUND.name}))
    if before.warehouses is not None:
        assert after.warehouses is None or before.warehouses <= after.warehouses


@given(st.lists(OWN | BUILT_IN, max_size=4), SAYS)
def test_what_a_membership_says_comes_before_what_roles_say(roles: list[HeldRole], said: Said) -> None:
    found = limits_of(said, roles)
    if said.warehouses is not None:
        assert found.warehouses == said.warehouses
    for currency, limit in (said.refunds or {}).items():
        assert found.refund(currency) == limit
