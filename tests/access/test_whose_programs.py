"""Keys and programs of somebody who has left: the keys are over, and of the programs one is told whose they were."""

from __future__ import annotations

from tests.access.team import Team

BODY = {"name": "Robot", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:read"]}


async def test_whoever_removes_somebody_is_shown_what_goes_on_without_them(team: Team) -> None:
    boss = await team.hire("admin", email="boss@shop.example")
    ann = await team.hire("admin", email="ann@shop.example")
    program = (await ann.http.post("/v1/admin/programs", json=BODY)).json()
    key = (await ann.http.post("/v1/admin/api-keys", json={"name": "Hers", "scopes": ["orders:read"]})).json()
    assert program["made_by"] == key["made_by"] == {"name": "ann", "works_here": True}
    browser = await team.browser(boss)
    browser.headers.update({"Sec-Fetch-Site": "same-origin"})
    at = f"/back-office/people/{ann.member_id}"
    assert f'href="/back-office/programs/{program["id"]}"' in (await browser.get(at)).text

    removed = await browser.post(f"{at}/status", data={"to": "removed"})

    assert removed.headers["location"] == "/back-office/programs"
    page = (await browser.get("/back-office/programs")).text
    assert ('data-notice="removed-programs"' in page, "Does not work here any more" in page) == (True, True)
    for path in ("programs", "api-keys"):
        (listed,) = (await boss.http.get(f"/v1/admin/{path}")).json()["items"]
        assert listed["made_by"] == {"name": "ann", "works_here": False}
        assert (listed.get("revoked_at") is not None) is (path == "api-keys")
    assert (await boss.http.delete(f"/v1/admin/programs/{program['id']}")).status_code == 204
