"""Gift cards and store credit over HTTP, and refunds that become store credit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from commerce.identity.staff import create_key
from commerce.stored_value import guessing
from foundation import clock
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

NOBODY = "00000000-0000-7000-8000-000000000000"
CARDS = "/v1/admin/gift-cards"


async def _post(http: httpx.AsyncClient, path: str, key: str | None = None, **body: Any) -> httpx.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": key or str(uuid4())})


async def _issue(staff: httpx.AsyncClient, amount: int = 5000, **body: Any) -> dict[str, Any]:
    answer = await _post(staff, CARDS, amount=amount, **body)
    assert answer.status_code == 201, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


@pytest.fixture
def customer(rows: Any) -> str:
    return str(rows("SELECT id FROM customer WHERE reference = 'household-1'")[0][0])


@pytest.fixture
async def other_staff(app: Any, fashion: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """Another shop's back office."""
    async with app.state.core.database.transaction(fashion.id) as session:
        _, token = await create_key(session, fashion.id, name="Other")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{fashion.host}", headers=headers) as http:
        yield http


async def test_a_code_is_shown_once_and_kept_nowhere(
    staff: httpx.AsyncClient, client: httpx.AsyncClient, database_urls: DatabaseUrls, grocer: SeededShop
) -> None:
    first = await _post(staff, CARDS, "issue-1", amount=5000)
    again = await _post(staff, CARDS, "issue-1", amount=5000)
    code = first.json()["code"]

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() | {"code": None}
    assert len((await staff.get(CARDS)).json()["items"]) == 1
    assert code not in (await staff.get(f"{CARDS}/{first.json()['id']}")).text
    plain = code.replace("-", "")
    with psycopg.connect(database_urls.owner) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        for table in ("stored_value", "stored_value_entry", "idempotency_key", "outbox"):
            assert (table,) in tables
            kept = app.execute(f"SELECT t::text, encode(convert_to(t::text, 'UTF8'), 'hex') FROM {table} t").fetchall()
            hexed = [code.encode().hex(), plain.encode().hex()]
            assert [row for row, _ in kept if code in row or plain in row or any(h in row for h in hexed)] == []

    found = await client.post("/v1/store/gift-cards/lookup", json={"code": code.lower()})
    assert found.json() == {
        "ending": code[-4:],
        "available": {"amount": 5000, "currency": "USD"},
        "expires_at": None,
    }


