"""A person who has left traces in every engine, and was forgotten, is found in none of them.

They use the API like anybody: an account, an order with all that one can say, a claim, a return, a wishlist. Then the whole
line runs, with a model and its index. What the scans look for is every string of theirs and every id they had.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dagster as dg
import httpx
import pypdf
import pytest
from feast.infra.utils.clickhouse import connection_utils
from qdrant_client import models
from qdrant_client.http.exceptions import ApiException

from commerce.sessions import sending
from dagster_project.definitions import defs
from dagster_project.jobs import forgetting
from dagster_project.run import materialise_all
from features.online import OnlineShoppers
from foundation import clients
from foundation.decisions import RecommendationRequest
from foundation.ids import new_id
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from serving.champions import Champions
from serving.decision_log import GROUP, STREAM, DecisionLog
from serving.recommendations import Recommender
from serving.stock import SoldOut
from tests.commerce.conftest import AGREED
from tests.dagster_project.conftest import a_year
from tests.engines.qdrant.conftest import KEY
from tests.factories import SeededShop
from tests.identity.conftest import Messages, browser_at, messages, register
from tests.privacy.scanning import in_clickhouse, in_files, in_qdrant, in_text, in_valkey, plain
from tests.privacy.test_erasure import ADDRESS, EMAIL, WORDS, grocer, superuser
from tests.relays import PatientRelay
from tests.security.world import ISSUER, photo
from tests.serving.conftest import qdrant_url
from tests.spools import carry_all

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["grocer", "messages", "qdrant_url", "superuser"]

ACCOUNT = "yuzu.zanzibar@xylophone.example"
IP, AGENT, CARD = "203.0.113.199", "Feijoa/7 (Loquatphone)", "Card of Tamarillo 9371"
SAID = ("mangosteen-wish", "jabuticaba-search", "ackee-broken", "cherimoya-title", "pawpaw-review", "soursop-rejection")
STRINGS = (*WORDS, *SAID, ACCOUNT, IP, "Loquatphone", "Tamarillo")


@pytest.fixture
def settings(
    database_urls: DatabaseUrls,
    clickhouse_database: str,
    valkey_url: str,
    qdrant_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """Every engine, and files under `tmp_path`; also in the environment, where a run of Dagster finds them."""
    connection_utils.thread_local.__dict__.clear()
    monkeypatch.setattr(sending, "EVENLY_SECONDS", 0.0)
    given = {
        "DATABASE_URL": database_urls.app,
        "DATABASE_OWNER_URL": database_urls.owner,
        "DATABASE_RELAY_URL": database_urls.relay,
        "CLICKHOUSE_URL": clickhouse_database,
        "REDIS_URL": valkey_url,
        "QDRANT_URL": qdrant_url,
        "QDRANT_API_KEY": KEY,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "VAR_DIR": str(tmp_path / "var"),
        "OBJECTS_URL": f"file://{tmp_path}/objects",
        "CATALOGUE_CACHE_MB": "0",
        "ARGON2_MEMORY_KIB": "8192",
        "ARGON2_PASSES": "1",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"TRADEWIND_{name}", value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster").mkdir()
    settings = Settings(_env_file=None)
    yield settings
    with closing(clients.qdrant(settings)) as qdrant:
        for collection in qdrant.get_collections().collections:
            with suppress(ApiException):
                qdrant.delete_collection(collection.name)


@dataclass
class Person:
    """Somebody in the shop, by the ids that they have there."""

    http: httpx.AsyncClient
    staff: httpx.AsyncClient
    customer: UUID
    visitor: UUID
    order: str
    ids: list[str]
    """None of which may be found in what is derived. The order's and its cart's are the shop's own."""


async def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
    told: dict[str, Any] = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    return told


async def _send(http: httpx.AsyncClient, path: str, body: Any = None, *, method: str = "POST") -> dict[str, Any]:
    return await _ok(await http.request(method, path, json=body, headers={"Idempotency-Key": str(new_id())}))


@pytest.fixture
async def person(
    app: Any, grocer: SeededShop, staff: httpx.AsyncClient, messages: Messages, rows: Any
) -> AsyncIterator[Person]:
    async with browser_at(app, grocer, address=IP) as http:
        http.headers["User-Agent"] = AGENT
        yield await _live(http, staff, grocer, messages, rows)


