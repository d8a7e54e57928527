"""How photos of returns and claims come in over HTTP, and are shown to those who may see them."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request, Response, status

from commerce.http import Core, once
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import photos, reading
from commerce.orders.answering import by_staff
from commerce.orders.held import by_shopper
from commerce.orders.photos import Album
from foundation.http import json_bytes, model_bytes


async def add_once(
    request: Request,
    core: Core,
    who: Shopper | Staff,
    key: str,
    album: Album,
    ids: tuple[UUID, UUID],
    body: bytes,
) -> Response:
    """Add a photo, by the ids of the order and the return or claim, once for the key; the order as it stands then."""
    order_id, owner_id = ids
    shopper = who if isinstance(who, Shopper) else None
    actor = by_shopper(who) if isinstance(who, Shopper) else by_staff(who)

    async def work() -> Response:
        about = (who.tenant_id, order_id, owner_id)
        await photos.add(core.database, core.settings, album, about, actor, body, owner=shopper)
        async with core.database.tx(who.tenant_id, read_only=True) as tx:
            order = (
                await reading.get(tx, who, order_id)
                if isinstance(who, Shopper)
                else await reading.for_staff(tx, order_id, who)
            )
        return json_bytes(model_bytes(order), status=status.HTTP_201_CREATED)

    return await once(request, core, who, key, work)


async def shown(core: Core, who: Shopper | Staff, album: Album, ids: tuple[UUID, UUID, UUID]) -> Response:
    """A photo, by the ids of the order, of the return or claim, and its own, for its owner's eyes and staff's."""
    order_id, owner_id, photo_id = ids
    async with core.database.tx(who.tenant_id, read_only=True) as tx:
        await reading.require_own(tx, who if isinstance(who, Shopper) else None, order_id)
        body = await photos.load(core.settings, tx, album, order_id, owner_id, photo_id)
    return Response(body, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
