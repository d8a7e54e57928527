"""Nothing happens for a purpose that nobody agreed to, and every answer is kept as it was given."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import orjson
import psycopg
import pytest

from commerce.consent import service as consenting
from commerce.consent.wording import CURRENT, PURPOSES, WORDINGS
from commerce.deciding import DecisionClient
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.notifications import service as notifications
from commerce.notifications.letters import LETTERS, Letter
from commerce.notifications.service import Recipient
from commerce.profile import preferences
from commerce.recommendations.service import Asked, request_of
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.decisions import Recommendations
from tests.deciding import answering

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

SESSIONS, CONSENT, ANSWERS = "/v1/store/sessions", "/v1/store/consent", "/v1/store/consent/answers"
SHOWN = {
    "2026-11": "48a5578d",
}
"""Wordings that were shown, by their version: a digest of each."""


async def _open(http: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    response = await http.post(SESSIONS, json=said)
    assert response.status_code == 201, response.text
    opened: dict[str, Any] = response.json()
    return opened


async def _say(http: httpx.AsyncClient, **answers: bool) -> dict[str, bool | None]:
    response = await http.put(CONSENT, json={"answers": answers})
    assert response.status_code == 200, response.text
    return {one["purpose"]: one["given"] for one in response.json()["purposes"]}


async def _given(http: httpx.AsyncClient) -> dict[str, bool | None]:
    return {one["purpose"]: one["given"] for one in (await http.get(CONSENT)).json()["purposes"]}


def _seen(grocer: SeededShop) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "name": "view_item",
        "occurred_at": clock.now().isoformat(),
        "payload": {"items": [{"item_id": str(grocer.products[0].product_id)}]},
    }


async def _send(http: httpx.AsyncClient, grocer: SeededShop, **headers: str) -> dict[str, Any]:
    response = await http.post("/v1/events", json={"events": [_seen(grocer)]}, headers=headers)
    assert response.status_code == 202, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


def test_what_was_shown_is_never_changed() -> None:
    said = {
        version: hashlib.sha256(orjson.dumps({p: [w.title, w.says] for p, w in words.items()})).hexdigest()[:8]
        for version, words in WORDINGS.items()
    }
    assert set(WORDINGS[CURRENT]) == set(PURPOSES)
    assert said == SHOWN


async def test_who_was_not_asked_has_agreed_to_nothing(client: httpx.AsyncClient) -> None:
    assert (await _open(client))["consent"] == []
    answer = (await client.get(CONSENT)).json()
    assert (answer["asked"], answer["signal"], answer["text_version"]) == (False, False, CURRENT)
    assert [one["given"] for one in answer["purposes"]] == [None, None, None]


@pytest.mark.parametrize("said", [None, [], ["marketing"]])
async def test_without_consent_what_a_shopper_does_is_counted_and_tied_to_nobody(
    browser: Browser, grocer: SeededShop, rows: Any, said: list[str] | None
) -> None:
    await _open(browser.http, **({} if said is None else {"consent": said}))
    assert await _send(browser.http, grocer) == {"accepted": 0, "counted": 1, "ignored": 0, "rejected": []}
    cart = await browser.cart()
    await browser.add(cart, grocer.products[0].variant_id)
    told = rows(
        "SELECT name, payload, consent, shopper_id, visitor_id, session_id, event_id = aggregate_id FROM outbox"
    )
    assert told == [("add_to_cart", {}, [], None, None, None, True)]
    assert rows("SELECT count(*) FROM dead_letter") == [(0,)]


@pytest.mark.parametrize("purpose", ["analytics", "personalisation"])
async def test_what_is_written_down_says_what_it_may_be_used_for(
    browser: Browser, grocer: SeededShop, rows: Any, purpose: str
) -> None:
    await _open(browser.http, consent=[purpose])
    assert (await _send(browser.http, grocer))["accepted"] == 1
    await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert rows("SELECT name, consent FROM outbox ORDER BY seq") == [("add_to_cart", [purpose])]


async def test_an_order_is_a_fact_whatever_was_agreed_to(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    await _say(browser.http, analytics=False, personalisation=False)
    cart = await browser.cart()
    await browser.add(cart, grocer.products[0].variant_id)
    assert (await browser.complete(cart, email="ada@example.com")).status_code == 201
    told = {name: (consent, visitor) for name, consent, visitor in rows("SELECT name, consent, visitor_id FROM outbox")}
    assert told["order.placed"][0] == []
    assert told["order.placed"][1] is not None
    assert told["add_to_cart"] == ([], None)


async def test_a_browser_that_refuses_is_heard_over_what_was_said(
    client: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    await _open(client, consent=["analytics", "personalisation"])
    signal = {"Sec-GPC": "1"}
    assert (await _send(client, grocer, **signal))["counted"] == 1
    answer = (await client.get(CONSENT, headers=signal)).json()
    assert (answer["asked"], answer["signal"]) == (True, True)
    assert (await client.get(f"{SESSIONS}/current", headers=signal)).json()["consent"] == []
    assert (await _send(client, grocer))["accepted"] == 1, "what was said counts again without the signal"


async def test_who_withdraws_is_recorded_no_more_on_any_device(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await _open(client, reference="household-1", consent=["analytics"])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as other:
        await _open(other, reference="household-1")
        assert (await _send(other, grocer))["accepted"] == 1, "the answer of a customer counts on all devices"
        await _say(client, analytics=False)
        assert (await _send(other, grocer))["counted"] == 1
        assert (await other.get(f"{SESSIONS}/current")).json()["consent"] == []


async def test_every_answer_is_kept_with_its_time_its_place_and_its_words(client: httpx.AsyncClient, rows: Any) -> None:
    await _open(client, consent=["analytics"])
    await _say(client, analytics=False, marketing=True)
    page = (await client.get(ANSWERS, params={"limit": 3})).json()
    rest = (await client.get(ANSWERS, params={"limit": 3, "cursor": page["next_cursor"]})).json()
    said = [(one["purpose"], one["given"], one["source"], one["text_version"]) for one in page["items"] + rest["items"]]
    assert sorted(said[:2]) == [("analytics", False, "api", CURRENT), ("marketing", True, "api", CURRENT)]
    assert sorted(said[2:]) == [
        ("analytics", True, "api", CURRENT),
        ("marketing", False, "api", CURRENT),
        ("personalisation", False, "api", CURRENT),
    ]
    assert (page["has_more"], rest["has_more"]) == (True, False)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows("UPDATE consent_answer SET given = true")


async def test_a_refusal_comes_along_when_somebody_signs_in(client: httpx.AsyncClient, rows: Any) -> None:
    await _open(client, reference="household-1", consent=["analytics", "marketing"])
    client.cookies.clear()
    await _open(client)
    await _say(client, analytics=False)
    assert (await _open(client, reference="household-1"))["consent"] == ["marketing"]
    ((when, taken),) = rows(
        "SELECT o.answered_at = c.answered_at, c.source FROM consent_answer c"
        " JOIN consent_answer o ON o.id = c.carried_from"
    )
    assert (when, taken) == (True, "api"), "it is the same answer, given when it was given"
    client.cookies.clear()
    assert (await _open(client, reference="household-1"))["consent"] == ["marketing"], "on every device"


async def test_an_older_refusal_of_a_browser_does_not_undo_a_later_answer(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await _open(client)
    await _say(client, analytics=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{grocer.host}") as other:
        await _open(other, reference="household-1", consent=["analytics"])
    assert (await _open(client, reference="household-1"))["consent"] == ["analytics"]


async def test_what_a_browser_agreed_to_counts_only_where_its_owner_said_nothing(client: httpx.AsyncClient) -> None:
    await _open(client, reference="household-1")
    await _say(client, analytics=False)
    client.cookies.clear()
    await _open(client, consent=["analytics", "personalisation"])
    assert (await _open(client, reference="household-1"))["consent"] == ["personalisation"]


async def test_whoever_comes_after_in_the_same_browser_brings_nothing_of_it(client: httpx.AsyncClient) -> None:
    await _open(client, reference="household-1", consent=["analytics", "personalisation", "marketing"])
    assert (await _open(client))["consent"] == []
    assert await _given(client) == dict.fromkeys(PURPOSES)


async def test_of_two_answers_at_once_the_later_counts_everywhere(client: httpx.AsyncClient, rows: Any) -> None:
    await _open(client, reference="household-1")
    await asyncio.gather(*(_say(client, analytics=number % 2 == 0) for number in range(6)))
    ((newest, session),) = rows(
        "SELECT (SELECT given FROM consent_answer ORDER BY answered_at DESC, id DESC LIMIT 1),"
        " (SELECT consent ? 'analytics' FROM session WHERE revoked_at IS NULL AND customer_id IS NOT NULL)"
    )
    assert newest == session


async def test_who_signs_out_meanwhile_is_told_that_it_was_not_taken(
    client: httpx.AsyncClient, settings: Any, grocer: SeededShop, rows: Any
) -> None:
    opened = await _open(client)
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    gone = Shopper(grocer.id, UUID(opened["id"]), UUID(opened["visitor_id"]), None, None, ())
    async with database.tx(grocer.id) as tx:
        await identity.revoke(tx, gone.session_id)
    with pytest.raises(consenting.OnlyThemselves):
        async with database.tx(grocer.id) as tx:
            await consenting.answer(tx, gone, {"analytics": True}, source="api")
    await database.close()
    assert rows("SELECT count(*) FROM consent_answer") == [(0,)]


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {}},
        {"answers": {"telemetry": True}},
        {"answers": {"analytics": 1}},
        {"answers": {"analytics": True}, "text_version": "1999"},
    ],
)
async def test_what_is_no_answer_is_refused(client: httpx.AsyncClient, rows: Any, body: dict[str, Any]) -> None:
    await _open(client)
    assert (await client.put(CONSENT, json=body)).status_code == 422
    assert rows("SELECT count(*) FROM consent_answer") == [(0,)]


async def test_advertising_goes_to_nobody_who_has_not_agreed_to_it(
    browser: Browser, settings: Any, grocer: SeededShop, rows: Any
) -> None:
    wish = {"topic": "news", "channel": "email", "wanted": True}
    await browser.http.patch("/v1/store/notification-preferences", json={"items": [wish]})
    ((customer_id,),) = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    database = Database(settings.database_url.get_secret_value(), pool_size=1)

    async def told() -> list[bool]:
        async with database.tx(grocer.id, read_only=True) as tx:
            return [
                await preferences.wanted(tx, customer_id, topic, "email") for topic in ("news", "price_drops", "orders")
            ]

    async def withheld() -> set[str]:
        items = (await browser.http.get("/v1/store/notification-preferences")).json()["items"]
        return {one["topic"] for one in items if one["withheld"]}

    assert await told() == [False, True, True]
    assert await withheld() == {"news", "reviews"}
    await _say(browser.http, marketing=True)
    assert await told() == [True, True, True]
    assert await withheld() == set()
    await _say(browser.http, marketing=False)
    assert await told() == [False, True, True]
    await database.close()


@pytest.mark.parametrize(("consent", "named"), [((), False), (("analytics",), False), (("personalisation",), True)])
async def test_the_decision_service_learns_who_asks_of_those_alone_who_agreed(consent: Any, *, named: bool) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(orjson.loads(request.content))
        return httpx.Response(500)

    shop = Shop(uuid4(), "grocer", "Grocer", "USD", "en", "active", {})
    shopper = Shopper(shop.id, uuid4(), uuid4(), uuid4(), None, consent)
    client = DecisionClient(answering(answer), "http://serving", "t", 5_000)
    request = request_of(client, shop, Asked(placement="home", shopper=shopper, context=[], exclude=[], limit=3))
    await client.ask("recommendations", request, Recommendations)
    ids = {name: asked[0][name] is not None for name in ("shopper_id", "visitor_id", "session_id")}
    assert set(ids.values()) == {named}


async def test_a_letter_of_a_topic_is_sent_to_whoever_wants_it_by_whatever_sends(
    browser: Browser, settings: Any, grocer: SeededShop, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LETTERS, "autumn", Letter("Autumn", "Apples.", topic="news"))
    wish = {"topic": "news", "channel": "email", "wanted": True}
    await browser.http.patch("/v1/store/notification-preferences", json={"items": [wish]})
    ((customer_id,),) = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    to = Recipient(customer_id, "email", "ada@example.com", "en-US")
    database = Database(settings.database_url.get_secret_value(), pool_size=1)

    async def offered() -> UUID | None:
        async with database.tx(grocer.id) as tx:
            return await notifications.offer(tx, "autumn", to, {})

    async with database.tx(grocer.id) as tx:
        with pytest.raises(notifications.Unasked):
            await notifications.send(tx, "autumn", to, {})
    assert await offered() is None
    await _say(browser.http, marketing=True)
    assert await offered() is not None
    await _say(browser.http, marketing=False)
    assert await offered() is None
    assert rows("SELECT count(*) FROM message") == [(1,)]
    await database.close()


def test_nothing_but_the_one_service_queues_messages() -> None:
    queues = [path for path in Path("platform").rglob("*.py") if "INSERT INTO message " in path.read_text()]
    assert [path.as_posix() for path in queues] == ["platform/commerce/notifications/service.py"]
