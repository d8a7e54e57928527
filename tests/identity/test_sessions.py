"""Sessions: fixation, rotation, rest; and requests that another site makes a browser send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from commerce.app import create_app
from commerce.identity import service as identity
from foundation import clock
from foundation.settings import Settings
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, Messages, browser_at, register, sign_in
from tests.waiting import started

Rows = Callable[..., list[tuple[Any, ...]]]
COOKIE = "tradewind_session"


async def test_a_planted_session_is_nobodys_once_its_victim_has_signed_in(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    client.cookies.clear()
    async with browser_at(app, grocer) as attacker:
        await attacker.post("/v1/store/sessions", json={})
        planted = attacker.cookies[COOKIE]
        client.cookies.set(COOKIE, planted, domain=grocer.host)
        assert (await sign_in(client)).status_code == 201
        assert client.cookies[COOKIE] != planted
        seen = await attacker.get("/v1/store/sessions/current")
    assert (seen.status_code, seen.json()["code"]) == (401, "identity.session_expired")
    assert (await client.get("/v1/store/sessions/current")).json()["account_id"] is not None


async def test_signing_in_again_ends_the_session_before(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    before = client.cookies[COOKIE]
    assert (await sign_in(client)).json()["amr"] == ["pwd"]
    old = await client.get("/v1/store/sessions/current", headers={"Authorization": f"Bearer {before}"})
    assert old.status_code == 401


async def test_whoever_may_do_more_has_another_token(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    session = await register(client, messages)
    before = client.cookies[COOKIE]
    async with app.state.core.database.tx(grocer.id) as tx:
        after = await identity.rotate(tx, session["id"], amr=["hwk"])
    old, new = [
        await client.get("/v1/store/sessions/current", headers={"Authorization": f"Bearer {token}"})
        for token in (before, after)
    ]
    assert old.status_code == 401
    assert (new.json()["id"], sorted(new.json()["amr"])) == (session["id"], ["hwk", "otp"])


async def test_a_session_that_rests_too_long_is_over_and_one_in_use_is_not(
    client: httpx.AsyncClient, messages: Messages, settings: Settings
) -> None:
    await register(client, messages)
    idle, start = timedelta(hours=settings.session_idle_hours), clock.now()
    for since in (idle * 0.9, idle * 1.8):
        with clock.use(lambda: start + since):  # noqa: B023
            assert (await client.get("/v1/store/sessions/current")).status_code == 200
    with clock.use(lambda: start + idle * 1.8 + idle * 1.01):
        ended = await client.get("/v1/store/sessions/current")
    assert (ended.status_code, ended.json()["code"]) == (401, "identity.session_expired")


async def test_a_session_is_over_after_its_time_however_much_it_is_used(
    client: httpx.AsyncClient, messages: Messages, settings: Settings
) -> None:
    await register(client, messages)
    whole, start = timedelta(hours=settings.session_ttl_hours), clock.now()
    for step in range(1, 60):
        with clock.use(lambda: start + whole * step / 60):  # noqa: B023
            assert (await client.get("/v1/store/sessions/current")).status_code == 200
    with clock.use(lambda: start + whole + timedelta(seconds=1)):
        assert (await client.get("/v1/store/sessions/current")).status_code == 401


async def test_whose_session_is_over_can_sign_in(client: httpx.AsyncClient, messages: Messages, rows: Rows) -> None:
    await register(client, messages)
    rows("UPDATE session SET revoked_at = now()")
    assert (await sign_in(client)).status_code == 201


async def test_a_signed_out_session_is_dead(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    token = client.cookies[COOKIE]
    assert (await client.delete("/v1/store/sessions/current")).status_code == 204
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get("/v1/store/sessions/current", headers=headers)).status_code == 401


async def test_in_production_the_cookie_is_bound_to_its_host_and_to_tls(settings: Settings, grocer: SeededShop) -> None:
    app = create_app(settings.model_copy(update={"environment": "production"}))
    async with started(app), browser_at(app, grocer) as http:
        given = (await http.post("/v1/store/sessions", json={})).headers["set-cookie"]
    assert given.startswith("__Host-tradewind_session=")
    attributes = {part.strip().lower() for part in given.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


SITES = [
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://fashion.localhost"}, 403),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer "}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 201),
    ({"Sec-Fetch-Site": "none"}, 201),
    ({"Origin": "http://grocer.localhost"}, 201),
    ({}, 201),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("headers", "status"), SITES)
async def test_what_a_cookie_proves_must_come_from_this_very_site(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    await client.post("/v1/store/sessions", json={})
    answer = await client.post("/v1/store/carts", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "request.cross_site"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_that_changes_something_is_guarded(client: httpx.AsyncClient, method: str) -> None:
    await client.post("/v1/store/sessions", json={})
    for path in ("/v1/store/sessions/current", "/v1/nothing/here"):
        refused = await client.request(method, path, headers={"Sec-Fetch-Site": "cross-site"})
        assert refused.status_code == 403
    assert (await client.get("/v1/store/sessions/current")).status_code == 200


async def test_a_bearer_token_is_shown_on_purpose(client: httpx.AsyncClient) -> None:
    await client.post("/v1/store/sessions", json={})
    headers = {"Authorization": f"Bearer {client.cookies[COOKIE]}", "Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/v1/store/carts", headers=headers)).status_code == 201


async def test_a_form_of_another_site_can_not_sign_a_browser_in(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    client.cookies.clear()
    body = {"email": EMAIL, "password": "correct horse battery staple"}
    navigated = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    refused = await client.post("/v1/store/sessions/password", json=body, headers=navigated)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
