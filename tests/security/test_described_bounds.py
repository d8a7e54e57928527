"""The description of the API says of each value that comes in how long, how large or how many it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.described import described

Json = dict[str, Any]

BOUNDED_OTHERWISE = {
    "GET /problems/{code} code": "what is not the code of a problem is not found",
    "PUT /v1/sign-ups/current/products": "the body as a whole is bounded",
    "POST /oauth/token": "a form of the standard's, each of whose fields is bounded where it is read",
    "POST /oauth/revoke": "as the tokens'",
    "POST /oauth/introspect": "as the tokens'",
    "POST /v1/store/identity-providers/{provider_id}/logouts": "as the tokens'",
}


def unbounded(description: Json) -> list[str]:
    """Where a value may be as long, as large or as many as somebody likes."""
    schemas = description["components"]["schemas"]
    found: list[str] = []
    for path, methods in description["paths"].items():
        for method, said in methods.items():
            label = f"{method.upper()} {path}"
            for parameter in said.get("parameters", ()):
                found += _unbounded(parameter["schema"], f"{label} {parameter['name']}", schemas, ())
            for content in said.get("requestBody", {}).get("content", {}).values():
                found += _unbounded(content.get("schema", {}), label, schemas, ())
    return sorted(set(found))


def _unbounded(schema: Json, where: str, schemas: Json, within: tuple[str, ...]) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name not in within:
            yield from _unbounded(schemas[name], where, schemas, (*within, name))
        return
    choices = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    numbers = {one.get("type") for one in choices} & {"integer", "number"}
    bounds = {key: schema[key] for key in ("maxLength", "maximum", "maxItems") if choices and key in schema}
    for one in choices:
        if not (numbers and one.get("type") == "string"):  # a number as text is bounded as the number is
            yield from _unbounded({**one, **bounds}, where, schemas, within)
    yield from _of_itself(schema, where)
    for name, of in schema.get("properties", {}).items():
        yield from _unbounded(of, f"{where} {name}", schemas, within)
    if "items" in schema:
        yield from _unbounded(schema["items"], f"{where} []", schemas, within)


def _of_itself(schema: Json, where: str) -> Iterator[str]:
    kind = schema.get("type")
    said = {
        "string": {"maxLength", "enum", "const", "format", "pattern", "contentMediaType"},
        "integer": {"maximum", "exclusiveMaximum", "enum", "const"},
        "number": {"maximum", "exclusiveMaximum"},
        "array": {"maxItems"},
    }.get(str(kind))
    if said is not None and not said & set(schema):
        yield where
    if kind == "object" and not schema.keys() & {"maxProperties", "additionalProperties"}:
        yield where


def test_whatever_comes_in_is_bounded_in_the_description() -> None:
    found = unbounded(described())

    assert "\n".join(one for one in found if not one.startswith(tuple(BOUNDED_OTHERWISE))) == ""
    assert [one for one in BOUNDED_OTHERWISE if not any(where.startswith(one) for where in found)] == []


def test_a_value_without_a_bound_is_found() -> None:
    body = {"type": "object", "additionalProperties": False, "properties": {"name": {"type": "string"}}}
    lax = {
        "components": {"schemas": {"Lax": body}},
        "paths": {
            "/lax": {
                "post": {
                    "parameters": [{"name": "size", "in": "query", "schema": {"type": "integer"}}],
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lax"}}}},
                }
            }
        },
    }
    assert unbounded(lax) == ["POST /lax name", "POST /lax size"]
