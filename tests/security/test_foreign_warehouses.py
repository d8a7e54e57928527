"""Whoever is bound to some warehouses comes by nothing of another, whichever operation they ask.

Somebody who holds every permission, so that none of it is what stops them, is bound to one warehouse. Another has stock,
lots, a dispatch and a parcel. Every operation that staff have is asked about those.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from commerce.policies.registry import SCOPES
from tests.access.team import Team
from tests.described import described
from tests.security.operations import Operation, operations
from tests.security.test_foreign_ids import Trial
from tests.security.world import ADDRESS, World

FAR, NOBODYS = "far-away", "nowhere"
FAR_NAME = "Beyond the hills"
INVENTORY = "/v1/admin/inventory"
NAMES = {"warehouse", "sku", "lot", "order", "number", "line", "variant", "product", "fulfilment", "dispatch"}
"""The things of the other warehouse, and what they are called in requests."""

OF_ALL = {
    "POST /v1/admin/inventory/recalls",
    "PUT /v1/admin/inventory/policies",
    "PUT /v1/admin/inventory/allocation",
    "PUT /v1/admin/inventory/bundles",
}
"""Operations that touch every warehouse: none of them is for somebody who is bound to some."""

WHOLE = {"GET /v1/admin/audit"}
"""The log of who did what is read as a whole or not at all: it is its permission that no warehouse manager has."""


@dataclass
class Bound:
    """Somebody who is bound to a warehouse, and what there is in another."""

    http: httpx.AsyncClient
    far_id: str
    far: dict[str, str]
    own: dict[str, str]


@pytest.fixture
async def bound(app: Any, world: World) -> AsyncIterator[Bound]:
    staff, things, seeded = world.mine.clients["staff"], world.mine.things, world.mine.seeded
    tea = seeded.products[4]
    await asked(staff, "PUT", f"{INVENTORY}/warehouses/{FAR}", {"name": FAR_NAME})
    await asked(staff, "PUT", f"{INVENTORY}/warehouses/beside", {"name": "Beside"})
    moved = {"sku": "SKU4", "source": "main", "destination": FAR, "quantity": 80}
    await asked(staff, "POST", f"{INVENTORY}/transfers", moved)
    await asked(
        staff, "POST", f"{INVENTORY}/write-offs", {"sku": "SKU4", "warehouse": "main", "quantity": 20, "reason": "x"}
    )
    lot = {"sku": "SKU4", "warehouse": FAR, "quantity": 9, "lot": "far-lot", "expires_on": "2099-01-01"}
    await asked(staff, "POST", f"{INVENTORY}/receipts", lot)
    sent = {"sku": "SKU4", "source": FAR, "destination": "beside", "quantity": 1}
    dispatch = (await asked(staff, "POST", f"{INVENTORY}/dispatches", sent))["items"][0]["id"]
    order = await _ordered(world, tea.variant_id)
    line = {"line_id": order["lines"][0]["id"], "quantity": 1}
    parcel = await asked(staff, "POST", f"/v1/admin/orders/{order['id']}/fulfilments", {"lines": [line]})
    role = {"name": "All", "meaning": "All.", "permissions": list(SCOPES)}
    role_id = UUID((await asked(staff, "POST", "/v1/admin/roles", role))["id"])
    ids = _ids(world)
    far = {
        "warehouse": FAR,
        "sku": "SKU4",
        "lot": "far-lot",
        "order": order["id"],
        "number": order["number"],
        "line": line["line_id"],
        "variant": str(tea.variant_id),
        "product": str(tea.product_id),
        "fulfilment": parcel["parcels"][0]["id"],
        "dispatch": dispatch,
    }
    async with AsyncExitStack() as until_over:
        team = Team(app, seeded, until_over)
        member = await team.hire(role_ids=(role_id,), warehouses=frozenset({UUID(ids[things["warehouse"]])}))
        yield Bound(member.http, ids[FAR], far, things)


async def asked(http: httpx.AsyncClient, method: str, path: str, body: object = None) -> dict[str, Any]:
    """What a request that has to succeed is answered."""
    answer = await http.request(method, path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


async def _ordered(world: World, variant_id: UUID) -> dict[str, Any]:
    """An order for two of a variant, paid."""
    shopper = world.mine.clients["shopper"]
    cart = f"/v1/store/carts/{(await asked(shopper, 'POST', '/v1/store/carts'))['id']}"
    await asked(shopper, "POST", f"{cart}/lines", {"variant_id": str(variant_id), "quantity": 2})
    await asked(shopper, "PUT", f"{cart}/address", ADDRESS)
    await asked(shopper, "PUT", f"{cart}/delivery", {"code": world.mine.things["delivery"]})
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "far@example.com"}
    return await asked(shopper, "POST", f"{cart}/complete", pay)


def _connected(world: World) -> psycopg.Connection[Any]:
    connection = psycopg.connect(world.urls.app)
    connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(world.mine.seeded.id),))
    return connection


def _ids(world: World) -> dict[str, str]:
    with _connected(world) as connection:
        return {code: str(known) for code, known in connection.execute("SELECT code, id FROM warehouse")}


def _of_others(world: World, own: str) -> list[str]:
    """All that lies in warehouses but one's own, went from them or is on its way to them."""
    with _connected(world) as connection:
        rows = connection.execute(
            "SELECT 'w', w::text FROM warehouse w WHERE id <> %(own)s"
            " UNION ALL SELECT 's', s::text FROM stock s WHERE warehouse_id <> %(own)s"
            " UNION ALL SELECT 'l', l::text FROM stock_lot l JOIN stock s ON s.id = l.stock_id WHERE warehouse_id <> %(own)s"
            " UNION ALL SELECT 'm', m::text FROM stock_movement m JOIN stock s ON s.id = m.stock_id WHERE warehouse_id <> %(own)s"
            " UNION ALL SELECT 't', t::text FROM stock_transfer t WHERE destination_id <> %(own)s"
            " UNION ALL SELECT 'p', p::text FROM stock_transfer_part p JOIN stock_transfer t ON t.id = p.transfer_id"
            "  WHERE destination_id <> %(own)s"
            " UNION ALL SELECT 'f', f::text FROM fulfilment f WHERE warehouse_id <> %(own)s ORDER BY 1, 2",
            {"own": own},
        )
        return [f"{kind} {row}" for kind, row in rows]


