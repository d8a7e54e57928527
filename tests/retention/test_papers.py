"""Whom an invoice is to can be read until its time is over, and by nobody after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from commerce.privacy import covering
from commerce.retention import running
from commerce.retention.rules import RULES
from foundation import clock, objects
from foundation.database import Database, hot
from foundation.naming import object_path
from foundation.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

EMAIL = "ada@lovelace.example"
ISSUER = {
    "name": "Grocer Ltd",
    "address": {"line1": "1 High Street", "postal_code": "10999", "city": "Berlin", "country": "DE"},
    "tax_numbers": [{"name": "VAT ID", "number": "DE123456789"}],
    "footer": "Register of Berlin, HRB 1",
}
_BUYER = hot(text("SELECT data->'buyer'->>'email' AS email FROM document WHERE tenant_id = :tenant_id"))
(PAPERS,) = [rule for rule in RULES if rule.name == "papers"]


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=8,
        catalogue_cache_mb=0,
        objects_url=f"file://{tmp_path}",
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database.of(settings, pool_size=3)
    yield database
    await database.close()


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """An order that was invoiced."""
    assert (await staff.put("/v1/admin/documents/issuer", json=ISSUER)).status_code == 200
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    placed = await browser.complete(cart, email=EMAIL)
    assert placed.status_code == 201, placed.text
    answer: dict[str, Any] = placed.json()
    return answer


async def _buyer(database: Database, shop: SeededShop) -> str | None:
    async with database.tx(shop.id) as tx:
        row = await tx.one(_BUYER)
    return row["email"] if row is not None else None


async def _follow(database: Database, settings: Settings, shop: SeededShop, now: datetime) -> int:
    with clock.use(lambda: now):
        return (await running.follow(database, settings, shop.id, [PAPERS]))["papers"]


def _end(rows: Any) -> datetime:
    """When the tenth year after the one of issue is over."""
    ((year,),) = rows("SELECT year FROM document")
    return datetime(year + 11, 1, 1, tzinfo=UTC)


async def test_the_buyer_can_be_read_for_ten_years_and_not_any_longer(
    order: dict[str, Any],
    browser: Browser,
    grocer: SeededShop,
    database: Database,
    settings: Settings,
    rows: Any,
) -> None:
    path = f"/v1/store/orders/{order['id']}/invoice.pdf"
    assert (await browser.http.get(path)).status_code == 200
    ((document_id,),) = rows("SELECT id FROM document")
    file = object_path(grocer.id, "documents", f"{document_id}.pdf")
    url, end = str(settings.objects_url), _end(rows)
    others = rows("SELECT count(*) FROM subject_key WHERE id <> %s", document_id)

    assert await _follow(database, settings, grocer, end) == 0
    assert await _buyer(database, grocer) == EMAIL
    assert objects.get(url, file) is not None

    assert await _follow(database, settings, grocer, end.replace(microsecond=1)) == 1
    assert not await _buyer(database, grocer)
    assert objects.get(url, file) is None
    assert rows("SELECT count(*) FROM subject_key") == others, "the customer's own key went as well"
    assert rows("SELECT count(*) FROM document") == [(1,)]

    again = await browser.http.get(path)
    assert (again.status_code, again.content[:5]) == (200, b"%PDF-")


async def test_a_key_stays_while_its_file_cant_be_deleted(
    order: dict[str, Any],
    grocer: SeededShop,
    database: Database,
    settings: Settings,
    rows: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise OSError

    end = _end(rows).replace(microsecond=1)
    with monkeypatch.context() as patch:
        patch.setattr(objects, "delete", refused)
        with pytest.raises(OSError):  # noqa: PT011  (of any kind)
            await _follow(database, settings, grocer, end)
    assert await _buyer(database, grocer) == EMAIL
    assert await _follow(database, settings, grocer, end) == 1


async def test_papers_from_before_are_given_an_end(
    order: dict[str, Any], grocer: SeededShop, database: Database, rows: Any
) -> None:
    end = _end(rows)
    rows("UPDATE subject_key SET kept_until = NULL")
    await covering.cover(database, grocer.id)
    ((document_id,),) = rows("SELECT id FROM document")
    assert rows("SELECT id, kept_until FROM subject_key WHERE kept_until IS NOT NULL") == [(document_id, end)]
