"""What a rule makes of the order, before and after, out of the very service that shoppers are answered by."""

from __future__ import annotations

from uuid import UUID

from commerce.catalog import service as catalog
from commerce.catalog.schemas import ProductCard
from commerce.deciding import DecisionClient
from commerce.merchandising import rules
from commerce.merchandising.schemas import Preview
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.search import SearchAnswer, SearchRequest
from foundation.steering import SearchRule
from foundation.types import Model

SHOWN = 12


class PreviewUnavailable(Unavailable):
    """What a rule makes of the order can't be shown: the decision service gives no answer, or the shop has no index."""

    code = "search.preview_unavailable"


class _Cards(Model):
    items: list[ProductCard]


async def preview(
    database: Database, client: DecisionClient, shop: Shop, rule_id: UUID, *, query: str | None
) -> Preview:
    """The first products without this version of a rule, and with it.

    Raises:
        RuleNotFound, PreviewUnavailable.
    """
    async with database.tx(shop.id, read_only=True) as tx:
        rule = await rules.read(tx, rule_id)
    trial = rule.draft.told(rule.id)
    asked = query if query is not None else rule.draft.query or ""
    before = await _decided(client, shop, asked, trial, is_tried=False)
    after = await _decided(client, shop, asked, trial, is_tried=True)
    shown = Preview(
        query=asked,
        before=await _cards(database, shop, before),
        after=await _cards(database, shop, after),
        redirect=after.redirect,
        applies=rule.id in after.rules,
    )
    async with database.tx(shop.id) as tx:
        await rules.looked_at(tx, rule)
    return shown


async def _decided(
    client: DecisionClient, shop: Shop, query: str, trial: SearchRule, *, is_tried: bool
) -> SearchAnswer:
    request = SearchRequest(
        tenant_id=shop.id,
        query=query,
        within=trial.category_id,
        price_group=trial.price_group,
        trial=trial if is_tried else None,
        limit=SHOWN,
        deadline_ms=client.deadline_ms,
    )
    answer = await client.ask("search", request, SearchAnswer)
    if answer is None or answer.fallback is not None:
        raise PreviewUnavailable
    return answer


async def _cards(database: Database, shop: Shop, answer: SearchAnswer) -> list[ProductCard]:
    ids = [item.product_id for item in answer.items]
    return _Cards.model_validate_json(await catalog.cards(database, shop, None, ids)).items
