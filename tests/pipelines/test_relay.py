"""The relay delivers every fact, in order, and what is delivered twice counts once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
import redis as valkey
from pydantic import SecretStr

from foundation import clients
from foundation.settings import EngineNotConfigured, Settings
from pipelines import relay as module
from pipelines.relay import CONSUMER, SHOPPERS_STREAM, Relay, RelayStalled, lag, wait_until_delivered
from pipelines.tenants import tenants
from tests.pipelines.conftest import LONG_AGO, NOW, OTHER_TENANT, TENANT, Writer

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.both_homes
def test_every_committed_fact_arrives_as_it_was_written(relay: Relay, writer: Writer, rows: Rows) -> None:
    shopper = uuid4()
    event = writer.write(shopper_id=shopper, payload={"items": [{"item_id": "é\\'\n\t"}], "n": 2**53 + 1})
    writer.connection.commit()

    assert relay.deliver() == 1

    told = rows("SELECT event_id, tenant_id, name, shopper_id, consent, occurred_at, payload FROM events FINAL")
    assert [row[:5] for row in told] == [(event, TENANT, "view_item", shopper, ["analytics", "personalisation"])]
    assert told[0][5].replace(tzinfo=None) == NOW.replace(tzinfo=None)
    assert "9007199254740993" in told[0][6]
    assert "é\\\\'\\n\\t" in told[0][6]


def test_what_was_rolled_back_never_happened(relay: Relay, writer: Writer, rows: Rows) -> None:
    writer.write()
    writer.connection.rollback()

    assert relay.deliver() == 0
    assert rows("SELECT count() FROM events") == [(0,)]


def test_a_fact_is_not_overtaken_by_one_that_committed_before_it(
    relay: Relay, begin: Callable[[], Writer], rows: Rows
) -> None:
    slow, quick = begin(), begin()
    first = slow.write()
    second = quick.write()
    quick.connection.commit()
    held_back = Relay.deliver(relay)
    slow.connection.commit()

    assert held_back == 0
    assert relay.deliver() == 2
    assert {row[0] for row in rows("SELECT event_id FROM events FINAL")} == {first, second}


def test_a_delivered_fact_leaves_the_outbox(relay: Relay, writer: Writer, database_urls: DatabaseUrls) -> None:
    writer.write()
    writer.connection.commit()
    relay.deliver()

    with psycopg.connect(database_urls.relay) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        assert lag(connection) == module.Lag(0, 0.0)


def test_a_second_consumer_that_is_behind_keeps_the_facts(
    relay: Relay, writer: Writer, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.relay, autocommit=True) as connection:
        connection.execute("INSERT INTO outbox_cursor (consumer) VALUES ('slow')")
    writer.write()
    writer.connection.commit()
    relay.deliver()

    with psycopg.connect(database_urls.relay) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (1,)
        assert lag(connection, CONSUMER).rows == 0
        assert lag(connection, "slow").rows == 1


def test_a_batch_that_was_cut_short_is_delivered_again_and_counts_once(
    settings: Settings, writer: Writer, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"product_id": str(uuid4()), "quantity": 2, "unit_price": 250}
    writer.write("order.placed", shopper_id=uuid4(), payload={"lines": [line, line]})
    writer.connection.commit()
    broken = Relay.connect(settings)

    def refuse(*_: Any) -> None:
        raise valkey.ConnectionError

    monkeypatch.setattr(broken, "_announce", refuse)
    with pytest.raises(valkey.ConnectionError):
        broken.deliver()
    broken.close()
    known = rows("SELECT known_at FROM interactions FINAL ORDER BY position")
    after = Relay.connect(settings)

    assert after.deliver() == 1
    after.close()
    assert rows("SELECT count() FROM events FINAL") == [(1,)]
    assert rows("SELECT count(), sum(quantity), sum(unit_price) FROM interactions FINAL") == [(2, 4, 500)]
    assert rows("SELECT known_at FROM interactions FINAL ORDER BY position") == known


def test_batches_follow_one_another_until_all_is_delivered(
    relay: Relay, writer: Writer, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    written = {writer.write() for _ in range(8)}
    writer.connection.commit()

    assert [relay.deliver() for _ in range(4)] == [3, 3, 2, 0]
    assert {row[0] for row in rows("SELECT event_id FROM events FINAL")} == written


def test_only_recent_behaviour_of_those_who_agreed_is_announced(
    relay: Relay, writer: Writer, settings: Settings
) -> None:
    agreed, refused, past = uuid4(), uuid4(), uuid4()
    writer.write(shopper_id=agreed)
    writer.write(shopper_id=agreed)
    writer.write(shopper_id=refused, consent=["analytics"])
    writer.write(shopper_id=past, occurred_at=LONG_AGO)
    writer.connection.commit()
    relay.deliver()

    with clients.redis(settings) as redis:
        announced = [fields for _, fields in redis.xrange(SHOPPERS_STREAM)]
    assert announced == [{"tenant_id": str(TENANT), "shopper_key": f"{TENANT}:{agreed}"}]


def test_behaviour_without_consent_is_no_interaction(relay: Relay, writer: Writer, rows: Rows) -> None:
    shopper, product = uuid4(), uuid4()
    items = {"items": [{"item_id": str(product), "quantity": 3, "price": 199}]}
    writer.write("add_to_cart", shopper_id=shopper, payload=items)
    writer.write("add_to_cart", shopper_id=shopper, payload=items, consent=["analytics"])
    writer.write("add_to_cart", payload=items)
    writer.connection.commit()
    relay.deliver()

    told = rows("SELECT shopper_id, product_id, kind, quantity, unit_price FROM interactions FINAL")
    assert told == [(shopper, product, "add_to_cart", 3, 199)]


def test_one_shopper_of_two_shops_is_two(relay: Relay, begin: Callable[[], Writer], rows: Rows) -> None:
    shopper = uuid4()
    for tenant in (TENANT, OTHER_TENANT):
        writer = begin()
        writer.write(tenant_id=tenant, shopper_id=shopper)
        writer.connection.commit()
    relay.deliver()

    told = rows("SELECT tenant_id, count() FROM interactions FINAL GROUP BY tenant_id ORDER BY tenant_id")
    assert told == [(TENANT, 1), (OTHER_TENANT, 1)]


def test_imported_history_was_known_when_it_happened(relay: Relay, writer: Writer, rows: Rows) -> None:
    line = {"product_id": str(uuid4()), "quantity": 1, "unit_price": 100}
    imported = {"lines": [line], "original_at": "2017-01-01T00:00:00Z"}
    writer.write("order.placed", shopper_id=uuid4(), occurred_at=LONG_AGO, payload=imported)
    writer.write("order.placed", shopper_id=uuid4(), occurred_at=LONG_AGO, payload={"lines": [line]})
    writer.connection.commit()
    relay.deliver()

    assert rows("SELECT known_at = occurred_at AS k FROM interactions FINAL ORDER BY k") == [(0,), (1,)]


def test_only_one_relay_leads(relay: Relay, settings: Settings) -> None:
    second = Relay.connect(settings)

    assert relay.lead()
    assert not second.lead()
    second.close()


def test_the_lead_passes_on_when_a_relay_goes(relay: Relay, settings: Settings) -> None:
    gone = Relay.connect(settings)
    assert gone.lead()
    gone.close()

    # Postgres lets go of the lock once it has seen the socket close, a moment after the client has closed it.
    assert any(relay.lead() or time.sleep(0.05) for _ in range(200))


def test_waiting_for_a_relay_that_is_not_there_says_so(
    settings: Settings, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALLED_SECONDS", 0.3)
    writer.write()
    writer.connection.commit()

    with pytest.raises(RelayStalled, match=r"1 events wait .* pipelines\.relay"):
        wait_until_delivered(settings, lambda done, total, note: None)


def test_a_missing_engine_is_named() -> None:
    with pytest.raises(EngineNotConfigured, match="TRADEWIND_DATABASE_RELAY_URL"):
        Relay.connect(Settings(_env_file=None))


def test_the_tenants_are_known_to_the_jobs(settings: Settings, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("UPDATE tenant SET status = 'suspended' WHERE id = %s", (OTHER_TENANT,))

    known = tenants(settings.model_copy(update={"database_relay_url": SecretStr(database_urls.relay)}))

    assert [(tenant.id, tenant.slug) for tenant in known] == [(TENANT, "shop-0")]
