"""Registering, and signing in by password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from commerce.identity.passwords import Passwords, TooBusy
from foundation.settings import Settings
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, PASSWORD, Messages, browser_at, register, sign_in

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.mark.both_homes
async def test_an_account_is_made_by_whoever_shows_the_link(client: httpx.AsyncClient, messages: Messages) -> None:
    session = await register(client, messages)
    account = (await client.get("/v1/store/accounts/current")).json()
    assert (account["email"], account["display_name"]) == (EMAIL, "Ada Lovelace")
    assert account["email_verified_at"] is not None
    assert (account["id"], account["customer_id"]) == (session["account_id"], session["customer_id"])


async def test_nothing_is_there_before_the_address_is_proved(
    client: httpx.AsyncClient, rows: Rows, messages: Messages
) -> None:
    await client.post("/v1/store/accounts", json={"email": EMAIL, "password": PASSWORD, "display_name": "Ada"})
    assert rows("SELECT count(*) FROM account") == [(0,)]
    assert (await sign_in(client)).json()["code"] == "identity.wrong_credentials"
    assert (await messages())[0].recipient == EMAIL


async def test_a_link_is_good_once(client: httpx.AsyncClient, messages: Messages) -> None:
    await client.post("/v1/store/accounts", json={"email": EMAIL, "password": PASSWORD, "display_name": "Ada"})
    body = {"token": (await messages())[0].token}
    assert (await client.post("/v1/store/accounts/confirmations", json=body)).status_code == 201
    again = await client.post("/v1/store/accounts/confirmations", json=body)
    assert (again.status_code, again.json()["code"]) == (422, "identity.proof_not_good")


async def test_a_newer_link_ends_the_older(client: httpx.AsyncClient, messages: Messages) -> None:
    body = {"email": EMAIL, "password": PASSWORD, "display_name": "Ada"}
    for _ in range(2):
        await client.post("/v1/store/accounts", json=body)
    older, newer = await messages()
    refused = await client.post("/v1/store/accounts/confirmations", json={"token": older.token})
    assert refused.json()["code"] == "identity.proof_not_good"
    assert (await client.post("/v1/store/accounts/confirmations", json={"token": newer.token})).status_code == 201


async def test_a_link_is_over_after_a_day(client: httpx.AsyncClient, messages: Messages, rows: Rows) -> None:
    await client.post("/v1/store/accounts", json={"email": EMAIL, "password": PASSWORD, "display_name": "Ada"})
    rows("UPDATE proof SET expires_at = now() - interval '1 second'")
    refused = await client.post("/v1/store/accounts/confirmations", json={"token": (await messages())[0].token})
    assert refused.json()["code"] == "identity.proof_not_good"


async def test_whoever_registers_with_a_known_address_is_answered_the_same(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    await register(client, messages)
    body = {"email": EMAIL, "password": "something else entirely", "display_name": "Mallory"}
    async with browser_at(app, grocer, address="203.0.113.9") as stranger:
        known = await stranger.post("/v1/store/accounts", json=body)
        unknown = await stranger.post("/v1/store/accounts", json={**body, "email": "new@example.com"})
    assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
    assert known.headers.keys() == unknown.headers.keys()
    told = [(one.template, one.recipient) for one in await messages()]
    assert told[1:] == [("registered_already", EMAIL), ("register", "new@example.com")]
    assert rows("SELECT count(*) FROM account") == [(1,)]
    assert (await sign_in(client)).status_code == 201


async def test_addresses_and_hashes_are_not_readable_at_rest(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    await register(client, messages)
    ((everything,),) = rows("SELECT row_to_json(a)::text FROM account a")
    assert EMAIL not in everything
    assert "Lovelace" not in everything
    assert PASSWORD not in everything


@pytest.mark.parametrize("attempt", [("nobody@example.com", PASSWORD), (EMAIL, "not the password")])
async def test_who_is_unknown_and_what_is_wrong_look_the_same(
    client: httpx.AsyncClient, messages: Messages, attempt: tuple[str, str]
) -> None:
    await register(client, messages)
    refused = await sign_in(client, email=attempt[0], password=attempt[1])
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.wrong_credentials")
    assert "set-cookie" not in refused.headers


async def test_an_unknown_address_costs_the_same_work(
    app: Any, client: httpx.AsyncClient, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many statements and as many hashes of the same parameters: what tells them apart by their time."""
    await register(client, messages)
    work: list[str] = []
    hashed = Passwords._verify
    monkeypatch.setattr(
        Passwords,
        "_verify",
        lambda self, kept, password: (
            work.append(f"hash {(kept or self._nobodys).split('$')[3]}") or hashed(self, kept, password)
        ),
    )
    from foundation.database import Tx

    ran = Tx.rows

    async def counted(self: Tx, statement: Any, values: Any = None) -> Any:
        work.append(statement.sql)
        return await ran(self, statement, values)

    monkeypatch.setattr(Tx, "rows", counted)
    client.cookies.clear()  # a browser that is known for the account is counted in fewer buckets
    done = {}
    for email in (EMAIL, "nobody@example.com"):
        work.clear()
        assert (await sign_in(client, email=email, password="not the password")).status_code == 401
        done[email] = list(work)
    assert done[EMAIL] == done["nobody@example.com"]
    assert sum(step.startswith("hash") for step in work) == 1


