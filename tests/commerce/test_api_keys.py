"""Keys of the API: nobody makes one that may do more than they may, and of each only the hash is kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from commerce.identity import secrets_shown_once as once
from commerce.identity.staff import PREFIX, create_key
from commerce.policies.registry import PERMISSIONS, SCOPES
from foundation import clock
from foundation.ids import new_id
from tests.access.team import Team
from tests.factories import SeededShop

KEYS = "/v1/admin/api-keys"


@pytest.fixture
async def staff(boss: httpx.AsyncClient) -> httpx.AsyncClient:
    """Whoever does what no key may."""
    return boss


@pytest.fixture
async def opened(app: Any, grocer: SeededShop) -> Any:
    """A client that shows a key."""
    clients: list[httpx.AsyncClient] = []

    def client(token: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        clients.append(httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers))
        return clients[-1]

    yield client
    for one in clients:
        await one.aclose()


async def made(staff: httpx.AsyncClient, *scopes: str, **more: Any) -> dict[str, Any]:
    answer = await staff.post(KEYS, json={"name": "Robot", "scopes": list(scopes), **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_key_opens_what_it_was_made_for(staff: httpx.AsyncClient, opened: Any, rows: Any) -> None:
    key = await made(staff, "orders:read")
    robot = opened(key["key"])
    assert (await robot.get("/v1/admin/orders")).status_code == 200
    refused = await robot.get(KEYS)
    assert (refused.status_code, refused.json()["scope"]) == (403, "api_keys:read")
    listed = await staff.get(KEYS)
    assert key["key"] not in listed.text, "shown once"
    (shown,) = [one for one in listed.json()["items"] if one["id"] == key["id"]]
    assert key["key"].startswith(shown["prefix"])
    ((kept,),) = rows("SELECT row_to_json(k)::text FROM api_key k WHERE id = %s", key["id"])
    assert key["key"].removeprefix(shown["prefix"]) not in kept


async def test_nobody_makes_a_key_that_may_do_more_than_they_may(staff: httpx.AsyncClient, team: Team) -> None:
    clerk = (await team.clerk("api_keys:write", "orders:read")).http
    refused = await clerk.post(KEYS, json={"name": "More", "scopes": ["orders:read", "orders:refund"]})
    assert (refused.status_code, refused.json()["scope"]) == (403, "orders:refund")
    assert (await clerk.post(KEYS, json={"name": "As much", "scopes": ["orders:read"]})).status_code == 201
    mighty = await made(staff, "orders:refund")
    stolen = await clerk.post(f"{KEYS}/{mighty['id']}/replacement", json={})
    assert (stolen.status_code, stolen.json()["scope"]) == (403, "orders:refund"), "nor by replacing another's"
    no_such = await staff.post(KEYS, json={"name": "Odd", "scopes": ["orders:everything"]})
    assert (no_such.status_code, no_such.json()["code"]) == (422, "identity.unknown_scope")


@pytest.mark.parametrize("scope", sorted(set(PERMISSIONS) - set(SCOPES)))
async def test_what_only_people_may_do_no_key_and_no_program_is_given(staff: httpx.AsyncClient, scope: str) -> None:
    program = {"kind": "confidential", "grants": ["client_credentials"]}
    for path, more in ((KEYS, {}), ("/v1/admin/programs", program)):
        refused = await staff.post(path, json={"name": "Robot", "scopes": [scope], **more})
        assert (refused.status_code, refused.json()["code"]) == (403, "identity.for_people")
        assert refused.json()["scope"] == scope


async def test_a_key_that_was_given_it_before_has_lost_it(staff: httpx.AsyncClient, opened: Any, rows: Any) -> None:
    key = await made(staff, "orders:read")
    rows("UPDATE api_key SET scopes = array_append(scopes, 'staff:write') WHERE id = %s", key["id"])
    robot = opened(key["key"])

    refused = await robot.post("/v1/admin/staff", json={"email": "x@shop.example", "roles": ["analyst"]})

    assert (refused.status_code, refused.json()["code"]) == (403, "identity.for_people")
    assert (await robot.get("/v1/admin/orders")).status_code == 200
    (shown,) = [one for one in (await staff.get(KEYS)).json()["items"] if one["id"] == key["id"]]
    assert shown["scopes"] == ["orders:read"]
    assert (await staff.post(f"{KEYS}/{key['id']}/replacement", json={})).status_code == 201


async def test_a_key_ends_when_it_is_said_to(staff: httpx.AsyncClient, opened: Any) -> None:
    key = await made(staff, "orders:read")
    robot = opened(key["key"])
    assert (await staff.delete(f"{KEYS}/{key['id']}")).status_code == 204
    assert (await robot.get("/v1/admin/orders")).status_code == 401
    assert (await staff.delete(f"{KEYS}/{key['id']}")).status_code == 204, "again is as good"
    assert (await staff.post(f"{KEYS}/{key['id']}/replacement", json={})).json()["code"] == "identity.key_ended"

    now = clock.now()
    soon = await made(staff, "orders:read", expires_at=(now + timedelta(hours=1)).isoformat())
    robot = opened(soon["key"])
    assert (await robot.get("/v1/admin/orders")).status_code == 200
    with clock.use(lambda: now + timedelta(hours=1, seconds=1)):
        assert (await robot.get("/v1/admin/orders")).status_code == 401
    past = {"name": "Past", "scopes": ["orders:read"], "expires_at": (now - timedelta(hours=1)).isoformat()}
    assert (await staff.post(KEYS, json=past)).status_code == 422


async def test_a_replaced_key_stays_good_for_a_while(staff: httpx.AsyncClient, opened: Any) -> None:
    old = await made(staff, "orders:read")
    new = (await staff.post(f"{KEYS}/{old['id']}/replacement", json={"overlap_hours": 2})).json()
    assert (new["scopes"], new["name"]) == (old["scopes"], old["name"])
    now = clock.now()
    for later, good in ((timedelta(hours=1), 200), (timedelta(hours=3), 401)):
        with clock.use(lambda later=later: now + later):  # type: ignore[misc]
            assert (await opened(old["key"]).get("/v1/admin/orders")).status_code == good
            assert (await opened(new["key"]).get("/v1/admin/orders")).status_code == 200


async def test_its_last_use_is_written_down_once_a_minute_and_not_by_the_request(
    staff: httpx.AsyncClient, opened: Any, rows: Any
) -> None:
    key = await made(staff, "orders:read")
    robot = opened(key["key"])

    def last() -> Any:
        return rows("SELECT last_used_at FROM api_key WHERE id = %s", key["id"])[0][0]

    assert last() is None
    await asyncio.gather(*(robot.get("/v1/admin/orders") for _ in range(5)))
    assert last() is None, "later"
    await asyncio.sleep(1)
    first = last()
    assert first is not None
    await robot.get("/v1/admin/orders")
    await asyncio.sleep(1)
    assert last() == first, "once a minute"
    now = clock.now()
    with clock.use(lambda: now + timedelta(seconds=61)):
        await robot.get("/v1/admin/orders")
    await asyncio.sleep(1)
    assert last() > first


async def test_a_vendor_looks_after_its_own_keys_and_no_others(
    team: Team, staff: httpx.AsyncClient, opened: Any
) -> None:
    for code in ("farm", "dairy"):
        put = await staff.put(f"/v1/admin/vendors/{code}", json={"name": code.title(), "commission_rate": "0.1"})
        assert put.status_code == 200, put.text
    farm = await made(staff, "api_keys:read", "orders:read", vendor="farm")
    dairy = await made(staff, "orders:read", vendor="dairy")
    shops = await made(staff, "orders:read")
    robot = opened(farm["key"])
    farmer = (await team.hire("vendor", vendor_id=UUID(farm["vendor_id"]))).http
    own = await farmer.post("/v1/vendor/api-keys", json={"name": "Own", "scopes": ["orders:read"]})
    assert own.status_code == 201, own.text
    assert own.json()["vendor_id"] == farm["vendor_id"]
    seen = {key["id"] for key in (await robot.get("/v1/vendor/api-keys")).json()["items"]}
    assert seen == {farm["id"], own.json()["id"]}
    for other in (dairy, shops):
        assert (await farmer.delete(f"/v1/vendor/api-keys/{other['id']}")).status_code == 404
        answer = await farmer.post(f"/v1/vendor/api-keys/{other['id']}/replacement", json={})
        assert answer.status_code == 404
        assert (await opened(other["key"]).get(KEYS)).status_code == 403, "still good, and no more than it was"
    assert (await robot.get(KEYS)).json()["code"] == "identity.of_a_vendor"
    more = await farmer.post("/v1/vendor/api-keys", json={"name": "More", "scopes": ["vendors:pay"]})
    assert more.json()["code"] == "identity.scope_missing"


async def test_a_key_of_another_shop_is_no_key(
    app: Any, fashion: SeededShop, staff: httpx.AsyncClient, opened: Any
) -> None:
    async with app.state.core.database.transaction(fashion.id) as session:
        key_id, token = await create_key(session, fashion.id, name="Elsewhere")
    assert (await opened(token).get("/v1/admin/orders")).status_code == 401
    assert (await staff.delete(f"{KEYS}/{key_id}")).status_code == 404
    assert (await staff.delete(f"{KEYS}/{new_id()}")).status_code == 404


def test_a_key_has_a_form_that_a_scanner_finds_and_can_check() -> None:
    keys = {once.new_secret(PREFIX) for _ in range(1000)}
    assert len(keys) == 1000
    for key in keys:
        assert re.fullmatch(r"twk_[0-9A-Za-z]{49}", key)
        assert once.is_well_formed(PREFIX, key)
    key = keys.pop()
    for place in (4, 20, 46, 47, 52):
        other = "x" if key[place] != "x" else "y"
        assert not once.is_well_formed(PREFIX, key[:place] + other + key[place + 1 :])
    for wrong in ("", "twk_", key[:-1], key + "0", key.replace("twk_", "tws_"), key.upper(), "twk_" + "\u0661" * 49):
        assert not once.is_well_formed(PREFIX, wrong)


@pytest.mark.parametrize("scopes", [[], ["x" * 101], [1], "orders:read"])
async def test_a_key_needs_scopes(staff: httpx.AsyncClient, scopes: Sequence[object]) -> None:
    assert (await staff.post(KEYS, json={"name": "Odd", "scopes": scopes})).status_code == 422


def test_every_scope_has_the_form_of_a_permission() -> None:
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+", scope) for scope in SCOPES)
