"""`tradewind tenant move`: no fact is lost, none is there twice, wherever it is cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from commerce.checkout.service import Checkout
from commerce.leaving.removing import LINGERING, SOLE
from commerce.payments.providers import configured
from commerce.taxes import engines
from commerce.tenancy import service as tenancy
from foundation.database import SHARED, Database
from foundation.settings import Settings
from pipelines.tenants import database_of
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.relocating.conftest import NAME
from tests.waiting import until
from tradewind import plans
from tradewind.relocating import command, steps
from tradewind.relocating.copying import CopyDiffers, as_tenant
from tradewind.relocating.steps import CannotMove
from tradewind.relocating.tables import Figures, figures, tables_of

SHOPPERS = 2
AGAIN = ("service.shop_moving", "idempotency.in_flight")
"""What is answered while a shop is moved: at once, and by a key whose request was cut off, until that is noticed."""
CUT_OFF = "cart.not_open"
"""A cart whose payment was half way when the shop was frozen: the worker finishes it, as after a crash."""
STEPS = ("frozen", "copied", "switched", "opened")
EVERY_KIND = {"orders", "order_line", "payment", "ledger_posting", "stock", "stock_movement", "outbox", "customer"}


def move(settings: Settings, shop: SeededShop, to: str, *, wait: str = LINGERING, **given: Any) -> Any:
    with steps.moving(settings, shop.slug, wait=wait) as movers:
        return steps.move(movers, to, **given)


def undo(settings: Settings, shop: SeededShop) -> str | None:
    with steps.moving(settings, shop.slug) as movers:
        return steps.abort(movers)


def holdings(url: str, tenant_id: UUID) -> dict[str, Figures]:
    """What a database has of a tenant, by table; tables that have nothing are left out."""
    with ThreadPoolExecutor(1) as aside, psycopg.connect(url) as owner:
        as_tenant(owner, tenant_id)
        found = {table.name: figures(owner, table) for table in aside.submit(tables_of, url).result()}
    return {name: one for name, one in found.items() if one.rows}


def standing(url: str, tenant_id: UUID) -> tuple[str, str | None] | None:
    with psycopg.connect(url) as owner:
        row = owner.execute("SELECT home, moving_to FROM tenant WHERE id = %s", (tenant_id,)).fetchone()
    return None if row is None else (row[0], row[1])


async def order(client: httpx.AsyncClient, shop: SeededShop, *, patiently: bool = False) -> httpx.Response:
    """One unit of the first product, bought; `patiently` asks again, with the same key, while the shop is moved."""

    async def ask(path: str, **given: Any) -> httpx.Response:
        while True:
            answer = await client.post(path, **given)
            if answer.is_success or not patiently or answer.json()["code"] == CUT_OFF:
                return answer
            assert answer.json()["code"] in AGAIN, answer.text
            assert answer.status_code == 409 or answer.headers["retry-after"] == "5"
            await asyncio.sleep(0.05)

    cart = (await ask("/v1/store/carts")).raise_for_status().json()
    line = {"variant_id": str(shop.products[0].variant_id), "quantity": 1}
    (await ask(f"/v1/store/carts/{cart['id']}/lines", json=line)).raise_for_status()
    return await ask(
        f"/v1/store/carts/{cart['id']}/complete",
        json={"payment": {"provider": "test", "token": "tok_ok"}},
        headers={"Idempotency-Key": str(uuid4())},
    )


async def recover(settings: Settings, tenant_id: UUID) -> int:
    """What the worker does of payments that were half way, without the time that it leaves them."""
    database = Database.of(settings, pool_size=2)
    hold_for = timedelta(seconds=settings.reservation_ttl_seconds)
    checkout = Checkout(database, configured(database, settings), hold_for, engines.configured(settings))
    async with database.transaction(None) as session:
        shop = next(shop for shop in await tenancy.all_shops(session) if shop.id == tenant_id)
    finished = await checkout.recover(shop, older_than=timedelta(0))
    await checkout.providers.close()
    await database.close()
    return finished


async def come_in(client: httpx.AsyncClient, household: int = 1) -> None:
    (await client.post("/v1/store/sessions", json={"reference": f"household-{household}"})).raise_for_status()


def books(url: str, tenant_id: UUID) -> dict[str, int]:
    """The figures that must agree with one another."""
    with psycopg.connect(url) as owner:
        as_tenant(owner, tenant_id)
        statements = {
            "orders": "SELECT count(*) FROM orders",
            "totals": "SELECT coalesce(sum(total), 0) FROM orders",
            "placed": "SELECT count(DISTINCT event_id) FROM outbox WHERE name = 'order.placed'",
            "balance": "SELECT coalesce(sum(amount), 0) FROM ledger_posting",
            "captured": "SELECT coalesce(sum(amount), 0) FROM payment WHERE status = 'captured'",
            "sold": "SELECT sum(sold + reserved) FROM stock",
            "stock": "SELECT sum(received - available - reserved - sold - written_off) FROM stock",
        }
        found = {}
        for name, statement in statements.items():
            row = owner.execute(statement).fetchone()
            assert row is not None
            found[name] = int(row[0])
    return found


async def test_a_shop_is_moved_with_all_it_has_and_nobody_notices(
    settings: Settings,
    client: httpx.AsyncClient,
    grocer: SeededShop,
    fashion: SeededShop,
    database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:
    await come_in(client)
    first = (await order(client, grocer)).raise_for_status().json()
    before, others = holdings(database_urls.owner, grocer.id), holdings(database_urls.owner, fashion.id)
    assert set(before) >= EVERY_KIND

    copied = await asyncio.to_thread(move, settings, grocer, NAME)

    assert {name: one for name, one in copied.items() if one.rows} == before
    assert holdings(second_database.owner, grocer.id) == before
    assert holdings(second_database.owner, fashion.id) == {}
    assert holdings(database_urls.owner, fashion.id) == others
    assert standing(database_urls.owner, grocer.id) == standing(second_database.owner, grocer.id) == (NAME, None)
    assert (await client.get(f"/v1/store/orders/{first['id']}")).json()["id"] == first["id"]
    (await order(client, grocer)).raise_for_status()
    assert books(second_database.owner, grocer.id)["orders"] == 2
    assert books(database_urls.owner, grocer.id)["orders"] == 1, "what was left behind is nobody's to write"
    assert database_of(settings, grocer.id) == second_database.app


async def test_it_moves_back_with_what_happened_there(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:  # fmt: skip
    await come_in(client)
    (await order(client, grocer)).raise_for_status()
    await asyncio.to_thread(move, settings, grocer, NAME)
    (await order(client, grocer)).raise_for_status()
    there = holdings(second_database.owner, grocer.id)

    await asyncio.to_thread(move, settings, grocer, SHARED)

    assert holdings(database_urls.owner, grocer.id) == there
    assert standing(database_urls.owner, grocer.id) == standing(second_database.owner, grocer.id) == ("", None)
    (await order(client, grocer)).raise_for_status()
    assert books(database_urls.owner, grocer.id)["orders"] == 3


async def test_no_order_is_lost_or_doubled_while_a_shop_is_moved_there_and_back(
    settings: Settings, app: Any, grocer: SeededShop, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    accepted: list[str] = []
    cut_off = 0
    done = asyncio.Event()

    async def shop_on(household: int) -> None:
        nonlocal cut_off
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as client:
            await come_in(client, household)
            while not done.is_set():
                answer = await order(client, grocer, patiently=True)
                if answer.is_success:
                    accepted.append(answer.json()["id"])
                else:
                    cut_off += 1

    buying = [asyncio.create_task(shop_on(number + 1)) for number in range(SHOPPERS)]
    try:
        for to in (NAME, SHARED, NAME):
            so_far = len(accepted)
            while len(accepted) < so_far + SHOPPERS:
                await asyncio.sleep(0.02)
                for task in buying:
                    assert not task.done(), task.exception()
            await asyncio.to_thread(move, settings, grocer, to)
    finally:
        done.set()
    await asyncio.gather(*buying)
    await recover(settings, grocer.id)

    found = books(second_database.owner, grocer.id)
    with psycopg.connect(second_database.owner) as owner:
        as_tenant(owner, grocer.id)
        placed = [(str(row[0]), row[1]) for row in owner.execute("SELECT id, cart_id FROM orders").fetchall()]
    assert len(set(accepted)) == len(accepted) >= SHOPPERS * 3
    assert {one for one, _ in placed} >= set(accepted), "an accepted order is lost"
    assert len({cart for _, cart in placed}) == len(placed) <= len(accepted) + cut_off, "an order is doubled"
    assert found["orders"] == found["placed"] == found["sold"] == len(placed)
    assert found["totals"] == found["captured"] >= grocer.products[0].price * len(placed)
    assert (found["balance"], found["stock"]) == (0, 0)


async def test_while_it_is_copied_a_shop_is_read_and_not_written(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await come_in(client)
    loop, seen = asyncio.get_running_loop(), {}

    def look(step: str) -> None:
        if step == "frozen":
            for name, asked in (("read", client.get("/v1/store/products")), ("write", client.post("/v1/store/carts"))):
                seen[name] = asyncio.run_coroutine_threadsafe(asked, loop).result(20)

    await asyncio.to_thread(move, settings, grocer, NAME, reached=look)

    assert seen["read"].status_code == 200
    assert (seen["write"].status_code, seen["write"].json()["code"]) == (503, "service.shop_moving")
    assert seen["write"].headers["retry-after"] == "5"
    assert (await client.post("/v1/store/carts")).status_code == 201


KILLED = """
import os, signal, sys
from foundation.settings import Settings
from tradewind.relocating import steps

