"""Whoever takes everything along has proved just now who they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commerce import recently
from foundation import clock
from tests.access.conftest import app, settings, team
from tests.access.team import Team

__all__ = ["app", "settings", "team"]
EXPORTS = "/v1/admin/exports"


async def test_an_admin_must_prove_anew_who_they_are(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = await team.hire("admin")
    # Whoever may ask is told that there is nowhere to keep it.
    assert (await admin.http.post(EXPORTS)).json()["code"] == "leaving.no_storage"

    later = clock.now() + timedelta(seconds=recently.SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)

    refused = await admin.http.post(EXPORTS)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")
    assert (await admin.http.get(EXPORTS)).status_code == 200


@pytest.mark.parametrize("role", ["support_agent", "warehouse_manager", "merchandiser", "analyst"])
async def test_nobody_else_may(team: Team, role: str) -> None:
    somebody = await team.hire(role)
    assert (await somebody.http.post(EXPORTS)).json()["code"] == "identity.scope_missing"


async def test_a_key_proves_it_each_time_and_needs_the_permission(team: Team) -> None:
    may, may_not = await team.key("settings:export"), await team.key("settings:write", "settings:read")
    assert (await may.post(EXPORTS)).json()["code"] == "leaving.no_storage"
    assert (await may_not.post(EXPORTS)).json()["code"] == "identity.scope_missing"
