"""What a file says of a product, put over what the product says, in the form in which staff write one.

So whatever a file brings is checked by the very models that the API checks a product by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from commerce.catalog.attributes.values import Definition
from commerce.catalog.products.schemas import ProductContent, ProductIn
from commerce.exchange.columns import ATTRIBUTE, OPTION_NAMES, OPTION_VALUES, SKU, VARIANT
from commerce.exchange.drafting import Draft, Piece, Row
from commerce.exchange.paths import said_of
from commerce.exchange.problems import Problem

_WITH_UNIT = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) *([^0-9. -].*)")
_CONTENT = ("title", "description", "brand", "type", "tags", "country_of_origin", "hs_code", "tax_class")
_BARE: Mapping[str, Any] = {"attributes": {}, "options": [], "variants": []}


@dataclass(slots=True)
class Target:
    """A product that a file says something of."""

    product_id: UUID
    row: Mapping[str, Any] | None
    """What there is of it; `None`: it is new."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """What it says, as JSON."""
    before: ProductContent | None = None
    """The same."""
    drafts: list[Draft] = field(default_factory=list)
    sold: list[Mapping[str, Any]] = field(default_factory=list)
    """Its variants whose SKUs are in the file, also those that are discontinued."""
    category_id: UUID | None = None
    """Where it is to be, if the file says so."""
    says_category: bool = False
    body: ProductIn | None = None

    @classmethod
    def of(cls, product_id: UUID, row: Mapping[str, Any] | None) -> Target:
        """A product that is there, or a new one."""
        if row is None:
            return cls(product_id, None)
        base = orjson.loads(row["content"])
        return cls(product_id, row, base, ProductContent.model_validate(base))

    @property
    def variants(self) -> list[Mapping[str, Any]]:
        """Those that are there, as they are checked against."""
        named = {one["sku"] for one in self.sold}
        others = [one for one in self.before.variants if one.sku not in named] if self.before else []
        return [*self.sold, *({**dict(one), "amount": one.price, "discontinued": False} for one in others)]

    @property
    def given(self) -> Mapping[str, Any]:
        """What the file says of the product itself; of several the last."""
        if len(self.drafts) == 1:
            return self.drafts[0].given
        found: dict[str, Any] = {}
        for one in self.drafts:
            found |= one.given
        return found

    @property
    def rows(self) -> list[Row]:
        """All its rows."""
        if len(self.drafts) == 1:
            return self.drafts[0].rows
        return [row for draft in self.drafts for row in draft.rows]

    @property
    def pieces(self) -> list[Piece]:
        """Its variants in the file."""
        if len(self.drafts) == 1:
            return self.drafts[0].pieces
        return [piece for draft in self.drafts for piece in draft.pieces]

    def refuse(self, problem: Problem, row: Row | None = None) -> None:
        """Nothing of it is taken: one row says why, the others which that is."""
        rows = self.rows
        first = row if row is not None else self._said_in(problem.column) or rows[0]
        first.problems.append(problem)
        for one in rows:
            if one is not first and not one.problems:
                one.problems.append(Problem("", f"is of the product of line {first.line}, which is not taken"))
        for draft in self.drafts:
            draft.pieces.clear()
        self.body = None

    def _said_in(self, column: str) -> Row | None:
        return next((one.said_in[column] for one in self.drafts if column in one.said_in), None)


def validate(target: Target, definitions: Mapping[str, Definition]) -> None:
    """Give the target its body, or its rows their problems. A variant that is wrong leaves the others be."""
    for _ in range(2):  # once more without the variants that are wrong
        if not target.pieces:
            return
        try:
            target.body = ProductIn.model_validate(_body(target, definitions))
        except ValidationError as fault:
            _tell(target, fault)
        except _NoName as fault:
            target.refuse(Problem(OPTION_NAMES[fault.place], "is missing"), fault.row)
        else:
            return


class _NoName(Exception):
    def __init__(self, row: Row, place: int) -> None:
        super().__init__(row, place)
        self.row, self.place = row, place


def _body(target: Target, definitions: Mapping[str, Definition]) -> dict[str, Any]:
    given = target.given
    body = {**_BARE, **target.base} | {name: given[name] for name in _CONTENT if name in given}
    handle = next((one.handle for one in target.drafts if one.handle), None)
    if handle:
        body["handle"] = handle
    if target.says_category:
        body["category_id"] = target.category_id
    body["attributes"] = _attributes(target, body["attributes"], definitions)
    named = _options(target, body["options"])
    body["options"] = named
    by_sku = {one["sku"]: one for one in body["variants"]}
    for piece in target.pieces:
        said: dict[str, Any] = dict(piece.given)
        if piece.options:
            said["options"] = {name or named[place]: value for place, (name, value) in enumerate(piece.options)}
        by_sku[piece.sku] = by_sku.get(piece.sku, {SKU: piece.sku}) | said
    body["variants"] = list(by_sku.values())
    return body


def _options(target: Target, before: Sequence[str]) -> list[str]:
    """The names of the product's options: those it has, unless the file names them."""
    names: list[str] = list(before)
    for piece in target.pieces:
        said = [name for name, _ in piece.options]
        for place, name in enumerate(said):
            if name is None and place >= len(names):
                raise _NoName(piece.row, place)
        if any(said) and piece is target.pieces[0]:
            names = [name or names[place] for place, name in enumerate(said)]
    return names


def _attributes(target: Target, before: Mapping[str, Any], definitions: Mapping[str, Definition]) -> dict[str, Any]:
    found = dict(before)
    for draft in target.drafts:
        for code, told in draft.attributes.items():
            if told is None:
                found.pop(code, None)
            elif draft.native:
                found[code] = told
            elif code not in before or spelt(before[code]) != told:
                found[code] = _meant(definitions.get(code), told)
    return found


def spelt(value: Any) -> str:
    """The value of an attribute as a cell has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _meant(defined: Definition | None, told: str) -> Any:
    if defined is not None and defined.kind == "boolean" and told.lower() in {"true", "false"}:
        return told.lower() == "true"
    if defined is not None and defined.kind == "number" and (found := _WITH_UNIT.fullmatch(told)):
        return {"amount": found[1], "unit": found[2]}
    return told


def _tell(target: Target, fault: ValidationError) -> None:
    """Put what is wrong where it stands: at a variant's row, or at the product's."""
    by_sku = {piece.sku: piece for piece in target.pieces}
    skus = list(dict.fromkeys([*(one["sku"] for one in target.base.get("variants", ())), *by_sku]))
    for error in fault.errors(include_url=False, include_context=False):
        where, problem = error["loc"], said_of(error["msg"])
        match where:
            case ("variants", int(place), *rest) if place < len(skus) and skus[place] in by_sku:
                piece = by_sku[skus[place]]
                piece.row.problems.append(Problem(_column_of(piece, rest), problem))
            case ("attributes", str(code), *_):
                target.refuse(Problem(f"{ATTRIBUTE}{code}", problem))
            case _:
                target.refuse(Problem(str(where[0]) if where else "", problem))
    for draft in target.drafts:
        draft.pieces = [piece for piece in draft.pieces if not piece.row.problems]


def _column_of(piece: Piece, rest: Sequence[object]) -> str:
    match rest:
        case ["options", str(named), *_]:
            names = [name for name, _ in piece.options]
            return OPTION_VALUES[names.index(named)] if named in names else OPTION_VALUES[0]
        case [str(name), *_]:
            return name if name in (*VARIANT, SKU) else ""
        case _:
            return ""
