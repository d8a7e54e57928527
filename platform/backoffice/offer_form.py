"""The form of a variant's offers: a row each, in the words of whoever fills it in. A row without an amount is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from backoffice import amounts
from commerce.pricing.schemas import MAX_OFFERS, OfferOut, OffersIn
from foundation.http import InvalidFields
from foundation.types import Input, Quantity, Slug, WallTime
from pages.forms import blank, validated, whole

MOST_FIELDS = 7 * MAX_OFFERS
SPARE = 2
"""Empty rows beside those that are there."""
COLUMNS = ("amount", "min_quantity", "group", "channel", "starts_at", "ends_at")
_ROW = re.compile(r"([0-9]{1,2})\.([a-z_]+)")


class _Row(Input):
    amount: str
    min_quantity: Annotated[Quantity, BeforeValidator(whole)] = 1
    group: Annotated[Slug | None, Field(), BeforeValidator(blank)] = None
    channel: Annotated[Slug | None, BeforeValidator(blank)] = None
    starts_at: Annotated[WallTime | None, BeforeValidator(blank)] = None
    ends_at: Annotated[WallTime | None, BeforeValidator(blank)] = None


def fields_of(offers: Sequence[OfferOut], *, zone: ZoneInfo) -> dict[str, str]:
    """What stands in the form of offers, by field."""
    values: dict[str, str] = {}
    for place, one in enumerate(offers):
        said = one.model_dump() | {"amount": amounts.typed(one.amount, one.currency)}
        for name in ("starts_at", "ends_at"):
            moment = said[name] and said[name].astimezone(zone).replace(tzinfo=None)
            said[name] = moment and moment.isoformat(timespec="minutes" if not moment.second else "seconds")
        values |= {f"{place}.{name}": str(said[name] or "") for name in COLUMNS}
    return values


def rows_of(values: Mapping[str, str]) -> range:
    """The rows to show: those that hold something, and some more."""
    return range(min(MAX_OFFERS, max(_filled(values), default=-1) + 1 + SPARE))


def read(sent: Mapping[str, str], *, currency: str, zone: ZoneInfo) -> OffersIn:
    """What a form says, as the API takes it.

    Raises:
        InvalidFields: by the names of the form's fields.
    """
    offers = [_offer(sent, row, currency, zone) for row in _filled(sent)]
    return validated(OffersIn, {"currency": currency, "offers": offers})


def seen_of(offers: Sequence[OfferOut]) -> str:
    """By which it is known whether they are still those that were looked at: whoever sets offers gives them new ids."""
    return " ".join(str(one.id) for one in offers)


def read_seen(written: str) -> list[UUID]:
    """The ids that a form was made of.

    Raises:
        InvalidFields.
    """
    try:
        return [UUID(one) for one in written.split()[: MAX_OFFERS + 1]]
    except ValueError as fault:
        raise InvalidFields(errors=[{"param": "seen", "message": "names no offers"}]) from fault


def _offer(sent: Mapping[str, str], row: int, currency: str, zone: ZoneInfo) -> dict[str, Any]:
    said = {name: sent[f"{row}.{name}"] for name in COLUMNS if f"{row}.{name}" in sent}
    try:
        read_row = validated(_Row, {**said, "min_quantity": said.get("min_quantity") or 1})
        amount = amounts.minor(read_row.amount, currency)
    except InvalidFields as fault:
        raise InvalidFields(errors=[{**one, "param": f"{row}.{one['param']}"} for one in fault.errors]) from fault
    except ValueError as fault:
        raise InvalidFields(errors=[{"param": f"{row}.amount", "message": str(fault)}]) from fault
    values = read_row.model_dump() | {"amount": amount}
    for name in ("starts_at", "ends_at"):
        values[name] = values[name] and values[name].replace(tzinfo=zone)
    return values


def _filled(values: Mapping[str, str]) -> list[int]:
    found = (_ROW.fullmatch(name) for name, value in values.items() if value.strip())
    return sorted({int(one[1]) for one in found if one and one[2] == "amount"})
