"""What staff say of the shop's search, over HTTP."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Query, Request, status

from commerce.catalog.schemas import Page
from commerce.deciding import DecisionClient
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.merchandising import previewing, reporting, rules, synonyms
from commerce.merchandising.schemas import (
    Preview,
    PreviewIn,
    QueryReport,
    ReportQuery,
    RuleChange,
    RuleIn,
    RuleList,
    RuleOut,
    RulePublication,
    SynonymChange,
    SynonymIn,
    SynonymList,
    SynonymOut,
)
from commerce.paging import page_of, place_of
from foundation import audit
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/search", tags=["merchandising"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
SynonymId = Annotated[Id, Path()]
RuleId = Annotated[Id, Path()]


@router.get("/synonyms")
async def list_synonyms(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> SynonymList:
    """Which words stand for others."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await synonyms.page(tx, place_of(query.cursor), query.limit + 1)
    return SynonymList(**page_of(found, query.limit))


@router.post("/synonyms", status_code=status.HTTP_201_CREATED)
async def add_synonym(core: CoreDep, shop: ShopDep, _: Writer, body: SynonymIn) -> SynonymOut:
    """Words that stand for others from now on; searches know it within seconds."""
    async with core.database.tx(shop.id) as tx:
        made = await synonyms.add(tx, body)
        audit.made("synonym", made.id)
        return made


@router.put("/synonyms/{synonym_id}")
async def change_synonym(
    core: CoreDep, shop: ShopDep, _: Writer, synonym_id: SynonymId, body: SynonymChange
) -> SynonymOut:
    """Have them be others."""
    async with core.database.tx(shop.id) as tx:
        return await synonyms.change(tx, synonym_id, body)


@router.delete("/synonyms/{synonym_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_synonym(core: CoreDep, shop: ShopDep, _: Writer, synonym_id: SynonymId) -> None:
    """Take them away."""
    async with core.database.tx(shop.id) as tx:
        await synonyms.remove(tx, synonym_id)


@router.get("/rules")
async def list_rules(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> RuleList:
    """What becomes of the order of searches and category pages."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await rules.page(tx, place_of(query.cursor), query.limit + 1)
    return RuleList(**page_of(found, query.limit))


@router.post("/rules", status_code=status.HTTP_201_CREATED)
async def add_rule(core: CoreDep, shop: ShopDep, _: Writer, body: RuleIn) -> RuleOut:
    """A draft of a rule, which changes nothing until it is published."""
    async with core.database.tx(shop.id) as tx:
        made = await rules.add(tx, body)
        audit.made("search_rule", made.id)
        return made


@router.get("/rules/{rule_id}")
async def read_rule(core: CoreDep, shop: ShopDep, _: Reader, rule_id: RuleId) -> RuleOut:
    """A rule, as it is written."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await rules.read(tx, rule_id)


@router.put("/rules/{rule_id}")
async def change_rule(core: CoreDep, shop: ShopDep, _: Writer, rule_id: RuleId, body: RuleChange) -> RuleOut:
    """Write a rule anew; what holds stays as it is until this is published."""
    async with core.database.tx(shop.id) as tx:
        return await rules.change(tx, rule_id, body)


@router.delete("/rules/{rule_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_rule(core: CoreDep, shop: ShopDep, _: Publisher, rule_id: RuleId) -> None:
    """Take a rule away; if it holds, it holds no longer."""
    async with core.database.tx(shop.id) as tx:
        await rules.remove(tx, rule_id)


@router.post("/rules/{rule_id}/previews")
async def preview_rule(
    request: Request, core: CoreDep, shop: ShopDep, _: Writer, rule_id: RuleId, body: PreviewIn
) -> Preview:
    """What shoppers are shown now, and what they would be; whoever publishes it must have looked."""
    decisions = cast("DecisionClient", request.app.state.decisions)
    return await previewing.preview(core.database, decisions, shop, rule_id, query=body.query)


@router.put("/rules/{rule_id}/publication")
async def publish_rule(core: CoreDep, shop: ShopDep, _: Publisher, rule_id: RuleId, body: RulePublication) -> RuleOut:
    """Have a rule hold as it was previewed; searches know it within seconds."""
    async with core.database.tx(shop.id) as tx:
        return await rules.publish(tx, rule_id, body.version)


@router.delete("/rules/{rule_id}/publication")
async def withdraw_rule(core: CoreDep, shop: ShopDep, _: Publisher, rule_id: RuleId) -> RuleOut:
    """Have a rule hold no longer; what is written of it stays."""
    async with core.database.tx(shop.id) as tx:
        return await rules.withdraw(tx, rule_id)


@router.get("/report")
async def report_searches(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[ReportQuery, Query()]
) -> QueryReport:
    """What shoppers search for, what finds nothing, and what finds something that nobody chooses.

    Of those who agreed to statistics; a query is told when three people or more asked it.
    """
    return await reporting.report(core.settings, shop, query)
