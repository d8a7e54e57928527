"""The carrier brings every event that was acknowledged to the event store, and what it brings twice counts once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis as valkey
from clickhouse_connect.driver.exceptions import ClickHouseError

from foundation import clients
from foundation.events import Context, counted_id
from foundation.events.spooled import framed
from foundation.settings import Settings
from foundation.spool import DAMAGED, OPEN, SEALED, Spool, SpoolAway, carrying, left_in, size_of
from pipelines import schema, shoppers
from pipelines.carrier import Carrier, backlog
from pipelines.shoppers import SHOPPERS_STREAM
from tests.pipelines.conftest import NOW, TENANT

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

Rows = Callable[[str], list[tuple[Any, ...]]]
AGREED: Any = ("analytics", "personalisation")


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"event_spool": tmp_path / "spool"})


@pytest.fixture
def carrier(settings: Settings) -> Iterator[Carrier]:
    carrier = Carrier.connect(settings)
    yield carrier
    carrier.close()


def _who(**given: Any) -> Context:
    return Context(**{"visitor_id": uuid4(), "session_id": uuid4(), "consent": AGREED, **given})


def _event(**given: Any) -> dict[str, Any]:
    payload = {"items": [{"item_id": uuid4(), "quantity": 2, "price": 250}]}
    return {"event_id": uuid4(), "name": "view_item", "occurred_at": NOW, "payload": payload, **given}


def _take(settings: Settings, *frames: bytes, close: bool = True) -> Spool:
    """What a web worker does with frames; a killed one doesn't close."""

    async def take() -> Spool:
        spool = Spool(settings.spool, most_bytes=2**20)
        await asyncio.gather(*(spool.append(frame) for frame in frames))
        if close:
            await spool.close()
        return spool

    return asyncio.run(take())


def test_what_was_taken_arrives_as_it_was_sent(settings: Settings, carrier: Carrier, rows: Rows) -> None:
    who, decision = _who(shopper_id=uuid4(), is_bot=True), uuid4()
    event = _event(decision_id=decision, occurred_at=NOW + timedelta(milliseconds=123))
    quiet = _event(name="view_cart", payload={})
    _take(settings, framed(TENANT, who, [event, quiet], NOW + timedelta(milliseconds=7)))

    assert backlog(settings).bytes > 0
    assert (carrier.carry(), carrier.carry()) == (1, 0)
    assert (size_of(settings.spool), backlog(settings).bytes) == (0, 0)
    [told, other] = rows("SELECT * EXCEPT delivered_at FROM events FINAL ORDER BY name DESC")
    # tenant, name, occurred, id, version, recorded, aggregate, shopper, visitor, session, decision, consent, flags, payload
    assert told[:2] == (TENANT, "view_item")
    assert told[2].replace(tzinfo=UTC) == event["occurred_at"]
    assert told[3:5] == (event["event_id"], 1)
    assert told[5].replace(tzinfo=UTC) == NOW + timedelta(milliseconds=7)
    assert told[6:11] == (who.session_id, who.shopper_id, who.visitor_id, who.session_id, decision)
    assert told[11:14] == (list(AGREED), True, False)
    assert other[10] is None
    items = rows("SELECT shopper_id, product_id, quantity, unit_price FROM interactions FINAL")
    assert items == [(who.shopper_id, event["payload"]["items"][0]["item_id"], 2, 250)]


def test_what_nobody_agreed_to_counts_in_its_hour(settings: Settings, carrier: Carrier, rows: Rows) -> None:
    event = _event()
    for _ in range(2):
        _take(settings, framed(TENANT, _who(consent=("marketing",)), [event], NOW))
        carrier.carry()

    hour = NOW.replace(minute=0, second=0, tzinfo=None)
    counted = counted_id(TENANT, event["event_id"])
    told = rows(
        "SELECT event_id, aggregate_id, occurred_at, recorded_at, delivered_at, shopper_id, visitor_id, session_id,"
        " decision_id, consent, payload FROM events FINAL"
    )
    times = tuple(one.replace(tzinfo=None) for one in told[0][2:5])
    assert (len(told), told[0][:2], times) == (1, (counted, counted), (hour, hour, hour))
    assert told[0][5:] == (None, None, None, None, [], "{}")
    assert rows("SELECT count() FROM interactions") == [(0,)]


