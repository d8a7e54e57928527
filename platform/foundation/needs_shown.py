"""What each operation needs, in the API's description.

`x-needs` says it in the platform's own words (`staff:orders:refund`); `security` in OpenAPI's: which of the ways to say
who asks will do, and with which permission (OpenAPI 3.1 lets a scheme of any type name the roles it must carry).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from foundation.access import Need, Who, need_of

SESSION, BEARER = "session", "bearer"


def show_needs(app: FastAPI, *, cookie: str) -> None:
    """Have the description of `app` say what each operation needs; sessions are in a cookie of that name.

    Raises:
        ValueError: when the description is first asked for, of a route that declares nothing.
    """
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema.setdefault("components", {})["securitySchemes"] = _schemes(cookie)
            for route in app.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    _say(schema["paths"][route.path_format], route)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _say(operations: Mapping[str, dict[str, Any]], route: APIRoute) -> None:
    need = need_of(route)
    for method in route.methods or ():
        operation = operations.get(method.lower())
        if operation is not None:
            operation["x-needs"] = str(need)
            operation["security"] = _security(need)


def _security(need: Need) -> list[dict[str, list[str]]]:
    """Each of them is enough; an empty one says that nothing is needed."""
    if need.who in {Who.SIGNED, Who.OPERATOR}:
        return [{}]
    permissions = [need.permission] if need.permission else []
    ways: list[dict[str, list[str]]] = [{SESSION: permissions}, {BEARER: permissions}]
    return [{}, *ways] if need.who is Who.ANYONE else ways


def _schemes(cookie: str) -> dict[str, dict[str, str]]:
    return {
        SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "The session of a visitor, of a customer, or of somebody who works here.",
        },
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "A session's token, a key (`twk_...`), or what OAuth gave to a program.",
        },
    }
