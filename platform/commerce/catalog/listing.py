"""Lists that are searched or narrowed down, as answers of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fastapi import Request, Response

from commerce.catalog import finding
from commerce.catalog.answering import shown
from commerce.catalog.finding import Kept
from commerce.catalog.schemas import Filtering
from commerce.deciding import DecisionClient
from commerce.http import Core
from commerce.tenancy.service import Shop

if TYPE_CHECKING:
    from commerce.catalog.facet_names import KnownNames


async def listed(
    request: Request,
    core: Core,
    shop: Shop,
    query: Filtering,
    *,
    within: str | None = None,
    kept: Kept | None = None,
    words: str = "",
) -> Response:
    """What is searched for or narrowed down, in a category or in a collection that is `kept`.

    Raises:
        CategoryNotFound, MalformedCursor, CursorOfAnotherQuery.
        FilterMalformed, TooManyFilters, FacetUnknown, FacetValueUnknown.
    """
    asked = finding.read(
        await cast("KnownNames", request.app.state.facet_names).of(shop),
        words=words,
        within=within,
        filters=query.filter,
        sort=query.sort,
        cursor=query.cursor,
        limit=query.limit,
        facets=query.facets,
        kept=kept,
    )
    since = core.kept.since(shop)
    client = cast("DecisionClient", request.app.state.decisions)
    answer = await finding.decide(client, shop, asked)
    return await shown(
        request,
        core,
        shop,
        lambda shopper: finding.found_for(core.database, client, shop, shopper, answer, asked),
        # What fills in for the service is not given any longer than it has to.
        None if answer is None or answer.fallback else since,
    )
