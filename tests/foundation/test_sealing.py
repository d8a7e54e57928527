"""What is sealed opens with the person's key, and with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from foundation import sealing
from foundation.database import Database, hot
from foundation.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import DatabaseUrls

_THROW_AWAY = hot(text("DELETE FROM subject_key WHERE tenant_id = :tenant_id AND id = :id"))


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.app, pool_size=2)
    yield database
    await database.close()


async def test_what_is_sealed_opens_again(database: Database) -> None:
    ada, ben = new_id(), new_id()
    async with database.tx(new_id()) as tx:
        one, two = await sealing.seal(tx, ada, ["ada@example.org", "Ada"])
        (other,) = await sealing.seal(tx, ben, ["Ada"])
        assert "ada" not in one.lower()
        assert two != other
        assert sealing.subject_of(one) == ada
        assert await sealing.unseal(tx, [one, None, other, two]) == ["ada@example.org", None, "Ada", "Ada"]


async def test_nothing_opens_once_the_key_is_thrown_away(database: Database) -> None:
    ada, ben = new_id(), new_id()
    async with database.tx(new_id()) as tx:
        sealed = await sealing.seal(tx, ada, ["Ada"]) + await sealing.seal(tx, ben, ["Ben"])
        await tx.rows(_THROW_AWAY, {"id": ada})
        assert await sealing.unseal(tx, sealed) == [None, "Ben"]


async def test_what_is_sealed_cannot_be_moved_to_another_tenant_or_altered(database: Database) -> None:
    ada, here, there = new_id(), new_id(), new_id()
    async with database.tx(here) as tx:
        (sealed,) = await sealing.seal(tx, ada, ["Ada"])
        with pytest.raises(sealing.Unreadable):
            await sealing.unseal(tx, [sealed[:-4] + "AAAA"])
    async with database.tx(there) as tx:
        await sealing.seal(tx, ada, ["somebody with the same id"])
        with pytest.raises(sealing.Unreadable):
            await sealing.unseal(tx, [sealed])


def test_a_digest_is_of_one_tenant_and_one_purpose() -> None:
    here, there = new_id(), new_id()
    assert sealing.digest(here, "email", "a@b.c") == sealing.digest(here, "email", "a@b.c")
    assert (
        len({sealing.digest(shop, purpose, "a@b.c") for shop in (here, there) for purpose in ("email", "phone")}) == 4
    )
