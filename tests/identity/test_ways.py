"""Signing in by a link and by a code; a password that is forgotten; an address, a number or a password that changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from commerce.identity import accounts
from commerce.identity.proofs import ATTEMPTS
from foundation import clock
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, PASSWORD, Messages, browser_at, register, sign_in

Rows = Callable[..., list[tuple[Any, ...]]]
NEW = "a new and better one"
PHONE = "+14155550123"
STORE = "/v1/store"


async def last(messages: Messages) -> Any:
    return (await messages())[-1]


async def test_a_link_signs_in_whoever_can_read_the_mail(client: httpx.AsyncClient, messages: Messages) -> None:
    session = await register(client, messages)
    client.cookies.clear()
    asked = await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
    assert (asked.status_code, asked.json()) == (202, {"sent_to": EMAIL})
    token = (await last(messages)).token
    signed_in = await client.post(f"{STORE}/sessions/link", json={"token": token})
    assert (signed_in.json()["account_id"], signed_in.json()["amr"]) == (session["account_id"], ["otp"])
    again = await client.post(f"{STORE}/sessions/link", json={"token": token})
    assert again.json()["code"] == "identity.proof_not_good"


async def test_a_link_makes_an_account_where_there_is_none(client: httpx.AsyncClient, messages: Messages) -> None:
    await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
    token = (await last(messages)).token
    assert (await client.post(f"{STORE}/sessions/link", json={"token": token})).status_code == 201
    account = (await client.get(f"{STORE}/accounts/current")).json()
    assert (account["email"], account["has_password"]) == (EMAIL, False)


async def test_a_link_for_one_thing_is_no_good_for_another(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
    token = (await last(messages)).token
    reset = await client.post(f"{STORE}/accounts/password-resets/confirmations", json={"token": token, "password": NEW})
    assert reset.json()["code"] == "identity.proof_not_good"


async def test_an_unproved_account_is_its_address_owners_once_they_show_a_link(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    """Somebody made an account with another's address and waits for its owner: nothing of theirs is left."""
    async with app.state.core.database.tx(grocer.id) as tx:
        theirs = await app.state.core.passwords.hash("the attacker knows this")
        await accounts.create(tx, display_name="Mallory", email=EMAIL, password_hash=theirs)
    async with browser_at(app, grocer, address="203.0.113.9") as attacker:
        assert (await sign_in(attacker, password="the attacker knows this")).status_code == 201
        await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
        token = (await last(messages)).token
        assert (await client.post(f"{STORE}/sessions/link", json={"token": token})).status_code == 201
        assert (await attacker.get(f"{STORE}/accounts/current")).status_code == 401
        assert (await sign_in(attacker, password="the attacker knows this")).status_code == 401


async def ask_for_code(http: httpx.AsyncClient, messages: Messages, phone: str = PHONE) -> tuple[str, str]:
    asked = await http.post(f"{STORE}/sessions/codes", json={"phone": phone})
    assert asked.status_code == 202, asked.text
    return asked.json()["id"], (await last(messages)).values["code"]


async def test_a_code_signs_in_and_makes_an_account_where_there_is_none(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    ids = set()
    for written in ("(415) 555-0123", PHONE):
        proof, code = await ask_for_code(client, messages, written)
        assert (await last(messages)).recipient == PHONE
        answer = await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": f"{code[:3]} {code[3:]}"})
        assert (answer.status_code, answer.json()["amr"]) == (201, ["sms"])
        ids.add(answer.json()["account_id"])
    assert len(ids) == 1
    assert PHONE not in str(rows("SELECT row_to_json(a)::text FROM account a"))


async def test_a_code_is_good_once_and_for_whoever_asked_for_it(client: httpx.AsyncClient, messages: Messages) -> None:
    proof, code = await ask_for_code(client, messages)
    other = {"id": "00000000-0000-7000-8000-000000000000", "code": code}
    assert (await client.post(f"{STORE}/sessions/code", json=other)).json()["code"] == "identity.code_wrong"
    assert (await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})).status_code == 201
    again = await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})
    assert again.json()["code"] == "identity.code_wrong"


