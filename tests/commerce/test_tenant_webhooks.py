"""Tenants are told what happened in their shop: in order, at least once, and nobody else is held up by whoever fails."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest

from commerce.identity.staff import create_key
from commerce.retention import running
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from commerce.webhooks import schedule, sending
from commerce.webhooks.sending import Dispatcher
from foundation import clock
from foundation.database import Database
from foundation.events import OrderDelivered, record
from foundation.ids import new_id
from foundation.outbound import Outbound
from foundation.outbox import announce
from foundation.settings import Settings
from pipelines import outbox
from tests.commerce.receiver import Receiver, Told, accept, receiving
from tests.factories import SeededShop
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SUBSCRIPTIONS = "/v1/admin/webhooks/subscriptions"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"outbound_loopback": True})


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.app, pool_size=6)
    yield database
    await database.close()


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(loopback=True) as outbound:
        yield outbound


@pytest.fixture
async def dispatcher(database: Database, outbound: Outbound) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(database, outbound)
    yield dispatcher
    await dispatcher.close()


async def shops(database: Database) -> list[Shop]:
    async with database.transaction(None) as session:
        return await tenancy.all_shops(session)


async def happened(database: Database, shop: SeededShop, times: int = 1) -> list[str]:
    """Orders are delivered, one transaction each; gives the events' ids."""
    ids = []
    for _ in range(times):
        order_id = new_id()
        event = record(
            OrderDelivered(order_id=order_id, fulfilment_id=new_id()), tenant_id=shop.id, aggregate_id=order_id
        )
        async with database.tx(shop.id) as tx:
            await announce(tx, [event])
        ids.append(str(event.event_id))
    return ids


async def subscribed(staff: httpx.AsyncClient, receiver: Receiver, *events: str) -> dict[str, Any]:
    body = {"url": receiver.url, "events": list(events or ("order.*",)), "contact": "ops@example.org"}
    made = await staff.post(SUBSCRIPTIONS, json=body)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def _in_sight(database: Database, shop: Shop) -> bool:
    async with database.tx(shop.id, read_only=True) as tx:
        seen: bool = await tx.connection.fetchval(
            "SELECT coalesce(max(xid) < pg_snapshot_xmin(pg_current_snapshot()), true) FROM outbox"
        )
        return seen


async def all_in_sight(database: Database) -> None:
    """Wait until nobody's transaction, of another test's database perhaps, stands before what happened."""
    async with asyncio.timeout(PATIENCE):
        while not all([await _in_sight(database, shop) for shop in await shops(database)]):  # noqa: ASYNC110  (nobody sets an event)
            await asyncio.sleep(0.02)


async def all_told(database: Database, dispatcher: Dispatcher, *, in_sight: bool = True) -> None:
    """Turns until there is nothing to do, once what happened is in sight."""
    if in_sight:
        await all_in_sight(database)
    while await dispatcher.turn(await shops(database)) or dispatcher._calling:
        await dispatcher.drain()


