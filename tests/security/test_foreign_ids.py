"""What belongs to another shop, another vendor or another customer is as if it did not exist.

Every operation of the API is asked with each of their ids, wherever it takes one, and with an id that nobody has. Both are
answered alike, nothing of theirs is in any answer, and nothing changes. Asked with the caller's own id, the same request is
answered otherwise: so it is the id that was refused, not the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.described import described
from tests.digests import Looking, changed, tables_of_shops
from tests.security import hostile
from tests.security.operations import BY_OPTIONAL_FIELD, Json, Operation, Unnamed, filled, operations
from tests.security.world import OF_A_VENDOR, PERSONAL, Side, World, photo, things_of_nobody

MADE_BY_NAME = {
    "PUT /v1/admin/inventory/warehouses/{code}",
    "PUT /v1/admin/delivery-methods/{code}",
    "PUT /v1/admin/taxes/classes/{code}",
    "PUT /v1/admin/vendors/{code}",
    "PUT /v1/admin/discount-codes/{code}",
}
"""Operations that make what their path names when there is none: with another shop's name they make one of the caller's own,
and the other shop's stays as it is."""

NO_MATTER = {
    ("POST /v1/admin/vendors/{code}/products", "product"): "it is the vendor's already, so none is assigned",
    ("PUT /v1/admin/delivery-methods/{code}", "tax_class"): "a class is a word, which needs no row",
    ("PUT /v1/admin/taxes/rates/{country}", "tax_class"): "a class is a word, which needs no row",
    ("PUT /v1/store/carts/{cart_id}/consignments", "slot"): "a window that can't be had is said in the requirements",
    ("GET /v1/admin/inventory/recalls", "lot"): "a list, of which nothing is found",
    ("GET /v1/admin/inventory/recalls", "sku"): "a list, of which nothing is found",
    ("GET /v1/admin/inventory/promises", "sku"): "a list, of which nothing is found",
    ("GET /v1/admin/delivery-methods/{code}/slots", "delivery"): "a list, of which nothing is found",
    ("POST /v1/admin/orders/{order_id}/payments/{payment_id}/collect", "payment"): "the order's state is asked first",
    ("GET /v1/admin/categories?parent_id", "category"): "a list, of which nothing is found",
    ("DELETE /v1/admin/payments/terms/{provider}", "customer"): "what is not agreed is taken back already",
    (
        "GET /v1/store/recommendations",
        "product",
    ): "what the decision service says of it, whether the shop has it or not",
    ("GET /v1/admin/orders", "number"): "a search, of which nothing is found",
    ("GET /v1/admin/orders/export", "number"): "a search, of which nothing is found",
    ("DELETE /v1/store/carts/{cart_id}/codes/{code}", "discount"): "a code that is not in the cart is gone already",
    ("POST /v1/store/orders/lookup", "email"): "the number is asked first",
}
"""(operation, thing): where the caller's own is answered as one that does not exist."""

NOBODYS = {
    "challenge_id": "it is good with a signature over it alone",
    "decision_id": "nothing is looked up by it",
    "lot": "a word that goods come in under",
    "tax_class": "a class is a word, which needs no row",
}
"""Optional fields that may say what they like: it is nobody's."""

IN_PLACE_OF = {"payments": "payment"}
"""Fields of which a body has one or the other."""

COUNTS_ATTEMPTS = {"POST /v1/store/accounts"}
"""Operations of which the second within a minute is refused, whoever asks."""

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_VERSION = re.compile(r'"version":\d+')
_UNCOMPARED = {"x-request-id", "content-length", "etag", "set-cookie"}