async def test_after_some_wrong_codes_the_right_one_is_no_good(client: httpx.AsyncClient, messages: Messages) -> None:
    proof, code = await ask_for_code(client, messages)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(ATTEMPTS):
        refused = await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "identity.code_wrong")
    late = await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})
    assert late.json()["code"] == "identity.code_wrong"


async def test_a_code_is_over_after_some_minutes(client: httpx.AsyncClient, messages: Messages) -> None:
    proof, code = await ask_for_code(client, messages)
    now = clock.now()
    with clock.use(lambda: now + timedelta(minutes=11)):
        late = await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})
    assert late.json()["code"] == "identity.code_wrong"


async def test_codes_at_rest_are_not_found_by_trying_all_of_them(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    import hashlib

    proof, code = await ask_for_code(client, messages)
    ((kept,),) = rows("SELECT secret_hash FROM proof")
    guesses = {hashlib.sha256(words.encode()).digest() for words in (code, f"{proof}:{code}")}
    assert bytes(kept) not in guesses


async def test_who_asks_for_a_strangers_code_does_not_end_theirs(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    proof, code = await ask_for_code(client, messages)
    async with browser_at(app, grocer, address="203.0.113.9") as stranger:
        await ask_for_code(stranger, messages)
    assert (await client.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})).status_code == 201


@pytest.mark.parametrize("phone", ["12", "+1 000 000 0000", "call me"])
async def test_a_number_that_nobody_has_is_refused(client: httpx.AsyncClient, phone: str) -> None:
    refused = await client.post(f"{STORE}/sessions/codes", json={"phone": phone})
    assert refused.json()["code"] == "identity.phone_invalid"


async def test_a_forgotten_password_is_chosen_anew_and_everybody_is_signed_out(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer) as other:
        asked = await other.post(f"{STORE}/accounts/password-resets", json={"email": EMAIL})
        assert (asked.status_code, asked.json()) == (202, {"sent_to": EMAIL})
        body = {"token": (await last(messages)).token, "password": NEW}
        done = await other.post(f"{STORE}/accounts/password-resets/confirmations", json=body)
        assert done.status_code == 204
        assert "set-cookie" not in done.headers
        again = await other.post(f"{STORE}/accounts/password-resets/confirmations", json=body)
        assert again.json()["code"] == "identity.proof_not_good"
        assert (await client.get(f"{STORE}/sessions/current")).status_code == 401
        assert (await sign_in(other)).status_code == 401
        assert (await sign_in(other, password=NEW)).status_code == 201
    assert "password_changed" in [one.template for one in await messages()]