async def test_a_code_that_is_not_good_says_nothing_of_why(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    disabled, late = await _issue(staff), await _issue(staff, last_day="2030-01-31")
    done = await _post(staff, f"{CARDS}/{disabled['id']}/disable", reason="stolen")
    assert (done.json()["status"], done.json()["history"][-1]["kind"]) == ("disabled", "disabled")

    with clock.use(lambda: datetime(2030, 2, 1, tzinfo=UTC)):
        tried = [disabled["code"], late["code"], "0000-0000-0000-0000", "x"]
        answers = [await client.post("/v1/store/gift-cards/lookup", json={"code": code}) for code in tried]
    said = [{**answer.json(), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert said == [said[0]] * 4
    assert said[0]["code"] == "gift_cards.code_not_good"

    await _post(staff, f"{CARDS}/{disabled['id']}/enable", reason="found")
    assert (await client.post("/v1/store/gift-cards/lookup", json={"code": disabled["code"]})).status_code == 200


async def test_whoever_guesses_is_stopped_and_whoever_knows_is_not(
    staff: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    code = (await _issue(staff))["code"]

    async def ask(tried: str) -> int:
        return (await client.post("/v1/store/gift-cards/lookup", json={"code": tried})).status_code

    assert [await ask(code) for _ in range(guessing.MOST + 5)] == [200] * (guessing.MOST + 5)
    assert [await ask("guess") for _ in range(guessing.MOST + 3)] == [404] * guessing.MOST + [429] * 3
    assert await ask(code) == 429
    later = clock.now() + guessing.WHILE
    with clock.use(lambda: later):
        assert await ask(code) == 200


async def test_what_is_asked_of_a_card_must_make_sense(staff: httpx.AsyncClient) -> None:
    card = await _issue(staff)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"amount": 0}, "request.invalid_fields"),
        ({"amount": -5}, "request.invalid_fields"),
        ({"amount": 1.5}, "request.invalid_fields"),
        ({"amount": True}, "request.invalid_fields"),
        ({"amount": 10**16}, "request.invalid_fields"),
        ({"amount": 5, "currency": "usd"}, "request.invalid_fields"),
        ({"amount": 5, "funded_by": "sales"}, "request.invalid_fields"),
        ({"amount": 5, "last_day": "2001-01-01"}, "stored_value.already_over"),
        ({"amount": 5, "last_day": "9999-12-31"}, "request.invalid_fields"),
    ]
    for body, code in wrong:
        answer = await _post(staff, CARDS, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), body
    assert (await staff.post(CARDS, json={"amount": 5})).json()["code"] == "idempotency.key_required"
    too_much = await _post(staff, f"{CARDS}/{card['id']}/withdrawals", amount=5001, reason="x")
    assert (too_much.status_code, too_much.json()["code"]) == (409, "stored_value.not_movable")
    assert len((await staff.get(CARDS)).json()["items"]) == 1


async def test_a_customer_sees_their_credit_and_staff_its_history(
    staff: httpx.AsyncClient, browser: Browser, customer: str
) -> None:
    path = f"/v1/admin/customers/{customer}/store-credit"
    today = clock.now().date()
    await _post(staff, path, amount=900, reason="late parcel")
    granted = await _post(staff, path, amount=300, reason="sorry", last_day=str(today + timedelta(days=9)))
    assert granted.status_code == 201
    assert granted.json()["available"] == [{"amount": 1200, "currency": "USD"}]
    taken = await _post(staff, f"{path}/claw-backs", amount=100, reason="typo")
    assert taken.json()["available"] == [{"amount": 1100, "currency": "USD"}]

    own = (await browser.http.get("/v1/store/store-credit")).json()
    assert own["available"] == [{"amount": 1100, "currency": "USD"}]
    history = (await staff.get(path)).json()["history"]
    assert [(entry["kind"], entry["amount"], entry["reason"], entry["actor"]) for entry in history] == [
        ("issued", 900, "late parcel", "staff:Back office"),
        ("issued", 300, "sorry", "staff:Back office"),
        ("withdrawn", 100, "typo", "staff:Back office"),
    ]
    later = datetime.combine(today + timedelta(days=10), datetime.min.time(), UTC)
    with clock.use(lambda: later):
        assert (await browser.http.get("/v1/store/store-credit")).json()["available"] == [
            {"amount": 800, "currency": "USD"}
        ]


async def test_a_guest_has_no_credit(client: httpx.AsyncClient) -> None:
    await client.post("/v1/store/sessions", json={})
    assert (await client.get("/v1/store/store-credit")).json()["code"] == "identity.sign_in_required"


async def test_another_shop_finds_neither_card_nor_customer(
    staff: httpx.AsyncClient, other_staff: httpx.AsyncClient, customer: str, fashion: SeededShop
) -> None:
    card = await _issue(staff)
    credit = f"/v1/admin/customers/{customer}/store-credit"
    for card_id in (card["id"], NOBODY):
        for asked in (
            await other_staff.get(f"{CARDS}/{card_id}"),
            await _post(other_staff, f"{CARDS}/{card_id}/disable", reason="x"),
            await _post(other_staff, f"{CARDS}/{card_id}/enable", reason="x"),
            await _post(other_staff, f"{CARDS}/{card_id}/withdrawals", amount=1, reason="x"),
        ):
            assert (asked.status_code, asked.json()["code"]) == (404, "gift_cards.not_found")
    for asked in (
        await other_staff.get(credit),
        await _post(other_staff, credit, amount=1, reason="x"),
        await _post(other_staff, f"{credit}/claw-backs", amount=1, reason="x"),
    ):
        assert (asked.status_code, asked.json()["code"]) == (404, "stored_value.customer_not_found")
    assert (await other_staff.get(CARDS)).json()["items"] == []
    guess = await other_staff.post("/v1/store/gift-cards/lookup", json={"code": card["code"]})
    assert guess.json()["code"] == "gift_cards.code_not_good"


async def test_a_key_without_the_scope_issues_nothing(app: Any, grocer: SeededShop, client: httpx.AsyncClient) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Reader", scopes=["stored_value:read"])
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    refused = await client.post(CARDS, json={"amount": 5}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "identity.scope_missing")
    assert (await client.get(CARDS, headers=headers)).status_code == 200


async def test_cards_are_listed_page_by_page_newest_first(staff: httpx.AsyncClient) -> None:
    made = [(await _issue(staff, amount))["id"] for amount in (100, 200, 300)]
    first = (await staff.get(CARDS, params={"limit": 2})).json()
    rest = (await staff.get(CARDS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [card["id"] for card in first["items"] + rest["items"]] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
