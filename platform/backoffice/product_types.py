"""What products can say: attributes, and the types of product that have them.

Lists are typed a line each: a choice as `navy Navy blue`, with its colour last where it is one; an attribute of a type
by its code, with an asterisk where it is required.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.attributes import service, types
from commerce.catalog.attributes.schemas import (
    AttributeChange,
    AttributeCode,
    AttributeIn,
    AttributeOut,
    Choices,
    Kind,
    ProductTypeChange,
    ProductTypeIn,
    TypeAttribute,
    Unit,
)
from commerce.catalog.schemas import Version
from commerce.paging import FIRST
from foundation.errors import Problem
from foundation.types import Slug
from pages.forms import Button, blank, read, split_lines, ticked, whole

router = APIRouter(prefix="/back-office")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
Code = Annotated[AttributeCode, Path()]
TypeCode = Annotated[Slug, Path()]
HERE = "/back-office/product-types"
KINDS: dict[Kind, str] = {
    "text": "Text",
    "number": "Number",
    "boolean": "Yes or no",
    "choice": "One of several",
    "colour": "Colour",
    "date": "Date",
}
_COLOUR = re.compile(r"\s+(#[0-9A-Fa-f]{6})$")


def _choice(line: str) -> dict[str, Any]:
    colour = _COLOUR.search(line)
    code, _, name = (line[: colour.start()] if colour else line).partition(" ")
    return {"code": code, "name": name.strip() or code, "colour": colour[1].lower() if colour else None}


def _choices(value: object) -> object:
    lines = split_lines(value)
    return [_choice(line) for line in lines] if isinstance(lines, list) else lines


def _attributes(value: object) -> object:
    lines = split_lines(value)
    if not isinstance(lines, list):
        return lines
    return [{"attribute": line.removesuffix("*").strip(), "required": line.endswith("*")} for line in lines]


Lines = Annotated[Choices, BeforeValidator(_choices)]
Listed = Annotated[list[TypeAttribute], BeforeValidator(_attributes)]


class AttributeForm(AttributeIn):
    """`AttributeIn`, as a form sends it."""

    unit: Annotated[Unit | None, BeforeValidator(blank)] = None
    choices: Lines = Field(default_factory=list)


class AttributeChangeForm(AttributeChange):
    """`AttributeChange`, as a form sends it."""

    choices: Lines = Field(default_factory=list)
    retired: Annotated[bool, BeforeValidator(ticked)] = False
    version: Annotated[Version, BeforeValidator(whole)]


class TypeForm(ProductTypeIn):
    """`ProductTypeIn`, as a form sends it."""

    attributes: Listed


class TypeChangeForm(ProductTypeChange):
    """`ProductTypeChange`, as a form sends it."""

    attributes: Listed
    version: Annotated[Version, BeforeValidator(whole)]


@router.get("/product-types")
async def show(desk: Reader) -> Response:
    """What products of this shop can say."""
    return await _page(desk)


@router.post("/product-types")
async def add_type(request: Request, desk: Writer) -> Response:
    """A new type of product."""
    try:
        form = await read(request, TypeForm)
        async with desk.tx() as tx:
            await types.add(tx, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem, field="code"), open_at="new-type")
    return desk.redirect(HERE, "type-added")


@router.post("/attributes")
async def add_attribute(request: Request, desk: Writer) -> Response:
    """A new attribute."""
    try:
        form = await read(request, AttributeForm)
        async with desk.tx() as tx:
            await service.add(tx, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem, field="code"), open_at="new-attribute")
    return desk.redirect(HERE, "attribute-added")


@router.post("/attributes/{code}")
async def change_attribute(request: Request, desk: Writer, code: Code) -> Response:
    """Name it anew, give it other choices, retire it or bring it back."""
    try:
        form = await read(request, AttributeChangeForm)
        async with desk.tx() as tx:
            await service.change(tx, code, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=f"attribute-{code}")
    return desk.redirect(HERE, "changed")


@router.post("/attributes/{code}/removal")
async def remove_attribute(request: Request, desk: Writer, code: Code) -> Response:
    """Take it away, if no type has it."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await service.remove(tx, code)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=f"attribute-{code}")
    return desk.redirect(HERE, "attribute-removed")


@router.post("/product-types/{code}")
async def change_type(request: Request, desk: Writer, code: TypeCode) -> Response:
    """Name it anew, and say which attributes its products have."""
    try:
        form = await read(request, TypeChangeForm)
        async with desk.tx() as tx:
            await types.change(tx, code, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=f"type-{code}")
    return desk.redirect(HERE, "changed")


@router.post("/product-types/{code}/removal")
async def remove_type(request: Request, desk: Writer, code: TypeCode) -> Response:
    """Take it away, if no product is of it."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await types.remove(tx, code)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=f"type-{code}")
    return desk.redirect(HERE, "type-removed")


async def _page(desk: Desk, *, typed: Typed = NOTHING, open_at: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = [one for _, one in await service.page(tx, FIRST, service.MOST)]
        known = [one for _, one in await types.page(tx, FIRST, types.MOST)]
    return desk.page(
        "product_types.html",
        typed=typed,
        open_at=open_at,
        attributes=found,
        types=known,
        kinds=KINDS,
        names={one.code: one.name for one in found},
        choices={one.code: _lines(one) for one in found},
    )


def _lines(attribute: AttributeOut) -> str:
    return "\n".join(" ".join(filter(None, (one.code, one.name, one.colour))) for one in attribute.choices)
