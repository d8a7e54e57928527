"""Points in and out: upserts, deletions and payload changes to the engine's operations, records back to JSON.

Everything that could make the engine fail half-way is refused here, so that a batch is applied whole or not at all: an
operation enters the write-ahead log before it is applied, and a misshapen sparse vector makes the engine panic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import qdrant_edge as edge

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.errors import Invalid, Malformed, WrongInput
from tradewind.engines.qdrant.fields import Json
from tradewind.engines.qdrant.filters import read_filter
from tradewind.engines.qdrant.schema import Schema

_MODES = {
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


def read_vector(value: Any, name: str, schema: Schema) -> edge.NamedVector:
    """Give the engine's vector for a JSON one, checked against the collection's vector of that name."""
    schema.check_name(name)
    where = f"vector.{name}" if name else "vector"
    if isinstance(value, dict):
        return _sparse_vector(value, name, where, schema)
    if name in schema.sparse:
        raise WrongInput(f"{where}: a sparse vector is an object of indices and values")
    rows = fields.a_list(value, where)
    if name in schema.multi:
        many = rows if rows and isinstance(rows[0], list) else [rows]
        return [_sized(fields.floats(row, where), schema.dense[name]) for row in many]
    return _sized(fields.floats(rows, where), schema.dense[name])


def _sparse_vector(value: Json, name: str, where: str, schema: Schema) -> edge.SparseVector:
    if "indices" not in value:
        raise WrongInput(f"{where}: inference is not configured here, send a vector")
    if name not in schema.sparse:
        raise WrongInput(f"{where}: this vector is dense")
    return edge.SparseVector(*fields.sparse(value, where))


def _sized(numbers: list[float], size: int) -> list[float]:
    if len(numbers) != size:
        raise WrongInput(f"Vector dimension error: expected dim: {size}, got {len(numbers)}")
    return numbers


def _vectors(value: Any, schema: Schema) -> dict[str, edge.NamedVector]:
    if isinstance(value, dict):
        return {name: read_vector(each, name, schema) for name, each in value.items()}
    return {"": read_vector(value, "", schema)}


def _payload(value: Any) -> Json | None:
    return None if value is None else fields.an_object(value, "payload")


def _point(value: Any, schema: Schema) -> edge.Point:
    body = fields.an_object(value, "points")
    if "vector" not in body:
        raise Malformed("points.vector", "a vector")
    return edge.Point(
        fields.a_point_id(body.get("id"), "points.id"), _vectors(body["vector"], schema), _payload(body.get("payload"))
    )


def _batch_points(batch: Json) -> list[Json]:
    ids = fields.a_list(batch.get("ids"), "batch.ids")
    vectors: Any = batch.get("vectors")
    if isinstance(vectors, dict):
        columns = {name: fields.a_list(column, f"batch.vectors.{name}") for name, column in vectors.items()}
        _same_length(ids, *columns.values())
        vectors = [{name: column[row] for name, column in columns.items()} for row in range(len(ids))]
    payloads = batch.get("payloads") or [None] * len(ids)
    _same_length(ids, fields.a_list(vectors, "batch.vectors"), fields.a_list(payloads, "batch.payloads"))
    return [
        {"id": each, "vector": vector, "payload": payload}
        for each, vector, payload in zip(ids, vectors, payloads, strict=True)
    ]


def _same_length(ids: list[Any], *columns: list[Any]) -> None:
    for column in columns:
        if len(column) != len(ids):
            raise Invalid("batch", f"{len(ids)} ids and {len(column)} vectors or payloads: must be equal")


def _upsert(body: Json, schema: Schema) -> edge.UpdateOperation:
    if "batch" in body:
        points = _batch_points(fields.an_object(body["batch"], "batch"))
    else:
        points = fields.a_list(body.get("points"), "points")
    if not points:
        raise WrongInput("Empty update request")
    mode = body.get("update_mode")
    return edge.UpdateOperation.upsert_points(
        [_point(each, schema) for each in points],
        condition=read_filter(body.get("update_filter"), "update_filter"),
        update_mode=None if mode is None else _MODES[fields.choice(mode, "update_mode", tuple(_MODES))],
    )


def _selected(
    body: Json, by_ids: Callable[..., edge.UpdateOperation], by_filter: Callable[..., edge.UpdateOperation], *rest: Any
) -> edge.UpdateOperation:
    """Build an operation on the points a request selects, by their ids or by a filter."""
    if body.get("points") is not None:
        return by_ids(fields.point_ids(body["points"]), *rest)
    condition = read_filter(body.get("filter"))
    if condition is None:
        raise Invalid("points", "either a list of point ids or a filter must be given")
    return by_filter(condition, *rest)


def _delete(body: Json, _: Schema) -> edge.UpdateOperation:
    return _selected(body, edge.UpdateOperation.delete_points, edge.UpdateOperation.delete_points_by_filter)


def _set_payload(body: Json, _: Schema) -> edge.UpdateOperation:
    payload, key = fields.an_object(body.get("payload"), "payload"), fields.maybe_string(body, "key")
    operations = edge.UpdateOperation
    return _selected(body, operations.set_payload, operations.set_payload_by_filter, payload, key)


def _overwrite_payload(body: Json, _: Schema) -> edge.UpdateOperation:
    payload = fields.an_object(body.get("payload"), "payload")
    operations = edge.UpdateOperation
    return _selected(body, operations.overwrite_payload, operations.overwrite_payload_by_filter, payload)


def _delete_payload(body: Json, _: Schema) -> edge.UpdateOperation:
    keys = fields.strings(body.get("keys"), "keys")
    operations = edge.UpdateOperation
    return _selected(body, operations.delete_payload, operations.delete_payload_by_filter, keys)


def _clear_payload(body: Json, _: Schema) -> edge.UpdateOperation:
    return _selected(body, edge.UpdateOperation.clear_payload, edge.UpdateOperation.clear_payload_by_filter)


def _update_vectors(body: Json, schema: Schema) -> edge.UpdateOperation:
    points = [fields.an_object(each, "points") for each in fields.a_list(body.get("points"), "points")]
    if not points:
        raise WrongInput("Empty update request")
    return edge.UpdateOperation.update_vectors(
        [edge.PointVectors(fields.a_point_id(each.get("id")), _vectors(each.get("vector"), schema)) for each in points],
        condition=read_filter(body.get("update_filter"), "update_filter"),
    )


def _delete_vectors(body: Json, schema: Schema) -> edge.UpdateOperation:
    names = fields.strings(body.get("vector"), "vector")
    for name in names:
        schema.check_name(name)
    return _selected(body, edge.UpdateOperation.delete_vectors, edge.UpdateOperation.delete_vectors_by_filter, names)


_UPDATES: dict[str, Callable[[Json, Schema], edge.UpdateOperation]] = {
    "upsert": _upsert,
    "delete": _delete,
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": _delete_payload,
    "clear_payload": _clear_payload,
    "update_vectors": _update_vectors,
    "delete_vectors": _delete_vectors,
}


def read_update(kind: str, body: Json, schema: Schema) -> edge.UpdateOperation:
    """Give the engine's operation for one change, by its name in a batch of updates."""
    return _UPDATES[kind](body, schema)


