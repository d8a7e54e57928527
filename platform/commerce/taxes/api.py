"""Taxes over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.taxes import reporting, service
from commerce.taxes.schemas import ClassIn, PolicyIn, RatesIn, ReportQuery, TaxesOut, TaxReport
from foundation.types import Country, Slug

router = APIRouter(prefix="/v1/admin/taxes", tags=["taxes"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Accountant = Annotated[Staff, Depends(staff("ledger:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("")
async def read(core: CoreDep, shop: ShopDep, _: Reader) -> TaxesOut:
    """The policy and all rates."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx)


@router.get("/report")
async def report(core: CoreDep, shop: ShopDep, _: Accountant, query: Annotated[ReportQuery, Query()]) -> TaxReport:
    """What is declared for a quarter or a month: by scheme, destination country and rate, as the ledger says."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reporting.report(tx, query.period, shop.zone, scheme=query.scheme)


@router.get("/report.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def report_csv(core: CoreDep, shop: ShopDep, _: Accountant, query: Annotated[ReportQuery, Query()]) -> Response:
    """The same as a file."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await reporting.report(tx, query.period, shop.zone, scheme=query.scheme)
    named = {"Content-Disposition": f'attachment; filename="taxes-{query.period}.csv"'}
    return Response(reporting.as_csv(found), media_type="text/csv", headers=named)


@router.put("/policy")
async def set_policy(core: CoreDep, shop: ShopDep, _: Writer, body: PolicyIn) -> TaxesOut:
    """Say whether prices include tax, and where the shop sells from."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_policy(tx, body)


@router.put("/classes/{code}")
async def set_class(core: CoreDep, shop: ShopDep, _: Writer, code: Annotated[Slug, Path()], body: ClassIn) -> TaxesOut:
    """Say what is special about a class of what the shop sells: a service, or under a reverse charge at home."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_class(tx, code, body)


@router.put("/rates/{country}")
async def set_rates(
    core: CoreDep, shop: ShopDep, _: Writer, country: Annotated[Country, Path()], body: RatesIn
) -> TaxesOut:
    """Put a country's rates in place of those it had."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_rates(tx, country, body)