async def _live(
    http: httpx.AsyncClient, staff: httpx.AsyncClient, shop: SeededShop, messages: Messages, rows: Any
) -> Person:
    await _send(staff, "/v1/admin/documents/issuer", ISSUER, method="PUT")
    visit = await _send(http, "/v1/store/sessions", {"consent": AGREED})
    await _behave(http, shop)
    signed_in = await register(http, messages, email=ACCOUNT)
    await _behave(http, shop)
    await _look_after_oneself(http, shop, rows)
    order = await _buy(http, shop)
    await _complain(http, staff, order)
    await _send(staff, f"/v1/admin/orders/{order['id']}/notes", {"note": "salak-staff called +16145550173"})
    rows("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered' WHERE id = %s", order["id"])
    for table in ("order_claim", "order_return"):
        rows(f"UPDATE {table} SET status = 'rejected'")
    ((customer, session),) = rows("SELECT shopper_id, session_id FROM outbox WHERE name = 'order.placed'")
    ((account,),) = rows("SELECT id FROM account WHERE customer_id = %s", customer)
    visitors = [visit["visitor_id"], signed_in["visitor_id"]]
    ids = [customer, account, session, *visitors, visit["id"], signed_in["id"]]
    return Person(http, staff, customer, UUID(signed_in["visitor_id"]), order["id"], sorted({str(one) for one in ids}))


async def _behave(http: httpx.AsyncClient, shop: SeededShop) -> None:
    now = datetime.now(UTC).isoformat()
    item = {"item_id": str(shop.products[0].product_id)}
    did = [("view_item", {"items": [item]}), ("search", {"search_term": "jabuticaba-search for Quuxley"})]
    events = [{"event_id": str(new_id()), "name": name, "occurred_at": now, "payload": said} for name, said in did]
    broken = {"event_id": str(new_id()), "name": "view_item", "occurred_at": now, "payload": {"who": "ackee-broken"}}
    assert (await _send(http, "/v1/events", {"events": [*events, broken]}))["accepted"] == 2


async def _look_after_oneself(http: httpx.AsyncClient, shop: SeededShop, rows: Any) -> None:
    await _send(http, "/v1/store/addresses", {"address": ADDRESS})
    wishlist = await _send(http, "/v1/store/wishlists", {"name": "mangosteen-wish of Quuxley"})
    wished = f"/v1/store/wishlists/{wishlist['id']}/items/{shop.products[1].variant_id}"
    await _send(http, wished, {}, method="PUT")
    await _send(http, "/v1/store/payment-methods", {"provider": "test", "token": "tok_ok"})
    assert rows("UPDATE payment_method SET label = %s RETURNING id", CARD)


async def _buy(http: httpx.AsyncClient, shop: SeededShop) -> dict[str, Any]:
    cart = await _send(http, "/v1/store/carts")
    where = f"/v1/store/carts/{cart['id']}"
    line = {"variant_id": str(shop.products[0].variant_id), "quantity": 3}
    cart = await _send(http, f"{where}/lines", line)
    await _send(http, f"{where}/address", ADDRESS, method="PUT")
    await _send(http, f"{where}/delivery", {"code": "standard"}, method="PUT")
    await _send(http, f"{where}/note", {"note": "kumquat-note for Quuxley"}, method="PUT")
    await _send(http, f"{where}/gift", {"message": "persimmon-gift"}, method="PUT")
    paid = {"payment": {"provider": "test", "token": "tok_ok"}, "email": EMAIL}
    return await _send(http, f"{where}/complete", paid)


