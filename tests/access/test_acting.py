"""Staff in the shop as a customer: who may, how long, what they may not do, and that everybody can see it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from commerce.acting.naming import HEADER
from commerce.identity import acting
from commerce.lifecycle import service as lifecycle
from commerce.policies.limits import RefundLimit
from foundation import clock, sealing
from foundation.database import hot
from foundation.events import behaviour_contracts
from tests.access.team import Person, Team
from tests.factories import SeededShop, seed_shop

REASON = {"category": "order", "reason": "She rang: the coupon does not work.", "ticket": "T-12"}
SAME = {"Sec-Fetch-Site": "same-origin"}
ADDRESS = {"name": "Ann", "line1": "1 Main St", "postal_code": "10999", "city": "Berlin", "country": "DE"}
PAY = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "customer@home.example"}
Json = dict[str, Any]


async def _customer(team: Team) -> tuple[Person, str]:
    person = await team.customer()
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT customer_id FROM account WHERE id = :id")), {"id": person.account_id})
    return person, str(rows[0]["customer_id"])


async def _begin(agent: Person, customer_id: str, **more: Any) -> httpx.Response:
    return await agent.http.post(f"/v1/admin/customers/{customer_id}/acting", json=REASON | more)


async def _enter(team: Team, token: str, *, browser: httpx.AsyncClient | None = None) -> httpx.AsyncClient:
    browser = browser or await team.door()
    entered = await browser.post("/v1/store/acting", json={"token": token})
    assert entered.status_code == 201, entered.text
    return browser


async def _acting(team: Team, agent: Person, customer_id: str) -> httpx.AsyncClient:
    begun = await _begin(agent, customer_id)
    assert begun.status_code == 201, begun.text
    return await _enter(team, begun.json()["token"])


async def _audited(team: Team, action: str) -> list[Mapping[str, Any]]:
    statement = (
        "SELECT actor, object, reason, details::text AS details FROM audit_entry WHERE action = :action ORDER BY id"
    )
    async with team.tx() as tx:
        rows = await tx.rows(hot(text(statement)), {"action": action})
        reasons = await sealing.unseal(tx, [row["reason"] for row in rows])
    return [
        {**dict(row), "details": orjson.loads(row["details"]), "reason": reason}
        for row, reason in zip(rows, reasons, strict=True)
    ]


async def _ended(team: Team) -> list[str]:
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT ending FROM acting WHERE ended_at IS NOT NULL ORDER BY id")))
    return [row["ending"] for row in rows]


async def test_an_agent_is_in_the_shop_as_the_customer_and_every_answer_says_so(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    begun = await _begin(agent, customer_id)
    assert begun.status_code == 201
    said = begun.json()
    left = datetime.fromisoformat(said["ends_at"]) - clock.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    assert said["token"] not in said["enter"], "an address is written into logs"

    browser = await _enter(team, said["token"])
    here = await browser.get("/v1/store/sessions/current")
    assert here.json() == here.json() | {"customer_id": customer_id, "account_id": None, "consent": [], "amr": []}
    name = HEADER.decode()
    assert here.headers[name].startswith(f"{said['id']}; until=")
    assert name not in (await agent.http.get("/v1/admin/orders")).headers
    (entry,) = await _audited(team, "acting.begun")
    assert (entry["actor"], entry["object"]) == (f"account:{agent.account_id}", f"customer:{customer_id}")
    assert (entry["reason"], entry["details"]["category"]) == (REASON["reason"], "order")


async def test_what_is_done_is_the_agents_in_the_audit_log_and_in_the_order(team: Team) -> None:
    agent, (customer, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    order = await _order(team, browser)
    requests = await _audited(team, "acting.request")
    assert {entry["actor"] for entry in requests} == {f"account:{agent.account_id}"}
    routes = [(entry["details"]["method"], entry["details"]["route"]) for entry in requests]
    assert routes == [
        ("POST", "/v1/store/carts"),
        ("POST", "/v1/store/carts/:cart_id/lines"),
        ("PUT", "/v1/store/carts/:cart_id/address"),
        ("PUT", "/v1/store/carts/:cart_id/delivery"),
        ("POST", "/v1/store/carts/:cart_id/complete"),
    ]
    assert UUID(requests[-1]["details"]["cart_id"])
    await browser.post(f"/v1/store/orders/{order['id']}/cancel", json={}, headers={"Idempotency-Key": str(uuid4())})
    admin = await team.hire("admin")
    timeline = (await admin.http.get(f"/v1/admin/orders/{order['id']}")).json()["timeline"]
    by = {entry["kind"]: entry["actor"] for entry in timeline}
    assert by["placed"] == by["cancelled"] == f"acting:member {agent.member_id}"
    seen = await customer.http.get(f"/v1/store/orders/{order['id']}")
    assert seen.status_code == 200, "and it is the customer's order"


async def test_a_limit_of_what_an_agent_gives_away_holds_as_a_customer_too(team: Team) -> None:
    agent = await team.hire("support_agent", refunds={"USD": RefundLimit(99, 99)})
    customer, customer_id = await _customer(team)
    browser = await _acting(team, agent, customer_id)
    order = await _order(team, browser)
    at = f"/v1/store/orders/{order['id']}/cancel"
    refused = await browser.post(at, json={}, headers={"Idempotency-Key": str(uuid4())})
    assert (refused.status_code, refused.json()["code"]) == (403, "orders.refund_over_limit")
    own = await customer.http.post(at, json={}, headers={"Idempotency-Key": str(uuid4())})
    assert own.status_code == 200, "the customer cancels what they like"


async def _order(team: Team, browser: httpx.AsyncClient, *, key: str | None = None) -> Json:
    admin = await team.hire("admin", email=f"{uuid4()}@shop.example")
    method = {"name": "Post", "price": 0, "min_days": 1, "max_days": 2}
    assert (await admin.http.put("/v1/admin/delivery-methods/post", json=method)).is_success
    cart = (await browser.post("/v1/store/carts")).json()
    at = f"/v1/store/carts/{cart['id']}"
    line = {"variant_id": str(team.shop.products[0].variant_id), "quantity": 1}
    for verb, path, body in (
        ("POST", f"{at}/lines", line),
        ("PUT", f"{at}/address", ADDRESS),
        ("PUT", f"{at}/delivery", {"code": "post"}),
        ("POST", f"{at}/complete", PAY),
    ):
        headers = {"Idempotency-Key": key or str(uuid4())}
        answer = await browser.request(verb, path, json=body, headers=headers)
        assert answer.is_success, f"{verb} {path}: {answer.text}"
    placed: Json = answer.json()
    return placed


async def test_what_is_the_customers_alone_is_closed(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    for method, path in (
        ("GET", "/v1/store/accounts/current"),
        ("PUT", "/v1/store/accounts/current/password"),
        ("POST", "/v1/store/accounts/current/email"),
        ("GET", "/v1/store/accounts/current/devices"),
        ("GET", "/v1/store/accounts/current/factors"),
        ("POST", "/v1/store/accounts/current/passkeys/options"),
        ("GET", "/v1/store/payment-methods"),
        ("PATCH", "/v1/store/notification-preferences"),
        ("GET", "/v1/store/store-credit"),
        ("POST", "/v1/store/sessions/current/step-up"),
        ("POST", "/v1/store/sessions/password"),
        ("GET", "/v1/store/support-visits"),
    ):
        answer = await browser.request(method, path, json=None if method == "GET" else {})
        assert (answer.status_code, answer.json()["code"]) == (403, "acting.not_allowed"), f"{method} {path}"
    password = {"email": "customer@home.example", "password": "whatever it is"}
    assert (await browser.post("/v1/store/sessions/password", json=password)).json()["code"] == "acting.not_allowed"


@pytest.mark.parametrize(
    "payment", [{"method_id": "01900000-0000-7000-8000-000000000000"}, {"provider": "gift_card", "token": "X"}]
)
async def test_nobody_pays_by_what_the_customer_has_with_the_shop(team: Team, payment: Json) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    order = await _order(team, browser)
    cart = (await browser.post("/v1/store/carts")).json()
    at = f"/v1/store/carts/{cart['id']}"
    line = {"variant_id": str(team.shop.products[0].variant_id), "quantity": 1}
    await browser.post(f"{at}/lines", json=line)
    await browser.put(f"{at}/address", json=ADDRESS)
    await browser.put(f"{at}/delivery", json={"code": "post"})
    paid = await browser.post(
        f"{at}/complete", json={"payment": payment, "email": "a@b.example"}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert (paid.status_code, paid.json()["code"]) == (403, "acting.not_allowed")
    assert order["id"]


async def test_no_key_no_vendor_no_customer_and_no_other_role_acts(team: Team) -> None:
    _, customer_id = await _customer(team)
    admin = await team.hire("admin")
    await admin.http.put("/v1/admin/vendors/mill", json={"name": "Mill"})
    vendor_id = (await admin.http.get("/v1/admin/vendors")).json()["items"][0]["id"]
    miller = await team.hire("vendor", vendor_id=vendor_id)
    at = f"/v1/admin/customers/{customer_id}/acting"
    for http, code in (
        (await team.key(), "identity.for_people"),
        (miller.http, "identity.scope_missing"),
        ((await team.hire("analyst")).http, "identity.scope_missing"),
        ((await team.customer("other@home.example")).http, "identity.not_staff"),
        (await team.door(), "identity.key_unknown"),
    ):
        refused = await http.post(at, json=REASON)
        assert refused.json()["code"] == code
    assert await _audited(team, "acting.begun") == []


async def test_a_customer_of_another_shop_is_as_unknown_as_nobody(team: Team, database_urls: Any) -> None:
    agent = await team.hire("support_agent")
    elsewhere: SeededShop = seed_shop(database_urls, "chemist")
    async with team.app.state.core.database.tx(elsewhere.id) as tx:
        theirs = (await tx.rows(hot(text("SELECT id FROM customer WHERE tenant_id = :tenant_id"))))[0]["id"]
    foreign, nobody = await _begin(agent, str(theirs)), await _begin(agent, str(uuid4()))
    assert foreign.status_code == nobody.status_code == 404
    assert foreign.json()["code"] == nobody.json()["code"] == "acting.customer_not_found"
    assert (await agent.http.get(f"/v1/admin/customers/{theirs}")).status_code == 404


async def test_whoever_has_not_proved_lately_who_they_are_does_so_first(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    async with team.tx() as tx:
        earlier = "UPDATE session SET authenticated_at = now() - interval '16 minutes' WHERE account_id = :id"
        await tx.rows(hot(text(earlier)), {"id": agent.account_id})
    refused = await _begin(agent, customer_id)
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")


@pytest.mark.parametrize("reason", ["", "too short", "x" * 501, "         x         "])
async def test_there_is_a_reason_of_some_words(team: Team, reason: str) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    assert (await _begin(agent, customer_id, reason=reason)).status_code == 422


async def test_a_token_is_good_once_and_not_guessed(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    token = (await _begin(agent, customer_id)).json()["token"]
    door = await team.door()
    guessed = await door.post("/v1/store/acting", json={"token": "A" * 43})
    assert (guessed.status_code, guessed.json()["code"]) == (422, "identity.proof_not_good")
    entered = await asyncio.gather(*(door.post("/v1/store/acting", json={"token": token}) for _ in range(2)))
    assert sorted(answer.status_code for answer in entered) == [201, 422]


async def test_a_token_is_good_for_two_minutes(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    token = (await _begin(agent, customer_id)).json()["token"]
    async with team.tx() as tx:
        await tx.rows(hot(text("UPDATE proof SET expires_at = now() - interval '1 second' WHERE purpose = 'acting'")))
    assert (await (await team.door()).post("/v1/store/acting", json={"token": token})).status_code == 422


async def test_no_session_that_was_planted_becomes_the_customers(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    planted = await team.door()
    await planted.post("/v1/store/sessions", json={})
    before = planted.cookies["tradewind_session"]
    planted.cookies.set("tradewind_acting", before, domain=team.shop.host)
    await _enter(team, (await _begin(agent, customer_id)).json()["token"], browser=planted)
    values = {cookie.value for cookie in planted.cookies.jar if cookie.name == "tradewind_acting"}
    assert len(values - {before}) == 1, "a token of its own"
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT count(*) FROM session WHERE customer_id = :id")), {"id": customer_id})
    thief = await team.door(before)
    assert (await thief.get("/v1/store/sessions/current")).json()["customer_id"] is None
    assert rows[0][0] == 2, "the customer's own, and the new one"


async def test_of_two_begun_at_once_one_is_left(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    begun = await asyncio.gather(*(_begin(agent, customer_id) for _ in range(4)))
    assert {answer.status_code for answer in begun} == {201}
    door = await team.door()
    entered = [await door.post("/v1/store/acting", json={"token": answer.json()["token"]}) for answer in begun]
    assert sorted(answer.status_code for answer in entered) == [201, 422, 422, 422]
    assert await _ended(team) == ["superseded"] * 3


async def test_another_begun_ends_the_one_before(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    first = await _acting(team, agent, customer_id)
    await _acting(team, agent, customer_id)
    over = await first.get("/v1/store/sessions/current")
    assert (over.status_code, over.json()["code"]) == (401, "acting.ended")
    assert "tradewind_acting" not in {cookie.name for cookie in first.cookies.jar}, "and the browser forgets it"


async def test_it_ends_when_they_sign_out_of_it_and_their_own_session_goes_on(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await team.browser(agent)
    browser.headers.update(SAME)
    await _enter(team, (await _begin(agent, customer_id)).json()["token"], browser=browser)
    assert (await browser.get("/v1/store/sessions/current")).json()["customer_id"] == customer_id
    assert (await browser.get("/v1/admin/orders")).status_code == 200, "the back office is still theirs"
    assert (await browser.delete("/v1/store/sessions/current")).status_code == 204
    own = await browser.get("/v1/store/sessions/current")
    assert own.json()["account_id"] == str(agent.account_id)
    (entry,) = await _audited(team, "acting.ended")
    assert (entry["actor"], entry["details"]["ending"]) == (f"account:{agent.account_id}", "left")


async def test_it_ends_with_what_it_rests_on(team: Team) -> None:
    admin, (_, customer_id) = await team.hire("admin"), await _customer(team)

    async def signs_out(agent: Person) -> None:
        await agent.http.delete("/v1/store/sessions/current")

    async def loses_the_permission(agent: Person) -> None:
        await admin.http.put(f"/v1/admin/staff/{agent.member_id}", json={"roles": ["analyst"], "version": 1})

    async def is_removed(agent: Person) -> None:
        await admin.http.delete(f"/v1/admin/staff/{agent.member_id}")

    for happens in (signs_out, loses_the_permission, is_removed):
        agent = await team.hire("support_agent", email=f"{uuid4()}@shop.example")
        browser = await _acting(team, agent, customer_id)
        assert (await browser.get("/v1/store/orders")).status_code == 200
        await happens(agent)
        over = await browser.get("/v1/store/orders")
        assert (over.status_code, over.json().get("code")) == (401, "acting.ended"), happens.__name__
        async with team.tx() as tx:
            await acting.end_what_is_over(tx)
    assert await _ended(team) == ["withdrawn"] * 3


async def test_it_does_not_come_back_to_life(team: Team) -> None:
    admin, (_, customer_id) = await team.hire("admin"), await _customer(team)
    agent = await team.hire("support_agent")
    browser = await _acting(team, agent, customer_id)
    at = f"/v1/admin/staff/{agent.member_id}/suspension"
    assert (await admin.http.put(at)).status_code == 204
    assert (await admin.http.delete(at)).status_code == 204
    assert (await agent.http.get("/v1/admin/orders")).status_code == 200
    assert (await browser.get("/v1/store/orders")).json()["code"] == "acting.ended"


async def test_it_ends_when_the_shop_is_closed(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    async with team.tx() as tx:
        await lifecycle.suspend(tx, reason="unpaid")
    async with team.tx() as tx:
        await lifecycle.reactivate(tx)
    assert await _ended(team) == ["withdrawn"]
    team.app.state.core.directory.close()
    over = await browser.get("/v1/store/orders")
    assert over.json()["code"] == "acting.ended", "the shop is open again, and it is over"


async def test_it_lasts_half_an_hour_whatever_is_done(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    async with team.tx() as tx:
        until = hot(text("SELECT ends_at FROM acting"))
        before = (await tx.rows(until))[0][0]
    assert (await browser.post("/v1/store/carts")).is_success
    async with team.tx() as tx:
        assert (await tx.rows(until))[0][0] == before
        await tx.rows(hot(text("UPDATE acting SET ends_at = now() - interval '1 second'")))
    assert (await browser.get("/v1/store/orders")).json()["code"] == "acting.ended"
    async with team.tx() as tx:
        assert await acting.end_what_is_over(tx) == 1
        assert await acting.end_what_is_over(tx) == 0
    (entry,) = await _audited(team, "acting.ended")
    assert (entry["actor"], entry["details"]["ending"]) == ("system:worker", "expired")


async def test_a_customer_who_works_here_lends_nobody_what_they_may_do(team: Team) -> None:
    agent = await team.hire("support_agent")
    admin = await team.hire("admin")
    async with team.tx() as tx:
        row = await tx.rows(hot(text("SELECT customer_id FROM account WHERE id = :id")), {"id": admin.account_id})
    browser = await _acting(team, agent, str(row[0]["customer_id"]))
    token = browser.cookies["tradewind_acting"]
    for door in (browser, await team.door(token)):
        assert (await door.get("/v1/admin/staff")).status_code in {401, 403}


async def test_the_customer_sees_that_support_acted_and_is_told_by_mail(team: Team) -> None:
    agent, (customer, customer_id) = await team.hire("support_agent"), await _customer(team)
    await _acting(team, agent, customer_id)
    (visit,) = (await customer.http.get("/v1/store/support-visits")).json()["items"]
    assert (visit["category"], visit["is_over"]) == ("order", False)
    assert "rang" not in str(visit)
    assert await _letters(team) == 1


async def test_the_customer_is_not_told_by_mail_where_the_shop_says_so(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    async with team.tx() as tx:
        await tx.rows(hot(text("""UPDATE tenant SET settings = settings || '{"acting": {"tell_customer": false}}'""")))
    team.app.state.core.directory.close()
    await _acting(team, agent, customer_id)
    assert await _letters(team) == 0


async def _letters(team: Team) -> int:
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT count(*) FROM message WHERE template = 'support_acted'")))
    found: int = rows[0][0]
    return found


async def test_what_is_done_meanwhile_teaches_no_model(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    seen = {
        "event_id": str(uuid4()),
        "name": "view_item",
        "occurred_at": clock.now().isoformat(),
        "payload": {"items": [{"item_id": str(team.shop.products[0].product_id)}]},
    }
    taken = await browser.post("/v1/events", json={"events": [seen]})
    assert taken.json() == {"accepted": 0, "counted": 0, "ignored": 1, "rejected": []}
    await _order(team, browser)
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT name, consent FROM outbox WHERE shopper_id = :id")), {"id": customer_id})
    meanwhile = {row["name"] for row in rows} - {"customer.registered"}
    assert "order.placed" in meanwhile, "a fact stays a fact"
    assert meanwhile.isdisjoint(contract.name for contract in behaviour_contracts()), "what was done is nobody's"
    assert {tuple(row["consent"]) for row in rows if row["name"] in meanwhile} == {()}, "and nothing is learnt from it"


async def test_reasons_are_sealed_by_the_customers_key(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    await _begin(agent, customer_id)
    async with team.tx() as tx:
        (row,) = await tx.rows(hot(text("SELECT reason, ticket FROM acting")))
    assert {sealing.subject_of(row["reason"]), sealing.subject_of(row["ticket"])} == {UUID(customer_id)}


async def test_what_the_customer_was_answered_is_not_repeated_to_whoever_acts(team: Team) -> None:
    agent, (customer, customer_id) = await team.hire("support_agent"), await _customer(team)
    order = await _order(team, customer.http, key="the same")
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT cart_id FROM orders WHERE id = :id")), {"id": order["id"]})
    at = f"/v1/store/carts/{rows[0]['cart_id']}/complete"
    own = await customer.http.post(at, json=PAY, headers={"Idempotency-Key": "the same"})
    assert (own.status_code, own.json()["id"]) == (201, order["id"])
    browser = await _acting(team, agent, customer_id)
    theirs = await browser.post(at, json=PAY, headers={"Idempotency-Key": "the same"})
    assert "idempotency-replayed" not in theirs.headers


async def test_a_customer_who_signs_out_everywhere_else_ends_it(team: Team) -> None:
    agent, (customer, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await _acting(team, agent, customer_id)
    assert (await customer.http.delete("/v1/store/accounts/current/devices")).status_code == 204
    assert (await browser.get("/v1/store/orders")).json()["code"] == "acting.ended"
    (entry,) = await _audited(team, "acting.ended")
    assert entry["actor"] == f"account:{customer.account_id}"


async def test_customers_are_found_by_all_of_an_address_or_of_a_number(team: Team) -> None:
    agent, (customer, customer_id) = await team.hire("support_agent"), await _customer(team)
    order = await _order(team, customer.http)
    for asked in ({"email": "Customer@Home.example"}, {"order_number": order["number"].lower()}):
        found = (await agent.http.post("/v1/admin/customers/search", json=asked)).json()["items"]
        assert [(one["id"], one["email"], one["orders"]) for one in found] == [(customer_id, "c•••@home.example", 1)]
        assert found[0]["latest_order"]["number"] == order["number"]
    for asked in ({"email": "ustomer@home.example"}, {"order_number": order["number"][:-1]}):
        assert (await agent.http.post("/v1/admin/customers/search", json=asked)).json()["items"] == []
    both = {"email": "a@b.example", "order_number": "T1"}
    assert (await agent.http.post("/v1/admin/customers/search", json=both)).status_code == 422


async def test_a_forged_request_begins_nothing(team: Team) -> None:
    agent, (_, customer_id) = await team.hire("support_agent"), await _customer(team)
    browser = await team.browser(agent)
    forged = await browser.post(
        f"/v1/admin/customers/{customer_id}/acting", json=REASON, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert (forged.status_code, forged.json()["code"]) == (403, "request.cross_site")
