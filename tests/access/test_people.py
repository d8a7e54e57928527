"""Who works here: invited, given roles, kept out; and nobody gives more than they have."""

from __future__ import annotations

import re
from typing import Any

import orjson
from sqlalchemy import text

from commerce.identity.staff import PREFIX
from commerce.policies.limits import RefundLimit
from foundation import sealing
from foundation.database import hot
from tests.access.team import Team

STAFF = "/v1/admin/staff"
ROLES = "/v1/admin/roles"
NEW = "grace@shop.example"


async def _token(team: Team) -> str:
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT content FROM message ORDER BY id DESC LIMIT 1")))
        (content,) = await sealing.unseal(tx, [rows[0]["content"]])
    found = re.search(r"/back-office/invitation\?token=([\w-]{43})$", orjson.loads(content or "")["link"])
    assert found
    return found[1]


async def test_who_is_invited_accepts_and_may_do_what_their_role_says(team: Team) -> None:
    admin = await team.hire("admin")
    invited = await admin.http.post(STAFF, json={"email": "Grace@Shop.example", "roles": ["analyst"]})
    assert invited.status_code == 201, invited.text
    assert invited.json() == invited.json() | {"status": "invited", "email": NEW, "roles": ["analyst"], "name": None}

    door, token = await team.door(), await _token(team)
    seen = await door.get("/v1/store/staff-invitations", params={"token": token})
    assert seen.json() == {"email": NEW, "has_account": False, "roles": ["analyst"]}
    nameless = await door.post("/v1/store/staff-invitations", json={"token": token})
    assert nameless.json()["code"] == "staffing.name_needed"
    accepted = await door.post("/v1/store/staff-invitations", json={"token": token, "display_name": "Grace"})
    assert accepted.status_code == 201, accepted.text

    assert (await door.get("/v1/admin/orders")).status_code == 200
    refused = await door.post("/v1/admin/discount-codes", json={})
    assert refused.status_code == 405
    refused = await door.put("/v1/admin/gift-wrap", json={"price": {"amount": 1, "currency": "USD"}})
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.scope_missing")
    again = await (await team.door()).post("/v1/store/staff-invitations", json={"token": token, "display_name": "Eve"})
    assert again.json()["code"] == "identity.proof_not_good"
    members = (await admin.http.get(STAFF)).json()["items"]
    assert {(one["name"], one["status"]) for one in members} == {("admin", "active"), ("Grace", "active")}


async def test_an_invitation_taken_back_or_sent_again_is_good_for_nothing(team: Team) -> None:
    admin = await team.hire("admin")
    invited = (await admin.http.post(STAFF, json={"email": NEW, "roles": ["analyst"]})).json()
    first = await _token(team)
    assert (await admin.http.post(f"{STAFF}/{invited['id']}/invitation")).status_code == 204
    second = await _token(team)
    door = await team.door()
    accept = {"token": first, "display_name": "Grace"}
    assert (await door.post("/v1/store/staff-invitations", json=accept)).status_code == 422
    assert (await admin.http.delete(f"{STAFF}/{invited['id']}")).status_code == 204
    assert (await door.post("/v1/store/staff-invitations", json=accept | {"token": second})).status_code == 422
    fresh = await admin.http.post(STAFF, json={"email": NEW, "roles": ["merchandiser"]})
    assert fresh.status_code == 201, "and may be invited anew"


async def test_somebody_with_an_account_keeps_it(team: Team) -> None:
    admin, customer = await team.hire("admin"), await team.customer(NEW)
    assert (await customer.http.get("/v1/admin/orders")).json()["code"] == "identity.not_staff"
    await admin.http.post(STAFF, json={"email": NEW, "roles": ["merchandiser"]})
    twice = await admin.http.post(STAFF, json={"email": NEW, "roles": ["analyst"]})
    assert twice.json()["code"] == "staffing.invited_already"
    door = await team.door()
    accepted = await door.post("/v1/store/staff-invitations", json={"token": await _token(team)})
    assert accepted.json()["account_id"] == str(customer.account_id)
    assert (await customer.http.get("/v1/admin/discount-codes")).status_code == 200, "in every session of theirs"


