"""`tradewind key`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from commerce.identity.staff import KeyUnknown, ScopeMissing, by_key
from foundation.database import Database
from foundation.ids import new_id
from tests.factories import seed_shop
from tradewind.keys import NoKey, create

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@pytest.fixture(autouse=True)
def _address(monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", database_urls.app)


async def _who(urls: DatabaseUrls, tenant_id: object, token: str) -> object:
    database = Database(urls.app, pool_size=1)
    try:
        async with database.tx(tenant_id) as tx:  # type: ignore[arg-type]
            return await by_key(tx, token)
    finally:
        await database.close()


def test_a_key_is_good_in_its_own_shop_for_its_own_scopes(database_urls: DatabaseUrls) -> None:
    import asyncio

    grocer, fashion = seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    token = create("grocer", name="Auditor", scopes=["ledger:read"])
    auditor = asyncio.run(_who(database_urls, grocer.id, token))
    assert (auditor.name, auditor.scopes) == ("Auditor", {"ledger:read"})  # type: ignore[attr-defined]
    with pytest.raises(ScopeMissing):
        auditor.require("inventory:write")  # type: ignore[attr-defined]
    with pytest.raises(KeyUnknown):
        asyncio.run(_who(database_urls, fashion.id, token))


def test_the_command_gives_a_key_to_a_vendor_for_the_vendors_part(database_urls: DatabaseUrls) -> None:
    import asyncio

    grocer = seed_shop(database_urls, "grocer")
    vendor_id = new_id()
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        app.execute(
            "INSERT INTO vendor (tenant_id, id, code, name) VALUES (%s, %s, 'mill', 'The Mill')", (grocer.id, vendor_id)
        )
    command = [sys.executable, "-m", "tradewind", "key", "grocer", "--name", "Miller", "--vendor", "mill"]
    token = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert asyncio.run(_who(database_urls, grocer.id, token)).vendor_id == vendor_id  # type: ignore[attr-defined]


@pytest.mark.parametrize(("slug", "scopes"), [("nobody", None), ("grocer", ["everything"])])
def test_a_key_for_nobody_or_nothing_is_not_made(
    database_urls: DatabaseUrls, slug: str, scopes: list[str] | None
) -> None:
    seed_shop(database_urls, "grocer")
    with pytest.raises(NoKey):
        create(slug, name="Auditor", scopes=scopes)
