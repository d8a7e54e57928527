"""Keys of the API over HTTP: the shop's, for its staff, and a vendor's, for the vendor.

Answers that show a key are not kept for a retry: of a key only the hash is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, status

from commerce.http import CoreDep, ShopDep, VendorDesk, staff, vendor_desk
from commerce.identity import keys
from commerce.identity import makers as identity_makers
from commerce.identity.keys import Key
from commerce.identity.staff import Staff
from commerce.programs.key_schemas import KeyIn, KeyList, KeyMade, KeyOut, ReplaceIn, VendorKeyIn, made_by
from commerce.vendors import service as vendors
from foundation import audit
from foundation.database import Tx
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/api-keys", tags=["programs"])
vendor_router = APIRouter(prefix="/v1/vendor/api-keys", tags=["programs"])
Reader = Annotated[Staff, Depends(staff("api_keys:read"))]
Writer = Annotated[Staff, Depends(staff("api_keys:write"))]
VendorReader = Annotated[VendorDesk, Depends(vendor_desk("api_keys:read"))]
VendorWriter = Annotated[VendorDesk, Depends(vendor_desk("api_keys:write"))]
KeyId = Annotated[Id, Path()]


async def _out(tx: Tx, found: Sequence[Key]) -> list[KeyOut]:
    makers = await identity_makers.named(tx, (key.created_by for key in found))
    return [KeyOut(**asdict(key), made_by=made_by(makers.get(key.created_by))) for key in found]


async def _made(tx: Tx, made: tuple[Key, str]) -> KeyMade:
    key, secret = made
    (out,) = await _out(tx, [key])
    return KeyMade(**out.model_dump(), key=secret)


@router.get("")
async def list_keys(core: CoreDep, shop: ShopDep, _: Reader) -> KeyList:
    """The shop's keys and its vendors', the latest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return KeyList(items=await _out(tx, await keys.keys(tx, None)))


@router.post("", status_code=status.HTTP_201_CREATED)
async def make_key(core: CoreDep, shop: ShopDep, by: Writer, body: KeyIn) -> KeyMade:
    """A new key, which may do no more than whoever makes it. It is in this answer and in no other."""
    async with core.database.tx(shop.id) as tx:
        vendor_id = (await vendors.by_code(tx, body.vendor)).id if body.vendor else None
        made = await keys.make(
            tx, by, name=body.name, scopes=body.scopes, vendor_id=vendor_id, expires_at=body.expires_at
        )
        audit.made("key", made[0].id)
        return await _made(tx, made)


@router.post("/{key_id}/replacement", status_code=status.HTTP_201_CREATED)
async def replace_key(core: CoreDep, shop: ShopDep, by: Writer, key_id: KeyId, body: ReplaceIn) -> KeyMade:
    """A new key like this one, which stays good for a while."""
    async with core.database.tx(shop.id) as tx:
        return await _made(tx, await keys.replace(tx, by, key_id, None, overlap=timedelta(hours=body.overlap_hours)))


@router.delete("/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_key(core: CoreDep, shop: ShopDep, _: Writer, key_id: KeyId) -> None:
    """End a key, at once."""
    async with core.database.tx(shop.id) as tx:
        await keys.end(tx, key_id, None)


@vendor_router.get("")
async def list_vendor_keys(core: CoreDep, shop: ShopDep, desk: VendorReader) -> KeyList:
    """The vendor's keys, the latest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return KeyList(items=await _out(tx, await keys.keys(tx, desk.vendor_id)))


@vendor_router.post("", status_code=status.HTTP_201_CREATED)
async def make_vendor_key(core: CoreDep, shop: ShopDep, desk: VendorWriter, body: VendorKeyIn) -> KeyMade:
    """A new key of the vendor's, which may do no more than the one that makes it."""
    async with core.database.tx(shop.id) as tx:
        made = await keys.make(
            tx, desk.staff, name=body.name, scopes=body.scopes, vendor_id=desk.vendor_id, expires_at=body.expires_at
        )
        audit.made("key", made[0].id)
        return await _made(tx, made)


@vendor_router.post("/{key_id}/replacement", status_code=status.HTTP_201_CREATED)
async def replace_vendor_key(
    core: CoreDep, shop: ShopDep, desk: VendorWriter, key_id: KeyId, body: ReplaceIn
) -> KeyMade:
    """A new key like this one of the vendor's, which stays good for a while."""
    async with core.database.tx(shop.id) as tx:
        overlap = timedelta(hours=body.overlap_hours)
        return await _made(tx, await keys.replace(tx, desk.staff, key_id, desk.vendor_id, overlap=overlap))


@vendor_router.delete("/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_vendor_key(core: CoreDep, shop: ShopDep, desk: VendorWriter, key_id: KeyId) -> None:
    """End one of the vendor's keys, at once."""
    async with core.database.tx(shop.id) as tx:
        await keys.end(tx, key_id, desk.vendor_id)