@dataclass
class Trial:
    """The operations on their way through the world."""

    world: World
    faults: list[str] = field(default_factory=list)
    nobodys: dict[str, tuple[int, str]] = field(default_factory=dict)
    """`operation thing` -> the answer to what nobody has."""

    async def ask(
        self, operation: Operation, things: Mapping[str, str], http: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        """The operation's request, by whoever may make it in the shop that is mine."""
        binary = operation.body is None and operation.media is not None and "json" not in operation.media
        sent = "data" if "urlencoded" in (operation.media or "") else "json"
        headers = {"Idempotency-Key": str(uuid4()), **({"Content-Type": "image/png"} if binary else {})}
        return await (http or self.world.mine.clients[operation.actor]).request(
            operation.method,
            filled(operation.path, things),
            params=filled(dict(operation.query), things),
            headers=headers,
            **(
                {"content": photo()}
                if binary
                else {}
                if operation.body is None
                else {sent: filled(operation.body, things)}
            ),
        )

    def foreign(self, operation: Operation, name: str) -> dict[str, Side]:
        """Those whose thing of this name is none of the caller's business."""
        world = self.world
        if operation.actor == "operator":  # no shop is foreign to whoever runs them all
            return {}
        within = {"shopper": PERSONAL, "vendor": OF_A_VENDOR, "staff": frozenset[str]()}[operation.actor]
        return world.others if name in within else {"another shop": world.another_shop}

    async def try_each_id(self, operation: Operation) -> None:
        """Each name of the request, once theirs and once nobody's."""
        mine = self.world.mine.things
        for name in operation.names:
            for whose, side in self.foreign(operation, name).items():
                nobodys = things_of_nobody(side)[name]
                theirs = await self.ask(operation, {**mine, name: side.things[name]})
                none = await self.ask(operation, {**mine, name: nobodys})
                self.nobodys[f"{operation.label} {name}"] = _said(none)
                alike = _plain(theirs, side.things[name]) == _plain(none, nobodys)
                if operation.label in MADE_BY_NAME:  # the list of what there is has one more by then
                    alike = theirs.status_code == none.status_code
                if not alike:
                    self.fault(operation, f"{name} of {whose}", f"{_shown(theirs)}\n  and of nobody: {_shown(none)}")
                self.look_for_leaks(operation, name, theirs, side.things[name])

    async def try_another_shops_credentials(self, operation: Operation) -> None:
        """Another shop's key or session is as good as none."""
        host, mine = self.world.mine.seeded.host, self.world.mine.things
        actor = "staff" if operation.actor == "operator" else operation.actor
        known = self.world.another_shop.clients[actor].headers["Authorization"].removeprefix("Bearer ")
        unknown = known[:4] + known[:3:-1]
        answers = []
        for token in (known, unknown):
            transport = self.world.nobody._transport
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers) as http:
                answers.append(await self.ask(operation, mine, http))
        counted = operation.label in COUNTS_ATTEMPTS and 429 in {answer.status_code for answer in answers}
        if not counted and _plain(answers[0], known) != _plain(answers[1], unknown):
            self.fault(operation, "the credentials of another shop", " / ".join(map(_shown, answers)))
        self.look_for_leaks(operation, "credentials", answers[0], known)

    def look_for_leaks(self, operation: Operation, name: str, answer: httpx.Response, used: str) -> None:
        """No answer has anything of another shop, nor a shopper's anything of another customer."""
        leaked = (set(_UUID.findall(answer.text)) & self.ids_of_another_shop) - {used}
        if operation.actor == "shopper":
            of_another = {self.world.another_customer.things[thing] for thing in PERSONAL}
            leaked |= {value for value in of_another - {used} if value in answer.text}
        if operation.actor == "vendor":
            of_another = {self.world.another_customer.things[thing] for thing in OF_A_VENDOR}
            leaked |= {value for value in of_another - {used} if value in answer.text}
        if leaked:
            self.fault(operation, name, f"gave away {sorted(leaked)[:3]}")

    def fault(self, operation: Operation, about: str, what: str) -> None:
        """Remember it."""
        self.faults.append(f"{operation.label}, {about}: {what}")

    def __post_init__(self) -> None:
        self.ids_of_another_shop = set(_UUID.findall(" ".join(_rows(self.world, self.world.another_shop))))


def with_each_optional_id(operation: Operation, schemas: Json, mine: Mapping[str, str]) -> Iterator[Operation]:
    """The operation once more for every id that its own request leaves out, which is then the only one that is not mine.

    Raises:
        Unnamed: nothing says what such an id is of.
    """
    path = filled(operation.path, mine)
    given = filled(dict(operation.query), mine)
    for parameter in operation.parameters:
        name, accepts = parameter["name"], tuple(hostile.alternatives(parameter["schema"], schemas))
        if parameter["in"] == "query" and name not in given and (thing := _thing(name, accepts)):
            label = f"{operation.label}?{name}"
            body = filled(operation.body, mine)
            yield replace(operation, label=label, path=path, query={**given, name: f"{{{thing}}}"}, body=body)
    for place in hostile.places(operation.body, operation.schema, schemas) if _is_json(operation) else ():
        if not place.is_in(operation.body) and (thing := _thing(place.field, place.accepts)):
            body = place.holding(f"{{{thing}}}", mine)
            body.pop(IN_PLACE_OF.get(str(place.path[0])), None)
            yield replace(operation, label=f"{operation.label} {place.name}", path=path, query=given, body=body)