async def test_nobody_gives_or_takes_more_than_they_hold(team: Team) -> None:
    admin = await team.hire("admin")
    role = {
        "name": "Team lead",
        "meaning": "Invites people.",
        "permissions": ["staff:read", "staff:write", "orders:read"],
    }
    made = (await admin.http.post(ROLES, json=role)).json()
    lead = await team.hire("analyst", email="lead@shop.example", role_ids=(made["id"],))

    refused = await lead.http.post(STAFF, json={"email": NEW, "roles": ["admin"]})
    assert (refused.status_code, refused.json()["code"]) == (403, "staffing.cannot_grant")
    refused = await lead.http.post(STAFF, json={"email": NEW, "roles": ["support_agent"]})
    assert refused.json()["permission"] == "customers:act_as"
    assert (await lead.http.post(STAFF, json={"email": NEW, "roles": ["analyst"]})).status_code == 201

    me = next(one for one in (await lead.http.get(STAFF)).json()["items"] if one["id"] == str(lead.member_id))
    more = {"roles": ["admin"], "version": me["version"]}
    assert (await lead.http.put(f"{STAFF}/{me['id']}", json=more)).json()["code"] == "staffing.cannot_grant"
    for attempt in ("", "/suspension"):
        method = lead.http.put if attempt else lead.http.delete
        answer = await method(f"{STAFF}/{admin.member_id}{attempt}")
        assert answer.json()["code"] == "staffing.cannot_grant", "nor takes an admin's away"
    assert (await lead.http.post(ROLES, json=role | {"name": "More"})).json()["code"] == "identity.scope_missing"


async def test_a_role_can_not_be_widened_by_somebody_who_has_less(team: Team) -> None:
    admin = await team.hire("admin")
    keeper = {"name": "Keeper", "meaning": "Keeps roles.", "permissions": ["roles:write", "staff:read"]}
    other = {"name": "Pricing", "meaning": "Sets prices.", "permissions": ["prices:write"]}
    made = (await admin.http.post(ROLES, json=keeper)).json()
    pricing = (await admin.http.post(ROLES, json=other)).json()
    person = await team.hire(role_ids=(made["id"],))
    wider = keeper | {"permissions": [*keeper["permissions"], "orders:refund"], "version": 1}
    assert (await person.http.put(f"{ROLES}/{made['id']}", json=wider)).json()["code"] == "staffing.cannot_grant"
    emptied = other | {"permissions": ["staff:read"], "version": 1}
    assert (await person.http.put(f"{ROLES}/{pricing['id']}", json=emptied)).json()["code"] == "staffing.cannot_grant"
    assert (await person.http.delete(f"{ROLES}/{pricing['id']}")).json()["code"] == "staffing.cannot_grant"
    assert (await admin.http.put(f"{ROLES}/{made['id']}", json=wider)).json()["version"] == 2
    assert (await admin.http.put(f"{ROLES}/{made['id']}", json=wider)).json()["code"] == "staffing.stale"
    assert (await admin.http.delete(f"{ROLES}/{made['id']}")).json()["code"] == "staffing.role_in_use"
    assert (await admin.http.delete(f"{ROLES}/{pricing['id']}")).status_code == 204
    odd = other | {"permissions": ["prices:wriet"]}
    assert (await admin.http.post(ROLES, json=odd)).json()["code"] == "staffing.no_such_permission"
    assert (await admin.http.post(ROLES, json=keeper)).json()["code"] == "staffing.role_name_taken"


