"""Whatever is put into a request, at whichever place, is refused with a sentence that names the place, and changes nothing.

Each operation is asked with a request of its own that is valid but for one value (`hostile.py`), by somebody who may. So it
is the value that is refused: an answer that says 401, 403 or 404 to a field of the body is a fault, as is one that names
another field.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx
import psycopg

from tests.described import described
from tests.digests import Looking, changed
from tests.security import hostile
from tests.security.hostile import Hostile, Place
from tests.security.operations import Json, Operation, filled, operations
from tests.security.world import World, photo

THOROUGH = "TRADEWIND_TEST_EXAMPLES" in os.environ
"""Whether more is asked for than a run of all tests has time for; `make security` does."""

REFUSED_WHOLE = {
    "request.malformed_json",
    "request.malformed_address",
    "request.malformed_form",
    "request.body_too_large",
}
"""What is refused before anybody looks at fields."""
REFUSED = {*REFUSED_WHOLE, "request.invalid_fields"}

APPLICANT = {
    "name": "Hostile",
    "slug": "hostile",
    "email": "owner@example.com",
    "password": "correct horse battery staple",
}
FORGIVING = {
    ("POST /v1/store/sessions", "nothing at all"): "a session needs no body",
    ("POST /v1/admin/orders/{order_id}/refunds/retry", "nothing at all"): "all that failed is tried again",
}
"""(operation, body): what is well to be taken."""

OWN_WORDS = {
    ("*", "scopes"): {"identity.unknown_scope", "programs.client_invalid"},
    ("*", "permissions"): {"staffing.no_such_permission"},
    ("*", "redirect_uris"): {"programs.client_invalid"},
    ("*", "url"): {"outbound.address_refused"},
    ("*", "vat_id"): {"taxes.malformed_vat_id"},
    ("*", "rule"): {"catalog.collection_rule_names_nothing"},
    ("POST /v1/store/staff-invitations", "*"): {"identity.proof_not_good"},
    ("POST /v1/webhooks/carriers/{carrier}", "*"): {"orders.forged_carrier_event"},
}
"""(operation, field): the codes by which text of any kind is refused there, since they say more than that it is not valid, or
since a signature or a secret is asked first."""


@dataclass
class Trial:
    """Requests on their way to the app, and what was wrong with the answers."""

    world: World
    applicant: httpx.AsyncClient
    schemas: Json
    faults: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    sent: int = 0

    async def send(self, operation: Operation, *, path: str | None = None, **changed: Any) -> httpx.Response:
        """The operation's request, with what is changed."""
        things = self.world.mine.things
        headers = {"idempotency-key": str(uuid4()), **changed.pop("headers", {})}
        query = changed.pop("query", None) or urlencode(filled(dict(operation.query), things))
        url = filled(operation.path, things) if path is None else path
        if "content" not in changed:
            changed["content"], headers["Content-Type"] = self.valid(operation)
        self.sent += 1
        http = self.applicant if operation.path.startswith("/v1/sign-ups") else self.world.mine.clients[operation.actor]
        return await http.request(operation.method, f"{url}?{query}" if query else url, headers=headers, **changed)

    def valid(self, operation: Operation) -> tuple[bytes, str]:
        """The body of the operation's own request, and its media type."""
        if operation.media is None:
            return b"", "application/octet-stream"
        if operation.body is not None:
            return hostile.written(filled(operation.body, self.world.mine.things)).encode(), "application/json"
        return photo(), "image/png"

    def untried(self, name: object, accepts: object, values: Iterable[Hostile]) -> Iterator[Hostile]:
        """All of the values, the first time that a place of this name accepts that; after that the first alone. What is
        wrong with a value is found where it is described, and operations share what describes their fields.
        """
        place = json.dumps([name, accepts], sort_keys=True)
        yield from islice(values, 1 if place in self.tried and not THOROUGH else None)
        self.tried.add(place)

    def judge(self, operation: Operation, about: str, answer: httpx.Response, place: Place | None) -> None:
        """Refused, in the form of a problem, and for this reason."""
        if not 400 <= answer.status_code < 500:
            self.faults.append(f"{operation.label}, {about}: {answer.status_code} {answer.text[:200]}")
            return
        if answer.headers["content-type"] != "application/problem+json":
            self.faults.append(f"{operation.label}, {about}: {answer.status_code} is no problem document")
            return
        said = answer.json()
        if place is None or said["code"] in REFUSED_WHOLE:
            return
        if said["code"] in _own_words(operation, place):
            return
        if said["code"] != "request.invalid_fields":
            self.faults.append(f"{operation.label}, {about}: refused as {said['code']}")
        elif not any(_is_named(place, error["param"]) for error in said["errors"]):
            self.faults.append(f"{operation.label}, {about}: names {[error['param'] for error in said['errors']]}")


