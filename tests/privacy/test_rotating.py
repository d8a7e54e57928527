"""A new key takes over what the old one wrapped, and the old one can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commerce.privacy import rotating
from foundation import sealing
from foundation.database import Database
from foundation.ids import new_id
from foundation.sealing import Keyring

if TYPE_CHECKING:
    import pytest

    from tests.conftest import DatabaseUrls

OLD, NEW, INDEX = bytes(32), bytes([1]) * 32, bytes([2]) * 32


async def test_what_was_sealed_opens_by_the_new_key_alone(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, here, ada = Database(database_urls.app, pool_size=2), new_id(), new_id()
    both, new = Keyring("new", {"new": NEW, "old": OLD}, INDEX), Keyring("new", {"new": NEW}, INDEX)
    monkeypatch.setattr(sealing, "keyring", lambda: Keyring("old", {"old": OLD}, INDEX))
    async with database.tx(here) as tx:
        sealed = await sealing.seal(tx, ada, ["Ada"])
    monkeypatch.setattr(rotating, "keyring", lambda: both)
    assert await rotating.rotate(database, here) == 1
    assert await rotating.rotate(database, here) == 0
    sealing.forget(here, [ada])
    monkeypatch.setattr(sealing, "keyring", lambda: new)
    async with database.tx(here) as tx:
        assert await sealing.unseal(tx, sealed) == ["Ada"]
    await database.close()