async def test_a_password_is_hashed_anew_when_the_parameters_have_changed(
    app: Any, client: httpx.AsyncClient, messages: Messages, rows: Rows, settings: Settings
) -> None:
    await register(client, messages)
    ((before,),) = rows("SELECT password_hash FROM account")
    stronger = Passwords(settings.model_copy(update={"argon2_passes": 2}))
    object.__setattr__(app.state.core, "passwords", stronger)
    assert (await sign_in(client)).status_code == 201
    ((after,),) = rows("SELECT password_hash FROM account")
    assert ("t=1" in before, "t=2" in after) == (True, True)
    assert (await sign_in(client)).status_code == 201


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "identity.password_too_short"),
        ("password1", "identity.password_compromised"),
        ("PASSWORD1", "identity.password_compromised"),
        ("iloveyou", "identity.password_compromised"),
        (EMAIL, "identity.password_compromised"),
        ("x" * 300, "request.invalid_fields"),
        ("\x00" * 10, "request.malformed_json"),
    ],
)
async def test_what_is_no_good_as_a_password_is_refused(
    client: httpx.AsyncClient, messages: Messages, password: str, code: str
) -> None:
    body = {"email": EMAIL, "password": password, "display_name": "Ada"}
    refused = await client.post("/v1/store/accounts", json=body)
    assert refused.json()["code"] == code
    assert await messages() == []


async def test_what_looks_the_same_is_the_same_password(client: httpx.AsyncClient, messages: Messages) -> None:
    """NFKC: a precomposed letter is the letter and its accent, a full-width digit the digit."""
    await register(client, messages, password="cafe\u0301 au lait \uff12")
    assert (await sign_in(client, password="caf\u00e9 au lait 2")).status_code == 201
    assert (await sign_in(client, password="cafe au lait 2")).status_code == 401


async def test_no_composition_is_asked_for(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages, password="mumbling walrus")


async def test_two_who_show_one_link_get_one_account(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    import asyncio

    await client.post("/v1/store/accounts", json={"email": EMAIL, "password": PASSWORD, "display_name": "Ada"})
    body = {"token": (await messages())[0].token}
    async with browser_at(app, grocer) as other:
        answers = await asyncio.gather(
            *(http.post("/v1/store/accounts/confirmations", json=body) for http in (client, other))
        )
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert rows("SELECT count(*) FROM account") == [(1,)]


async def test_all_of_an_account_is_sealed_by_one_key(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    """What erases the customer erases what was sent before there was one."""
    session = await register(client, messages)
    assert rows("SELECT id::text FROM subject_key") == [(session["customer_id"],)]


async def test_no_more_passwords_are_hashed_at_once_than_may_be_and_whoever_is_too_many_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio
    import threading
    import time

    passwords = Passwords(settings.model_copy(update={"passwords_at_once": 2, "passwords_waiting": 3}))
    running, most, lock = 0, 0, threading.Lock()

    def slow(_self: object, _password: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", slow)
    done = await asyncio.gather(*(passwords.hash("x") for _ in range(9)), return_exceptions=True)
    assert (most, done.count("hash")) == (2, 5)
    assert [type(one) for one in done if one != "hash"] == [TooBusy] * 4
    assert await passwords.hash("x") == "hash"
    passwords.close()


async def test_who_never_confirms_is_forgotten_with_their_key(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, rows: Rows
) -> None:
    from commerce.retention import running

    await client.post("/v1/store/accounts", json={"email": EMAIL, "password": PASSWORD, "display_name": "Ada"})
    assert rows("SELECT count(*) FROM subject_key") == [(1,)]
    rows("UPDATE proof SET expires_at = now() - interval '1 second'")
    await running.follow(app.state.core.database, app.state.core.settings, grocer.id)
    assert rows("SELECT (SELECT count(*) FROM subject_key), (SELECT count(*) FROM proof)") == [(0, 0)]


async def test_nobody_signs_in_by_reference_to_what_has_an_account(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    session = await register(client, messages)
    ((reference,),) = rows("SELECT reference FROM customer WHERE id = %s", session["customer_id"])
    async with browser_at(app, grocer) as other:
        refused = await other.post("/v1/store/sessions", json={"reference": reference})
    assert (refused.status_code, refused.json()["code"]) == (422, "identity.unknown_customer")
