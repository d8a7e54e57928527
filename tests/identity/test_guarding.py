"""Devices, alerts, and limits that keep guesses out and owners in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from commerce.identity.browsers import Browser
from commerce.identity.compromised import Known
from commerce.sessions import guarding, signing_in
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, Messages, browser_at, register, sign_in

Rows = Callable[..., list[tuple[Any, ...]]]
STORE = "/v1/store"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


async def guess(http: httpx.AsyncClient, times: int) -> list[int]:
    return [(await sign_in(http, password=f"guess number {number}")).status_code for number in range(times)]


async def test_guesses_are_stopped_and_the_owners_own_browser_goes_on(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer, address="203.0.113.9") as stranger:
        burst = guarding.HERE.burst
        assert await guess(stranger, burst + 2) == [401] * burst + [429, 429]
        refused = await sign_in(stranger)
        assert (refused.status_code, refused.json()["code"]) == (429, "identity.too_many_attempts")
        assert int(refused.headers["retry-after"]) > 0
    await client.delete(f"{STORE}/sessions/current")
    assert (await sign_in(client)).status_code == 201


async def test_guesses_from_everywhere_close_the_account_to_new_browsers_only(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(client, messages)
    anywhere = guarding._limit("few from anywhere", 4, minutes=10)
    monkeypatch.setattr(guarding, "ANYWHERE", anywhere)
    for number in range(6):
        async with browser_at(app, grocer, address=f"203.0.{number}.9") as stranger:
            assert await guess(stranger, 1) == [401 if number < 4 else 429]
    async with browser_at(app, grocer, address="192.0.2.1") as new:
        assert (await sign_in(new)).status_code == 429
        # A link still signs the owner in: it is counted apart.
        await new.post(f"{STORE}/sessions/links", json={"email": EMAIL})
        token = (await messages())[-1].token
        assert (await new.post(f"{STORE}/sessions/link", json={"token": token})).status_code == 201
    assert (await sign_in(client)).status_code == 201


async def test_an_unknown_address_is_limited_just_so(app: Any, grocer: SeededShop) -> None:
    async with browser_at(app, grocer) as stranger:
        answers = [
            (await sign_in(stranger, email="nobody@example.com")).status_code for _ in range(guarding.HERE.burst + 1)
        ]
    assert answers == [401] * guarding.HERE.burst + [429]


async def test_a_made_up_device_cookie_is_no_device(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer, address="203.0.113.9") as stranger:
        for number in range(guarding.HERE.burst):
            stranger.cookies.set("tradewind_device", f"made-up-{number}", domain=grocer.host)
            await guess(stranger, 1)
        stranger.cookies.set("tradewind_device", "another", domain=grocer.host)
        assert await guess(stranger, 1) == [429]


async def test_signing_in_rightly_uses_nothing_up(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    assert [(await sign_in(client)).status_code for _ in range(guarding.KNOWN.burst * 2)] == [201] * 20


async def test_right_passwords_give_no_more_tries_at_a_second_factor(
    client: httpx.AsyncClient, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ticket is good for some guesses, so whoever has the password alone may not have any number of them."""
    await register(client, messages)

    async def one(*_: object) -> tuple[str, ...]:
        return ("totp",)

    monkeypatch.setattr(signing_in, "required_factors", one)
    answers = [(await sign_in(client)).status_code for _ in range(guarding.KNOWN.burst + 1)]
    assert answers == [202] * guarding.KNOWN.burst + [429]


async def test_mails_to_an_address_are_limited(client: httpx.AsyncClient, messages: Messages) -> None:
    body = {"email": EMAIL}
    answers = [
        (await client.post(f"{STORE}/sessions/links", json=body)).status_code
        for _ in range(guarding.SENT_HERE.burst + 1)
    ]
    assert answers == [202] * guarding.SENT_HERE.burst + [429]
    assert len(await messages()) == guarding.SENT_HERE.burst