def read_updates(body: Json, schema: Schema) -> list[edge.UpdateOperation]:
    """Give the engine's operations for a batch of updates, in order."""
    operations = []
    for each in fields.a_list(body.get("operations"), "operations"):
        entry = fields.an_object(each, "operations")
        kind = fields.choice(next(iter(entry), None), "operations", tuple(_UPDATES))
        operations.append(read_update(kind, fields.an_object(entry[kind], f"operations.{kind}"), schema))
    return operations


def weight(body: Json) -> int:
    """Estimate how many points a change touches, to know when building an index pays. A filter counts as one."""
    if "operations" in body:
        return sum(weight(change) for each in body["operations"] for change in each.values())
    if "batch" in body:
        return len(body["batch"]["ids"])
    return len(body.get("points") or [None])


def json_id(point_id: int | UUID | str) -> int | str:
    """Give a point's id as JSON has it."""
    return point_id if isinstance(point_id, int) else str(point_id)


def _json_vector(vector: Any) -> Any:
    if isinstance(vector, edge.SparseVector):
        return {"indices": vector.indices, "values": vector.values}
    if isinstance(vector, dict):
        return {name: _json_vector(each) for name, each in vector.items()}
    return vector


def json_record(record: edge.Record) -> Json:
    """Give a retrieved point as JSON."""
    body: Json = {"id": json_id(record.id)}
    if record.payload is not None:
        body["payload"] = record.payload
    if record.vector is not None:
        body["vector"] = _json_vector(record.vector)
    if record.order_value is not None:
        body["order_value"] = record.order_value
    return body


def json_scored(point: edge.ScoredPoint) -> Json:
    """Give a scored point as JSON."""
    body: Json = {"id": json_id(point.id), "version": point.version, "score": point.score}
    if point.payload is not None:
        body["payload"] = point.payload
    if point.vector is not None:
        body["vector"] = _json_vector(point.vector)
    if point.order_value is not None:
        body["order_value"] = point.order_value
    return body
