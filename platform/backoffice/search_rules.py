"""Rules of the order of searches and category pages: written, seen before and after, published, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.schemas import Cursor, Version
from commerce.deciding import DecisionClient
from commerce.merchandising import naming, previewing, rules
from commerce.merchandising.schemas import (
    MOST_TARGETS,
    Preview,
    Redirect,
    RuleChange,
    RuleIn,
    RuleOut,
    SearchedFor,
)
from commerce.paging import page_of, place_of
from commerce.promotions.windows import moment
from foundation import audit
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input, Slug, Text, WallTime
from pages.forms import Button, blank, read, split_lines, validated, whole

router = APIRouter(prefix="/back-office/search/rules")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
RuleId = Annotated[Id, Path()]
Lines = Annotated[list[Text], Field(max_length=MOST_TARGETS), BeforeValidator(split_lines)]
HERE = "/back-office/search/rules"
_SHOWN = 50
_WALL = "%Y-%m-%dT%H:%M"
_EMPTY: Mapping[str, str | None] = dict.fromkeys(
    (
        "name",
        "query",
        "match",
        "category",
        "price_group",
        "starts_at",
        "ends_at",
        "pin",
        "boost",
        "bury",
        "hide",
        "redirect",
    )
)


class RuleForm(Input):
    """`RuleIn` as people write it: products by their handles, times by the shop's clocks."""

    name: Text
    query: Annotated[SearchedFor | None, BeforeValidator(blank)] = None
    match: Literal["exact", "contains"] = "exact"
    category: Annotated[Slug | None, BeforeValidator(blank)] = None
    price_group: Annotated[Text | None, BeforeValidator(blank)] = None
    starts_at: Annotated[WallTime | None, BeforeValidator(blank)] = None
    ends_at: Annotated[WallTime | None, BeforeValidator(blank)] = None
    pin: Lines = Field(default_factory=list)
    boost: Lines = Field(default_factory=list)
    bury: Lines = Field(default_factory=list)
    hide: Lines = Field(default_factory=list)
    redirect: Annotated[Redirect | None, BeforeValidator(blank)] = None


class ChangeForm(RuleForm):
    """A rule as it is to be."""

    version: Annotated[Version, BeforeValidator(whole)]


class PublishForm(Input):
    """Which version is to hold."""

    version: Annotated[Version, BeforeValidator(whole)]


class PreviewForm(Input):
    """What to look at; what the rule itself is about, where nothing is typed."""

    q: Annotated[SearchedFor | None, BeforeValidator(blank)] = None


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's rules."""
    async with desk.tx(read_only=True) as tx:
        found = await rules.page(tx, place_of(cursor), _SHOWN + 1)
    return desk.page("search_rules.html", **page_of(found, _SHOWN))


@router.get("/new")
async def new(desk: Reader) -> Response:
    """The form of a rule."""
    return desk.page("search_rule_new.html", held=_EMPTY)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """A draft."""
    try:
        form = await read(request, RuleForm)
        async with desk.tx() as tx:
            made = await rules.add(tx, validated(RuleIn, await _said(desk, tx, form)))
            audit.made("search_rule", made.id)
    except Problem as problem:
        return desk.page("search_rule_new.html", typed=await refused(request, problem), held=_EMPTY)
    return desk.redirect(f"{HERE}/{made.id}", "rule-kept")


@router.get("/{rule_id}")
async def one(desk: Reader, rule_id: RuleId) -> Response:
    """A rule."""
    return await _page(desk, rule_id)


@router.post("/{rule_id}")
async def change(request: Request, desk: Writer, rule_id: RuleId) -> Response:
    """Write it anew."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            said = await _said(desk, tx, form)
            await rules.change(tx, rule_id, validated(RuleChange, {**said, "version": form.version}))
    except Problem as problem:
        return await _page(desk, rule_id, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}/{rule_id}", "rule-kept")


@router.post("/{rule_id}/previews")
async def preview(request: Request, desk: Writer, rule_id: RuleId) -> Response:
    """What shoppers are shown now, and what they would be."""
    decisions = cast("DecisionClient", request.app.state.decisions)
    try:
        form = await read(request, PreviewForm)
        shown = await previewing.preview(desk.core.database, decisions, desk.shop, rule_id, query=form.q)
    except Problem as problem:
        return await _page(desk, rule_id, typed=await refused(request, problem))
    return await _page(desk, rule_id, shown=shown)


@router.post("/{rule_id}/publication")
async def publish(request: Request, desk: Publisher, rule_id: RuleId) -> Response:
    """Have it hold."""
    try:
        form = await read(request, PublishForm)
        async with desk.tx() as tx:
            await rules.publish(tx, rule_id, form.version)
    except Problem as problem:
        return await _page(desk, rule_id, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}/{rule_id}", "rule-published")


@router.post("/{rule_id}/withdrawal")
async def withdraw(request: Request, desk: Publisher, rule_id: RuleId) -> Response:
    """Have it hold no longer."""
    await read(request, Button)
    async with desk.tx() as tx:
        await rules.withdraw(tx, rule_id)
    return desk.redirect(f"{HERE}/{rule_id}", "rule-withdrawn")


@router.post("/{rule_id}/removal")
async def remove(request: Request, desk: Publisher, rule_id: RuleId) -> Response:
    """Take it away."""
    await read(request, Button)
    async with desk.tx() as tx:
        await rules.remove(tx, rule_id)
    return desk.redirect(HERE, "rule-removed")


async def _page(desk: Desk, rule_id: Id, *, typed: Typed = NOTHING, shown: Preview | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        rule = await rules.read(tx, rule_id)
        held = await _held(desk, tx, rule)
    return desk.page("search_rule.html", typed=typed, rule=rule, held=held, shown=shown)


async def _said(desk: Desk, tx: Tx, form: RuleForm) -> dict[str, Any]:
    """What the form says, by ids and moments."""
    zone = desk.shop.zone

    def at(wall: datetime | None) -> datetime | None:
        return None if wall is None else moment(wall, zone)

    kept = form.model_dump(include={"name", "query", "match", "price_group", "redirect"})
    return {
        **kept,
        "category_id": await naming.category(tx, form.category),
        "starts_at": at(form.starts_at),
        "ends_at": at(form.ends_at),
        "pin": await naming.products(tx, form.pin),
        "boost": await naming.targets(tx, form.boost),
        "bury": await naming.targets(tx, form.bury),
        "hide": await naming.targets(tx, form.hide),
    }


async def _held(desk: Desk, tx: Tx, rule: RuleOut) -> Mapping[str, str | None]:
    """What stands in the form."""
    zone, draft = desk.shop.zone, rule.draft

    def wall(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).strftime(_WALL)

    return {
        **draft.model_dump(include={"name", "query", "match", "price_group", "redirect"}),
        "category": await naming.slug_of(tx, draft.category_id),
        "starts_at": wall(draft.starts_at),
        "ends_at": wall(draft.ends_at),
        "pin": "\n".join(await naming.handles_of(tx, draft.pin)),
        "boost": "\n".join(await naming.lines_of(tx, draft.boost)),
        "bury": "\n".join(await naming.lines_of(tx, draft.bury)),
        "hide": "\n".join(await naming.lines_of(tx, draft.hide)),
    }
