"""Archives of what is kept about a person: asked for by themselves, or by the shop's staff for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, status
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import handed_out, require_storage
from commerce.http import Core, CoreDep, PresentShopper, ShopDep, home_of, staff
from commerce.identity.staff import Staff
from commerce.leaving.storage import Store
from commerce.policies import areas
from commerce.privacy import asking, exports
from commerce.privacy.asking import Person, PersonDep, RecentPersonDep
from commerce.privacy.exports import Claim, PersonExportNotFound
from commerce.privacy.schemas import PersonExportIn, PersonExportList, PersonExportOut
from commerce.recently import staff_proved_anew
from commerce.sessions.answering import asking_of
from commerce.sessions.schemas import LinkRequest, Sent
from commerce.sessions.sending import Sending, evenly
from commerce.tenancy.service import Shop
from foundation.access import ANYONE, needs
from foundation.sealed_files import opened

router = APIRouter(tags=["privacy"], route_class=areas.within(areas.PERSONAL_DATA))
MINE, THEIRS = "/v1/store/privacy/exports", "/v1/admin/customers/{customer_id}/exports"
Reader = Annotated[Staff, Depends(staff("privacy:read"))]
Writer = Annotated[Staff, Depends(staff_proved_anew("privacy:write"))]
CustomerId = Annotated[UUID, Path()]
ExportId = Annotated[UUID, Path()]
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A ZIP; `manifest.json` names its files and fields."}
}


@router.post("/v1/store/privacy/links", status_code=status.HTTP_202_ACCEPTED)
@needs(ANYONE)
async def send_link(body: LinkRequest, request: Request, core: CoreDep, shop: ShopDep, current: PresentShopper) -> Sent:
    """Have a link sent by which somebody without an account asks about what is kept of them. Its token stands for them
    in place of a session's, for this alone.
    """
    async with evenly():
        await asking.send_link(Sending(core, shop, asking_of(request, shop, current)), email=body.email)
    return Sent(sent_to=body.email)


@router.post(MINE, status_code=status.HTTP_202_ACCEPTED)
async def ask_for_mine(request: Request, core: CoreDep, shop: ShopDep, person: RecentPersonDep) -> PersonExportOut:
    """Have an archive made of what the shop keeps about you. A mail says when it is ready; it is kept for a week."""
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        return await exports.ask(tx, person.id, by=person.principal, home=home_of(request))


@router.get(MINE)
async def list_mine(core: CoreDep, shop: ShopDep, person: PersonDep) -> PersonExportList:
    """Your archives that are being made or kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.every(tx, person.id)


@router.get(MINE + "/{export_id}/file", response_class=StreamingResponse, responses=_ZIP)
async def download_mine(
    core: CoreDep, shop: ShopDep, person: RecentPersonDep, export_id: ExportId
) -> StreamingResponse:
    """An archive of yours. `Repr-Digest` (RFC 9530) is its SHA-256."""
    return await download(core, shop, person, export_id)


@router.post(THEIRS, status_code=status.HTTP_202_ACCEPTED)
async def ask_for_theirs(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, customer_id: CustomerId, body: PersonExportIn
) -> PersonExportOut:
    """Have an archive made for a customer who asked the shop. It is theirs alone to download: they are written to."""
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        return await exports.ask(tx, customer_id, by=by.principal, home=home_of(request), reason=body.reason)


@router.get(THEIRS)
async def list_theirs(core: CoreDep, shop: ShopDep, _: Reader, customer_id: CustomerId) -> PersonExportList:
    """A customer's archives that are being made or kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.every(tx, customer_id)


async def download(core: Core, shop: Shop, person: Person, export_id: UUID) -> StreamingResponse:
    """An archive, opened as it goes out.

    Raises:
        PersonExportNotFound, PersonExportNotReady, NoStorage.
    """
    store = Store.at(require_storage(core.settings))
    async with core.database.tx(shop.id) as tx:
        export, made = await exports.take(tx, person.id, export_id, by=person.principal)
    name = f"{shop.slug}-my-data-{export.requested_at:%Y-%m-%d}.zip"
    try:
        return await handed_out(
            _pieces(store, made, made.path(shop.id)), name=name, size=export.size, sha256=export.sha256
        )
    except FileNotFoundError as fault:
        raise PersonExportNotFound from fault


def _pieces(store: Store, made: Claim, path: str) -> Iterator[bytes]:
    with store.filesystem.open(f"{store.root}/{path}", "rb") as source:
        yield from opened(source, made.key)
