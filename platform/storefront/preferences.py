"""What a customer wants to be told, and how."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce.policies import areas
from commerce.profile import preferences
from commerce.profile.schemas import PreferenceIn
from commerce.profile.topics import CHANNELS, KINDS
from foundation.access import CUSTOMER, needs
from storefront.forms import read_marks
from storefront.security import to_sign_in
from storefront.visit import VisitDep

PAGE = "/account/messages"
router = APIRouter(route_class=areas.within(areas.CONSENT))


@router.get(PAGE)
@needs(CUSTOMER)
async def show(visit: VisitDep) -> Response:
    """Every kind of message, each way it can be sent."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        said = await preferences.preferences(tx, customer_id)
    by_topic = {topic: [one for one in said.items if one.topic == topic] for topic in KINDS}
    return visit.page("messages.html", kinds=KINDS, said=by_topic)


@router.post(PAGE)
@needs(CUSTOMER)
async def prefer(request: Request, visit: VisitDep) -> Response:
    """What is marked is wanted, and what isn't marked is not."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    every = [(topic, channel) for topic, kind in KINDS.items() for channel in CHANNELS if channel not in kind.always]
    marked = await read_marks(request, {f"{topic}-{channel}" for topic, channel in every})
    said = [
        PreferenceIn(topic=topic, channel=channel, wanted=f"{topic}-{channel}" in marked) for topic, channel in every
    ]
    async with visit.core.database.tx(visit.shop.id) as tx:
        await preferences.prefer(tx, customer_id, said)
    return visit.redirect(PAGE, "messages-chosen")
