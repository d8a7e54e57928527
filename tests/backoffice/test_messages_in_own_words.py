"""The words of a shop's messages: tried out, changed, sent to oneself; nothing in them runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from commerce.notifications.letters import LETTERS
from foundation import sealing
from tests.access.team import Team

MESSAGES = "/v1/admin/branding/messages"


async def _version(client: httpx.AsyncClient) -> int:
    version: int = (await client.get(MESSAGES)).json()["version"]
    return version


async def _one(client: httpx.AsyncClient, template: str = "register") -> dict[str, Any]:
    listed = (await client.get(MESSAGES)).json()["items"]
    found: dict[str, Any] = next(one for one in listed if one["template"] == template)
    return found


async def test_a_shop_has_words_of_its_own_and_gives_them_up(team: Team) -> None:
    client = await team.key()
    assert len((await client.get(MESSAGES)).json()["items"]) == len(LETTERS)
    words = {"subject": "Willkommen bei {{ shop }}", "version": await _version(client)}

    changed = await client.put(f"{MESSAGES}/register", json=words)

    assert changed.status_code == 200, changed.text
    one = await _one(client)
    assert (one["words"]["subject"], one["is_own"]) == ("Willkommen bei {{ shop }}", True)
    assert one["words"]["body"] == one["platform"]["body"], "what is left out is the platform's"
    await client.put(f"{MESSAGES}/register", json={"version": await _version(client)})
    assert (await _one(client))["is_own"] is False


async def test_a_preview_shows_samples_and_runs_nothing(team: Team) -> None:
    client = await team.key()
    words = {"subject": "Hi {{ name }}", "body": "<script>alert(1)</script> at {{ shop }}, {{ at }}"}
    shown = (await client.post(f"{MESSAGES}/password_changed/previews", json={"words": words})).json()
    assert shown["subject"] == "Hi Ada Lovelace"
    assert "&lt;script&gt;alert(1)&lt;/script&gt; at Grocer, 26 November 2026" in shown["html"]
    assert "<script" not in shown["html"]
    assert (await _one(client, "password_changed"))["is_own"] is False


@pytest.mark.parametrize(
    "words", [{"subject": "{{ password }}"}, {"body": "{{ 7*7 }}"}, {"body": "{% for x in y %}{{ x }}{% endfor %}"}]
)
async def test_a_place_that_is_none_is_refused_with_those_there_are(team: Team, words: dict[str, str]) -> None:
    client = await team.key()
    version = await _version(client)
    for answer in (
        await client.put(f"{MESSAGES}/password_changed", json={**words, "version": version}),
        await client.post(f"{MESSAGES}/password_changed/previews", json={"words": words}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "branding.words_unfit")
        assert "{{ at }}, {{ name }}, {{ shop }}" in answer.json()["faults"][0]
    assert await _version(client) == version


async def test_somebody_elses_change_is_not_written_over(team: Team) -> None:
    client = await team.key()
    version = await _version(client)
    assert (await client.put(f"{MESSAGES}/register", json={"subject": "One", "version": version})).status_code == 200
    stale = await client.put(f"{MESSAGES}/register", json={"subject": "Two", "version": version})
    assert (stale.status_code, stale.json()["code"]) == (409, "tenancy.settings_changed")


async def test_a_test_goes_to_whoever_asks_and_to_nobody_else(team: Team) -> None:
    admin = await team.hire("admin", email="boss@shop.example")
    sent = await admin.http.post(f"{MESSAGES}/register/tests")
    assert (sent.status_code, sent.json()) == (202, {"email": "boss@shop.example"})
    async with team.tx() as tx:
        rows = await tx.send("SELECT template, recipient FROM message", [])
        (to,) = await sealing.unseal(tx, [row["recipient"] for row in rows])
    assert ([row["template"] for row in rows], to) == (["register"], "boss@shop.example")
    key = await (await team.key()).post(f"{MESSAGES}/register/tests")
    assert (key.status_code, key.json()["code"]) == (409, "branding.no_mailbox")


async def test_tests_are_counted(team: Team) -> None:
    admin = await team.hire("admin")
    answers = [(await admin.http.post(f"{MESSAGES}/register/tests")).status_code for _ in range(7)]
    assert answers == [202] * 5 + [429] * 2


async def test_only_who_may_set_the_shop_up_tries_words_out(team: Team) -> None:
    analyst = (await team.hire("analyst")).http
    for answer in (
        await analyst.get(MESSAGES),
        await analyst.put(f"{MESSAGES}/register", json={"version": 1}),
        await analyst.post(f"{MESSAGES}/register/previews", json={"words": {}}),
        await analyst.post(f"{MESSAGES}/register/tests"),
    ):
        assert answer.status_code == 403
    unknown = await (await team.key()).put(f"{MESSAGES}/nothing", json={"version": 1})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "branding.message_not_found")