def _thing(name: str, accepts: Sequence[Json]) -> str | None:
    """What the field is the id of, if it is one."""
    if not any(one.get("type") == "string" for one in accepts) or name in NOBODYS:
        return None
    if name in BY_OPTIONAL_FIELD and (name != "id" or any(one.get("format") == "uuid" for one in accepts)):
        return BY_OPTIONAL_FIELD[name]
    if any(one.get("format") == "uuid" for one in accepts):
        raise Unnamed(f"what {name} stands for is not in BY_OPTIONAL_FIELD (tests/security/operations.py)")
    return None


def _is_json(operation: Operation) -> bool:
    return operation.media is not None and "json" in operation.media


def _said(answer: httpx.Response) -> tuple[int, str]:
    code = answer.json().get("code", "") if "problem" in answer.headers.get("content-type", "") else answer.text
    return answer.status_code, str(code)


def _plain(answer: httpx.Response, used: str) -> tuple[int, str, dict[str, str]]:
    """An answer without what differs from one request to the next."""

    def plain(said: str) -> str:
        said = _VERSION.sub("<version>", said)
        return _TIME.sub("<time>", _UUID.sub("<id>", said.replace(used, "<id>").replace(used.upper(), "<id>")))

    headers = {name: plain(value) for name, value in answer.headers.items() if name not in _UNCOMPARED}
    return answer.status_code, plain(answer.text), headers


def _shown(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:300]}"


def _rows(world: World, side: Side) -> list[str]:
    with psycopg.connect(world.urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(side.seeded.id),))
        found = []
        for table in tables_of_shops(connection):
            rows = connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            found += [text for (text,) in rows]
    return found


async def test_what_is_theirs_is_answered_as_what_does_not_exist(app: Any, world: World) -> None:
    trial = Trial(world)
    description, mine = described(), world.mine.things
    schemas = description["components"]["schemas"]
    named = sorted(operations(description), key=lambda operation: operation.label in MADE_BY_NAME)
    more = [one for operation in named for one in with_each_optional_id(operation, schemas, mine)]
    asked = [*named, *more]
    with psycopg.connect(world.urls.app, autocommit=True) as connection:
        looking = Looking(connection)
        seen = {side.mark: looking.at(side.seeded.id) for side in (world.another_shop, world.mine)}
        for operation in asked:
            await trial.try_another_shops_credentials(operation)
            await trial.try_each_id(operation)
            for whose, side in (("their", world.another_shop), ("my", world.mine)):
                before, seen[side.mark] = seen[side.mark], looking.at(side.seeded.id)
                touched = changed(before, seen[side.mark])
                said = {trial.nobodys.get(f"{operation.label} {name}", (0, ""))[0] for name in operation.names}
                made = whose == "my" and (any(200 <= status < 300 for status in said) or not operation.names)
                if touched and not made:
                    trial.fault(operation, f"{whose} shop", f"changed {touched}")
    await _own_ids_are_answered_otherwise(trial, asked)
    assert trial.faults == [], f"{len(trial.faults)} faults\n" + "\n".join(trial.faults)
    assert len(named) > 150
    assert len(more) > 30


async def _own_ids_are_answered_otherwise(trial: Trial, asked: list[Operation]) -> None:
    """Last, since they do what they say: reading first, what takes away at the end."""
    order = {"GET": 0, "DELETE": 2}
    of_shops = [operation for operation in asked if operation.actor != "operator"]
    # What is within something goes before it.
    for operation in sorted(
        of_shops, key=lambda one: (order.get(one.method, 1), one.method == "DELETE" and -one.path.count("/"))
    ):
        answer = await trial.ask(operation, trial.world.mine.things)
        if answer.status_code >= 500 and answer.status_code != 503:
            trial.fault(operation, "my own", _shown(answer))
        trial.look_for_leaks(operation, "my own", answer, "")
        for name in operation.names if operation.label not in MADE_BY_NAME else ():
            same = _said(answer) == trial.nobodys[f"{operation.label} {name}"]
            if same and (operation.label, name) not in NO_MATTER:
                trial.fault(operation, f"my own {name}", f"is answered as nobody's: {_shown(answer)}")


def test_a_new_kind_of_id_has_to_be_named() -> None:
    described = {"components": {"schemas": {}}, "paths": {"/v1/store/dreams/{dream_id}": {"get": {"responses": {}}}}}
    with pytest.raises(Unnamed, match="dream_id"):
        list(operations(described))


def test_a_new_kind_of_optional_id_has_to_be_named() -> None:
    schema = {"type": "object", "properties": {"dream_id": {"anyOf": [{"type": "string", "format": "uuid"}]}}}
    operation = Operation("POST /v1/store/dreams", "POST", "/v1/store/dreams", {}, {}, "application/json", (), schema)
    with pytest.raises(Unnamed, match="dream_id"):
        list(with_each_optional_id(operation, {}, {}))
