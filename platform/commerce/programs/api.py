"""Programs over HTTP, for the shop's staff.

Answers that show a secret are not kept for a retry: of a secret only the hash is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, status

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity import makers as identity_makers
from commerce.identity.staff import Staff
from commerce.oauth import clients, signing
from commerce.oauth.clients import Client
from commerce.programs.key_schemas import made_by
from commerce.programs.schemas import ClientChange, ClientIn, ClientList, ClientMade, ClientOut, ClientSecret
from foundation import audit
from foundation.database import Tx
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/programs", tags=["programs"])
Reader = Annotated[Staff, Depends(staff("programs:read"))]
Writer = Annotated[Staff, Depends(staff("programs:write"))]
ClientId = Annotated[Id, Path()]


@router.get("")
async def list_programs(core: CoreDep, shop: ShopDep, _: Reader) -> ClientList:
    """The programs that may ask people for leave to act for them, or act for the shop."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return ClientList(items=await _out(tx, await clients.clients(tx)))


@router.post("", status_code=status.HTTP_201_CREATED)
async def register_program(core: CoreDep, shop: ShopDep, by: Writer, body: ClientIn) -> ClientMade:
    """Register a program. It may do no more for the shop than whoever registers it."""
    async with core.database.tx(shop.id) as tx:
        client, secret = await clients.register(
            tx,
            by,
            name=body.name,
            kind=body.kind,
            redirect_uris=body.redirect_uris,
            grants=body.grants,
            scopes=body.scopes,
            channel=body.channel,
        )
        audit.made("program", client.id)
        (made,) = await _out(tx, [client])
    return ClientMade(**made.model_dump(), client_secret=secret)


@router.post("/signing-keys", status_code=status.HTTP_204_NO_CONTENT)
async def replace_signing_keys(core: CoreDep, shop: ShopDep, _: Writer) -> None:
    """Throw the keys away that sign access tokens. No token that was given out is good any more; programs renew."""
    async with core.database.tx(shop.id) as tx:
        await signing.replace_all(tx)


@router.get("/{client_id}")
async def get_program(core: CoreDep, shop: ShopDep, _: Reader, client_id: ClientId) -> ClientOut:
    """One of the shop's programs."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        (found,) = await _out(tx, [await clients.client(tx, client_id)])
    return found


@router.patch("/{client_id}")
async def change_program(
    core: CoreDep, shop: ShopDep, by: Writer, client_id: ClientId, body: ClientChange
) -> ClientOut:
    """Change what is given. What it may no longer ask for, its tokens can't do any more."""
    async with core.database.tx(shop.id) as tx:
        client = await clients.change(
            tx,
            by,
            client_id,
            name=body.name,
            redirect_uris=body.redirect_uris,
            scopes=body.scopes,
            channel=body.channel if "channel" in body.model_fields_set else clients.STAYS,
        )
        (changed,) = await _out(tx, [client])
    return changed


@router.post("/{client_id}/secret")
async def new_client_secret(core: CoreDep, shop: ShopDep, by: Writer, client_id: ClientId) -> ClientSecret:
    """A new secret; the old one is good no longer."""
    async with core.database.tx(shop.id) as tx:
        return ClientSecret(client_secret=await clients.new_secret(tx, by, client_id))


@router.delete("/{client_id}", status_code=status.HTTP_204_NO_CONTENT)
async def disable_program(core: CoreDep, shop: ShopDep, _: Writer, client_id: ClientId) -> None:
    """A program may do nothing from now on, and all its tokens end."""
    async with core.database.tx(shop.id) as tx:
        await clients.disable(tx, client_id)


async def _out(tx: Tx, found: Sequence[Client]) -> list[ClientOut]:
    makers = await identity_makers.named(tx, (client.created_by for client in found))
    return [ClientOut(**asdict(client), made_by=made_by(makers.get(client.created_by))) for client in found]
