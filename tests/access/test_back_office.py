"""The back office's pages: for those who work here, each for those who may."""

from __future__ import annotations

import re

import httpx
import pytest

from backoffice.navigation import ENTRIES
from tests.access.team import Team

SAME = {"Sec-Fetch-Site": "same-origin"}


async def test_nobody_is_led_to_sign_in_and_back(team: Team) -> None:
    door = await team.door()
    answer = await door.get("/back-office/people")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/back-office/people")


async def test_a_visitor_of_the_shop_is_led_to_sign_in(team: Team) -> None:
    door = await team.door()
    visit = await door.post("/v1/store/sessions", json={}, headers=SAME)
    assert visit.cookies
    answer = await door.get("/back-office")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/back-office")


async def test_a_customer_is_told_that_they_do_not_work_here(team: Team) -> None:
    browser = await team.browser(await team.customer())
    page = await browser.get("/back-office")
    assert page.status_code == 403
    assert "identity.not_staff" in page.text


async def test_a_key_opens_no_page(team: Team) -> None:
    assert (await (await team.key()).get("/back-office")).status_code == 303


async def test_everybody_sees_what_they_may_open_and_nothing_else(team: Team) -> None:
    for role, permission in (("admin", True), ("analyst", False)):
        browser = await team.browser(await team.hire(role))
        home = await browser.get("/back-office")
        assert home.status_code == 200
        for entry in ENTRIES:
            if entry.permission == "staff:read":
                assert (f'href="{entry.path}"' in home.text) is permission
                assert (await browser.get(entry.path)).status_code == (200 if permission else 403)


async def test_an_admin_invites_changes_and_suspends(team: Team) -> None:
    browser = await team.browser(await team.hire("admin"))
    browser.headers.update(SAME)
    sent = await browser.post(
        "/back-office/people", data={"email": "new@shop.example", "roles": ["analyst", "merchandiser"]}
    )
    assert sent.status_code == 303
    listed = await browser.get("/back-office/people")
    assert 'data-notice="invited"' in listed.text
    assert "new@shop.example" in listed.text
    analyst = await team.hire("analyst")
    at = f"/back-office/people/{analyst.member_id}"
    assert (await browser.get(at)).status_code == 200
    assert (await browser.post(at, data={"roles": "merchandiser", "version": "1"})).status_code == 303
    assert (await analyst.http.get("/v1/admin/discount-codes")).status_code == 200
    stale = await browser.post(at, data={"roles": "analyst", "version": "1"})
    assert (stale.status_code, "staffing.stale" in stale.text) == (409, True)
    assert (await browser.post(f"{at}/status", data={"to": "suspended"})).status_code == 303
    assert (await analyst.http.get("/v1/admin/discount-codes")).status_code == 403


async def test_a_role_is_made_and_given(team: Team) -> None:
    browser = await team.browser(await team.hire("admin"))
    browser.headers.update(SAME)
    role = {"name": "Packer", "meaning": "Packs.", "permissions": ["orders:read", "orders:fulfil"]}
    assert (await browser.post("/back-office/roles", data=role)).status_code == 303
    page = await browser.get("/back-office/roles")
    role_id = re.search(r'/back-office/roles/([0-9a-f-]{36})"', page.text)
    assert role_id
    changed = role | {"permissions": "orders:read", "version": "1"}
    assert (await browser.post(f"/back-office/roles/{role_id[1]}", data=changed)).status_code == 303
    assert (await browser.get(f"/back-office/roles/{role_id[1]}")).text.count(" checked") == 1
    assert (await browser.post(f"/back-office/roles/{role_id[1]}/deletion")).status_code == 303


async def test_what_is_made_on_a_page_is_named_as_by_the_api(team: Team) -> None:
    admin = await team.hire("admin")
    desk = await team.browser(admin)
    desk.headers.update(SAME)
    for page, form in (
        ("api-keys", {"name": "Mine", "scopes": "orders:read"}),
        ("categories", {"name": "Tea", "slug": "tea"}),
        ("domains", {"host": "shop.example.org"}),
    ):
        done = await desk.post(f"/back-office/{page}", data=form)
        assert done.status_code in {200, 303}, done.text
    log = (await admin.http.get("/v1/admin/audit")).json()["items"]
    entries = [(one["action"], one["object"].partition(":")[0]) for one in log]
    assert entries[:3] == [("domains.add", "domain"), ("categories.add", "category"), ("keys.make", "key")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_changes_nothing(team: Team, site: str) -> None:
    browser = await team.browser(await team.hire("admin"))
    forged = await browser.post(
        "/back-office/people", data={"email": "x@y.example", "roles": "admin"}, headers={"Sec-Fetch-Site": site}
    )
    assert forged.status_code == 403
    assert "x@y.example" not in (await browser.get("/back-office/people")).text


async def test_pages_load_nothing_from_elsewhere(team: Team) -> None:
    browser = await team.browser(await team.hire("admin"))
    page = await browser.get("/back-office")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for source in re.findall(r'(?:src|href)="(/(?:back-office/static|static|shop)/[^"]+)"', page.text):
        found: httpx.Response = await browser.get(source)
        assert found.status_code == 200, source
