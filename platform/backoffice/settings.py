"""How the shop is set up: a form made from the configuration's schema, and its history, which can be gone back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.configuration import service
from commerce.configuration.schemas import Configuration, ConfigurationIn, RevertIn
from foundation.errors import Problem
from foundation.http import InvalidFields
from pages.forms import fields, read, split_lines, validated, whole

router = APIRouter(prefix="/back-office/settings")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Writer = Annotated[Desk, Depends(desk("settings:write"))]
HERE = "/back-office/settings"
CHANGES = 10
ELSEWHERE = frozenset({"mail_templates", "theme.logo"})
"""What has a page of its own."""
_HINTS = {
    "locale": "A language and a country, such as en-US or de-DE.",
    "locales": "In which goods are described too, one a line, such as de or de-CH.",
    "zone": "Where the shop's days begin and end, such as Europe/Berlin.",
    "theme.accent": "Six digits after #; the page Branding shows what it looks like.",
    "storefront.headline": "At the top of the home page.",
    "storefront.text": "Below the headline.",
    "acting.tell_customer": "They get a mail when somebody of the shop acts for them.",
    "reviews.publish_at_once": (
        "Without it every review waits until somebody has read it. Those with web addresses, contact data or repeated "
        "text wait in any case."
    ),
    "reviews.unverified": "Those who have not bought the product here, too; their reviews are marked.",
    "bulk_pricing.most_percent": "How far one may raise or lower the price of a SKU, in per cent.",
    "bulk_pricing.most_skus": "How many SKUs one may be about.",
    "bulk_pricing.least_markup_percent": "How far above its cost a price stays at least, in per cent of the cost.",
    "bulk_pricing.prior_price": (
        "No price is raised within 30 days before a sale, and none is called reduced that was as low in those days."
    ),
    "cors_origins": "Pages of other sites that may ask the shop's API, one a line, such as https://app.example.com.",
    "internal_networks": (
        "Where the shop works itself, one a line, such as 203.0.113.0/24. What is done from there is left out of "
        "figures about customers."
    ),
}
Kind = Literal["line", "lines", "mark", "number"]
_KINDS: dict[str, Kind] = {"array": "lines", "boolean": "mark", "integer": "number"}
_LONGEST: dict[Kind, int] = {"line": 1_000, "lines": 20_000, "mark": 1_000, "number": 9}
_LABELS = {
    "name": "Name of the shop",
    "locale": "Language",
    "locales": "Other languages",
    "zone": "Time zone",
    "theme.accent": "Colour",
    "storefront.headline": "Headline",
    "storefront.text": "Text",
    "acting.tell_customer": "Tell customers who is acted for",
    "reviews.publish_at_once": "Show reviews at once",
    "reviews.unverified": "Let all customers review",
    "bulk_pricing.most_percent": "Bulk price changes: the greatest",
    "bulk_pricing.most_skus": "Bulk price changes: the most SKUs",
    "bulk_pricing.least_markup_percent": "Bulk price changes: the least over cost",
    "bulk_pricing.prior_price": "Bulk price changes keep to the rule of prior prices",
    "cors_origins": "Other sites",
    "internal_networks": "Own networks",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as the form shows it."""

    path: str
    """`theme.accent`, the name of its field."""
    label: str
    hint: str
    kind: Kind
    """`lines`: a list, one a line; `mark`: a box to tick."""
    longest: int
    required: bool


class RevertForm(RevertIn):
    """The version to go back to, and the one that was seen."""

    version: Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**62)]
    to: Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**62)]


def settings() -> list[Setting]:
    """Every setting that the schema has and that has no page of its own."""
    schema = Configuration.model_json_schema()
    return [one for one in _settings(schema, schema["$defs"], "") if one.path not in ELSEWHERE]


@router.get("")
async def show(desk: Reader, before: Annotated[int, Query(ge=1, le=2**62)] = 2**62) -> Response:
    """As it is now, and who changed what."""
    return await _page(desk, before=before)


