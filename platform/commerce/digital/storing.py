"""Files of goods on their way into the object store: as they come, and none is left that no row knows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from commerce.archives.handing_out import require_storage
from commerce.digital import service
from commerce.digital.schemas import DigitalFileOut, FileQuery
from commerce.exchange.storing import StorageUnavailable
from commerce.media import leftovers
from foundation import clock, objects
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
        require_storage(self.settings)
        file_id = new_id()
        async with self.database.tx(self.tenant_id) as tx:
            await service.require_room(tx, sku)
            await leftovers.doom(tx, [self._path(file_id, 1)], after=leftovers.WRITTEN_WITHIN)
        kept = await self._written(file_id, 1, query, body)
        async with self.database.tx(self.tenant_id) as tx:
            await service.keep(tx, await service.require_room(tx, sku), kept)
            await leftovers.spare(tx, [self._path(file_id, 1)])
        return kept

    async def replace(self, sku: str, file_id: UUID, query: FileQuery, body: AsyncIterator[bytes]) -> DigitalFileOut:
        """Put another file in the place of one: whoever bought it gets this from now on.

        Raises:
            FileNotFound, EmptyFile, NoStorage, StorageUnavailable: the one before stays.
        """
        require_storage(self.settings)
        async with self.database.tx(self.tenant_id) as tx:
            version = (await service.file(tx, sku, file_id)).version + 1
            await leftovers.doom(tx, [self._path(file_id, version)], after=leftovers.WRITTEN_WITHIN)
        kept = await self._written(file_id, version, query, body)
        async with self.database.tx(self.tenant_id) as tx:
            before = await service.file(tx, sku, file_id, taken=True)
            if before.version >= version:  # somebody else was faster; theirs has the name of this one
                raise service.FileReplaced
            await service.replace(tx, kept)
            await leftovers.spare(tx, [self._path(file_id, version)])
            await leftovers.doom(tx, [self._path(file_id, before.version)], after=leftovers.SHOWN_STILL)
        return kept

    async def remove(self, sku: str, file_id: UUID) -> None:
        """Take a file away from everybody, also from whoever bought it.

        Raises:
            FileNotFound.
        """
        async with self.database.tx(self.tenant_id) as tx:
            gone = await service.remove(tx, sku, file_id)
            await leftovers.doom(tx, [self._path(file_id, gone.version)], after=leftovers.SHOWN_STILL)

    def _path(self, file_id: UUID, version: int) -> ObjectPath:
        return service.path_of(self.tenant_id, file_id, version)

    async def _written(
        self, file_id: UUID, version: int, query: FileQuery, body: AsyncIterator[bytes]
    ) -> DigitalFileOut:
        digest, size = hashlib.sha256(), 0
        try:
            target = await asyncio.to_thread(
                objects.writing, self.settings.objects_url or "", self._path(file_id, version)
            )
            try:
                async for piece in body:
                    await asyncio.to_thread(target.write, piece)
                    digest.update(piece)
                    size += len(piece)
            finally:
                await asyncio.to_thread(target.close)
        except OSError as fault:
            raise StorageUnavailable from fault
        if not size:
            raise EmptyFile
        return DigitalFileOut(
            id=file_id,
            name=query.name,
            media_type=query.media_type,
            size=size,
            sha256=digest.hexdigest(),
            version=version,
            uploaded_at=clock.now(),
        )
