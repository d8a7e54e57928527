"""What an order's money is of: by where it went and how it was taxed there. Pure, exact, in minor units.

The money that is kept of an order is shared over what it was charged for and has not been credited, by largest
remainder, so what is declared of it is what the ledger says to the last minor unit, part by part and in sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from foundation.money import apportion, round_minor


@dataclass(frozen=True, slots=True)
class Kind:
    """Where something went, under which scheme it was taxed, and at which rate."""

    country: str
    scheme: str
    name: str
    rate: str


@dataclass(frozen=True, slots=True)
class Charged:
    """Something that an order was charged for: what it comes to with its tax, the tax, and what of it is credited."""

    kind: Kind
    gross: int
    tax: int
    credited: int = 0


@dataclass(frozen=True, slots=True)
class Amounts:
    """Taxable amount and tax of one kind."""

    taxable: int = 0
    tax: int = 0


def declared(charged: Sequence[Charged], money: int) -> dict[Kind, Amounts]:
    """What so much money, kept of an order, is of.

    What is credited counts no more, unless all of it is and money is kept all the same.
    """
    left = [part.gross - part.credited for part in charged]
    weights = left if any(left) else [part.gross for part in charged]
    sums: dict[Kind, Amounts] = {}
    if not charged:
        return sums
    for part, share in zip(charged, apportion(money, weights), strict=True):
        tax = round_minor(Fraction(part.tax * share, part.gross)) if part.gross else 0
        there = sums.get(part.kind, Amounts())
        sums[part.kind] = Amounts(there.taxable + share - tax, there.tax + tax)
    return sums


def still_to_declare(now: Mapping[Kind, Amounts], said: Mapping[Kind, Amounts]) -> dict[Kind, Amounts]:
    """What has to be said after what was said, so that both together are what holds now."""
    nothing = Amounts()
    found = {}
    for kind in {**said, **now}:
        is_now, was = now.get(kind, nothing), said.get(kind, nothing)
        more = Amounts(is_now.taxable - was.taxable, is_now.tax - was.tax)
        if more != nothing:
            found[kind] = more
    return found


def charged_of(order: Mapping[str, Any], home: str) -> list[Charged]:
    """What an order's row, lines and consignments say that it was charged for; `home` is where nothing is sent."""
    to = {part["id"]: part for part in order["consignments"]} or {None: order}
    rest = {key: list(part["taxes"]) for key, part in to.items()}
    found = []
    for line in order["lines"]:
        taxes = line["explanation"]["taxes"]
        rest[line["consignment_id"]] = _less(rest[line["consignment_id"]], taxes)
        gross = line["total"] + (0 if order["tax_included"] else line["tax"])
        credited = round_minor(Fraction(gross * line["credited"], line["quantity"]))
        found.append(Charged(_kind(to[line["consignment_id"]], home, taxes), gross, line["tax"], credited))
    for number, (key, part) in enumerate(to.items()):
        fees, fees_tax = (order["fees"], order["fees_tax"]) if number == 0 else (0, 0)
        for amount, tax, credited in (
            (part["shipping"], part["shipping_tax"], part["shipping_credited"]),
            (fees, fees_tax, 0),
        ):
            gross = amount + (0 if order["tax_included"] else tax)
            if gross:
                found.append(Charged(_kind(part, home, _taken(rest[key], part["taxes"])), gross, tax, credited))
    return found


def _kind(to: Mapping[str, Any], home: str, taxes: Sequence[Mapping[str, Any]]) -> Kind:
    """Several taxes on one thing are one kind, which names them all."""
    collected = (to["delivery"] or {}).get("kind") == "collect"
    country = home if collected or not to["address"] else to["address"]["country"]
    scheme = taxes[0].get("scheme", "domestic") if taxes else "domestic"
    rate = sum((Fraction(tax["rate"]) for tax in taxes), Fraction(0))
    written = f"{float(rate):.8f}".rstrip("0").rstrip(".") or "0"
    return Kind(country, scheme, " + ".join(tax["name"] for tax in taxes) or "none", written)


def _less(taxes: Sequence[Mapping[str, Any]], taken: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is left of an order's taxes after those of a line."""
    off = {(tax["name"], tax["rate"]): tax["amount"] for tax in taken}
    return [{**tax, "amount": tax["amount"] - off.get((tax["name"], tax["rate"]), 0)} for tax in taxes]


def _taken(rest: Sequence[Mapping[str, Any]], all_of_them: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The taxes of what is no line: those of which something is left, or those of a supply that is free of tax."""
    return [tax for tax in rest if tax["amount"]] or [tax for tax in all_of_them if not tax["amount"]][:1]