@pytest.fixture
async def fashion_staff(app: Any, fashion: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    async with app.state.core.database.transaction(fashion.id) as session:
        _, token = await create_key(session, fashion.id, name="Back office")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{fashion.host}", headers=headers) as http:
        yield http


async def test_what_happened_is_told_in_order_and_signed(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        secret = (await subscribed(staff, receiver))["secret"]
        ids = await happened(database, grocer, 25)
        await all_told(database, dispatcher)
        assert receiver.ids == ids
        assert all(told.signed_by(secret) for told in receiver.told)
        assert not receiver.told[0].signed_by("whsec_" + "A" * 32)
        said = receiver.told[0].said
        assert said["type"] == "order.delivered"
        assert said["id"] == ids[0]
        assert set(said["data"]) == {"order_id", "fulfilment_id"}, "ids only, as in the event"
        await all_told(database, dispatcher)
        assert receiver.ids == ids, "each of them once"


async def test_only_what_was_asked_for_is_told(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as orders, receiving() as stock, receiving() as everything:
        before = await happened(database, grocer)
        await subscribed(staff, orders, "order.delivered")
        await subscribed(staff, stock, "stock.*")
        await subscribed(staff, everything, "*")
        ids = await happened(database, grocer)
        await all_told(database, dispatcher)
        assert (orders.ids, stock.ids, everything.ids) == (ids, [], ids)
        assert before[0] not in everything.ids, "what happened before nobody had asked for"


async def test_another_tenant_is_told_nothing(
    staff: httpx.AsyncClient,
    fashion_staff: httpx.AsyncClient,
    fashion: SeededShop,
    database: Database,
    dispatcher: Dispatcher,
) -> None:
    async with receiving() as receiver, receiving() as other:
        mine = await subscribed(staff, receiver, "*")
        await subscribed(fashion_staff, other, "*")
        ids = await happened(database, fashion)
        await all_told(database, dispatcher)
        assert (receiver.ids, other.ids) == ([], ids)
        for method, path in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/secret"),
            ("POST", "/test"),
            ("GET", "/deliveries"),
            ("GET", f"/deliveries/{new_id()}"),
            ("POST", f"/deliveries/{new_id()}/replay"),
        ):
            body = {} if method == "PATCH" else None
            answer = await fashion_staff.request(method, f"{SUBSCRIPTIONS}/{mine['id']}{path}", json=body)
            assert answer.status_code == 404, (method, path, answer.text)
        assert (await staff.get(f"{SUBSCRIPTIONS}/{mine['id']}")).json()["status"] == "active"


async def test_a_transaction_that_commits_late_is_told_too(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        await subscribed(staff, receiver)
        said = OrderDelivered(order_id=new_id(), fulfilment_id=new_id())
        late = record(said, tenant_id=grocer.id, aggregate_id=said.order_id)
        async with database.tx(grocer.id) as tx:
            await announce(tx, [late])
            ids = await happened(database, grocer, 2)
            await all_told(database, dispatcher, in_sight=False)
            assert receiver.ids == [], "nothing overtakes a transaction that is still running"
        await all_told(database, dispatcher)
        assert receiver.ids == [str(late.event_id), *ids]


async def test_the_relay_throws_nothing_away_that_was_not_queued(
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    fashion: SeededShop,
    database: Database,
    dispatcher: Dispatcher,
    database_urls: DatabaseUrls,
) -> None:
    async with receiving() as receiver:
        await subscribed(staff, receiver)
        ids = await happened(database, grocer, 3)
        await happened(database, fashion, 2)
        await all_in_sight(database)
        with psycopg.connect(database_urls.relay, autocommit=True) as relay:
            rows = outbox.read(relay, outbox.place_of(relay, "clickhouse"), 100)
            outbox.advance(relay, "clickhouse", rows)
            assert outbox.prune(relay) == 2, "fashion has no webhooks, and what it said is delivered"
            await all_told(database, dispatcher)
            assert receiver.ids == ids
            assert outbox.prune(relay) == 3


async def test_a_failing_endpoint_is_tried_again_in_order_and_later_each_time(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    fails = True

    def answer(_: Told) -> str:
        return "500 Oops" if fails else "200 OK"

    async with receiving(answer) as receiver, receiving() as well:
        made = await subscribed(staff, receiver)
        await subscribed(staff, well)
        ids = await happened(database, grocer, 3)
        await all_told(database, dispatcher)
        assert receiver.ids == ids[:1], "the next one waits for it"
        assert well.ids == ids, "another endpoint doesn't"
        shown = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()
        assert (shown["failures"], shown["pending"]) == (1, 3)
        now = clock.now()
        with clock.use(lambda: now + timedelta(seconds=6)):
            await all_told(database, dispatcher)
            assert receiver.ids == [ids[0]] * 2
            await all_told(database, dispatcher)
            assert receiver.ids == [ids[0]] * 2, "later each time"
        fails = False
        with clock.use(lambda: now + timedelta(seconds=40)):
            await all_told(database, dispatcher)
        assert receiver.ids == [ids[0]] * 2 + ids
        shown = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()
        assert (shown["failures"], shown["failing_since"], shown["pending"]) == (0, None, 0)


@pytest.mark.parametrize(
    ("answered", "status", "error"),
    [
        ("302 Found\r\nLocation: http://169.254.169.254/", 302, None),
        ("404 Not Found", 404, None),
        ("200 OK\r\nContent-Encoding: br", None, "encoding"),
        ("nonsense", None, "protocol"),
    ],
)
async def test_what_is_no_success_is_a_failure_and_is_written_down(
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    database: Database,
    dispatcher: Dispatcher,
    answered: str,
    status: int | None,
    error: str | None,
) -> None:
    async with receiving(lambda _: answered) as receiver:
        made = await subscribed(staff, receiver)
        await happened(database, grocer)
        await all_told(database, dispatcher)
        assert len(receiver.told) == 1, "a redirect is not followed"
        (delivery,) = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries")).json()["items"]
        assert (delivery["status"], delivery["attempts"]) == ("pending", 1)
        assert (delivery["last"]["status"], delivery["last"]["error"]) == (status, error)
        assert delivery["last"]["milliseconds"] >= 0


async def test_a_slow_endpoint_holds_up_nobody(
    staff: httpx.AsyncClient,
    fashion_staff: httpx.AsyncClient,
    grocer: SeededShop,
    fashion: SeededShop,
    database: Database,
    dispatcher: Dispatcher,
) -> None:
    hangs = asyncio.Event()

    async def slow(_: Told) -> str:
        await hangs.wait()
        return "204 No Content"

    async with receiving(slow) as tar, receiving() as here, receiving() as there:
        for _ in range(sending.OF_A_TENANT + 2):
            await subscribed(staff, tar)
        await subscribed(fashion_staff, there)
        await happened(database, grocer)
        ids = await happened(database, fashion)
        for _ in range(20):
            await dispatcher.turn(await shops(database))
            await asyncio.sleep(0.05)
        assert there.ids == ids, "another tenant's"
        assert len(tar.told) == sending.OF_A_TENANT, "no tenant has more than its share of calls"
        hangs.set()
        await all_told(database, dispatcher)
        assert len(tar.told) == sending.OF_A_TENANT + 2
        await subscribed(staff, here)
        ids = await happened(database, grocer)
        await all_told(database, dispatcher)
        assert here.ids == ids


async def test_a_timeout_is_a_failure(
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    database: Database,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "LIMITS", sending.Limits(seconds=0.2))

    async def slow(_: Told) -> str:
        await asyncio.sleep(5)
        return "204 No Content"

    async with receiving(slow) as receiver:
        made = await subscribed(staff, receiver)
        await happened(database, grocer)
        await all_told(database, dispatcher)
        (delivery,) = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries")).json()["items"]
        assert delivery["last"]["error"] == "timeout"


async def test_a_delivery_is_given_up_at_last_and_the_next_one_has_its_turn(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    poison: list[str] = []

    def answer(told: Told) -> str:
        return "422 Unprocessable" if told.id in poison else "200 OK"

    async with receiving(answer) as receiver:
        made = await subscribed(staff, receiver)
        ids = await happened(database, grocer, 2)
        poison.append(ids[0])
        at = clock.now()
        for _ in range(schedule.MAX_TRIES):
            with clock.use(lambda at=at: at):  # type: ignore[misc]
                await all_told(database, dispatcher)
            at += schedule.LONGEST
        with clock.use(lambda: at):
            await all_told(database, dispatcher)
        assert receiver.ids == [ids[0]] * schedule.MAX_TRIES + [ids[1]]
        listed = await staff.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", params={"status": "failed"})
        (failed,) = listed.json()["items"]
        assert failed["event_id"] == ids[0]

        poison.clear()
        again = await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/deliveries/{failed['id']}/replay")
        assert (again.json()["status"], len(again.json()["tries"])) == ("pending", schedule.MAX_TRIES)
        with clock.use(lambda: at):
            await all_told(database, dispatcher)
        assert receiver.ids[-1] == ids[0], "under the id that it had"


async def test_an_endpoint_that_fails_for_days_is_disabled_and_somebody_is_told(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher, rows: Any
) -> None:
    async with receiving(lambda _: "503 Not now") as receiver:
        made = await subscribed(staff, receiver)
        await happened(database, grocer)
        await all_told(database, dispatcher)
        start = clock.now()
        with clock.use(lambda: start + schedule.DISABLED_AFTER - timedelta(seconds=1)):
            await all_told(database, dispatcher)
            shown = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()
            assert shown["status"] == "active"
            assert rows("SELECT count(*) FROM message") == [(0,)]
        with clock.use(lambda: start + schedule.DISABLED_AFTER + timedelta(hours=5)):
            await all_told(database, dispatcher)
            shown = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()
            assert (shown["status"], shown["disabled_reason"]) == ("disabled", "failing")
            ((template, channel, recipient),) = rows("SELECT template, channel, recipient FROM message")
            assert (template, channel) == ("webhook_disabled", "email")
            assert "ops@example.org" not in recipient, "sealed"
            tried = len(receiver.told)
            missed = await happened(database, grocer)
            await all_told(database, dispatcher)
            assert len(receiver.told) == tried, "it is left alone"

            receiver.answer = accept
            on = await staff.patch(f"{SUBSCRIPTIONS}/{made['id']}", json={"status": "active"})
            assert (on.json()["status"], on.json()["disabled_reason"]) == ("active", None)
            await all_told(database, dispatcher)
            assert missed[0] not in receiver.ids
            since, until = start - timedelta(hours=1), clock.now() + timedelta(hours=1)
            span = {"since": since.isoformat(), "until": until.isoformat()}
            replayed = await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/replays", json=span)
            assert replayed.json() == {"deliveries": 2}, "what it missed, and what it was told"
            await all_told(database, dispatcher)
            assert receiver.ids[-1] == missed[0]


async def test_an_endpoint_that_says_it_is_gone_is_not_asked_again(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving(lambda _: "410 Gone") as receiver:
        made = await subscribed(staff, receiver)
        await happened(database, grocer)
        await all_told(database, dispatcher)
        shown = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")


async def test_a_time_is_told_again_in_order(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver, receiving() as newcomer:
        made = await subscribed(staff, receiver)
        ids = await happened(database, grocer, 5)
        await all_told(database, dispatcher)
        span = {
            "since": (clock.now() - timedelta(hours=1)).isoformat(),
            "until": (clock.now() + timedelta(hours=1)).isoformat(),
        }
        failed_only = await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/replays", json={**span, "only_failed": True})
        assert failed_only.json() == {"deliveries": 0}
        again = await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/replays", json=span)
        assert again.json() == {"deliveries": 5}
        late = await subscribed(staff, newcomer)
        await staff.post(f"{SUBSCRIPTIONS}/{late['id']}/replays", json=span)
        await all_told(database, dispatcher)
        assert receiver.ids == ids * 2
        assert newcomer.ids == ids, "also what came before it"
        backwards = {"since": span["until"], "until": span["since"]}
        refused = await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/replays", json=backwards)
        assert refused.status_code == 422


async def test_for_a_day_both_secrets_sign(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        made = await subscribed(staff, receiver)
        new = (await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/secret")).json()["secret"]
        assert new != made["secret"]
        await happened(database, grocer)
        await all_told(database, dispatcher)
        assert receiver.told[-1].signed_by(new)
        assert receiver.told[-1].signed_by(made["secret"])
        now = clock.now()
        with clock.use(lambda: now + timedelta(hours=25)):
            await happened(database, grocer)
            await all_told(database, dispatcher)
        assert receiver.told[-1].signed_by(new)
        assert not receiver.told[-1].signed_by(made["secret"])


async def test_a_secret_is_shown_once_and_stored_sealed(
    staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    async with receiving() as receiver:
        made = await subscribed(staff, receiver)
        for path in (SUBSCRIPTIONS, f"{SUBSCRIPTIONS}/{made['id']}"):
            assert "whsec_" not in (await staff.get(path)).text
        ((kept,),) = rows("SELECT row_to_json(s)::text FROM webhook_subscription s")
        assert made["secret"] not in kept
        assert "ops@example.org" not in kept


async def test_a_test_call_says_what_was_answered_and_changes_nothing(
    staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    async with receiving(lambda _: "418 Teapot") as receiver:
        made = await subscribed(staff, receiver)
        tried = (await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).json()
        assert (tried["status"], tried["response"]) == (418, "ok")
        assert receiver.told[0].said["type"] == "webhook.test"
        assert receiver.told[0].signed_by(made["secret"])
        assert (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).json()["failures"] == 0
        answers = [(await staff.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).status_code for _ in range(10)]
        assert answers[-1] == 429


async def test_an_address_that_may_not_be_called_is_refused(staff: httpx.AsyncClient, rows: Any) -> None:
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://2130706433/", "ftp://example.org/"):
        refused = await staff.post(SUBSCRIPTIONS, json={"url": url, "events": ["*"], "contact": "a@example.org"})
        assert (refused.status_code, refused.json()["code"]) == (422, "outbound.address_refused")
    assert rows("SELECT count(*) FROM webhook_subscription") == [(0,)]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "events", [[], ["order"], ["nothing.such"], ["*.placed"], ["view_item"], ["order.placed"] * 51]
)
async def test_only_events_that_there_are_can_be_asked_for(staff: httpx.AsyncClient, events: list[str]) -> None:
    async with receiving() as receiver:
        refused = await staff.post(
            SUBSCRIPTIONS, json={"url": receiver.url, "events": events, "contact": "a@example.org"}
        )
        assert refused.status_code == 422


async def test_a_subscription_taken_away_is_told_nothing(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        made = await subscribed(staff, receiver)
        await happened(database, grocer)
        await dispatcher.turn([])
        assert (await staff.delete(f"{SUBSCRIPTIONS}/{made['id']}")).status_code == 204
        await all_told(database, dispatcher)
        assert receiver.told == []
        assert (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}")).status_code == 404
        assert (await staff.delete(f"{SUBSCRIPTIONS}/{made['id']}")).status_code == 404


async def test_a_paused_subscription_is_told_afterwards(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        made = await subscribed(staff, receiver)
        await staff.patch(f"{SUBSCRIPTIONS}/{made['id']}", json={"status": "paused"})
        ids = await happened(database, grocer, 2)
        await all_told(database, dispatcher)
        assert receiver.told == []
        await staff.patch(f"{SUBSCRIPTIONS}/{made['id']}", json={"status": "active"})
        await all_told(database, dispatcher)
        assert receiver.ids == ids


async def test_two_workers_tell_nobody_twice(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, outbound: Outbound
) -> None:
    async with receiving() as receiver:
        await subscribed(staff, receiver)
        ids = await happened(database, grocer, 30)
        here, there = Dispatcher(database, outbound), Dispatcher(database, outbound)
        for _ in range(8):
            found = await shops(database)
            await asyncio.gather(here.turn(found), there.turn(found))
            await asyncio.gather(here.drain(), there.drain())
        assert receiver.ids == ids


WORKER = """
import asyncio, sys
from commerce.webhooks.telling import run
from foundation.settings import Settings
asyncio.run(run(Settings(_env_file=None, database_url=sys.argv[1], outbound_loopback=True), asyncio.Event()))
"""


async def test_a_worker_that_is_killed_while_it_tells_loses_nothing(
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    database: Database,
    database_urls: DatabaseUrls,
    dispatcher: Dispatcher,
) -> None:
    reached = asyncio.Event()

    async def hang_at_the_third(_: Told) -> str:
        if len(receiver.told) >= 3:
            reached.set()
            await asyncio.sleep(60)
        return "204 No Content"

    async with receiving(hang_at_the_third) as receiver:
        await subscribed(staff, receiver)
        ids = await happened(database, grocer, 5)
        worker = subprocess.Popen([sys.executable, "-c", WORKER, database_urls.app])  # noqa: ASYNC220  (it is killed)
        try:
            await asyncio.wait_for(reached.wait(), 30)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert receiver.ids == ids[:3]
        receiver.answer = accept
        await all_told(database, dispatcher)
        assert receiver.ids == ids[:3], "the claim of the dead lasts a minute at most"
        now = clock.now()
        with clock.use(lambda: now + sending.CLAIM):
            await all_told(database, dispatcher)
        assert receiver.ids == ids[:3] + ids[2:], "the one that was under way is told twice, under one id"


async def test_a_cursor_of_another_database_starts_anew_and_tells_nobody_twice(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher, rows: Any
) -> None:
    async with receiving() as receiver:
        await subscribed(staff, receiver)
        ids = await happened(database, grocer, 2)
        await all_told(database, dispatcher)
        rows("UPDATE webhook_cursor SET xid = '9000000000000'::xid8")
        ids += await happened(database, grocer)
        await all_told(database, dispatcher)
        assert receiver.ids == ids


async def test_what_is_old_is_let_go(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher, rows: Any
) -> None:
    async with receiving() as receiver:
        await subscribed(staff, receiver)
        await happened(database, grocer, 2)
        await all_told(database, dispatcher)
        now = clock.now()
        for later, left in ((sending.KEPT - timedelta(days=1), 2), (sending.KEPT + timedelta(days=1), 0)):
            with clock.use(lambda later=later: now + later):  # type: ignore[misc]
                await running.follow(database, Settings(_env_file=None), grocer.id)
            for table in ("webhook_event", "webhook_delivery", "webhook_attempt"):
                assert rows(f"SELECT count(*) FROM {table}") == [(left,)]


async def test_deliveries_are_read_a_page_at_a_time(
    staff: httpx.AsyncClient, grocer: SeededShop, database: Database, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        made = await subscribed(staff, receiver)
        ids = await happened(database, grocer, 5)
        await all_told(database, dispatcher)
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await staff.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", params=params)).json()
            seen += [item["event_id"] for item in page["items"]]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
        assert seen == ids[::-1]


async def test_a_shop_has_no_more_subscriptions_than_it_may(
    staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commerce.webhooks.service.MOST", 2)
    async with receiving() as receiver:
        body = {"url": receiver.url, "events": ["*"], "contact": "a@example.org"}
        answers = await asyncio.gather(*(staff.post(SUBSCRIPTIONS, json=body) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]


def test_pauses_grow_and_are_spread() -> None:
    chance = random.Random(1)
    for failures in range(1, 12):
        full = min(timedelta(seconds=5) * 4 ** (failures - 1), schedule.LONGEST)
        drawn = [schedule.pause(failures, chance=chance) for _ in range(200)]
        assert full / 2 <= min(drawn) < full * 0.55
        assert full * 0.95 < max(drawn) <= full
    assert schedule.pause(10**9) <= schedule.LONGEST


def test_what_an_endpoint_asks_for_is_heeded_within_bounds() -> None:
    assert schedule.pause(1, asked=timedelta(minutes=5)) == timedelta(minutes=5)
    assert schedule.pause(1, asked=timedelta(days=300)) == schedule.LONGEST_ASKED
    assert schedule.retry_after("120") == timedelta(minutes=2)
    for junk in (None, "", "-1", "soon", "9" * 40, "\u0661"):
        assert schedule.retry_after(junk) is None


async def test_reading_is_not_enough_to_change_anything(app: Any, grocer: SeededShop) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Reader", scopes=["webhooks:read"])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as http:
        assert (await http.get(SUBSCRIPTIONS)).status_code == 200
        body = {"url": "https://example.org/", "events": ["*"], "contact": "a@example.org"}
        assert (await http.post(SUBSCRIPTIONS, json=body)).status_code == 403
        assert (await http.post(f"{SUBSCRIPTIONS}/{UUID(int=1)}/secret")).status_code == 403
