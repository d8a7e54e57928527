"""An order's papers over HTTP, to whoever owns the order and to staff."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from commerce.documents import parcels, service, storing
from commerce.documents.schemas import DocumentList
from commerce.documents.service import Written
from commerce.http import Core, CoreDep, ShopDep, ShopperDep, staff
from commerce.identity.staff import Staff
from commerce.legal import service as legal
from commerce.legal.schemas import AcceptedList
from commerce.logos import service as logos
from commerce.orders import labelling, reading
from commerce.orders.photos import RETURNS
from commerce.orders.photos_api import shown
from commerce.policies import areas
from commerce.tenancy.service import Shop
from foundation.database import Tx

router = APIRouter(tags=["documents"], route_class=areas.within(areas.ORDERS))
Reader = Annotated[Staff, Depends(staff("orders:read"))]
OrderId = Annotated[UUID, Path()]
STORE = "/v1/store/orders/{order_id}"
ADMIN = "/v1/admin/orders/{order_id}"
PDF: dict[str, Any] = {"response_class": Response, "responses": {200: {"content": {"application/pdf": {}}}}}


@router.get(f"{STORE}/documents")
async def own_documents(core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId) -> DocumentList:
    """The invoices and credit notes of the shopper's order, oldest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, shopper, order_id)
        return DocumentList(items=list(await service.of_order(tx, order_id)))


@router.get(f"{STORE}/invoice.pdf", **PDF)
async def own_invoice(core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId) -> Response:
    """The invoice of the shopper's order."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, shopper, order_id)
        written = await service.invoice(tx, order_id)
    return await as_pdf(core, shop.id, written)


@router.get(f"{STORE}/documents/{{document_id}}.pdf", **PDF)
async def own_document(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId, document_id: Annotated[UUID, Path()]
) -> Response:
    """An invoice or a credit note of the shopper's order."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, shopper, order_id)
        written = await service.one(tx, order_id, document_id)
    return await as_pdf(core, shop.id, written)


@router.get(f"{ADMIN}/documents")
async def documents(core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId) -> DocumentList:
    """An order's invoices and credit notes, oldest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, None, order_id)
        return DocumentList(items=list(await service.of_order(tx, order_id)))


@router.get(f"{ADMIN}/accepted-pages")
async def accepted_pages(core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId) -> AcceptedList:
    """Which versions of the shop's legal pages the buyer accepted with an order."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, None, order_id)
        return AcceptedList(items=await legal.accepted(tx, order_id))


@router.get(f"{ADMIN}/documents/{{document_id}}.pdf", **PDF)
async def document(
    core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId, document_id: Annotated[UUID, Path()]
) -> Response:
    """An invoice or a credit note."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        written = await service.one(tx, order_id, document_id)
    return await as_pdf(core, shop.id, written)


@router.get(f"{ADMIN}/fulfilments/{{fulfilment_id}}/packing-slip.pdf", **PDF)
async def packing_slip(
    core: CoreDep, shop: ShopDep, by: Reader, order_id: OrderId, fulfilment_id: Annotated[UUID, Path()]
) -> Response:
    """What lies in a parcel, to put into it."""
    from commerce.documents import rendering  # noqa: PLC0415

    async with core.database.tx(shop.id, read_only=True) as tx:
        parcel = await parcels.parcel(tx, shop, order_id, fulfilment_id, limits=by.limits)
    logo = await logos.load(core.settings, shop.id, logos.mark_of(shop.settings))
    return pdf(await asyncio.to_thread(rendering.packing_slip, parcel, logo), f"packing-slip-{parcel.order_number}")


@router.get(f"{ADMIN}/fulfilments/{{fulfilment_id}}/label.pdf", **PDF)
async def label(
    core: CoreDep, shop: ShopDep, by: Reader, order_id: OrderId, fulfilment_id: Annotated[UUID, Path()]
) -> Response:
    """A plain label with the parcel's address, for carriers that take any."""
    from commerce.documents import rendering  # noqa: PLC0415

    async with core.database.tx(shop.id, read_only=True) as tx:
        parcel = await parcels.parcel(tx, shop, order_id, fulfilment_id, limits=by.limits)
    return pdf(await asyncio.to_thread(rendering.label, parcels.label(parcel)), f"label-{parcel.order_number}")


@router.get(f"{STORE}/returns/{{return_id}}/label.pdf", **PDF)
async def own_return_label(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId, return_id: Annotated[UUID, Path()]
) -> Response:
    """The label with which an approved return is sent."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.require_own(tx, shopper, order_id)
        return await _return_label(tx, shop, order_id, return_id)


@router.get(f"{ADMIN}/returns/{{return_id}}/label.pdf", **PDF)
async def return_label(
    core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId, return_id: Annotated[UUID, Path()]
) -> Response:
    """The label with which an approved return is sent."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await _return_label(tx, shop, order_id, return_id)


@router.get(f"{ADMIN}/returns/{{return_id}}/photos/{{photo_id}}", response_class=Response)
async def return_photo(
    core: CoreDep,
    by: Reader,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
    photo_id: Annotated[UUID, Path()],
) -> Response:
    """A photo that a shopper added to a return."""
    return await shown(core, by, RETURNS, (order_id, return_id, photo_id))


async def _return_label(tx: Tx, shop: Shop, order_id: UUID, return_id: UUID) -> Response:
    from commerce.documents import rendering  # noqa: PLC0415

    sent = await labelling.sent_in(tx, order_id, return_id)
    parcel = await parcels.parcel(tx, shop, order_id, sent.fulfilment_id)
    reference = f"{parcel.order_number}-R{sent.place_among}"
    asked = parcels.return_label(parcel, reference=reference, made_at=sent.approved_at)
    return pdf(await asyncio.to_thread(rendering.label, asked), f"return-{reference}")


async def as_pdf(core: Core, tenant_id: UUID, written: Written) -> Response:
    """An invoice or a credit note as it is read in a browser."""
    return pdf(await storing.pdf(core.settings, tenant_id, written), written.document.number)


def pdf(body: bytes, name: str) -> Response:
    """A PDF that browsers show, and keep under that name."""
    headers = {
        "Content-Disposition": f'inline; filename="{name.replace("/", "-")}.pdf"',
        "Cache-Control": "private, max-age=3600",
    }
    return Response(body, media_type="application/pdf", headers=headers)