@router.post("")
async def keep(request: Request, desk: Writer) -> Response:
    """Put what the form holds in place of the present configuration."""
    try:
        sent = await fields(request, len(settings()) + 2)
        version, note = sent.pop("version", None), sent.pop("note", "")
        async with desk.tx() as tx:
            present = (await service.read(tx)).configuration
            body = {"version": whole(version), "configuration": _whole(sent, present), "note": note or None}
            asked = validated(ConfigurationIn, body)
            await service.change(
                tx, asked.configuration, version=asked.version, by=desk.staff.name, note=asked.note or ""
            )
    except ValueError:
        return await _page(desk, await refused(request, InvalidFields(errors=[])))
    except Problem as problem:
        return await _page(desk, await refused(request, _at_fields(problem)))
    desk.heard()
    return desk.redirect(HERE, "kept")


@router.post("/reverts")
async def revert(request: Request, desk: Writer) -> Response:
    """Make it again as it was."""
    form = await read(request, RevertForm)
    async with desk.tx() as tx:
        await service.revert(tx, to=form.to, version=form.version, by=desk.staff.name)
    desk.heard()
    return desk.redirect(HERE, "reverted")


async def _page(desk: Desk, typed: Typed = NOTHING, *, before: int = 2**62) -> Response:
    async with desk.tx(read_only=True) as tx:
        present = await service.read(tx)
        history = await service.history(tx, before=before, limit=CHANGES)
    shown = [(one, _shown(_at(present.configuration, one.path))) for one in settings()]
    return desk.page("settings.html", typed=typed, present=present, settings=shown, history=history)


def _settings(schema: Mapping[str, Any], known: Mapping[str, Any], above: str) -> Iterator[Setting]:
    for name, said in schema["properties"].items():
        path = f"{above}{name}"
        # A setting that may be left out is its type, or null.
        kind = next((one for one in said.get("anyOf", ()) if one.get("type") != "null"), said)
        if "$ref" in kind:
            yield from _settings(known[kind["$ref"].rpartition("/")[2]], known, f"{path}.")
        else:
            label = _LABELS.get(path, name.replace("_", " ").capitalize())
            shown = _KINDS.get(kind.get("type", "string"), "line")
            longest = kind.get("maxLength", _LONGEST[shown])
            needed = name in schema.get("required", ()) or isinstance(said.get("default"), str) or shown == "number"
            yield Setting(path, label, _HINTS.get(path, ""), shown, longest, needed)


def _whole(sent: Mapping[str, str], present: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that a form asks for: what it holds, and what has a page of its own as it is now."""
    made: dict[str, Any] = {"mail_templates": present["mail_templates"]}
    kinds = {one.path: one.kind for one in settings()}
    unmarked = {path: "" for path, kind in kinds.items() if kind == "mark"}
    for path, value in {**unmarked, **sent, "theme.logo": present["theme"]["logo"]}.items():
        *groups, name = path.split(".")
        inside = made
        for group in groups:
            inside = inside.setdefault(group, {})
        match kinds.get(path):
            case "lines":
                inside[name] = split_lines(value or "")
            case "mark":
                inside[name] = value == "on"
            case "number":
                inside[name] = _number(value)
            case _:
                inside[name] = value or None
    if made.get("name") is None:
        made["name"] = ""
    return {name: value for name, value in made.items() if value is not None}


def _number(typed: str | None) -> object:
    """Digits as a number; what is none is left for its field to refuse."""
    try:
        return whole(typed or None)
    except ValueError:
        return typed


def _at_fields(problem: Problem) -> Problem:
    """Faults of the configuration by the names of the form's fields: a line of a list is its field's."""
    if not isinstance(problem, InvalidFields):
        return problem
    paths = {one.path for one in settings()}
    moved = []
    for error in problem.errors:
        path = error["param"].removeprefix("configuration.")
        field = next((one for one in paths if path == one or path.startswith(f"{one}.")), path)
        moved.append({"param": field, "message": error["message"]})
    return InvalidFields(errors=moved)


def _at(configuration: Mapping[str, Any], path: str) -> Any:
    found: Any = configuration
    for name in path.split("."):
        found = found[name]
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "\n".join(value) if isinstance(value, list) else "" if value is None else str(value)
