"""`tradewind key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commerce.identity.staff import KeyUnknown, ScopeMissing, by_key
from foundation.database import Database
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


@pytest.mark.parametrize(("slug", "scopes"), [("nobody", None), ("grocer", ["everything"])])
def test_a_key_for_nobody_or_nothing_is_not_made(
    database_urls: DatabaseUrls, slug: str, scopes: list[str] | None
) -> None:
    seed_shop(database_urls, "grocer")
    with pytest.raises(NoKey):
        create(slug, name="Auditor", scopes=scopes)
