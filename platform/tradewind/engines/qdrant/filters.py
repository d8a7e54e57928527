"""Filters: Qdrant's JSON to the engine's conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import qdrant_edge as edge

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.errors import Malformed
from tradewind.engines.qdrant.fields import Json

_MIN_I64, _MAX_I64 = -(2**63), 2**63 - 1
_CLAUSES = ("must", "should", "must_not", "min_should")


def read_filter(value: Any, where: str = "filter") -> edge.Filter | None:
    """Give the engine's filter for a JSON one, or None for none."""
    if value is None:
        return None
    return a_filter(fields.an_object(value, where), where)


def a_filter(body: Json, where: str) -> edge.Filter:
    """Give the engine's filter for a JSON object."""
    unknown = body.keys() - set(_CLAUSES)
    if unknown:
        raise Malformed(where, f"only {', '.join(_CLAUSES)}, not `{min(unknown)}`")
    return edge.Filter(
        must=_conditions(body.get("must"), f"{where}.must"),
        should=_conditions(body.get("should"), f"{where}.should"),
        must_not=_conditions(body.get("must_not"), f"{where}.must_not"),
        min_should=_min_should(body.get("min_should"), f"{where}.min_should"),
    )


def without_ids(condition: edge.Filter | None, ids: set[Any]) -> edge.Filter | None:
    """Narrow a filter to points other than these."""
    if not ids:
        return condition
    return edge.Filter(must=[condition] if condition else None, must_not=[edge.HasIdCondition(ids)])


def _conditions(value: Any, where: str) -> list[edge.ConditionType] | None:
    if value is None:
        return None
    return [a_condition(fields.an_object(each, where), where) for each in fields.one_or_many(value)]


def _min_should(value: Any, where: str) -> edge.MinShould | None:
    if value is None:
        return None
    body = fields.an_object(value, where)
    return edge.MinShould(
        conditions=_conditions(body.get("conditions", []), where) or [],
        min_count=fields.an_integer(body.get("min_count"), f"{where}.min_count"),
    )


def a_condition(body: Json, where: str) -> edge.ConditionType:
    """Give the engine's condition for a JSON one."""
    if "key" in body:
        return _field_condition(body, where)
    for name, read in _CONDITIONS.items():
        if name in body:
            return read(body[name], f"{where}.{name}")
    return a_filter(body, where)


def _has_id(value: Any, where: str) -> edge.ConditionType:
    return edge.HasIdCondition(set(fields.point_ids(value, where)))


def _nested(value: Any, where: str) -> edge.ConditionType:
    body = fields.an_object(value, where)
    inner = fields.an_object(body.get("filter"), f"{where}.filter")
    return edge.NestedCondition(_key(body, where), a_filter(inner, f"{where}.filter"))


_CONDITIONS: dict[str, Callable[[Any, str], edge.ConditionType]] = {
    "has_id": _has_id,
    "has_vector": lambda value, where: edge.HasVectorCondition(fields.a_string(value, where)),
    "is_empty": lambda value, where: edge.IsEmptyCondition(_key(value, where)),
    "is_null": lambda value, where: edge.IsNullCondition(_key(value, where)),
    "nested": _nested,
}


def _key(value: Any, where: str) -> str:
    return fields.a_string(fields.an_object(value, where).get("key"), f"{where}.key")


def _field_condition(body: Json, where: str) -> edge.FieldCondition:
    readers: dict[str, Callable[[Any, str], Any]] = {
        "match": _match,
        "range": _range,
        "geo_bounding_box": _geo_box,
        "geo_radius": _geo_radius,
        "geo_polygon": _geo_polygon,
        "values_count": _values_count,
        "is_empty": fields.a_flag,
        "is_null": fields.a_flag,
    }
    given: dict[str, Any] = {
        name: read(body[name], f"{where}.{name}") for name, read in readers.items() if body.get(name) is not None
    }
    if not given:
        raise Malformed(where, "at least one field condition")
    return edge.FieldCondition(_key(body, where), **given)


def _match(value: Any, where: str) -> edge.MatchType:
    body = fields.an_object(value, where)
    if "value" in body:
        return edge.MatchValue(_match_value(body["value"], where))
    if "any" in body:
        return edge.MatchAny(_variants(body["any"], where))
    if "except" in body:
        return edge.MatchExcept(_variants(body["except"], where))
    texts = {
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
        "prefix": edge.MatchPrefix,
        "substring": edge.MatchSubstring,
    }
    for name, condition in texts.items():
        if name in body:
            return cast("edge.MatchType", condition(fields.a_string(body[name], where)))
    raise Malformed(where, "one of value, any, except, " + ", ".join(texts))


def _match_value(value: Any, where: str) -> str | int | bool:
    if isinstance(value, bool):
        # The binding tries integers before booleans and Python's bool is an integer, so True would match 1 and no
        # boolean. NumPy's boolean isn't an integer, and the binding takes it for the boolean it is.
        return cast("bool", np.bool_(value))
    if isinstance(value, int):
        return fields.an_integer(value, where, least=_MIN_I64, most=_MAX_I64)
    return fields.a_string(value, where)


def _variants(value: Any, where: str) -> list[str] | list[int]:
    values = fields.a_list(value, where)
    if all(isinstance(each, str) for each in values):
        return values
    return [fields.an_integer(each, where, least=_MIN_I64, most=_MAX_I64) for each in values]


def _range(value: Any, where: str) -> edge.RangeType:
    body = fields.an_object(value, where)
    bounds = {name: body[name] for name in ("gte", "gt", "lte", "lt") if body.get(name) is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.RangeDateTime(**{name: fields.a_string(bound, where) for name, bound in bounds.items()})
    return edge.RangeFloat(**{name: fields.a_number(bound, where) for name, bound in bounds.items()})


def _values_count(value: Any, where: str) -> edge.ValuesCount:
    body = fields.an_object(value, where)
    return edge.ValuesCount(**{name: fields.maybe_integer(body, name) for name in ("lt", "gt", "lte", "gte")})


def a_geo_point(value: Any, where: str) -> edge.GeoPoint:
    """Give a point on Earth."""
    body = fields.an_object(value, where)
    return edge.GeoPoint(
        fields.a_number(body.get("lon"), f"{where}.lon"), fields.a_number(body.get("lat"), f"{where}.lat")
    )


def _geo_box(value: Any, where: str) -> edge.GeoBoundingBox:
    body = fields.an_object(value, where)
    return edge.GeoBoundingBox(a_geo_point(body.get("top_left"), where), a_geo_point(body.get("bottom_right"), where))


def _geo_radius(value: Any, where: str) -> edge.GeoRadius:
    body = fields.an_object(value, where)
    return edge.GeoRadius(a_geo_point(body.get("center"), where), fields.a_number(body.get("radius"), where))


def _geo_polygon(value: Any, where: str) -> edge.GeoPolygon:
    body = fields.an_object(value, where)
    interiors = [_ring(each, where) for each in fields.one_or_many(body.get("interiors"))]
    return edge.GeoPolygon(_ring(body.get("exterior"), where), interiors or None)


def _ring(value: Any, where: str) -> list[edge.GeoPoint]:
    points = fields.an_object(value, where).get("points")
    return [a_geo_point(each, where) for each in fields.a_list(points, where)]
