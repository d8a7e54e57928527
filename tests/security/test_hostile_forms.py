"""Whatever is put into a field of a page's form, the page refuses it or asks who one is, and nothing changes.

A form's fields are found where it is read: every page that takes one has `read(request, TheForm)` in it.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute

from foundation.types import Input
from tests.digests import Looking, changed
from tests.security import hostile
from tradewind.building import build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from foundation.settings import Settings
    from tests.security.world import World

NOT_UTF8 = "%ff%fe"
LONE_SURROGATE = "%ed%a0%80"
NOWHERE = (*map(quote, ("a\x00b", hostile.BACKWARDS, "x" * (hostile.LONG + 1))), NOT_UTF8, LONE_SURROGATE)
"""What no field takes."""
AS_TEXT = tuple(map(quote, (hostile.TWIN, "-1", "NaN", "1E+999999", str(2**63))))
"""What is hostile to a number or a code, and somebody's wish in a note."""
ASKS_WHO = {302, 303}
SHARED = 1
"""Values of each kind that are put into a field of which another page has tried them all."""
MADE_WHEN_SHOWN = {"passkey_challenge"}
"""Tables that grow by a page's being shown."""


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The API with its pages."""
    made = build(settings)
    async with made.router.lifespan_context(made):
        yield made


@dataclass(frozen=True)
class Form:
    """A page that takes a form."""

    path: str
    names: Mapping[str, str]
    """Its fields, and what describes what each takes."""


def forms(app: FastAPI) -> Iterator[Form]:
    """Every page that is posted to, and its fields."""
    for route in app.router.routes:
        if isinstance(route, APIRoute) and "POST" in route.methods and not route.include_in_schema:
            yield Form(route.path, dict(_fields_of(route.endpoint)))


def _fields_of(endpoint: Any) -> Iterator[tuple[str, str]]:
    module = sys.modules[endpoint.__module__]
    for called in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(endpoint)))):
        if isinstance(called, ast.Name):
            found = getattr(module, called.id, None)
            if inspect.isclass(found) and issubclass(found, Input):
                yield from ((one.alias or name, f"{name} {one!r}") for name, one in found.model_fields.items())
    yield "no-such-field", ""


def _values(found: Sequence[Form], values: Sequence[str]) -> Iterator[tuple[Form, list[tuple[str, str]]]]:
    """Each form with what is put into its fields: all of the values where a field like it comes first."""
    tried = set[str]()
    for form in found:
        put = [(name, value) for name, of in form.names.items() for value in values[: SHARED if of in tried else None]]
        tried |= set(form.names.values())
        yield form, put


def _path(form: Form) -> str:
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in form.path.split("/"))


async def test_a_forms_hostile_fields_change_nothing(app: FastAPI, world: World) -> None:
    faults, sent, found = [], 0, list(forms(app))
    with psycopg.connect(world.urls.app, autocommit=True) as connection:
        looking = Looking(connection)
        before = looking.at(world.mine.seeded.id)
        for form, put in _values(found, NOWHERE):
            for name, value in put:
                answer = await _post(world, form, f"{name}={value}")
                sent += 1
                if answer.status_code not in ASKS_WHO and not 400 <= answer.status_code < 500:
                    faults.append(f"{form.path}, {name}={value[:40]}: {answer.status_code}")
            after = looking.at(world.mine.seeded.id)
            if touched := set(changed(before, after)) - MADE_WHEN_SHOWN:
                faults.append(f"{form.path}: changed {sorted(touched)}")
            before = after
        for form, put in _values(found, AS_TEXT):
            for name, value in put:
                answer = await _post(world, form, f"{name}={value}")
                sent += 1
                if answer.status_code >= 500:
                    faults.append(f"{form.path}, {name}={value}: {answer.status_code}")
    assert faults == [], f"{len(faults)} faults of {sent}\n" + "\n".join(faults)
    assert len(found) > 80
    assert sent > 1_000


async def _post(world: World, form: Form, content: str) -> httpx.Response:
    shopper = world.mine.clients["shopper"]
    return await shopper.post(
        _path(form),
        content=content,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": str(shopper.base_url).rstrip("/"),
            "Sec-Fetch-Site": "same-origin",
            "Cookie": f"tradewind_session={shopper.headers['Authorization'].removeprefix('Bearer ')}",
        },
    )
