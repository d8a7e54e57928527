"""A feed on its way to whoever has its address: whole or, to who has it already, not again (RFC 9110)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response, StreamingResponse

from commerce.archives.handing_out import all_of, repr_digest, require_storage
from commerce.exchange import feeding
from commerce.feeds import builds
from commerce.feeds.builds import Served
from commerce.feeds.service import PREFIX, FeedNotFound
from commerce.http import CoreDep, ShopDep
from commerce.identity.secrets_shown_once import is_well_formed
from commerce.leaving.storage import Store
from commerce.policies import areas
from commerce.throttling import service as throttling
from foundation.access import ANYONE, needs
from foundation.errors import TooMany
from foundation.settings import Settings
from foundation.tokens import token_hash

router = APIRouter(tags=["catalogue"], route_class=areas.within(areas.BROWSING))
Token = Annotated[str, Path(max_length=100)]
PATH = "/feeds/{token}.xml"


class FetchedTooOften(TooMany):
    """The feed was fetched often enough for now. It changes when it is built, and no sooner."""

    code = "feeds.fetched_too_often"


LIMIT = throttling.Limit("product_feed", burst=60, every=timedelta(minutes=1), refusal=FetchedTooOften)
"""Of one feed, wherever it is fetched from."""


@router.get(PATH, response_class=StreamingResponse, responses={200: {"content": {feeding.MEDIA_TYPE: {}}}})
@needs(ANYONE)
async def fetch(request: Request, core: CoreDep, shop: ShopDep, token: Token) -> Response:
    """The feed that has this address, as it was built last; packed by gzip for whoever takes that. With the `ETag`
    of what one has (`If-None-Match`), or its time (`If-Modified-Since`), it is given only when it changed.
    """
    served = None
    if is_well_formed(PREFIX, token):
        async with core.database.tx(shop.id, read_only=True) as tx:
            served = await builds.served(tx, token_hash(token))
    if served is None:
        raise FeedNotFound
    await throttling.take(core.database, shop.id, LIMIT, str(served.feed_id))
    return await _answer(request, core.settings, shop.id, served)


@router.head(PATH, include_in_schema=False)
@needs(ANYONE)
async def look(request: Request, core: CoreDep, shop: ShopDep, token: Token) -> Response:
    """What `fetch` says of it, without the feed."""
    return await fetch(request, core, shop, token)


async def _answer(request: Request, settings: Settings, tenant_id: UUID, served: Served) -> Response:
    packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    written = served.written
    etag = f'"{written.sha256[:32]}{"-gzip" if packed else ""}"'
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(served.changed_at.astimezone(UTC), usegmt=True),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding",
    }
    if _has_it(request, etag, served.changed_at):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    else:
        headers["Repr-Digest"] = repr_digest(written.sha256)
    headers["Content-Length"] = str(written.packed_size if packed else written.size)
    if request.method == "HEAD":
        return Response(media_type=feeding.MEDIA_TYPE, headers=headers)
    path = builds.path_of(tenant_id, served.turn, packed=packed)
    pieces = Store.at(require_storage(settings)).read(path)
    try:
        first = await asyncio.to_thread(next, pieces)
    except FileNotFoundError as fault:
        raise FeedNotFound from fault
    return StreamingResponse(all_of(first, pieces), media_type=feeding.MEDIA_TYPE, headers=headers)


def _has_it(request: Request, etag: str, changed_at: datetime) -> bool:
    """Whether whoever asks has it already; their time counts only where they name no tag."""
    named = request.headers.get("if-none-match")
    if named is not None:
        return named.strip() == "*" or etag in (one.strip().removeprefix("W/") for one in named.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    # A date without a zone, `-0000`, is of UTC.
    return changed_at.replace(microsecond=0) <= (since if since.tzinfo else since.replace(tzinfo=UTC))


def _takes_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` has gzip, by its name or with all others."""
    weights: dict[str, float] = {}
    for one in header.lower().split(","):
        name, _, weight = one.partition(";")
        try:
            weights[name.strip()] = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
    return weights.get("gzip", weights.get("*", 0.0)) > 0