def die(step):
    if step == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

with steps.moving(Settings(_env_file=None), sys.argv[1]) as movers:
    steps.move(movers, steps.named(sys.argv[2]), reached=die)
"""


def kill_at(settings: Settings, shop: SeededShop, to: str, step: str) -> None:
    """Move in a process of its own, which dies of kill -9 right after a step."""
    own = settings.databases[NAME]
    described = "".join(
        f'"{role}": "{getattr(own, role).get_secret_value()}", ' for role in ("url", "owner_url", "relay_url")
    )
    environment = os.environ | {
        "TRADEWIND_DATABASE_URL": settings.require("database_url", "Postgres"),
        "TRADEWIND_DATABASE_OWNER_URL": settings.require("database_owner_url", "Postgres"),
        "TRADEWIND_DATABASES": f'{{"{NAME}": {{{described.rstrip(", ")}}}}}',
    }
    died = subprocess.run([sys.executable, "-c", KILLED, shop.slug, to, step], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL


@pytest.mark.proof
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", ["there", "back"])
async def test_a_move_that_was_killed_is_gone_on_with_by_the_same_command(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls, step: str, way: str,
) -> None:  # fmt: skip
    await come_in(client)
    (await order(client, grocer)).raise_for_status()
    to, there = NAME, second_database
    if way == "back":
        await asyncio.to_thread(move, settings, grocer, NAME)
        (await order(client, grocer)).raise_for_status()
        to, there = "shared", database_urls
    home = second_database if way == "back" else database_urls
    before = holdings(home.owner, grocer.id)

    await asyncio.to_thread(kill_at, settings, grocer, to, step)
    await asyncio.to_thread(move, settings, grocer, steps.named(to))

    assert holdings(there.owner, grocer.id) == before
    assert standing(there.owner, grocer.id) == (steps.named(to), None)
    (await order(client, grocer)).raise_for_status()
    assert books(there.owner, grocer.id)["orders"] == before["orders"].rows + 1


@pytest.mark.parametrize("step", ["frozen", pytest.param("copied", marks=pytest.mark.proof)])
async def test_a_move_that_was_killed_before_the_switch_can_be_undone(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls, step: str,
) -> None:  # fmt: skip
    await come_in(client)
    await asyncio.to_thread(kill_at, settings, grocer, NAME, step)
    assert (await client.post("/v1/store/carts")).status_code == 503

    assert await asyncio.to_thread(undo, settings, grocer) == NAME

    assert holdings(second_database.owner, grocer.id) == {}
    assert standing(second_database.owner, grocer.id) is None
    assert standing(database_urls.owner, grocer.id) == ("", None)
    (await order(client, grocer)).raise_for_status()


async def test_what_arrives_damaged_moves_nothing_and_the_shop_goes_on(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:  # fmt: skip
    await come_in(client)
    with psycopg.connect(second_database.owner) as owner:
        owner.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN new.title := 'spoilt'; RETURN new; END $$"
        )
        owner.execute("CREATE TRIGGER spoil BEFORE INSERT ON product FOR EACH ROW EXECUTE FUNCTION spoil()")

    with pytest.raises(CopyDiffers, match="product: 6 rows were sent and 6 arrived, or not the same ones"):
        await asyncio.to_thread(move, settings, grocer, NAME)

    assert holdings(second_database.owner, grocer.id) == {}
    assert standing(database_urls.owner, grocer.id) == ("", None)
    assert (await client.post("/v1/store/carts")).status_code == 201


def test_what_was_left_behind_is_removed_when_it_is_asked_for_and_nothing_else(
    settings: Settings, grocer: SeededShop, fashion: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:  # fmt: skip
    move(settings, grocer, NAME)
    there, others = holdings(second_database.owner, grocer.id), holdings(database_urls.owner, fashion.id)
    assert holdings(database_urls.owner, grocer.id)

    with steps.moving(settings, grocer.slug) as movers:
        assert steps.forget(movers) == [SHARED]

    assert holdings(database_urls.owner, grocer.id) == {}
    assert holdings(database_urls.owner, fashion.id) == others
    assert holdings(second_database.owner, grocer.id) == there
    assert standing(database_urls.owner, grocer.id) == (NAME, None)


def test_two_do_not_move_a_shop_at_once(settings: Settings, grocer: SeededShop) -> None:
    with steps.moving(settings, grocer.slug), pytest.raises(CannotMove, match="Somebody else"):
        move(settings, grocer, NAME, wait="1ms")


def test_whoever_moves_it_next_waits_until_the_one_before_is_gone(
    settings: Settings, grocer: SeededShop, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    """Postgres notices that a mover was killed some time after it has died."""

    def waits() -> bool:
        with psycopg.connect(database_urls.owner) as owner:
            return owner.execute("SELECT FROM pg_locks WHERE NOT granted AND classid = %s", (SOLE,)).rowcount > 0

    with ThreadPoolExecutor(1) as aside:
        with steps.moving(settings, grocer.slug):
            moved = aside.submit(move, settings, grocer, NAME)
            until(waits)
        moved.result()
    assert standing(second_database.owner, grocer.id) == (NAME, None)


def test_a_name_that_is_in_no_setting_is_refused_with_those_that_are(settings: Settings, grocer: SeededShop) -> None:
    with pytest.raises(CannotMove, match=f"'nowhere'.*shared, {NAME}"):
        move(settings, grocer, "nowhere")


def test_a_database_behind_is_refused(
    settings: Settings, grocer: SeededShop, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    with psycopg.connect(second_database.owner) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(CannotMove, match="tradewind migrate"):
        move(settings, grocer, NAME)
    assert standing(database_urls.owner, grocer.id) == ("", None)


def test_books_stay_append_only_for_their_owner_who_does_not_say_whose_rows_go(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop, database_urls: DatabaseUrls
) -> None:
    statement = "DELETE FROM stock_movement WHERE tenant_id = current_tenant()"
    for removing in ("", str(fashion.id)):
        with psycopg.connect(database_urls.owner) as owner:
            as_tenant(owner, grocer.id)
            owner.execute("SELECT set_config('tradewind.removing', %s, true)", (removing,))
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(statement)
    with psycopg.connect(database_urls.app) as app:
        as_tenant(app, grocer.id)
        app.execute("SELECT set_config('tradewind.removing', %s, true)", (str(grocer.id),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)


async def test_every_event_is_delivered_from_where_the_shop_is(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, second_database: DatabaseUrls,
    database_urls: DatabaseUrls,
) -> None:  # fmt: skip
    """In the order in which they happened, and after all that was there before."""
    await come_in(client)
    for _ in range(3):
        (await order(client, grocer)).raise_for_status()
    read = "SELECT event_id FROM outbox WHERE tenant_id = %s ORDER BY xid, seq"
    with psycopg.connect(database_urls.relay) as relay:
        before = relay.execute(read, (grocer.id,)).fetchall()

    await asyncio.to_thread(move, settings, grocer, NAME)

    with psycopg.connect(second_database.relay) as relay:
        assert relay.execute(read, (grocer.id,)).fetchall() == before
        waiting = relay.execute("SELECT count(*) FROM outbox WHERE xid < pg_snapshot_xmin(pg_current_snapshot())")
        assert waiting.fetchone() == (len(before),)


async def test_a_process_that_slept_through_two_moves_finds_the_shop(
    settings: Settings, grocer: SeededShop, second_database: DatabaseUrls
) -> None:
    database = Database.of(settings, pool_size=1)
    async with database.tx(grocer.id, read_only=True):
        pass
    await asyncio.to_thread(move, settings, grocer, NAME)
    await asyncio.to_thread(move, settings, grocer, SHARED)
    await asyncio.to_thread(move, settings, grocer, NAME)
    async with database.tx(grocer.id) as tx:
        assert await tx.connection.fetchval("SELECT current_database()") in second_database.app
    await database.close()


def test_the_command_says_what_it_did(settings: Settings, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (command, plans):
        monkeypatch.setattr(module, "Settings", lambda: settings)
    plans.say(grocer.slug, "enterprise", [])
    said = list(command.say(grocer.slug, to=NAME, abort=False, forget=False))
    assert said[-1].startswith(f"grocer is in {NAME};")
    assert any(line.strip().startswith("product: 6 rows") for line in said)
    assert list(command.say(grocer.slug, to=NAME, abort=False, forget=False)) == [
        f"grocer is in {NAME}; 0 rows were copied."
    ]
    assert list(command.say(grocer.slug, to=None, abort=True, forget=False)) == ["grocer was not on its way."]
    assert list(command.say(grocer.slug, to=None, abort=False, forget=True)) == [
        "grocer has no rows any more in: shared."
    ]
    with pytest.raises(CannotMove, match="Say one of"):
        list(command.say(grocer.slug, to=NAME, abort=True, forget=False))
