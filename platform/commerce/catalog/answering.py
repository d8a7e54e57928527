"""What is shown of the catalogue, as answers that may be kept: for everybody, or for whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request, Response

from commerce.catalog.prices import Shown
from commerce.http import Core, cacheable, shopper_or_none
from commerce.identity.service import SessionExpired, SessionUnknown, Shopper
from commerce.kept import LONGEST, Since
from commerce.tenancy.service import Shop
from foundation import clock

Read = Callable[[Shopper | None], Awaitable[Shown]]


async def shown(
    request: Request,
    core: Core,
    shop: Shop,
    read: Read,
    since: Since | None = None,
    about: Callable[[bytes], UUID | None] = lambda _: None,
) -> Response:
    """What is read for everybody, kept from `since` on; and for whoever asks, where others may pay something else.

    Who asks is looked up only then: a page that costs everybody the same costs one statement.
    """
    found = await read(None)
    response = _answer(request, found)
    if since is not None:
        core.kept.keep(
            since,
            request.scope,
            response,
            about=about(found.body),
            until=found.until,
            personal=found.personal,
        )
    if not found.personal:
        return response
    shopper = await _known(request, core, shop)
    return response if shopper is None else _answer(request, await read(shopper), whose="private")


def _answer(request: Request, shown: Shown, *, whose: str = "public") -> Response:
    left = LONGEST if shown.until is None else (shown.until - clock.now()).total_seconds()
    vary = "Host, Authorization, Cookie" if shown.personal else "Host"
    return cacheable(request, shown.body, seconds=int(max(0, min(LONGEST, left))), whose=whose, vary=vary)


async def _known(request: Request, core: Core, shop: Shop) -> Shopper | None:
    """Who asks; somebody whose session is over looks around like anybody."""
    try:
        return await shopper_or_none(request, core, shop)
    except (SessionExpired, SessionUnknown):
        return None