def test_a_batch_that_was_cut_short_is_carried_again_and_counts_once(
    settings: Settings, carrier: Carrier, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take(settings, framed(TENANT, _who(), [_event(), _event()], NOW))

    def refuse(*_: Any) -> None:
        raise valkey.ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(shoppers, "announce", refuse)
        with pytest.raises(valkey.ConnectionError):
            carrier.carry()
    assert len(left_in(settings.spool)) == 1
    assert carrier.carry() == 1
    assert rows("SELECT count() FROM events FINAL") == [(2,)]
    assert rows("SELECT count(), sum(quantity) FROM interactions FINAL") == [(2, 4)]


def test_what_the_store_refuses_stays(settings: Settings, carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    _take(settings, framed(TENANT, _who(), [_event(version="one")], NOW))

    with pytest.raises(ClickHouseError):
        carrier.carry()
    assert len(left_in(settings.spool)) == 1


def test_only_those_who_agreed_to_it_are_announced(settings: Settings, carrier: Carrier) -> None:
    agreed, visitor = _who(shopper_id=uuid4()), _who()
    frames = [
        framed(TENANT, agreed, [_event(), _event()], NOW),
        framed(TENANT, visitor, [_event()], NOW),
        framed(TENANT, _who(consent=("analytics",)), [_event()], NOW),
        framed(TENANT, _who(consent=()), [_event()], NOW),
        framed(TENANT, _who(), [_event(occurred_at=NOW - timedelta(days=20))], NOW),
    ]
    _take(settings, *frames)
    carrier.carry()

    with clients.redis(settings) as redis:
        announced = {fields["shopper_key"] for _, fields in redis.xrange(SHOPPERS_STREAM)}
    assert announced == {f"{TENANT}:{agreed.shopper_id}", f"{TENANT}:{visitor.visitor_id}"}


def test_nobody_forgotten_is_loaded_nor_any_shop_that_is_gone(
    settings: Settings, carrier: Carrier, rows: Rows, database_urls: DatabaseUrls
) -> None:
    gone, shared = uuid4(), uuid4()
    with psycopg.connect(database_urls.owner, autocommit=True) as owner:
        for subject in (gone, shared):
            _bury(owner, subject)
    other = _who(shopper_id=uuid4(), visitor_id=shared)
    frames = [
        framed(TENANT, _who(shopper_id=gone), [_event()], NOW),
        framed(TENANT, _who(visitor_id=gone), [_event()], NOW),
        framed(TENANT, other, [_event()], NOW),
        framed(uuid4(), _who(), [_event()], NOW),
    ]
    _take(settings, *frames)
    carrier.carry()

    assert rows("SELECT shopper_id, visitor_id FROM events FINAL") == [(other.shopper_id, None)]
    assert size_of(settings.spool) == 0


def _bury(owner: psycopg.Connection[Any], subject: UUID) -> None:
    owner.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(TENANT),))
    columns = owner.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = 'tombstone' AND is_nullable = 'NO' AND column_default IS NULL"
    ).fetchall()
    values: dict[str, Any] = {"tenant_id": TENANT, "subject_id": subject}
    kinds: dict[str, Any] = {"uuid": uuid4(), "timestamp with time zone": NOW, "text": "customer"}
    for name, kind in columns:
        values.setdefault(name, kinds.get(kind))
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    owner.execute(f"INSERT INTO tombstone ({names}) VALUES ({places})", list(values.values()))  # type: ignore[arg-type]


def test_what_a_killed_worker_left_is_carried_up_to_where_it_is_whole(
    settings: Settings, carrier: Carrier, rows: Rows
) -> None:
    event = _event()
    _take(settings, framed(TENANT, _who(), [event], NOW))
    [sealed] = settings.spool.glob(f"*{SEALED}")
    content = sealed.read_bytes()
    sealed.unlink()
    (settings.spool / f"1{OPEN}").write_bytes(content + content[:-5])
    writing = _take(settings, framed(TENANT, _who(), [_event()], NOW), close=False)

    assert carrier.carry() == 1
    assert rows("SELECT event_id FROM events FINAL") == [(event["event_id"],)]
    asyncio.run(writing.close())
    assert carrier.carry() == 1
    assert rows("SELECT count() FROM events FINAL") == [(2,)]


def test_a_segment_that_the_disk_damaged_is_set_aside(settings: Settings, carrier: Carrier, rows: Rows) -> None:
    _take(settings, framed(TENANT, _who(), [_event()], NOW))
    [sealed] = settings.spool.glob(f"*{SEALED}")
    sealed.write_bytes(sealed.read_bytes() + b"\0" * 20)
    carrier.carry()

    assert rows("SELECT count() FROM events FINAL") == [(1,)]
    assert [path.suffix for path in settings.spool.glob("*.*")] == [DAMAGED]


def test_a_spool_has_one_carrier(settings: Settings) -> None:
    with carrying(settings.spool) as first, carrying(settings.spool) as second:
        assert (first, second) == (True, False)
    with carrying(settings.spool) as after:
        assert after


async def test_what_the_disk_refuses_is_not_acknowledged(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(settings.spool, most_bytes=2**20)
    await spool.append(b"first")

    def full(*_: Any) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", full)
        with pytest.raises(SpoolAway):
            await spool.append(b"second")
    await spool.append(b"third")
    await spool.close()
    with pytest.raises(SpoolAway):
        await spool.append(b"fourth")

    assert [frame for left in left_in(settings.spool) for frame in left.frames()] == [b"first", b"third"]


def test_a_store_from_before_learns_the_new_columns(settings: Settings) -> None:
    with clients.clickhouse(settings) as client:
        client.command("DROP TABLE IF EXISTS interactions_of_events")
        client.command("DROP TABLE IF EXISTS events")
        made = (schema.SQL / "events.sql").read_text()
        client.command("\n".join(line for line in made.splitlines() if not line.strip().startswith("is_")))
        for _ in range(2):
            schema.ensure_schema(client)
        columns = client.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events'"
        )
        assert {"is_bot", "is_internal"} < {row[0] for row in columns.result_rows}
