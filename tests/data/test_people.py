"""The demo's people: each signs in with the password that is printed, and none is made where it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from commerce.policies.roles import ROLES
from foundation.settings import Settings
from tests.factories import SeededShop
from tests.waiting import started
from tradewind.building import build
from tradewind.data.people import PASSWORD, PEOPLE, NotADemo, employ

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
    )


def test_there_is_somebody_of_each_role() -> None:
    assert sorted(person.role for person in PEOPLE) == sorted(ROLES)


def test_each_signs_in_at_the_back_office(settings: Settings, grocer: SeededShop) -> None:
    import asyncio

    employ(settings, grocer.slug)
    employ(settings, grocer.slug)  # a second time nothing more is made
    titles = asyncio.run(_titles(settings, grocer))
    assert titles == [200] * len(PEOPLE)


async def _titles(settings: Settings, shop: SeededShop) -> list[int]:
    app = build(settings)
    found = []
    async with started(app):
        for person in PEOPLE:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}") as browser:
                signed_in = await browser.post(
                    "/sign-in", data={"email": person.email, "password": PASSWORD, "next": "/back-office"}
                )
                assert signed_in.headers["location"] == "/back-office", signed_in.text
                office = await browser.get("/back-office")
                assert person.name in office.text
                found.append(office.status_code)
    return found


@pytest.mark.parametrize(
    "elsewhere",
    [{"environment": "production"}, {"database_url": SecretStr("postgresql://app@db.example.com/tradewind")}],
)
def test_none_is_made_in_production_or_on_another_machine(
    settings: Settings, grocer: SeededShop, elsewhere: dict[str, object]
) -> None:
    with pytest.raises(NotADemo, match="never in production"):
        employ(settings.model_copy(update=elsewhere), grocer.slug)
