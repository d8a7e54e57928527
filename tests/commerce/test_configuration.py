"""A shop's configuration: only what the schema allows, no change written over another, and a way back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from commerce.app import create_app
from commerce.configuration.differences import differences
from commerce.identity.staff import create_key
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from foundation.settings import Settings
    from tests.conftest import DatabaseUrls

ADDRESS = "/v1/admin/configuration"


async def _read(staff: httpx.AsyncClient) -> dict[str, Any]:
    answer = await staff.get(ADDRESS)
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


async def _put(staff: httpx.AsyncClient, *, version: int | None = None, **changed: Any) -> httpx.Response:
    read = await _read(staff)
    body = {"version": version or read["version"], "configuration": read["configuration"] | changed, "note": "spring"}
    return await staff.put(ADDRESS, json=body)


async def test_what_staff_set_is_what_the_shop_shows(staff: httpx.AsyncClient, rows: Any) -> None:
    answer = await _put(staff, name="Corner Shop", theme={"accent": "#AA3311"}, zone="Europe/Berlin")

    assert answer.status_code == 200, answer.text
    assert (await _read(staff))["configuration"]["name"] == "Corner Shop"
    settings = rows("SELECT settings FROM tenant WHERE slug = 'grocer'")[0][0]
    assert settings["theme"] == {"accent": "#aa3311"}
    assert settings["sign_in"] == "reference", "what the platform keeps there is not touched"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "changed",
    [
        {"zone": "Mars/Olympus"},
        {"theme": {"accent": "red"}},
        {"theme": {"accent": "#112233", "font": "Comic Sans"}},
        {"theme": {"logo": "javascript:alert(1)"}},
        {"cors_origins": ["https://shop.example/path"]},
        {"cors_origins": ["*"]},
        {"cors_origins": ["https://user@shop.example"]},
        {"mail_templates": {"register": {"subject": "{{ secret }}"}}},
        {"mail_templates": {"sign_in_code": {"body": "Hello!"}}},
        {"mail_templates": {"no_such_message": {"subject": "Hi"}}},
        {"sign_in": "reference"},
        {"locale": "klingon"},
        {"name": ""},
        {"name": 7},
    ],
)
async def test_what_the_schema_does_not_allow_changes_nothing(staff: httpx.AsyncClient, changed: Any) -> None:
    before = await _read(staff)

    answer = await _put(staff, **changed)

    assert answer.status_code == 422, answer.text
    assert await _read(staff) == before


async def test_of_two_who_change_the_same_version_one_is_told(staff: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(_put(staff, version=1, name=name) for name in ("One", "Other")))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["code"], refused["version"]) == ("tenancy.settings_changed", 2)


async def test_the_history_says_who_changed_what_and_leads_back(staff: httpx.AsyncClient) -> None:
    await _put(staff, name="Second")
    await _put(staff, name="Third", theme={"accent": "#112233"})

    latest, _, first = (await staff.get(f"{ADDRESS}/history")).json()["items"]
    assert (latest["version"], latest["changed_by"], latest["note"]) == (3, "Back office", "spring")
    assert latest["changes"] == [
        {"path": "name", "before": "Second", "after": "Third"},
        {"path": "theme.accent", "before": None, "after": "#112233"},
    ]
    assert (first["version"], first["changes"]) == (1, [])

    back = await staff.post(f"{ADDRESS}/reverts", json={"version": 3, "to": 1})
    assert back.status_code == 200, back.text
    assert (back.json()["version"], back.json()["configuration"]["name"]) == (4, "Grocer")
    assert (await staff.post(f"{ADDRESS}/reverts", json={"version": 4, "to": 9})).status_code == 404
    page = (await staff.get(f"{ADDRESS}/history", params={"limit": 1, "before": 4})).json()
    assert ([item["version"] for item in page["items"]], page["has_more"]) == ([3], True)
    assert page["items"][0]["changes"] == latest["changes"]


async def test_a_setting_that_was_written_past_the_schema_does_not_stand_in_the_way(
    staff: httpx.AsyncClient, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        bad = json.dumps({"theme": {"accent": "red"}, "mail_templates": {"gone": {"subject": "x"}}, "zone": "UTC"})
        owner.execute("UPDATE tenant SET settings = settings || %s::jsonb", (bad,))

    read = await _read(staff)

    assert read["configuration"]["theme"] == {"accent": None, "logo": None}
    assert (await _put(staff, name="Mended")).status_code == 200


async def test_a_key_that_only_reads_changes_nothing(app: Any, grocer: SeededShop, staff: httpx.AsyncClient) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Reader", scopes=["settings:read"])
    body = {"version": 1, "configuration": {"name": "Taken"}}

    answer = await staff.put(ADDRESS, json=body, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 403
    assert (await _read(staff))["version"] == 1


async def _soon(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1_000):
        if await holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it never came")


async def test_another_worker_hears_of_a_change_at_once(
    settings: Settings, staff: httpx.AsyncClient, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commerce.tenancy.service.CACHED_SECONDS", 3600.0)
    other = create_app(settings)
    async with started(other):
        directory = other.state.core.directory

        async def hears() -> bool:
            return bool(directory._hearing)

        async def knows() -> bool:
            return bool((await directory.by_host(grocer.host)).name == "Corner Shop")

        await _soon(hears)
        assert not await knows()
        await _put(staff, name="Corner Shop")
        await _soon(knows)


_SETTINGS = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
)


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abc"), _SETTINGS), st.dictionaries(st.sampled_from("abc"), _SETTINGS))
def test_differences_are_none_only_between_equals_and_turn_round(before: dict[str, Any], after: dict[str, Any]) -> None:
    there, back = differences(before, after), differences(after, before)

    assert (there == []) == (before == after)
    assert [(one.path, one.before, one.after) for one in there] == [(one.path, one.after, one.before) for one in back]
