"""What a variant is as a download, and the files it consists of.

A variant that is downloaded is kept as a bundle of nothing: it takes no stock, so as many can be had as are asked for,
and a line of it is one of which nothing is sent (decision 0051).
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.digital.schemas import DigitalFileOut, DigitalIn, DigitalOut
from commerce.inventory.keeping import UnknownSku
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.naming import ObjectPath, object_path
from foundation.types import Id

MOST_FILES = 50


class VariantHasStock(Conflict):
    """The SKU has stock, is waited for, or is a bundle or part of one; what is downloaded takes none."""

    code = "digital.variant_has_stock"

    sku: str


class NotDigital(Conflict):
    """The SKU is not downloaded: say so before files are put to it."""

    code = "digital.not_digital"

    sku: str


class TooManyFiles(Conflict):
    """The variant has as many files as it may."""

    code = "digital.too_many_files"

    most: int


class FileReplaced(Conflict):
    """Somebody else has just put another file in its place; look at it, and send yours again."""

    code = "digital.file_replaced"


class FileNotFound(NotFound):
    """There is no such file."""

    code = "digital.file_not_found"


# uq_variant_sku. Nobody receives any of it meanwhile, or makes a bundle with it.
_LOCK = hot(
    text(
        """
        SELECT id, digital, bundle AND NOT digital
               OR EXISTS (SELECT FROM stock s WHERE s.tenant_id = v.tenant_id AND s.variant_id = v.id
                                                AND s.available + s.reserved > 0)
               OR EXISTS (SELECT FROM promise p WHERE p.tenant_id = v.tenant_id AND p.variant_id = v.id
                                                  AND p.allocated + p.released < p.quantity)
               OR EXISTS (SELECT FROM bundle_component b
                          WHERE b.tenant_id = v.tenant_id AND b.component_id = v.id) AS takes_stock
        FROM variant v WHERE v.tenant_id = :tenant_id AND v.sku = :sku FOR NO KEY UPDATE
        """
    )
)
_SET = hot(
    text(
        """
        UPDATE variant SET digital = :digital, bundle = :digital, download_limit = CAST(:download_limit AS bigint),
                           download_days = CAST(:download_days AS bigint)
        WHERE tenant_id = :tenant_id AND id = :variant_id
        """
    )
)
_READ = hot(
    text(
        """
        SELECT id, digital, download_limit, download_days FROM variant WHERE tenant_id = :tenant_id AND sku = :sku
        """
    )
)

# ix_digital_file_variant
_FILES = hot(
    text(
        """
        SELECT id, name, media_type, size, sha256, version, uploaded_at FROM digital_file
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY id
        """
    )
)
_COUNTED = hot(
    text(
        """
        SELECT v.id, count(f.id) AS files FROM variant v
        LEFT JOIN digital_file f ON f.tenant_id = v.tenant_id AND f.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.product_id = :product_id AND v.digital GROUP BY v.id
        """
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO digital_file (tenant_id, id, variant_id, name, media_type, size, sha256, version, content_id,
                                  uploaded_at)
        VALUES (:tenant_id, :id, :variant_id, :name, :media_type, :size, :sha256, :version, :content_id,
                CAST(:at AS timestamptz))
        """
    )
)
_REPLACE = hot(
    text(
        """
        UPDATE digital_file
        SET name = :name, media_type = :media_type, size = :size, sha256 = :sha256, version = :version,
            content_id = :content_id, uploaded_at = CAST(:at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_FILE = hot(
    text(
        """
        SELECT f.id, f.name, f.media_type, f.size, f.sha256, f.version, f.content_id, f.uploaded_at
        FROM digital_file f JOIN variant v ON v.tenant_id = f.tenant_id AND v.id = f.variant_id
        WHERE f.tenant_id = :tenant_id AND f.id = :file_id AND v.sku = :sku
        """
    )
)
_TAKE = hot(text("SELECT FROM digital_file WHERE tenant_id = :tenant_id AND id = :file_id FOR UPDATE"))
_DELETE = hot(text("DELETE FROM digital_file WHERE tenant_id = :tenant_id AND id = :file_id"))


class Kept(DigitalFileOut):
    """A file as it is kept."""

    content_id: Id

    def out(self) -> DigitalFileOut:
        """The same, as staff see it."""
        return DigitalFileOut(**self.model_dump(exclude={"content_id"}))


def path_of(tenant_id: UUID, content_id: UUID) -> ObjectPath:
    """Where what was uploaded lies. Nothing there is public."""
    return object_path(tenant_id, "digital", str(content_id))


async def put(tx: Tx, sku: str, said: DigitalIn) -> DigitalOut:
    """Say whether a variant is downloaded, and on which terms; they hold for what was bought before as well.

    Raises:
        UnknownSku, VariantHasStock: nothing changes.
    """
    variant = await tx.one(_LOCK, {"sku": sku})
    if variant is None:
        raise UnknownSku(sku=sku)
    if said.digital and variant["takes_stock"]:
        raise VariantHasStock(sku=sku)
    if said.digital or variant["digital"]:
        await tx.rows(_SET, {"variant_id": variant["id"], **said.model_dump()})
    return await get(tx, sku)


async def get(tx: Tx, sku: str) -> DigitalOut:
    """What a variant is as a download.

    Raises:
        UnknownSku.
    """
    variant = await tx.one(_READ, {"sku": sku})
    if variant is None:
        raise UnknownSku(sku=sku)
    return DigitalOut(
        sku=sku,
        digital=variant["digital"],
        download_limit=variant["download_limit"],
        download_days=variant["download_days"],
        files=await files(tx, variant["id"]),
    )


async def counted(tx: Tx, product_id: UUID) -> dict[UUID, int]:
    """The variants of a product that are downloaded, with how many files each has."""
    return {row["id"]: row["files"] for row in await tx.rows(_COUNTED, {"product_id": product_id})}


async def files(tx: Tx, variant_id: UUID) -> list[DigitalFileOut]:
    """The files of a variant, in the order in which they came."""
    return [DigitalFileOut.model_validate(dict(row)) for row in await tx.rows(_FILES, {"variant_id": variant_id})]


async def require_room(tx: Tx, sku: str) -> UUID:
    """The variant that a file is to be put to.

    Raises:
        UnknownSku, NotDigital, TooManyFiles.
    """
    variant = await tx.one(_LOCK, {"sku": sku})
    if variant is None:
        raise UnknownSku(sku=sku)
    if not variant["digital"]:
        raise NotDigital(sku=sku)
    if len(await files(tx, variant["id"])) >= MOST_FILES:
        raise TooManyFiles(most=MOST_FILES)
    variant_id: UUID = variant["id"]
    return variant_id


async def file(tx: Tx, sku: str, file_id: UUID, *, taken: bool = False) -> Kept:
    """A file of a variant; `taken`, nobody else changes it before the transaction ends.

    Raises:
        FileNotFound.
    """
    if taken:
        await tx.rows(_TAKE, {"file_id": file_id})
    row = await tx.one(_FILE, {"sku": sku, "file_id": file_id})
    if row is None:
        raise FileNotFound
    return Kept.model_validate(dict(row))


async def keep(tx: Tx, variant_id: UUID, kept: Kept) -> None:
    """Write down a file that is in the store."""
    values = kept.model_dump(exclude={"uploaded_at"})
    await tx.rows(_ADD, {"variant_id": variant_id, "at": kept.uploaded_at, **values})


async def replace(tx: Tx, kept: Kept) -> None:
    """Write down the next version of a file."""
    await tx.rows(_REPLACE, {"at": kept.uploaded_at, **kept.model_dump(exclude={"uploaded_at"})})


async def remove(tx: Tx, sku: str, file_id: UUID) -> Kept:
    """Take a file away from everybody, also from whoever bought it; gives what it was.

    Raises:
        FileNotFound.
    """
    found = await file(tx, sku, file_id, taken=True)
    await tx.rows(_DELETE, {"file_id": file_id})
    return found
