"""A contract grows under its version, and breaks under a new one alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from foundation.events import CONTRACTS
from foundation.types import Id, Instant
from tradewind import contracts, reference
from tradewind.contracts import ContractBroken, broken

COMMITTED = Path(__file__).parents[2] / "docs" / "reference"


class Part(BaseModel):
    product_id: Id
    quantity: Annotated[int, Field(ge=1, le=100)]


class Told(BaseModel):
    order_id: Id
    at: Instant
    note: Annotated[str, Field(max_length=50)] | None = None
    kind: Literal["gift", "order"] = "order"
    parts: Annotated[list[Part], Field(max_length=10)]


def _changed(**fields: Any) -> type[BaseModel]:
    """`Told` with some fields declared anew; `None` takes one away."""
    kept = {name: (field.annotation, field) for name, field in Told.model_fields.items()}
    declared = {**kept, **fields}
    names = {name: kind for name, kind in declared.items() if kind is not None}
    body = {"__annotations__": {name: kind[0] for name, kind in names.items()}, "__module__": __name__}
    return type("Told", (BaseModel,), {**body, **{name: kind[1] for name, kind in names.items() if len(kind) > 1}})


class FewerParts(BaseModel):
    product_id: Id


class MoreParts(Part):
    colour: str | None = None


ADDITIONS = {
    "a field that may be missing": {"gift_wrap": (bool, False)},
    "a field of a part that may be missing": {"parts": (Annotated[list[MoreParts], Field(max_length=10)],)},
    "one value more": {"kind": (Literal["gift", "order", "sample"], "order")},
    "a wider bound": {"note": (Annotated[str, Field(max_length=80)] | None, None)},
    "a longer list": {"parts": (Annotated[list[Part], Field(max_length=20)],)},
}
BREAKS = {
    "a field is gone": ({"note": None}, "told/1.note: is gone"),
    "a field is called otherwise": ({"at": None, "when": (Instant,)}, "told/1.when: is new, and required"),
    "a field is of another type": (
        {"kind": (int, 1)},
        "told/1.kind: may now be integer, which its readers don't expect",
    ),
    "a text is no id any more": ({"order_id": (str,)}, "told/1.order_id: `format` is another"),
    "a field is new, and required": ({"by": (str,)}, "told/1.by: is new, and required"),
    "a field is required now": ({"kind": (Literal["gift", "order"],)}, "told/1.kind: is required now"),
    "a field may be missing now": ({"at": (Instant | None, None)}, "told/1.at: may be missing now"),
    "a field may be empty now": (
        {"at": (Instant | None,)},
        "told/1.at: may now be null, which its readers don't expect",
    ),
    "a field may not be empty now": (
        {"note": (Annotated[str, Field(max_length=50)], "")},
        "told/1.note: may no longer be null",
    ),
    "a value is taken away": ({"kind": (Literal["order"], "order")}, "told/1.kind: may no longer be gift"),
    "a few values instead of any": ({"note": (Literal["a"] | None, None)}, "told/1.note: is one of a few values now"),
    "a shorter text": (
        {"note": (Annotated[str, Field(max_length=9)] | None, None)},
        "told/1.note: `maxLength` is narrower",
    ),
    "a list that may not be empty": (
        {"parts": (Annotated[list[Part], Field(min_length=1, max_length=10)],)},
        "told/1.parts: `minItems` is narrower",
    ),
    "a field of a part is gone": (
        {"parts": (Annotated[list[FewerParts], Field(max_length=10)],)},
        "told/1.parts[].quantity: is gone",
    ),
}


def _found(changed: type[BaseModel]) -> list[str]:
    return list(broken({"told/1": Told.model_json_schema()}, {"told/1": changed.model_json_schema()}))


@pytest.mark.parametrize("fields", ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_breaks_nothing(fields: dict[str, Any]) -> None:
    changed = _changed(**fields)

    assert changed.model_json_schema() != Told.model_json_schema()
    assert _found(changed) == []


@pytest.mark.parametrize(("fields", "says"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_named(fields: dict[str, Any], says: str) -> None:
    assert says in _found(_changed(**fields))


def test_a_contract_is_never_taken_away() -> None:
    assert list(broken({"told/1": {}}, {"told/2": {}})) == ["told/1: is gone, and events of it are kept"]


def test_no_contract_breaks_what_was_accepted() -> None:
    accepted = json.loads((COMMITTED / contracts.FILE).read_text(encoding="utf-8"))

    assert list(broken(accepted, contracts.schemas())) == [], "give the contract a new version"
    assert accepted == contracts.schemas(), "run `tradewind reference` to accept what was added"


def test_every_contract_is_on_the_page() -> None:
    page = (COMMITTED / "events.md").read_text(encoding="utf-8")
    own = [key for key, one in CONTRACTS.items() if one.__module__.startswith("foundation.")]

    assert [f"{name}/{version}" for name, version in own if f"### `{name}`, version {version}\n" not in page] == []


def test_a_break_is_not_accepted_by_regenerating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts.accept(tmp_path / contracts.FILE)
    before = (tmp_path / contracts.FILE).read_bytes()
    fewer = {name: schema for name, schema in contracts.schemas().items() if name != "order.placed/1"}
    monkeypatch.setattr(contracts, "schemas", lambda: fewer)

    with pytest.raises(ContractBroken, match=r"order\.placed/1"):
        reference.write(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [contracts.FILE]
    assert (tmp_path / contracts.FILE).read_bytes() == before
