"""A batch of behaviour: what is acknowledged is on disk, what breaks its contract is kept with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from commerce.app import create_app
from commerce.behaviour import reading
from commerce.behaviour.dead_letters import Replayed, Wanted, replay
from commerce.limits.sharing import Sharer
from foundation import clock
from foundation.database import Database
from foundation.events import CONTRACTS, Behaviour, behaviour_contracts, counted_id
from foundation.settings import Settings
from foundation.shares import Shares
from tests.commerce.conftest import AGREED
from tests.factories import SeededShop
from tests.spools import spooled
from tests.waiting import started
from tradewind import events as commands

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"event_spool": tmp_path / "spool", "event_spool_mb": 1})


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings)
    async with started(app):
        yield app


@pytest.fixture
async def visitor(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 1234))
    headers = {"User-Agent": PERSON}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as http:
        (await http.post("/v1/store/sessions", json={"consent": AGREED})).raise_for_status()
        yield http


def _event(**given: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "name": "view_item",
        "occurred_at": clock.now().isoformat(),
        "payload": {"items": [{"item_id": str(uuid4()), "price": None, "quantity": 2}]},
        **given,
    }


async def _send(http: httpx.AsyncClient, *events: dict[str, Any], **headers: str) -> dict[str, Any]:
    response = await http.post("/v1/events", json={"events": events}, headers=headers)
    assert response.status_code == 202, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


async def test_what_is_acknowledged_is_on_disk_and_says_who_did_it(
    visitor: httpx.AsyncClient, settings: Settings, grocer: SeededShop, rows: Any
) -> None:
    first, second = _event(decision_id=str(uuid4())), _event(name="view_cart", payload={})
    broken = _event(name="view_item", payload={"items": []})
    assert await _send(visitor, first, broken, second) == {
        "accepted": 2,
        "counted": 0,
        "ignored": 0,
        "rejected": [{"index": 1, "reason": "items: Value error, needs at least one item"}],
    }

    [(session_id, visitor_id)] = rows("SELECT id, visitor_id FROM session")
    told = spooled(settings.spool)
    assert [row["event_id"] for row in told] == [first["event_id"], second["event_id"]]
    item = first["payload"]["items"][0]
    assert orjson.loads(told[0].pop("payload")) == {"items": [{"item_id": item["item_id"], "quantity": 2}]}
    assert {name: told[0][name] for name in told[0].keys() - {"recorded_at", "occurred_at"}} == {
        "tenant_id": str(grocer.id),
        "name": "view_item",
        "event_id": first["event_id"],
        "version": 1,
        "aggregate_id": str(session_id),
        "visitor_id": str(visitor_id),
        "session_id": str(session_id),
        "decision_id": first["decision_id"],
        "consent": AGREED,
        "is_bot": False,
        "is_internal": False,
    }
    kept = rows("SELECT name, reason, visitor_id, session_id, consent, body FROM dead_letter")
    reason = "items: Value error, needs at least one item"
    assert kept == [("view_item", reason, visitor_id, session_id, AGREED, broken)]


async def test_without_consent_only_that_it_happened_is_on_disk(
    visitor: httpx.AsyncClient, settings: Settings, grocer: SeededShop, rows: Any
) -> None:
    event = _event(name="search", payload={"search_term": "tomato soup"})
    for _ in range(2):
        receipt = await _send(visitor, event, _event(payload={"said": "by somebody"}), **{"Sec-GPC": "1"})
        assert (receipt["accepted"], receipt["counted"], len(receipt["rejected"])) == (0, 1, 1)

    hour = f"{clock.now():%Y-%m-%dT%H}:00:00+00:00"
    event_id = str(counted_id(grocer.id, UUID(event["event_id"])))
    told = {
        "tenant_id": str(grocer.id),
        "name": "search",
        "version": 1,
        "event_id": event_id,
        "aggregate_id": event_id,
        "occurred_at": hour,
        "recorded_at": hour,
        "delivered_at": hour,
        "is_bot": False,
        "is_internal": False,
        "payload": "{}",
    }
    assert spooled(settings.spool) == [told, told]
    [(visitor_id, session_id)] = rows("SELECT visitor_id, id FROM session")
    on_disk = b"".join(path.read_bytes() for path in settings.spool.glob("*.*"))
    assert not [
        one for one in (str(visitor_id), str(session_id), event["event_id"], "tomato") if one.encode() in on_disk
    ]
    assert rows("SELECT count(*) FROM dead_letter") == [(0,)]


async def test_programs_and_the_shops_own_people_are_marked(
    visitor: httpx.AsyncClient, settings: Settings, rows: Any, app: Any, grocer: SeededShop
) -> None:
    await _send(visitor, _event(), **{"User-Agent": CRAWLER})
    rows("""UPDATE tenant SET settings = settings || '{"internal_networks": ["203.0.113.0/24"]}' RETURNING 1""")
    app.state.core.directory.heard(str(grocer.id))
    await _send(visitor, _event())
    cart = (await visitor.post("/v1/store/carts")).json()["id"]
    line = {"variant_id": str(grocer.products[0].variant_id), "quantity": 1}
    (await visitor.post(f"/v1/store/carts/{cart}/lines", json=line)).raise_for_status()

    assert [(row["is_bot"], row["is_internal"]) for row in spooled(settings.spool)] == [(True, False), (False, True)]
    assert rows("SELECT name, is_bot, is_internal FROM outbox") == [("add_to_cart", False, True)]


async def test_a_full_spool_asks_to_wait_and_a_disk_that_refuses_is_named(
    visitor: httpx.AsyncClient, settings: Settings
) -> None:
    await _send(visitor, _event())
    filler = settings.spool / "filler.sealed"
    filler.write_bytes(bytes(2**20))
    app_spool = visitor._transport.app.state.spool  # type: ignore[attr-defined]
    app_spool._measured_at = float("-inf")
    full = await visitor.post("/v1/events", json={"events": [_event()]})
    assert (full.status_code, full.json()["code"]) == (429, "events.backlog")
    assert int(full.headers["retry-after"]) >= 1
    filler.unlink()
    app_spool._measured_at = float("-inf")
    assert (await _send(visitor, _event()))["accepted"] == 1
    assert len(spooled(settings.spool)) == 2


async def test_who_orders_does_not_stand_behind_what_others_look_at(app: Any, grocer: SeededShop) -> None:
    begun: list[str] = []
    full, ordered, hold = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def inner(scope: Any, _receive: Any, _send: Any) -> None:
        begun.append(scope["path"])
        if begun.count("/v1/events") == 4:
            full.set()
        if scope["path"] == "/v1/store/carts":
            ordered.set()
        await hold.wait()

    sharer = Sharer(inner, shares=Shares(16, 12, 200, 5.0), behaviour=Shares(4, 4, 200, 5.0))

    async def ask(method: str, path: str) -> None:
        headers = [(b"host", grocer.host.encode())]
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "app": app}
        await sharer(scope, None, None)  # type: ignore[arg-type]

    async with asyncio.TaskGroup() as tasks:
        for _ in range(40):
            tasks.create_task(ask("POST", "/v1/events"))
        await full.wait()
        tasks.create_task(ask("POST", "/v1/store/carts"))
        await asyncio.wait_for(ordered.wait(), 5)
        assert begun.count("/v1/events") == 4
        hold.set()
    assert begun.count("/v1/events") == 40


async def test_a_batch_that_is_none_is_refused_whole(visitor: httpx.AsyncClient, settings: Settings) -> None:
    async def code(**sent: Any) -> tuple[int, str]:
        response = await visitor.post("/v1/events", **sent)
        return response.status_code, response.json()["code"]

    invalid = (422, "request.invalid_fields")
    assert await code(json={"events": []}) == invalid
    assert await code(json={"events": [_event()] * 501}) == invalid
    assert await code(json={"events": [_event()], "more": 1}) == invalid
    assert await code(content=b"events", headers={"Content-Type": "text/plain"}) == invalid
    large = {"events": [_event(payload={"said": "x" * 1000})] * 300}
    assert await code(json=large) == (413, "request.body_too_large")
    assert spooled(settings.spool) == []


async def test_a_dead_letter_is_shown_and_delivered_once_its_contract_is_mended(
    visitor: httpx.AsyncClient,
    settings: Settings,
    grocer: SeededShop,
    staff: httpx.AsyncClient,
    rows: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lead = _event(name="generate_lead", payload={"currency": "USD"})
    broken = _event(name="generate_lead", payload={"currency": 7})
    other = _event(payload={})
    await _send(visitor, lead, other, broken)
    lead["occurred_at"] = (clock.now() - timedelta(days=58)).isoformat()
    said = json.dumps(lead)
    came = f"received_at = received_at - interval '29 days', body = '{said}'"
    rows(f"UPDATE dead_letter SET {came} WHERE body->>'event_id' = '{lead['event_id']}' RETURNING 1")

    async def listed(**query: Any) -> list[Any]:
        response = await staff.get("/v1/admin/events/dead-letters", params=query)
        assert response.status_code == 200, response.text
        items: list[Any] = response.json()["items"]
        return items

    assert [one["body"] for one in await listed()] == [broken, other, lead]
    assert [one["name"] for one in await listed(name="generate_lead", limit=1)] == ["generate_lead"]
    assert [one["body"] for one in await listed(reason="Field required")] == [other]

    class Mended(Behaviour):
        name = "generate_lead"

    mended = {("generate_lead", 1): CONTRACTS.pop(("generate_lead", 1))}
    database = Database.of(settings, pool_size=2)
    assert await replay(database, grocer.id, Wanted(name="generate_lead")) == Replayed(0, 2)
    monkeypatch.setattr(reading, "CONTRACTS", CONTRACTS | mended)
    assert await replay(database, grocer.id, Wanted(name="generate_lead")) == Replayed(1, 1)
    assert await replay(database, grocer.id, Wanted(name="generate_lead")) == Replayed(0, 1)
    await database.close()

    [(session_id, visitor_id)] = rows("SELECT id, visitor_id FROM session WHERE consent <> '{}'")
    told = "SELECT event_id::text, name, session_id, visitor_id, consent, payload FROM outbox"
    assert rows(told) == [(lead["event_id"], "generate_lead", session_id, visitor_id, AGREED, {"currency": "USD"})]
    assert [(one["body"], one["reason"]) for one in await listed(name="generate_lead")] == [
        (broken, "currency: Input should be a valid string")
    ]


async def test_the_commands_name_the_shop_and_the_reason(
    visitor: httpx.AsyncClient, settings: Settings, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _send(visitor, _event(payload={}))
    monkeypatch.setattr(commands, "Settings", lambda: settings)

    [line] = await asyncio.to_thread(lambda: list(commands.dead_letters(Wanted(), limit=5)))
    assert (orjson.loads(line)["shop"], orjson.loads(line)["reason"]) == (grocer.slug, "items: Field required")
    said = await asyncio.to_thread(commands.replay, Wanted(), shop=grocer.slug)
    assert said == [f"{grocer.slug}: 0 delivered, 1 still broken"]
    with pytest.raises(commands.NoSuchShop):
        await asyncio.to_thread(commands.replay, Wanted(), shop="nobody")


BASE = {
    "view_item": {"items": [{"item_id": str(uuid4()), "index": 3}], "currency": "USD", "value": 199},
    "search": {"search_term": " tomato soup ", "results": 7},
    "purchase": {"transaction_id": str(uuid4()), "items": [{"item_id": str(uuid4())}]},
}
FAULTS: list[tuple[list[Any], Any]] = [
    ([], None),
    (["name"], "order.placed"),
    (["name"], 7),
    (["version"], 2),
    (["version"], True),
    (["event_id"], "no id"),
    (["occurred_at"], 1_700_000_000),
    (["occurred_at"], "2001-01-01T00:00:00Z"),
    (["decision_id"], str(uuid4())),
    (["decision_id"], None),
    (["more"], 1),
    (["payload"], []),
    (["payload", "more"], 1),
    (["payload", "currency"], "usd"),
    (["payload", "value"], 1.5),
    (["payload", "value"], "5"),
    (["payload", "value"], None),
    (["payload", "items"], []),
    (["payload", "items"], [{"item_id": "x"}]),
    (["payload", "items"], [{"item_id": str(uuid4()), "quantity": True}]),
    (["payload", "items"], [{"item_id": str(uuid4()), "quantity": 10_000}]),
    (["payload", "items"], [{"item_id": str(uuid4()), "item_list_id": "two\nlines"}]),
    (["payload", "search_term"], ""),
    (["payload", "search_term"], "x" * 201),
]


@pytest.mark.parametrize("name", BASE)
def test_a_batch_is_read_as_its_contracts_read_it(name: str) -> None:
    now = clock.now()
    taken = 0
    for path, value in FAULTS:
        event = _with(deepcopy(_event(name=name, payload=BASE[name])), path, value)
        [found] = reading.read(orjson.dumps({"events": [event]}), now)
        try:
            expected = reading.one(event, now)
        except reading.BrokenContract as fault:
            assert found == (event, str(fault)), (path, value)  # noqa: PT017
            continue
        taken += 1
        assert not isinstance(found, tuple), (path, value)
        assert {"version": 1, "decision_id": None, **found, "payload": _said(found["payload"])} == expected
    assert 3 < taken < len(FAULTS) - 10


def _with(event: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    place: Any = event
    for step in path[:-1]:
        place = place[step]
    if path:
        place[path[-1]] = value
    return event


def _said(payload: Any) -> dict[str, Any]:
    """A payload without what is empty."""
    return {name: value for name, value in payload.items() if value is not None}


def test_every_event_that_a_shop_may_send_is_read() -> None:
    schema = json.dumps(reading._BATCH.json_schema())

    assert [one.name for one in behaviour_contracts() if f'"const": "{one.name}"' not in schema] == []
