"""The JSON schemas of the event contracts, and what a change of one would break.

Events are kept for years and read by programs that were written before the latest change. Under one version number a
contract may therefore only grow: what was written before stays valid, and what was read before is still there. Anything
else is a new version beside the old.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundation.events import CONTRACTS, Event, Payload
from tradewind.errors import StackError

FILE = "events.schema.json"
ENVELOPE = "envelope"

Schema = Mapping[str, Any]

_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_THE_SAME = ("pattern", "format", "multipleOf")


class ContractBroken(StackError):
    """A contract was changed under its version so that events or their readers would break; each line says how."""

    def __init__(self, breaks: Sequence[str]) -> None:
        found = "\n".join(f"  {one}" for one in breaks)
        super().__init__(f"Give these contracts a new version, and leave the old one as it is:\n{found}")
        self.breaks = breaks


def schemas(contracts: Mapping[tuple[str, int], type[Payload]] = CONTRACTS) -> dict[str, Any]:
    """The schema of the envelope, and of every contract by `name/version`."""
    own = {key: contract for key, contract in contracts.items() if contract.__module__.startswith("foundation.events.")}
    found = {f"{name}/{version}": contract.model_json_schema() for (name, version), contract in sorted(own.items())}
    return {ENVELOPE: Event.model_json_schema(), **found}


def written(accepted: Mapping[str, Schema]) -> str:
    """Schemas as the checked-in file has them."""
    return json.dumps(accepted, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def accept(file: Path) -> None:
    """Bring the checked-in schemas up to the code's.

    Raises:
        ContractBroken: a change is no addition; the file is left as it was.
    """
    now = schemas()
    if file.exists():
        breaks = list(broken(json.loads(file.read_text(encoding="utf-8")), now))
        if breaks:
            raise ContractBroken(breaks)
    file.write_text(written(now), encoding="utf-8")


def broken(before: Mapping[str, Schema], now: Mapping[str, Schema]) -> Iterator[str]:
    """What the contracts of `now` break of those accepted before; nothing, when they only add to them."""
    for name, old in before.items():
        if name not in now:
            yield f"{name}: is gone, and events of it are kept"
        else:
            new = now[name]
            yield from _Comparison(old.get("$defs", {}), new.get("$defs", {})).breaks(name, old, new)


class _Comparison:
    """Two schemas side by side, each with the definitions its references lead to."""

    def __init__(self, old_defs: Schema, new_defs: Schema) -> None:
        self._old_defs = old_defs
        self._new_defs = new_defs

    def breaks(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        olds, news = _alternatives(old, self._old_defs), _alternatives(new, self._new_defs)
        if added := _kinds(news) - _kinds(olds):
            yield f"{where}: may now be {' or '.join(sorted(added))}, which its readers don't expect"
        for one in olds:
            yield from self._covered(where, one, [other for other in news if _kind(other) == _kind(one)])

    def _covered(self, where: str, old: Schema, news: Sequence[Schema]) -> Iterator[str]:
        """What of one alternative none of the new ones of its kind takes."""
        if not news:
            yield f"{where}: may no longer be {_kind(old)}"
            return
        yield from min((list(self._within(where, old, new)) for new in news), key=len)

    def _within(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from _values(where, old, new)
        yield from _bounds(where, old, new)
        yield from self._fields(where, old, new)
        yield from self._members(where, old, new)

    def _fields(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name, field in before.items():
            if name not in now:
                yield f"{where}.{name}: is gone"
                continue
            if name in needed_now - needed_before:
                yield f"{where}.{name}: is required now"
            if name in needed_before - needed_now:
                yield f"{where}.{name}: may be missing now"
            yield from self.breaks(f"{where}.{name}", field, now[name])
        for name in sorted(needed_now - set(before)):
            yield f"{where}.{name}: is new, and required"

    def _members(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        for word in ("items", "additionalProperties"):
            before, now = old.get(word, True), new.get(word, True)
            if isinstance(before, Mapping) and isinstance(now, Mapping):
                yield from self.breaks(f"{where}[]", before, now)
            elif before != now:
                yield f"{where}: `{word}` is another"
        befores, nows = old.get("prefixItems", ()), new.get("prefixItems", ())
        if len(befores) != len(nows):
            yield f"{where}: has another number of places"
        for place, (before, now) in enumerate(zip(befores, nows, strict=False)):
            yield from self.breaks(f"{where}[{place}]", before, now)


def _values(where: str, old: Schema, new: Schema) -> Iterator[str]:
    before, now = _said(old), _said(new)
    if now is None:
        return
    if before is None:
        yield f"{where}: is one of a few values now"
    elif gone := sorted(map(str, before - now)):
        yield f"{where}: may no longer be {', '.join(gone)}"


def _said(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _bounds(where: str, old: Schema, new: Schema) -> Iterator[str]:
    for word in _AT_LEAST:
        if word in new and new[word] > old.get(word, float("-inf")):
            yield f"{where}: `{word}` is narrower"
    for word in _AT_MOST:
        if word in new and new[word] < old.get(word, float("inf")):
            yield f"{where}: `{word}` is narrower"
    for word in _THE_SAME:
        if old.get(word) != new.get(word):
            yield f"{where}: `{word}` is another"
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield f"{where}: may no longer repeat itself"


def _alternatives(schema: Schema, defs: Schema) -> list[Schema]:
    """What a value may be, each by itself: references followed, unions taken apart."""
    if "$ref" in schema:
        return _alternatives(defs[schema["$ref"].rpartition("/")[2]], defs)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return [one for part in schema[word] for one in _alternatives(part, defs)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _kinds(alternatives: Sequence[Schema]) -> set[str]:
    return {_kind(one) for one in alternatives}