async def test_where_one_is_signed_in_is_seen_and_ended(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer, address="192.0.2.44") as other:
        other.headers["User-Agent"] = FIREFOX
        await sign_in(other)
        listed = (await client.get(f"{STORE}/accounts/current/devices")).json()["devices"]
        assert [(one["browser"], one["address"], one["is_current"]) for one in listed] == [
            ("Firefox on Linux", "192.0.2.44", False),
            ("A Python program", "198.51.100.7", True),
        ]
        assert "192.0.2.44" not in str(rows("SELECT row_to_json(s)::text FROM session s"))
        gone = await client.delete(f"{STORE}/accounts/current/devices/{listed[0]['id']}")
        assert gone.status_code == 204
        assert (await other.get(f"{STORE}/sessions/current")).status_code == 401
        again = await client.delete(f"{STORE}/accounts/current/devices/{listed[0]['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "identity.sign_in_not_found")


async def test_signing_out_everywhere_leaves_the_one_that_asks(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer) as other:
        await sign_in(other)
        assert (await client.delete(f"{STORE}/accounts/current/devices")).status_code == 204
        assert (await other.get(f"{STORE}/sessions/current")).status_code == 401
    assert (await client.get(f"{STORE}/sessions/current")).status_code == 200


async def test_anothers_device_can_not_be_signed_out(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    session = await register(client, messages)
    async with browser_at(app, grocer) as other:
        await register(other, messages, email="grace@example.com")
        refused = await other.delete(f"{STORE}/accounts/current/devices/{session['id']}")
    assert refused.status_code == 404
    assert (await client.get(f"{STORE}/sessions/current")).status_code == 200


async def test_a_sign_in_from_somewhere_new_is_told_and_from_the_usual_place_is_not(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    await sign_in(client)
    assert "new_sign_in" not in [one.template for one in await messages()]
    async with browser_at(app, grocer, address="203.0.113.9") as other:
        other.headers["User-Agent"] = FIREFOX
        await sign_in(other)
        told = (await messages())[-1]
        assert (told.template, told.recipient) == ("new_sign_in", EMAIL)
        assert (told.values["browser"], told.values["address"]) == ("Firefox on Linux", "203.0.113.9")
        await sign_in(other)
    assert [one.template for one in await messages()].count("new_sign_in") == 1


async def test_a_known_browser_in_another_network_is_told_too(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer, address="203.0.113.9") as moved:
        moved.cookies.set("tradewind_device", client.cookies["tradewind_device"], domain=grocer.host)
        await sign_in(moved)
    assert (await messages())[-1].template == "new_sign_in"


def test_a_network_is_what_one_household_has() -> None:
    def at(address: str) -> Browser:
        return Browser("", address, None)

    assert at("198.51.100.7").neighbourhood() == at("198.51.100.250").neighbourhood()
    assert at("198.51.100.7").neighbourhood() != at("198.51.101.7").neighbourhood()
    assert at("2001:db8:1:100::1").neighbourhood() == at("2001:db8:1:1ff::9").neighbourhood()
    assert at("::ffff:198.51.100.7").neighbourhood() == at("198.51.100.9").neighbourhood()
    assert at("testclient").neighbourhood() == "testclient"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("", "A browser"),
    ],
)
def test_a_browser_in_words(user_agent: str, words: str) -> None:
    assert Browser(user_agent, "", None).in_words() == words


def test_every_line_of_a_list_is_found_and_nothing_else(tmp_path: Any) -> None:
    import hashlib

    stolen = [f"stolen password {number}" for number in range(1_000)]
    hashes = sorted(hashlib.sha1(word.encode()).hexdigest().upper() for word in stolen)
    path = tmp_path / "pwned.txt"
    path.write_text("\r\n".join(f"{found}:{place + 1}" for place, found in enumerate(hashes)))
    known = Known(path)
    assert all(known.has(word) for word in stolen)
    assert not any(known.has(f"another {word}") for word in stolen)
