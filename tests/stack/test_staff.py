"""`tradewind staff`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from commerce.identity.proofs import ProofNotGood
from commerce.staffing import accepting
from foundation.database import Database
from tests.factories import SeededShop
from tradewind import staffing
from tradewind.cli import app
from tradewind.staffing import NotStaffed

if TYPE_CHECKING:
    from commerce.staffing.schemas import InvitationOut
    from tests.conftest import DatabaseUrls

ADA = "ada@shop.example"


@pytest.fixture(autouse=True)
def _address(monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", database_urls.app)


def _looked_at(urls: DatabaseUrls, shop: SeededShop, link: str) -> InvitationOut:
    found = re.fullmatch(r"https?://[^/]+/back-office/invitation\?token=([\w-]{43})", link)
    assert found, link

    async def look() -> InvitationOut:
        database = Database(urls.app, pool_size=1)
        try:
            async with database.tx(shop.id) as tx:
                return await accepting.look(tx, found[1])
        finally:
            await database.close()

    return asyncio.run(look())


def _messages(urls: DatabaseUrls, shop: SeededShop) -> int:
    with psycopg.connect(urls.owner) as owner:
        row = owner.execute("SELECT count(*) FROM message WHERE tenant_id = %s", (shop.id,)).fetchone()
    return int(row[0]) if row else -1


def test_the_first_admin_of_a_shop_gets_a_link_and_no_mail(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    command = [sys.executable, "-m", "tradewind", "staff", "invite", "grocer", "--email", "Ada@Shop.example"]
    link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert link.startswith(f"http://{grocer.host}:")
    invitation = _looked_at(database_urls, grocer, link)
    assert (invitation.email, invitation.roles) == (ADA, ("admin",))
    assert staffing.every("grocer") == [f"{ADA}  invited  admin"]
    assert _messages(database_urls, grocer) == 0


def test_another_link_takes_the_place_of_one_that_was_lost(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    first = staffing.invite("grocer", email=ADA, roles=["admin"])
    second = staffing.invite("grocer", email=ADA, roles=["admin"], at="https://shop.example/")
    assert second.startswith("https://shop.example/back-office/")
    assert _looked_at(database_urls, grocer, second).email == ADA
    with pytest.raises(ProofNotGood):
        _looked_at(database_urls, grocer, first)
    assert len(staffing.every("grocer")) == 1


def test_who_is_removed_can_not_come_in_any_more(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    link = staffing.invite("grocer", email=ADA, roles=["analyst"])
    assert CliRunner().invoke(app, ["staff", "remove", "grocer", "--email", ADA]).exit_code == 0
    assert staffing.every("grocer") == []
    with pytest.raises(ProofNotGood):
        _looked_at(database_urls, grocer, link)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("slug", "email", "roles", "vendor"),
    [
        ("nobody", ADA, ["admin"], None),
        ("grocer", "ada", ["admin"], None),
        ("grocer", ADA, ["queen"], None),
        ("grocer", ADA, ["vendor"], None),
        ("grocer", ADA, ["admin"], "mill"),
    ],
)
def test_what_makes_no_sense_invites_nobody(
    grocer: SeededShop, slug: str, email: str, roles: list[str], vendor: str | None
) -> None:
    with pytest.raises(NotStaffed):
        staffing.invite(slug, email=email, roles=roles, vendor=vendor)
    assert staffing.every(grocer.slug) == []


def test_nobody_is_removed_who_is_not_there(grocer: SeededShop) -> None:
    with pytest.raises(NotStaffed, match="Nobody with the address"):
        staffing.remove(grocer.slug, ADA)
