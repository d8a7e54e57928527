"""Files of goods on their way into the object store: as they come, and none is left that no row knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from commerce.archives.arriving import received
from commerce.archives.handing_out import require_storage
from commerce.digital import service
from commerce.digital.schemas import DigitalFileOut, FileQuery
from commerce.digital.service import Kept
from commerce.media import leftovers
from foundation import clock
from foundation.database import Database
from foundation.errors import Unprocessable
from foundation.ids import new_id
from foundation.naming import ObjectPath
from foundation.settings import Settings


class EmptyFile(Unprocessable):
    """There is nothing in the file."""

    code = "digital.empty_file"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the files of a shop's goods are kept."""

    database: Database
    settings: Settings
    tenant_id: UUID

    async def add(self, sku: str, query: FileQuery, body: AsyncIterator[bytes]) -> DigitalFileOut:
        """Put a file to a variant.

        Raises:
            UnknownSku, NotDigital, TooManyFiles, EmptyFile, NoStorage, StorageUnavailable: nothing is kept.
        """
        async with self.database.tx(self.tenant_id) as tx:
            await service.require_room(tx, sku)
        kept = await self._written(new_id(), 1, query, body)
        async with self.database.tx(self.tenant_id) as tx:
            await service.keep(tx, await service.require_room(tx, sku), kept)
            await leftovers.spare(tx, [self._path(kept.content_id)])
        return kept.out()

    async def replace(self, sku: str, file_id: UUID, query: FileQuery, body: AsyncIterator[bytes]) -> DigitalFileOut:
        """Put another file in the place of one: whoever bought it gets this from now on.

        Raises:
            FileNotFound, FileReplaced, EmptyFile, NoStorage, StorageUnavailable: the one before stays.
        """
        async with self.database.tx(self.tenant_id, read_only=True) as tx:
            version = (await service.file(tx, sku, file_id)).version + 1
        kept = await self._written(file_id, version, query, body)
        async with self.database.tx(self.tenant_id) as tx:
            before = await service.file(tx, sku, file_id, taken=True)
            if before.version != version - 1:
                raise service.FileReplaced
            await service.replace(tx, kept)
            await leftovers.spare(tx, [self._path(kept.content_id)])
            await leftovers.doom(tx, [self._path(before.content_id)], after=leftovers.SHOWN_STILL)
        return kept.out()

    async def remove(self, sku: str, file_id: UUID) -> None:
        """Take a file away from everybody, also from whoever bought it.

        Raises:
            FileNotFound.
        """
        async with self.database.tx(self.tenant_id) as tx:
            gone = await service.remove(tx, sku, file_id)
            await leftovers.doom(tx, [self._path(gone.content_id)], after=leftovers.SHOWN_STILL)

    def _path(self, content_id: UUID) -> ObjectPath:
        return service.path_of(self.tenant_id, content_id)

    async def _written(self, file_id: UUID, version: int, query: FileQuery, body: AsyncIterator[bytes]) -> Kept:
        """A file that is in the store, and is deleted from it unless it is spared."""
        url, content_id = require_storage(self.settings), new_id()
        path = self._path(content_id)
        async with self.database.tx(self.tenant_id) as tx:
            await leftovers.doom(tx, [path], after=leftovers.WRITTEN_WITHIN)
        written = await received(url, path, body)
        if not written.size:
            raise EmptyFile
        return Kept(
            id=file_id,
            name=query.name,
            media_type=query.media_type,
            size=written.size,
            sha256=written.sha256,
            version=version,
            content_id=content_id,
            uploaded_at=clock.now(),
        )