def _is_named(place: Place, said: str) -> bool:
    """By itself, or by what it says the kind of."""
    keys = [key for key in place.path if isinstance(key, str)]
    if all("const" in one for one in place.accepts):
        keys.pop()
    return not keys or keys[-1] in said.split(".")


def _own_words(operation: Operation, place: Place) -> set[str]:
    either = [(label, name) for label in ("*", operation.label) for name in ("*", *place.path)]
    return {code for one in either for code in OWN_WORDS.get(one, ())}


def _of_json(operation: Operation) -> bool:
    return operation.media is not None and "json" in operation.media


def _in_body(trial: Trial, operation: Operation) -> Iterator[tuple[Place, Hostile]]:
    if _of_json(operation):
        for place in hostile.places(operation.body, operation.schema, trial.schemas):
            for value in trial.untried(place.path[-1], place.accepts, hostile.of_a_field(place.accepts)):
                yield place, value


async def _try_fields(trial: Trial, operation: Operation) -> None:
    for place, value in _in_body(trial, operation):
        content = place.body(value.value, trial.world.mine.things).encode()
        answer = await trial.send(operation, content=content, headers={"Content-Type": "application/json"})
        trial.judge(operation, f"{value.name} as {place.name}", answer, place)


async def _try_bodies(trial: Trial, operation: Operation) -> None:
    if not _of_json(operation):
        return
    valid, _ = trial.valid(operation)
    for name, content in hostile.whole_bodies(valid.decode()):
        if (operation.label, name) in FORGIVING:
            continue
        answer = await trial.send(operation, content=content, headers={"Content-Type": "application/json"})
        trial.judge(operation, f"a body that is {name}", answer, None)


async def _try_parameters(trial: Trial, operation: Operation) -> None:
    things = trial.world.mine.things
    query = filled(dict(operation.query), things)
    for parameter in operation.parameters:
        name, where = parameter["name"], parameter["in"]
        values = hostile.of_a_parameter(parameter["schema"], trial.schemas, where=where)
        for value in trial.untried(name, [where, parameter["schema"]], values):
            if where == "query":
                answer = await trial.send(operation, query=urlencode({**query, name: value.value}))
            elif where == "header":
                answer = await trial.send(operation, headers={name: value.value})
            else:
                answer = await trial.send(operation, path=_with_parameter(operation, name, value.value, things))
            trial.judge(operation, f"{value.name} as {name} of the {where}", answer, None)


def _with_parameter(operation: Operation, name: str, value: str, things: Json) -> str:
    described = operation.label.split(" ", 1)[1].split("/")
    valid = filled(operation.path, things).split("/")
    return "/".join(
        said.replace(f"{{{name}}}", quote(value, safe="")) if f"{{{name}}}" in said else given
        for said, given in zip(described, valid, strict=True)
    )


def _prove_who_the_shopper_is(world: World) -> None:
    """By more than one factor, and just now: so that a refusal is none of who asks."""
    with psycopg.connect(world.urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(world.mine.seeded.id),))
        connection.execute("UPDATE session SET amr = '{pwd,mfa}', authenticated_at = now()")


async def _applicant(app: Any) -> httpx.AsyncClient:
    """Somebody who is about to open a shop."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://localhost")
    begun = await http.post("/v1/sign-ups", json=APPLICANT)
    http.headers["Authorization"] = f"Bearer {begun.raise_for_status().json()['token']}"
    return http


async def test_hostile_values_are_refused_by_name_and_change_nothing(app: Any, world: World) -> None:
    description = described()
    _prove_who_the_shopper_is(world)
    trial = Trial(world, await _applicant(app), description["components"]["schemas"])
    with psycopg.connect(world.urls.app, autocommit=True) as connection:
        looking = Looking(connection)
        before = looking.at(world.mine.seeded.id)
        for operation in operations(description):
            await _try_parameters(trial, operation)
            await _try_fields(trial, operation)
            await _try_bodies(trial, operation)
            after = looking.at(world.mine.seeded.id)
            if touched := changed(before, after):
                trial.faults.append(f"{operation.label}: changed {touched}")
            before = after
    assert trial.faults == [], f"{len(trial.faults)} faults of {trial.sent}\n" + "\n".join(trial.faults)
    assert trial.sent > 5_000