def _plain(answer: httpx.Response, used: str) -> tuple[int, str]:
    said = re.sub(r'"request_id":"[^"]*"', "", answer.text.replace(used, "<it>"))
    return answer.status_code, said


def _of_staff() -> list[Operation]:
    return [operation for operation in operations(described()) if operation.actor == "staff"]


async def test_whoever_is_bound_comes_by_nothing_of_another_warehouse(world: World, bound: Bound) -> None:
    trial = Trial(world)
    await _somebody_without_bounds_is_told(trial, bound)
    await _another_is_answered_as_one_that_is_not_there(trial, bound)
    await _no_operation_tells_of_it_or_changes_it(trial, bound)


async def _another_is_answered_as_one_that_is_not_there(trial: Trial, bound: Bound) -> None:
    world, faults = trial.world, []
    named = [operation for operation in _of_staff() if "warehouse" in operation.names]
    own = _ids(world)[bound.own["warehouse"]]
    before = _of_others(world, own)
    for operation in named:
        theirs = await trial.ask(operation, bound.own | {"warehouse": FAR}, bound.http)
        nobodys = await trial.ask(operation, bound.own | {"warehouse": NOBODYS}, bound.http)
        if _plain(theirs, FAR) != _plain(nobodys, NOBODYS) or theirs.is_success:
            faults.append(f"{operation.label}: {theirs.text[:200]} and of nobody: {nobodys.text[:200]}")
    assert faults == []
    assert _of_others(world, own) == before
    assert len(named) >= 8


async def _no_operation_tells_of_it_or_changes_it(trial: Trial, bound: Bound) -> None:
    world, faults = trial.world, []
    own = _ids(world)[bound.own["warehouse"]]
    order = {"GET": 0, "DELETE": 2}
    for operation in sorted(_of_staff(), key=lambda one: order.get(one.method, 1)):
        before = _of_others(world, own)
        about = {name: bound.far[name] for name in NAMES & set(operation.names)} or {}
        answer = await trial.ask(operation, bound.own | about, bound.http)
        if answer.status_code >= 500 and answer.status_code != 503:
            faults.append(f"{operation.label}: {answer.text[:200]}")
        found = [word for word in (FAR_NAME, bound.far_id) if word in answer.text]
        if FAR in answer.text and not (FAR in str(about.values()) and not answer.is_success):
            found.append(FAR)
        if found and operation.label not in WHOLE:
            faults.append(f"{operation.label} tells {found}: {answer.text[:300]}")
        inventory = operation.path.startswith(INVENTORY) or "/fulfilments" in operation.path
        if inventory and _of_others(world, own) != before:
            faults.append(f"{operation.label} changed another warehouse")
        if operation.label in OF_ALL and answer.json()["code"] != "inventory.other_warehouse":
            faults.append(f"{operation.label}: {answer.text[:200]}")
    assert faults == [], "\n".join(faults)


async def _somebody_without_bounds_is_told(trial: Trial, bound: Bound) -> None:
    """So the walks look at answers in which something of the other warehouse would be."""
    telling = set[str]()
    for operation in _of_staff():
        if operation.method == "GET":
            about = {name: bound.far[name] for name in NAMES & set(operation.names)}
            answer = await trial.ask(operation, bound.own | about)
            if FAR in answer.text:
                telling.add(operation.path)
    inventory = {
        f"{INVENTORY}/{what}" for what in ("stock", "movements", "dispatches", "lots", "recalls", "warehouses")
    }
    assert telling >= inventory - {f"{INVENTORY}/recalls"} | {"/v1/admin/orders/{order}"}