async def _complain(http: httpx.AsyncClient, staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    line, where = order["lines"][0]["id"], f"orders/{order['id']}"
    await _send(staff, f"/v1/admin/{where}/fulfilments", {"lines": [{"line_id": line, "quantity": 3}]})
    said = {"lines": [{"line_id": line, "quantity": 1, "reason": "damaged"}]}
    claimed = await _send(http, f"/v1/store/{where}/claims", {**said, "note": "rambutan-claim"})
    claim = claimed["claims"][0]["id"]
    png = {"content": photo(), "headers": {"Content-Type": "image/png", "Idempotency-Key": "photo"}}
    await _ok(await http.post(f"/v1/store/{where}/claims/{claim}/photos", **png))
    await _send(http, f"/v1/store/{where}/returns", {**said, "note": "durian-return"})
    words = {"rating": 2, "title": "cherimoya-title", "body": "pawpaw-review", "author": "Quuxley"}
    review = await _send(http, f"/v1/store/products/{order['lines'][0]['product_id']}/reviews", words)
    rejected = {"version": 1, "reason": "other", "note": "soursop-rejection"}
    await _send(staff, f"/v1/admin/reviews/{review['id']}/rejection", rejected, method="PUT")


@pytest.fixture
def clickhouse(settings: Settings) -> Iterator[Any]:
    client = clients.clickhouse(settings)
    ensure_schema(client)
    yield client
    client.close()


def _deliver(settings: Settings) -> None:
    """What is in the outbox goes out of it, and what is in the spool."""
    relay = PatientRelay.connect(settings)
    relay.deliver_all()
    relay.close()
    carry_all(settings)


def _derive(settings: Settings) -> None:
    """The whole line: what the relay delivers, features, a model, its index."""
    _deliver(settings)
    materialise_all(lambda *_: None)


def _forget() -> None:
    with dg.DagsterInstance.get() as instance:
        assert defs.resolve_job_def(forgetting.name).execute_in_process(instance=instance).success


async def _decide(settings: Settings, tenant: UUID, person: Person) -> dict[str, Any]:
    """A recommendation for them, in the decision log; its row."""
    champions = Champions.from_settings(settings)
    champions.refresh()
    redis, qdrant = clients.redis_async(settings), clients.qdrant_async(settings)
    shoppers, own = OnlineShoppers.connect(settings), await clients.clickhouse_async(settings)
    with suppress(Exception):
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    asked = RecommendationRequest(
        tenant_id=tenant,
        placement="home",
        shopper_id=person.customer,
        visitor_id=person.visitor,
        limit=4,
        deadline_ms=5_000,
    )
    decided = await Recommender(champions, shoppers, SoldOut(redis), qdrant).decide(asked)
    log = DecisionLog(settings, redis)
    await log.record(decided.row)
    assert await log.write(own, block_ms=None) == 1
    for one in (shoppers, own, qdrant):
        await one.close()
    await redis.aclose()
    return decided.row


def _found(settings: Settings, superuser: str, folder: Path, ids: list[str]) -> dict[str, set[Any]]:
    """Where anything of theirs is. In Postgres ids stay, which lead to nobody any more."""
    words = [*STRINGS, *ids]
    client, redis, qdrant = clients.clickhouse(settings), clients.redis(settings), clients.qdrant(settings)
    redis.connection_pool.connection_kwargs["decode_responses"] = False
    found: dict[str, set[Any]] = {
        "postgres": set(plain(superuser, STRINGS)),
        "clickhouse": set(in_clickhouse(client, words)),
        "valkey": set(in_valkey(redis, words)),
        "qdrant": set(in_qdrant(qdrant, words)),
        "files": {place for place in in_files(folder, words) if not place[0].startswith(KEPT_OUTSIDE)},
    }
    for one in (client, redis, qdrant):
        one.close()
    return found


KEPT_OUTSIDE = "objects/tombstones/"
"""Ids alone: whoever restores a backup has to know who may not come back."""


async def test_of_somebody_who_is_forgotten_nothing_is_left_anywhere(
    person: Person,
    settings: Settings,
    clickhouse: Any,
    grocer: SeededShop,
    superuser: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    a_year(settings, clickhouse, grocer.id)
    await asyncio.to_thread(_derive, settings)
    assert (await _decide(settings, grocer.id, person))["features"] != '{"context":[]}'
    assert "Quuxley" in await _invoice(person)
    before = _found(settings, superuser, tmp_path, person.ids)
    assert before["postgres"] == {("payment_method", "label", "Tamarillo")} | _said_in_dead_letters(before["postgres"])
    marts = {"mart_orders", "mart_order_lines", "mart_sessions", "mart_customer_value"}
    derived = {"interactions", "shopper_activity", "decisions", *marts}
    assert {place[0] for place in before["clickhouse"]} == {"events", *derived}
    assert {word for *_, word in before["clickhouse"]} >= {str(person.customer), "jabuticaba-search"}
    assert str(person.customer) in {word for _, word in before["valkey"]}
    # The model and its index know products alone: nothing of them has to be rebuilt.
    assert before["qdrant"] == set()
    assert before["files"] == set()
    assert _kept_papers(tmp_path) == 1
    exported = (await person.staff.get("/v1/admin/orders/export")).text
    assert EMAIL in in_text(exported, STRINGS)

    await _send(person.staff, f"/v1/admin/customers/{person.customer}/erasure", {"reason": "asked"})
    await asyncio.to_thread(_forget)
    assert _kept_papers(tmp_path) == 0
    # The law keeps the invoice readable: what is kept of it anew is sealed as well.
    assert "Quuxley" in await _invoice(person)
    assert _kept_papers(tmp_path) == 1

    assert _found(settings, superuser, tmp_path, person.ids) == {engine: set() for engine in before}
    assert in_text((await person.staff.get("/v1/admin/orders/export")).text, STRINGS) == set()
    said = capfd.readouterr()
    assert in_text(said.out + said.err, STRINGS) == set()
    # As somebody new is answered.
    assert (await _decide(settings, grocer.id, person))["features"] == '{"context":[]}'


def _kept_papers(folder: Path) -> int:
    return len(list(folder.glob("objects/tenants/*/documents/*.pdf")))


def _said_in_dead_letters(found: set[Any]) -> set[Any]:
    return {place for place in found if place[:2] == ("dead_letter", "body")}


async def _invoice(person: Person) -> str:
    """What the invoice says, as staff read it; a file of it is kept by that."""
    papers = f"/v1/admin/orders/{person.order}/documents"
    (paper,) = (await _ok(await person.staff.get(papers)))["items"]
    pdf = await person.staff.get(f"{papers}/{paper['id']}.pdf")
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)


async def test_the_invoice_alone_still_says_who_bought(person: Person, settings: Settings, superuser: str) -> None:
    """The one exception, and why: the law makes a shop keep what it invoiced, with the buyer, for years (in the EU,
    directive 2006/112/EC, articles 226 and 244). It is sealed by a key of its own until then.
    """
    await asyncio.to_thread(_deliver, settings)
    await _send(person.staff, f"/v1/admin/customers/{person.customer}/erasure", {"reason": "asked"})
    assert plain(superuser, STRINGS) == set()

    read = await _invoice(person)
    assert in_text(read, STRINGS) <= {"Quuxley", "Wombatstrasse", "Flibbertigibbet", "Quagmireville", "43215", EMAIL}
    assert "Quuxley" in read


def test_the_scans_find_what_is_planted(settings: Settings, clickhouse: Any, tmp_path: Path, superuser: str) -> None:
    """Each scan of the test above is seen to fail, so that its silence says something."""
    someone = str(new_id())
    clickhouse.command(
        "INSERT INTO decisions (tenant_id, features, chosen) VALUES ({t:UUID}, 'for Quuxley', [{s:String}])",
        {"t": str(new_id()), "s": someone},
    )
    with clients.redis(settings) as redis:
        redis.hset("a", mapping={"b": UUID(someone).hex})
        redis.hset("a", UUID(someone).bytes, "c")
        redis.sadd(f"of {someone}", "Zanzibar Quuxley")
        redis.xadd("stream", {"row": f'{{"shopper_id": "{someone}"}}'})
    with closing(clients.qdrant(settings)) as qdrant:
        qdrant.create_collection("a", vectors_config=models.VectorParams(size=1, distance=models.Distance.COSINE))
        qdrant.upsert("a", [models.PointStruct(id=1, vector=[1.0], payload={"liked_by": someone})], wait=True)
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "note.bin").write_bytes(b"\x00QUUXLEY\x00" + UUID(someone).bytes)

    found = _found(settings, superuser, tmp_path, [someone])

    assert found["clickhouse"] == {("decisions", "features", "Quuxley"), ("decisions", "chosen", someone)}
    assert found["valkey"] == {
        ("b'a'", someone),
        (repr(f"of {someone}".encode()), someone),
        (repr(f"of {someone}".encode()), "Quuxley"),
        ("b'stream'", someone),
    }
    assert found["qdrant"] == {("a", someone)}
    assert found["files"] == {("objects/note.bin", "Quuxley"), ("objects/note.bin", someone)}