async def test_a_bad_new_password_leaves_the_link_as_it_was(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    await client.post(f"{STORE}/accounts/password-resets", json={"email": EMAIL})
    token = (await last(messages)).token
    path = f"{STORE}/accounts/password-resets/confirmations"
    refused = await client.post(path, json={"token": token, "password": "password1"})
    assert refused.json()["code"] == "identity.password_compromised"
    assert (await client.post(path, json={"token": token, "password": NEW})).status_code == 204


async def test_an_address_without_an_account_is_told_so_by_mail_alone(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    asked = await client.post(f"{STORE}/accounts/password-resets", json={"email": "nobody@example.com"})
    assert (asked.status_code, asked.json()) == (202, {"sent_to": "nobody@example.com"})
    assert [(one.template, one.recipient) for one in await messages()] == [("not_registered", "nobody@example.com")]


async def test_another_password_ends_every_other_session_and_the_token_of_this(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer) as other:
        await sign_in(other)
        await client.post(f"{STORE}/accounts/password-resets", json={"email": EMAIL})
        pending = (await last(messages)).token
        before = client.cookies["tradewind_session"]
        path = f"{STORE}/accounts/current/password"
        wrong = await client.put(path, json={"current": "not it", "new": NEW})
        assert wrong.json()["code"] == "identity.wrong_credentials"
        assert (await client.put(path, json={"current": PASSWORD, "new": NEW})).status_code == 204
        assert client.cookies["tradewind_session"] != before
        assert (await client.get(f"{STORE}/sessions/current")).status_code == 200
        assert (await other.get(f"{STORE}/sessions/current")).status_code == 401
        body = {"token": pending, "password": "yet another one"}
        late = await other.post(f"{STORE}/accounts/password-resets/confirmations", json=body)
        assert late.json()["code"] == "identity.proof_not_good"


async def test_who_has_no_password_chooses_one_only_right_after_proving_who_they_are(
    client: httpx.AsyncClient, messages: Messages
) -> None:
    await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
    await client.post(f"{STORE}/sessions/link", json={"token": (await last(messages)).token})
    path, now = f"{STORE}/accounts/current/password", clock.now()
    with clock.use(lambda: now + timedelta(minutes=16)):
        late = await client.put(path, json={"new": NEW})
    assert (late.status_code, late.json()["code"]) == (401, "identity.prove_again")
    assert (await client.put(path, json={"new": NEW})).status_code == 204
    assert (await sign_in(client, password=NEW)).status_code == 201


async def test_another_address_is_the_accounts_once_its_link_is_shown(
    client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    asked = await client.post(f"{STORE}/accounts/current/email", json={"email": "new@example.com"})
    assert asked.status_code == 202
    assert (await client.get(f"{STORE}/accounts/current")).json()["email"] == EMAIL
    told = await last(messages)
    assert told.recipient == "new@example.com"
    confirmed = await client.post(f"{STORE}/accounts/email-confirmations", json={"token": told.token})
    assert confirmed.status_code == 204
    assert (await client.get(f"{STORE}/accounts/current")).json()["email"] == "new@example.com"
    assert ((await last(messages)).template, (await last(messages)).recipient) == ("email_changed", EMAIL)
    assert (await sign_in(client, email="new@example.com")).status_code == 201
    assert (await sign_in(client)).status_code == 401


async def test_an_address_of_another_account_is_not_taken_over(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer) as other:
        await register(other, messages, email="grace@example.com")
        asked = await other.post(f"{STORE}/accounts/current/email", json={"email": EMAIL})
        assert asked.status_code == 202
        token = (await last(messages)).token
        taken = await other.post(f"{STORE}/accounts/email-confirmations", json={"token": token})
    assert (taken.status_code, taken.json()["code"]) == (409, "identity.address_taken")


async def test_what_is_sensitive_asks_anew_after_a_while(client: httpx.AsyncClient, messages: Messages) -> None:
    await register(client, messages)
    now = clock.now()
    with clock.use(lambda: now + timedelta(minutes=16)):
        for path, body in (("email", {"email": "new@example.com"}), ("phone", {"phone": PHONE})):
            refused = await client.post(f"{STORE}/accounts/current/{path}", json=body)
            assert refused.json()["code"] == "identity.prove_again"
        assert (await sign_in(client)).status_code == 201
        assert (await client.post(f"{STORE}/accounts/current/phone", json={"phone": PHONE})).status_code == 202


async def test_a_number_is_the_accounts_once_its_code_is_shown(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    session = await register(client, messages)
    asked = (await client.post(f"{STORE}/accounts/current/phone", json={"phone": PHONE})).json()
    body = {"id": asked["id"], "code": (await last(messages)).values["code"]}
    assert (await client.get(f"{STORE}/accounts/current")).json()["phone"] is None
    assert (await client.post(f"{STORE}/accounts/current/phone/confirmations", json=body)).status_code == 204
    assert (await client.get(f"{STORE}/accounts/current")).json()["phone"] == PHONE
    async with browser_at(app, grocer) as other:
        proof, code = await ask_for_code(other, messages)
        signed_in = await other.post(f"{STORE}/sessions/code", json={"id": proof, "code": code})
        assert signed_in.json()["account_id"] == session["account_id"]


async def test_a_code_for_anothers_account_is_no_good_here(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    asked = (await client.post(f"{STORE}/accounts/current/phone", json={"phone": PHONE})).json()
    body = {"id": asked["id"], "code": (await last(messages)).values["code"]}
    async with browser_at(app, grocer) as other:
        await register(other, messages, email="grace@example.com")
        refused = await other.post(f"{STORE}/accounts/current/phone/confirmations", json=body)
    assert refused.json()["code"] == "identity.code_wrong"
