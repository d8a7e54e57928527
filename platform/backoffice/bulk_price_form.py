"""The form of a bulk price change: what it says as one field each, in the words of whoever fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from backoffice import amounts
from commerce.bulk_pricing.schemas import (
    BulkChangeIn,
    ByAmount,
    ByPercent,
    Filter,
    OverCost,
    ToAmount,
)
from foundation.http import InvalidFields
from foundation.types import Input, WallTime
from pages.forms import validated

KINDS = (
    ("percent_down", "Lower by per cent"),
    ("percent_up", "Raise by per cent"),
    ("amount_down", "Lower by an amount"),
    ("amount_up", "Raise by an amount"),
    ("set", "Set to an amount"),
    ("markup", "Per cent over cost"),
)
_NAMED = {"category": "category", "brand": "brand", "type": "type", "vendor": "vendor", "tag": "tag"}
"""A field of the form, and the condition of a rule that it is."""
_PARAMS = {
    "filter.skus": "skus",
    "filter.price_from": "price_from",
    "filter.price_to": "price_to",
    "filter.rule": "category",
    "filter": "price_from",
    "reckoning": "value",
    "rounding": "round_to",
}
"""A part of what is asked for, and the field that holds it; the first that a fault's place begins with."""


class Windowed(Input):
    """When a sale runs, by the shop's clocks."""

    starts_at: WallTime | None = None
    ends_at: WallTime | None = None


@dataclass(frozen=True, slots=True)
class Meant:
    """What a form's words stand for in a shop."""

    zone: ZoneInfo
    categories: Mapping[str, UUID]
    """By their addresses."""


def split(words: str) -> list[str]:
    """What stands in a field with commas, spaces or lines between."""
    return [one for one in words.replace(",", " ").split() if one]


def read(sent: Mapping[str, str], meant: Meant) -> BulkChangeIn:
    """What a form says, as the API takes it.

    Raises:
        InvalidFields: by the names of the form's fields.
    """
    said = {name: value.strip() for name, value in sent.items()}
    currency = said.get("currency", "")
    window = validated(Windowed, {name: said.get(name) or None for name in ("starts_at", "ends_at")})
    values = {
        "filter": _filter(said, meant, currency),
        "currency": currency,
        "group": said.get("group") or None,
        "starts_at": window.starts_at and window.starts_at.replace(tzinfo=meant.zone),
        "ends_at": window.ends_at and window.ends_at.replace(tzinfo=meant.zone),
        "reckoning": _reckoning(said, currency),
        "rounding": _rounding(said, currency),
        "struck": said.get("struck") or "keep",
        "reason": said.get("reason", ""),
    }
    try:
        return validated(BulkChangeIn, values)
    except InvalidFields as fault:
        raise InvalidFields(errors=[_at_field(one) for one in fault.errors]) from fault


def fields_of(change: BulkChangeIn, *, zone: ZoneInfo, slugs: Mapping[UUID, str]) -> dict[str, str]:
    """What stands in the form of a change; `slugs` are its categories' addresses."""
    values = {"currency": change.currency, "group": change.group or "", "struck": change.struck}
    values |= {"reason": change.reason, **_filter_said(change.filter, change.currency, slugs)}
    for name in ("starts_at", "ends_at"):
        moment = getattr(change, name)
        values[name] = moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if moment else ""
    values["kind"], values["value"] = _reckoning_said(change)
    if change.rounding:
        values["round_to"] = amounts.typed(change.rounding.step, change.currency)
        values["ending"] = amounts.typed(change.rounding.ending, change.currency) if change.rounding.ending else ""
        values["towards"] = change.rounding.towards
    return values


def _filter(said: Mapping[str, str], meant: Meant, currency: str) -> dict[str, Any]:
    conditions = []
    for name, field in _NAMED.items():
        named: list[Any] = split(said.get(name, ""))
        if name == "category":
            named = [meant.categories[one] for one in named]
        if named:
            conditions.append({"field": field, "op": "in", "values": named})
    found: dict[str, Any] = {"rule": {"match": "all", "conditions": conditions} if conditions else None}
    found |= {name: _amount(said, name, currency) for name in ("price_from", "price_to")}
    return {**found, "collection_id": said.get("collection") or None, "skus": split(said.get("skus", "")) or None}


def _reckoning(said: Mapping[str, str], currency: str) -> dict[str, Any]:
    kind, value = said.get("kind", ""), said.get("value", "")
    base, _, direction = kind.partition("_")
    sign = -1 if direction == "down" else 1
    if base in {"percent", "markup"}:
        percent = value.replace(",", ".").removesuffix("%").strip()
        if percent.startswith("-"):
            raise InvalidFields(errors=[{"param": "value", "message": "say up or down beside it, not by a minus"}])
        return {"kind": base, "percent": f"-{percent}" if sign < 0 else percent}
    amount = _amount(said, "value", currency)
    if amount is None:
        raise InvalidFields(errors=[{"param": "value", "message": "say how much"}])
    return {"kind": base, "amount": sign * amount}


def _rounding(said: Mapping[str, str], currency: str) -> dict[str, Any] | None:
    step = _amount(said, "round_to", currency)
    if step is None:
        return None
    ending = _amount(said, "ending", currency) or 0
    return {"step": step, "ending": ending, "towards": said.get("towards") or "nearest"}


def _amount(said: Mapping[str, str], name: str, currency: str) -> int | None:
    if not said.get(name):
        return None
    try:
        found = amounts.minor(said[name], currency)
    except ValueError as fault:
        raise InvalidFields(errors=[{"param": name, "message": str(fault)}]) from fault
    if found < 0:
        raise InvalidFields(errors=[{"param": name, "message": "must not be below zero"}])
    return found


def _filter_said(said: Filter, currency: str, slugs: Mapping[UUID, str]) -> dict[str, str]:
    values = {"skus": "\n".join(said.skus or ()), "collection": str(said.collection_id or "")}
    for name in ("price_from", "price_to"):
        amount: int | None = getattr(said, name)
        values[name] = "" if amount is None else amounts.typed(amount, currency)
    for one in said.rule.conditions if said.rule else ():
        if one.field in _NAMED:
            named = [slugs.get(value, str(value)) for value in getattr(one, "values", ())]
            values[one.field] = ", ".join(named)
    return values


def _reckoning_said(change: BulkChangeIn) -> tuple[str, str]:
    def way(value: object) -> str:
        return "down" if str(value).startswith("-") else "up"

    match change.reckoning:
        case ByPercent(percent=percent):
            return f"percent_{way(percent)}", str(abs(percent))
        case ByAmount(amount=amount):
            return f"amount_{way(amount)}", amounts.typed(abs(amount), change.currency)
        case ToAmount(amount=amount):
            return "set", amounts.typed(amount, change.currency)
        case OverCost(percent=percent):
            return "markup", str(percent)


def _at_field(error: Mapping[str, str]) -> dict[str, str]:
    param = error["param"]
    found = next((field for place, field in _PARAMS.items() if param == place or param.startswith(f"{place}.")), param)
    # What is said of the whole is about the time, or about what is struck through.
    whole = "struck" if "struck" in error["message"] else "ends_at"
    return {"param": found or whole, "message": error["message"]}