async def test_the_last_admin_stays(team: Team) -> None:
    one = await team.hire("admin", email="one@shop.example")
    at = f"{STAFF}/{one.member_id}"
    for answer in (
        await one.http.delete(at),
        await one.http.put(f"{at}/suspension"),
        await one.http.put(at, json={"roles": ["analyst"], "version": 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "staffing.last_admin")
    other = await team.hire("admin", email="other@shop.example")
    assert (await one.http.put(f"{STAFF}/{other.member_id}/suspension")).status_code == 204
    assert (await one.http.delete(at)).json()["code"] == "staffing.last_admin", "a suspended one doesn't count"
    assert (await one.http.delete(f"{STAFF}/{other.member_id}/suspension")).status_code == 204
    assert (await one.http.delete(at)).status_code == 204
    assert (await one.http.get(STAFF)).json()["code"] == "identity.not_staff"


async def test_whoever_is_suspended_is_out_at_once_with_the_keys_they_made(team: Team) -> None:
    admin, other = await team.hire("admin"), await team.hire("admin", email="other@shop.example")
    made = await other.http.post("/v1/admin/api-keys", json={"name": "Mine", "scopes": ["orders:read"]})
    key = await team.door(made.json()["key"])
    assert made.json()["key"].startswith(PREFIX)
    assert (await key.get("/v1/admin/orders")).status_code == 200
    await admin.http.put(f"{STAFF}/{other.member_id}/suspension")
    assert (await other.http.get("/v1/admin/orders")).status_code == 403
    assert (await key.get("/v1/admin/orders")).status_code == 401


async def test_whoever_has_limits_makes_no_keys_and_gives_nobody_wider_ones(team: Team) -> None:
    admin = await team.hire("admin")
    permissions = ["orders:refund", "staff:read", "staff:write", "api_keys:write"]
    made = (await admin.http.post(ROLES, json={"name": "Lead", "meaning": "Leads.", "permissions": permissions})).json()
    lead = await team.hire(role_ids=(made["id"],), refunds={"USD": RefundLimit(100, 200)})
    key = await lead.http.post("/v1/admin/api-keys", json={"name": "Wide", "scopes": ["orders:refund"]})
    assert key.json()["code"] == "identity.bound_by_limits"

    def invitation(limits: dict[str, Any]) -> dict[str, Any]:
        return {"email": NEW, "role_ids": [made["id"]], "limits": limits}

    for limits in ({}, {"refunds": {"USD": {"per_order": 101, "per_day": 200}}}, {"refunds": {"EUR": _limit(1)}}):
        answer = await lead.http.post(STAFF, json=invitation(limits))
        assert answer.json()["code"] == "staffing.wider_limits", limits
    assert (await lead.http.post(STAFF, json=invitation({"refunds": {"USD": _limit(50)}}))).status_code == 201


def _limit(most: int) -> dict[str, int]:
    return {"per_order": most, "per_day": most}


async def test_a_vendor_looks_after_its_own_people_only(team: Team) -> None:
    admin = await team.hire("admin")
    for code in ("mill", "dairy"):
        answer = await admin.http.put(f"/v1/admin/vendors/{code}", json={"name": code.title()})
        assert answer.status_code in {200, 201}, answer.text
    ids = {one["code"]: one["id"] for one in (await admin.http.get("/v1/admin/vendors")).json()["items"]}
    miller = await team.hire("vendor", email="miller@mill.example", vendor_id=ids["mill"])
    dairy = await team.hire("vendor", email="maid@dairy.example", vendor_id=ids["dairy"])

    assert (await miller.http.get("/v1/vendor/orders")).status_code == 200
    assert (await miller.http.get("/v1/admin/orders")).json()["code"] == "identity.of_a_vendor"
    assert (await admin.http.get("/v1/vendor/orders")).json()["code"] == "identity.not_of_a_vendor"
    mine = (await miller.http.get("/v1/vendor/staff")).json()["items"]
    assert [one["id"] for one in mine] == [str(miller.member_id)]
    strange = await miller.http.delete(f"/v1/vendor/staff/{dairy.member_id}")
    assert (strange.status_code, strange.json()["code"]) == (404, "staffing.unknown_member")
    for role in ("admin", "analyst"):
        answer = await miller.http.post("/v1/vendor/staff", json={"email": NEW, "roles": [role]})
        assert answer.json()["code"] == "staffing.unknown_role"
    assert (await miller.http.post("/v1/vendor/staff", json={"email": NEW, "roles": ["vendor"]})).status_code == 201
    wrong = await admin.http.post(STAFF, json={"email": "x@y.example", "roles": ["analyst"], "vendor": "mill"})
    assert wrong.json()["code"] == "staffing.unknown_role"


async def test_a_session_of_a_member_is_as_good_in_a_cookie_but_not_from_another_site(team: Team) -> None:
    admin = await team.hire("admin")
    browser = await team.browser(admin)
    assert (await browser.get("/v1/admin/orders")).status_code == 200
    body = {"email": NEW, "roles": ["analyst"]}
    forged = await browser.post(STAFF, json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert (forged.status_code, forged.json()["code"]) == (403, "request.cross_site")
    assert (await browser.post(STAFF, json=body, headers={"Sec-Fetch-Site": "same-origin"})).status_code == 201
