"""Vendors as the shop's staff keep them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from commerce.vendors.schemas import VendorIn, VendorOut
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id


class VendorNotFound(NotFound):
    """The shop has no such vendor."""

    code = "vendors.not_found"

    vendor: str


_COLUMNS = "id, code, name, status, commission_rate, commission_fee"

_LIST = hot(text(f"SELECT {_COLUMNS} FROM vendor WHERE tenant_id = :tenant_id ORDER BY code"))  # noqa: S608

# uq_vendor_code
_BY_CODE = hot(text(f"SELECT {_COLUMNS} FROM vendor WHERE tenant_id = :tenant_id AND code = :code"))  # noqa: S608

_PUT = hot(
    text(
        f"""
        INSERT INTO vendor (tenant_id, id, code, name, status, commission_rate, commission_fee)
        VALUES (:tenant_id, :id, :code, :name, :status, :commission_rate, :commission_fee)
        ON CONFLICT (tenant_id, code) DO UPDATE SET
            name = excluded.name, status = excluded.status, commission_rate = excluded.commission_rate,
            commission_fee = excluded.commission_fee
        RETURNING {_COLUMNS}
        """  # noqa: S608  (the fragment is a literal)
    )
)

_ASSIGN = hot(
    text(
        """
        UPDATE product SET vendor_id = :vendor_id
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:product_ids AS uuid[]))
          AND vendor_id IS DISTINCT FROM :vendor_id
        RETURNING id
        """
    )
)


async def vendors(tx: Tx) -> list[VendorOut]:
    """All of the shop's vendors."""
    return [VendorOut.model_validate(dict(row)) for row in await tx.rows(_LIST)]


async def by_code(tx: Tx, code: str) -> VendorOut:
    """A vendor.

    Raises:
        VendorNotFound.
    """
    row = await tx.one(_BY_CODE, {"code": code})
    if row is None:
        raise VendorNotFound(vendor=code)
    return VendorOut.model_validate(dict(row))


async def put(tx: Tx, code: str, vendor: VendorIn) -> VendorOut:
    """Add a vendor, or change the one with this code; orders that were placed keep their commission."""
    row = await tx.one(_PUT, {**vendor.model_dump(), "id": new_id(), "code": code})
    if row is None:
        raise RuntimeError("an upsert gave no row")
    return VendorOut.model_validate(dict(row))


async def assign(tx: Tx, code: str, product_ids: Sequence[UUID]) -> int:
    """Let a vendor sell some products from now on; says how many changed hands.

    Raises:
        VendorNotFound.
    """
    vendor = await by_code(tx, code)
    return len(await tx.rows(_ASSIGN, {"vendor_id": vendor.id, "product_ids": list(product_ids)}))
