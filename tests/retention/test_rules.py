"""Each rule lets go of what is over and of nothing else; what is held about people is in a rule or has a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from commerce.privacy.declared import BY_THEIR_SERVICE
from commerce.privacy.holdings import DOCUMENT, HOLDINGS
from commerce.retention import running
from commerce.retention.rules import ELSEWHERE, KEPT, RULES, How, Rule
from foundation import clock
from foundation.database import Base, Database
from foundation.living import LIVING
from foundation.settings import Settings
from tests.retention.planting import A_SECOND, PLANTS, Field

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

AT = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
BY_NAME = {rule.name: rule for rule in RULES}


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database.of(settings, pool_size=3)
    yield database
    await database.close()


@pytest.fixture
def here(database_urls: DatabaseUrls, grocer: SeededShop) -> Field:
    return Field(database_urls, grocer)


@pytest.fixture
def there(database_urls: DatabaseUrls, fashion: SeededShop) -> Field:
    return Field(database_urls, fashion)


async def _follow(database: Database, settings: Settings, field: Field, name: str, now: datetime) -> int:
    """What a rule lets go of; what would go is said before, and nothing is left that would."""
    rule = BY_NAME[name]
    with clock.use(lambda: now):
        due = (await running.due(database, field.shop.id))[name]
        gone = (await running.follow(database, settings, field.shop.id, [rule]))[name]
        assert gone == due
        assert (await running.due(database, field.shop.id))[name] == 0
    return gone


def _left(field: Field, rule: Rule) -> dict[str, int]:
    if rule.how is How.KEY:
        return {"subject_key": field.count("subject_key")}
    if rule.how is How.EMPTIED:
        return {rule.table: field.count(f"{rule.table} WHERE api_key IS NOT NULL")}
    return {table: field.count(table) for table in rule.tables}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_what_is_over_goes_and_what_is_not_stays(
    database: Database, settings: Settings, here: Field, there: Field, rule: Rule
) -> None:
    for field in (here, there):
        PLANTS[rule.name](field, AT)
    whole = _left(here, rule)
    assert await _follow(database, settings, here, rule.name, AT + rule.kept - A_SECOND) == 0
    assert _left(here, rule) == whole
    assert await _follow(database, settings, here, rule.name, AT + rule.kept + A_SECOND) == 1
    assert _left(here, rule) == dict.fromkeys(whole, 0)
    assert _left(there, rule) == whole, "what is over in one shop was let go of in another"


def _personal() -> set[str]:
    return {one.table for one in (*HOLDINGS, DOCUMENT)} | set(BY_THEIR_SERVICE)


def test_every_table_that_holds_something_of_a_person_has_a_rule_or_a_reason() -> None:
    ruled = {table for rule in RULES for table in rule.tables}
    assert _personal() - ruled - set(ELSEWHERE) - set(KEPT) == set(), "say in commerce/retention how long these keep it"


def test_a_table_is_kept_or_has_a_rule_and_is_there() -> None:
    ruled = {rule.table for rule in RULES}
    said = [*ruled, *ELSEWHERE, *KEPT]
    assert sorted(said) == sorted(set(said))
    assert set(said) <= set(Base.metadata.tables)
    assert {rule.name for rule in RULES} == set(PLANTS)
    assert all(KEPT.values())


async def test_a_session_that_can_be_used_stays_however_old(
    database: Database, settings: Settings, here: Field
) -> None:
    later = AT + timedelta(days=900)
    here.plant("session", AT, expires_at=later + A_SECOND, idle_until=later + A_SECOND)
    assert await _follow(database, settings, here, "sessions", later) == 0


async def test_one_that_was_signed_out_goes_by_that(database: Database, settings: Settings, here: Field) -> None:
    here.plant("session", AT, expires_at=AT + timedelta(days=900), revoked_at=AT)
    assert await _follow(database, settings, here, "sessions", AT + timedelta(days=31)) == 1


async def test_a_device_stays_as_long_as_a_session_of_it(database: Database, settings: Settings, here: Field) -> None:
    device_id = here.plant("device", AT, account_id=here.plant("account", AT))
    session_id = here.plant("session", AT, device_id=device_id)
    assert await _follow(database, settings, here, "devices", AT + timedelta(days=900)) == 0
    here.ask("DELETE FROM session WHERE id = %s", session_id)
    assert await _follow(database, settings, here, "devices", AT + timedelta(days=900)) == 1


async def test_a_cart_that_was_ordered_stays_with_its_key(
    database: Database, settings: Settings, here: Field, browser: Browser, client: Any
) -> None:
    await client.delete("/v1/store/sessions/current")
    await client.post("/v1/store/sessions", json={})
    cart = await browser.add(await browser.cart(), here.shop.products[0].variant_id)
    assert (await browser.complete(cart, email="ada@example.com")).status_code == 201
    keys = here.count("subject_key")
    for name in ("guest_carts", "guest_carts_once_paid"):
        assert await _follow(database, settings, here, name, clock.now() + timedelta(days=900)) == 0
    assert here.count("subject_key") == keys > 0


async def test_a_customers_cart_and_one_that_was_touched_stay(
    database: Database, settings: Settings, here: Field
) -> None:
    ((customer_id,),) = here.ask("SELECT id FROM customer WHERE reference = 'household-1'")
    later = AT + timedelta(days=900)
    here.plant("cart", AT, customer_id=customer_id)
    here.plant("cart", AT, updated_at=later)
    here.plant("cart", AT, status="completing")
    assert await _follow(database, settings, here, "guest_carts", later) == 0


async def test_what_a_customer_kept_for_later_stays(database: Database, settings: Settings, here: Field) -> None:
    ((customer_id,),) = here.ask("SELECT id FROM customer WHERE reference = 'household-1'")
    here.plant("saved_item", AT, holder_id=customer_id, variant_id=here.shop.products[0].variant_id)
    assert await _follow(database, settings, here, "visitors_saved_items", AT + timedelta(days=900)) == 0


async def test_a_key_in_flight_stays_until_its_process_is_gone(
    database: Database, settings: Settings, here: Field
) -> None:
    later, number = AT + timedelta(days=2), 7_001
    here.plant("idempotency_key", AT, claim=number << 32)
    async with await psycopg.AsyncConnection.connect(here.urls.app, autocommit=True) as process:
        await process.execute("SELECT pg_advisory_lock(%s, %s)", (LIVING, number))
        assert await _follow(database, settings, here, "idempotency_keys", later) == 0
        await process.execute("SELECT pg_advisory_unlock_all()")
        assert await _follow(database, settings, here, "idempotency_keys", later) == 1


async def test_a_message_that_is_still_to_be_sent_stays(database: Database, settings: Settings, here: Field) -> None:
    here.plant("message", AT, channel="email", status="queued")
    assert await _follow(database, settings, here, "messages", AT + timedelta(days=900)) == 0


async def test_a_key_that_opens_something_stays(database: Database, settings: Settings, here: Field) -> None:
    here.plant("api_key", AT)
    assert await _follow(database, settings, here, "api_keys", AT + timedelta(days=900)) == 0


async def test_the_key_of_whoever_has_an_account_outlives_a_proof(
    database: Database, settings: Settings, here: Field
) -> None:
    account_id = here.plant("account", AT)
    here.plant("subject_key", AT, id=account_id)
    here.plant("proof", AT, subject_id=account_id)
    assert await _follow(database, settings, here, "proofs", AT + A_SECOND) == 1
    assert here.count("subject_key") == 1


async def test_what_somebody_holds_is_left_for_the_next_time(
    database: Database, settings: Settings, here: Field
) -> None:
    cart_id = here.plant("cart", AT)
    later = AT + timedelta(days=900)
    rule = BY_NAME["guest_carts"]
    async with database.tx(here.shop.id) as held:
        await held.connection.execute("UPDATE cart SET updated_at = $1 WHERE id = $2", later, cart_id)
        with clock.use(lambda: later):
            assert (await running.follow(database, settings, here.shop.id, [rule]))["guest_carts"] == 0
    assert await _follow(database, settings, here, "guest_carts", later) == 0
    assert here.count("cart") == 1


async def test_more_than_a_batch_goes_batch_by_batch(
    database: Database, settings: Settings, here: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(running, "MOST_BATCHES", 2)
    for _ in range(5):
        here.plant("shared_cart", AT)
    rule = BY_NAME["shared_carts"]
    with clock.use(lambda: AT + A_SECOND):
        rounds = [(await running.follow(database, settings, here.shop.id, [rule]))["shared_carts"] for _ in range(3)]
    assert rounds == [4, 1, 0]


async def test_the_worker_goes_through_every_shop(
    database: Database, settings: Settings, here: Field, there: Field
) -> None:
    for field in (here, there):
        field.plant("shared_cart", AT)
    with clock.use(lambda: AT + A_SECOND):
        await running.go_round(database, settings)
    assert (here.count("shared_cart"), there.count("shared_cart")) == (0, 0)
