"""Staff see who asked for their data or to be forgotten, and ask for a customer who asked them: with a reason."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.access.team import Person, Team

SAME = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/back-office/privacy"


async def _desk(team: Team, *roles: str) -> httpx.AsyncClient:
    browser = await team.browser(await team.hire(*roles))
    browser.headers.update(SAME)
    return browser


async def _customer(team: Team) -> tuple[Person, str]:
    customer = await team.customer()
    me = (await customer.http.get("/v1/store/sessions/current")).json()
    return customer, f"{PAGE}/customers/{me['customer_id']}"


async def test_staff_ask_for_a_customer_who_alone_takes_the_archive(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team.app.state.core.settings, "objects_url", tmp_path.as_uri())
    customer, theirs = await _customer(team)
    desk = await _desk(team, "admin")
    assert "Nobody has asked" in (await desk.get(PAGE)).text

    for answer in (
        await desk.post(f"{theirs}/archive", data={"reason": "by telephone"}),
        await desk.post(f"{theirs}/erasure", data={"reason": "in a letter", "confirmation": "FORGET ME"}),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE), answer.text
    page = (await desk.get(PAGE)).text
    assert 'data-asked="2"' in page
    assert "In the week to think it over" in page
    assert "by themselves" not in page
    assert "for them by" in page
    assert "account:" not in page, "who asked is called by their name"
    assert (await customer.http.get("/v1/store/privacy/erasure")).json()["asked"] is not None
    (archive,) = (await customer.http.get("/v1/store/privacy/exports")).json()["items"]
    assert archive["status"] == "waiting"
    asked = (await desk.get("/back-office/audit", params={"action": "privacy.*"})).text
    assert "by telephone" in asked
    assert "in a letter" in asked


async def test_what_is_not_meant_or_not_explained_is_not_done(team: Team) -> None:
    _, theirs = await _customer(team)
    desk = await _desk(team, "admin")
    for form in ({"reason": "x", "confirmation": "yes"}, {"confirmation": "FORGET ME"}):
        assert (await desk.post(f"{theirs}/erasure", data=form)).status_code == 422
    nobody = f"{PAGE}/customers/00000000-0000-7000-8000-000000000000/erasure"
    refused = await desk.post(nobody, data={"reason": "x", "confirmation": "FORGET ME"})
    assert (refused.status_code, "privacy.unknown_person" in refused.text) == (404, True)
    assert "Nobody has asked" in (await desk.get(PAGE)).text


async def test_who_tells_the_shop_that_they_stay_is_kept_and_written_to(team: Team) -> None:
    customer, theirs = await _customer(team)
    desk = await _desk(team, "admin")
    asked = await customer.http.post("/v1/store/privacy/erasure", json={"confirmation": "FORGET ME"})
    assert asked.status_code == 202, asked.text
    assert "They want to stay" in (await desk.get(PAGE)).text
    assert (await desk.post(f"{theirs}/erasure/withdrawal", data={})).status_code == 422
    kept = await desk.post(f"{theirs}/erasure/withdrawal", data={"reason": "rang, and stays"})
    assert (kept.status_code, kept.headers["location"]) == (303, PAGE), kept.text
    assert (await customer.http.get("/v1/store/privacy/erasure")).json()["asked"] is None
    async with team.tx() as tx:
        found = await tx.connection.fetch("SELECT template FROM message ORDER BY id DESC LIMIT 1")
        assert [row["template"] for row in found] == ["erasure_withdrawn"]
    page = (await desk.get(PAGE)).text
    assert ("They stayed" in page, "They want to stay" in page) == (True, False)
    assert "rang, and stays" in (await desk.get("/back-office/audit", params={"action": "privacy.*"})).text


async def test_what_has_begun_is_not_withdrawn(team: Team) -> None:
    customer, theirs = await _customer(team)
    admin = await team.hire("admin")
    at = f"/v1/admin/customers/{theirs.rpartition('/')[2]}/erasure-requests/withdrawal"
    none = await admin.http.post(at, json={"reason": "x"})
    assert (none.status_code, none.json()["code"]) == (404, "privacy.nothing_to_withdraw")
    await customer.http.post("/v1/store/privacy/erasure", json={"confirmation": "FORGET ME"})
    async with team.tx() as tx:
        await tx.connection.execute("UPDATE erasure_request SET told_at = now()")
    late = await admin.http.post(at, json={"reason": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "privacy.erasure_begun")
    desk = await team.browser(admin)
    page = (await desk.get(PAGE)).text
    assert ("Being forgotten" in page, "They want to stay" in page) == (True, False)
    async with team.tx() as tx:
        await tx.connection.execute("UPDATE erasure_request SET told_at = NULL")
    assert (await admin.http.post(at, json={"reason": "x"})).status_code == 204


async def test_it_takes_the_right_and_a_proof_that_is_not_old(team: Team) -> None:
    _, theirs = await _customer(team)
    analyst = await _desk(team, "analyst")
    assert (await analyst.get(PAGE)).status_code == 403
    desk = await _desk(team, "admin")
    async with team.tx() as tx:
        await tx.connection.execute("UPDATE session SET authenticated_at = now() - interval '1 hour'")
    led = await desk.post(f"{theirs}/archive", data={"reason": "by telephone"})
    assert (led.status_code, led.headers["location"].startswith("/account/confirm")) == (303, True)


async def test_a_guest_is_sent_a_link_to_ask_by_themselves(team: Team) -> None:
    desk = await _desk(team, "admin")
    sent = await desk.post(f"{PAGE}/links", data={"email": "guest@home.example"})
    assert sent.headers["location"] == PAGE
    async with team.tx() as tx:
        assert await tx.connection.fetchval("SELECT template FROM message") == "your_data"
    assert (await desk.post(f"{PAGE}/links", data={"email": "nobody"})).status_code == 422
