"""Every operation and every page, asked by everybody: refused exactly when what it needs is more than they have.

What each caller may do follows from what the route declares and from the typed registry of roles. So that a mistake in
the registry does not hide itself, `NEVER` says by hand what must not be possible whatever it says.

The requests are made, about things that are not there and with bodies that mean nothing: whoever may is answered that,
whoever may not is refused before.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from commerce.identity import service as identity
from commerce.policies.roles import ROLES
from foundation.access import Need, Who, need_of
from foundation.settings import Settings
from tests.access.team import HOURS, Person, Team, sign_in
from tests.described import described
from tests.factories import SeededShop
from tests.security.operations import Operation, filled, operations
from tests.waiting import started
from tradewind.building import build

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

OWN_ROLE = frozenset({"prices:read", "staff:read", "orders:fulfil"})
KEY = frozenset({"orders:read", "inventory:write", "webhooks:write"})
PROGRAM = frozenset({"orders:read", "promotions:write"})

UNKNOWN = {
    "identity.key_unknown",
    "identity.session_unknown",
    "identity.session_expired",
    "identity.sign_in_required",
    "oauth.token_unknown",
}
NOT_THEIRS = {
    "identity.not_staff",
    "identity.scope_missing",
    "identity.for_people",
    "identity.of_a_vendor",
    "identity.not_of_a_vendor",
}
"""The codes of whoever is not known, and of those who are and may not."""

NEVER: Mapping[str, tuple[str, ...]] = {
    "nobody": ("GET /v1/admin/orders", "GET /v1/vendor/orders", "GET /v1/store/wishlists", "GET /back-office"),
    "guest": ("GET /v1/admin/orders", "POST /v1/admin/staff", "GET /v1/store/store-credit"),
    "customer": (
        "GET /v1/admin/orders",
        "GET /v1/admin/orders/export",
        "POST /v1/admin/orders/{order_id}/refunds",
        "POST /v1/admin/customers/search",
        "PUT /v1/admin/staff/{member_id}",
        "GET /back-office/people",
    ),
    "vendor": (
        "GET /v1/admin/orders",
        "GET /v1/admin/vendors",
        "POST /v1/admin/vendors/{code}/payouts",
        "POST /v1/admin/orders/{order_id}/refunds",
        "POST /v1/admin/customers/search",
        "GET /v1/admin/staff",
        "POST /back-office/people",
    ),
    "support_agent": (
        "POST /v1/admin/roles",
        "PUT /v1/admin/roles/{role_id}",
        "PUT /v1/admin/built-in-roles/{name}/limits",
        "PUT /v1/admin/staff/{member_id}",
        "POST /v1/admin/staff",
        "POST /v1/admin/api-keys",
        "POST /v1/admin/programs",
        "POST /v1/admin/gift-cards",
        "POST /v1/admin/customers/{customer_id}/store-credit",
        "PUT /v1/admin/prices/variants/{sku}/list",
        "PUT /v1/admin/discount-codes/{code}",
        "POST /v1/admin/vendors/{code}/payouts",
        "PUT /v1/admin/payment-accounts/{provider}",
        "PUT /v1/admin/closure",
        "GET /v1/admin/audit",
        "POST /back-office/roles",
        "POST /back-office/roles/built-in/{name}",
    ),
    "warehouse_manager": (
        "POST /v1/admin/customers/search",
        "POST /v1/admin/customers/{customer_id}/acting",
        "GET /v1/admin/customers/{customer_id}/store-credit",
        "POST /v1/admin/orders/{order_id}/refunds",
        "POST /v1/admin/orders/{order_id}/cancel",
        "PUT /v1/admin/prices/variants/{sku}/list",
        "GET /v1/admin/ledger/trial-balance",
        "POST /v1/admin/staff",
    ),
    "merchandiser": (
        "GET /v1/admin/orders",
        "POST /v1/admin/orders/{order_id}/refunds",
        "POST /v1/admin/customers/search",
        "POST /v1/admin/inventory/receipts",
        "POST /v1/admin/vendors/{code}/payouts",
        "POST /v1/admin/staff",
    ),
    "analyst": (
        "POST /v1/admin/orders/{order_id}/refunds",
        "POST /v1/admin/orders/{order_id}/cancel",
        "POST /v1/admin/customers/search",
        "POST /v1/admin/customers/{customer_id}/erasure",
        "PUT /v1/admin/prices/variants/{sku}/list",
        "POST /v1/admin/inventory/counts",
        "PUT /v1/admin/configuration",
        "POST /v1/admin/roles",
        "PUT /v1/admin/built-in-roles/{name}/limits",
    ),
    "own role": ("POST /v1/admin/staff", "PUT /v1/admin/prices/variants/{sku}/list", "GET /v1/admin/orders"),
    "key": ("POST /v1/admin/orders/{order_id}/refunds", "POST /v1/admin/api-keys", "GET /back-office/people"),
    "program": ("POST /v1/admin/orders/{order_id}/refunds", "POST /v1/admin/programs", "GET /back-office/people"),
}
"""What each of them must never be let do; whatever is not here follows from the registry alone."""

ASKS_TO_SIGN_IN = {"GET /account/confirm"}
"""Pages that send somebody who is signed in to sign in again: who has nothing else to prove who they are by."""

REFUSED = {400, 403, 404, 405, 409, 413, 415, 422}
"""The statuses of what was refused for another reason than that nobody is signed in, so that nothing was done."""

CALLERS = ("nobody", "guest", "customer", *sorted(ROLES), "own role", "key", "program")
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_WORDS = {"code", "sku", "handle", "provider", "country", "carrier", "reference", "slug", "token", "path", "name"}


@dataclass(frozen=True)
class Caller:
    """Somebody who asks."""

    name: str
    http: httpx.AsyncClient
    """With a bearer token, if they have any."""
    browser: httpx.AsyncClient
    """With the session in a cookie, if they have any; same origin."""
    permissions: frozenset[str] = frozenset()
    of_vendor: bool = False
    person: Person | None = None

    @property
    def is_program(self) -> bool:
        """It shows what is no session."""
        return self.name in {"key", "program"}

    def may(self, need: Need, *, page: bool) -> bool | None:
        """Whether they are let through to what needs that; `None` where what they show may be looked at or not."""
        works = not (page and self.is_program) and (need.permission is None or need.permission in self.permissions)
        known: dict[Who, bool | None] = {
            Who.STAFF: works and bool(self.permissions) and (need.permission is None or not self.of_vendor),
            Who.VENDOR: works and self.of_vendor,
            Who.CUSTOMER: self.person is not None,
            Who.SHOPPER: self.person is not None or self.name == "guest",
            Who.ANYONE: None if self.is_program else True,
        }
        return known.get(need.who)


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=0,
        operator_token=SecretStr("of whoever runs the platform"),
        unlimited_networks="127.0.0.0/8",
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = build(settings)
    async with started(app):
        yield app


@pytest.fixture
async def caller(request: pytest.FixtureRequest, app: Any, grocer: SeededShop) -> AsyncIterator[Caller]:
    async with AsyncExitStack() as until_over:
        yield await _caller(request.param, Team(app, grocer, until_over))


async def _caller(name: str, team: Team) -> Caller:
    if name == "nobody":
        return Caller(name, await team.door(), await _same_origin(await team.door()))
    if name == "guest":
        visit = await (await team.door()).post("/v1/store/sessions", json={})
        token = visit.cookies["tradewind_session"]
        browser = await team.browser(Person(uuid4(), None, token, await team.door(token)))
        return Caller(name, await team.door(token), await _same_origin(browser))
    if name == "key":
        http = await team.key(*sorted(KEY))
        return Caller(name, http, await _same_origin(http), KEY)
    if name == "program":
        http = await team.door(await _program(team))
        return Caller(name, http, await _same_origin(http), PROGRAM)
    person, permissions = await _person(name, team)
    browser = await _same_origin(await team.browser(person))
    return Caller(name, person.http, browser, permissions, name == "vendor", person)


async def _person(name: str, team: Team) -> tuple[Person, frozenset[str]]:
    if name == "customer":
        return await team.customer(), frozenset()
    if name == "own role":
        return await team.clerk(*OWN_ROLE), OWN_ROLE
    staff = await team.boss()
    vendor_id = None
    if name == "vendor":
        vendor_id = UUID((await staff.put("/v1/admin/vendors/mill", json={"name": "Mill"})).json()["id"])
    return await team.hire(name, vendor_id=vendor_id), ROLES[name].permissions


async def _program(team: Team) -> str:
    body = {"name": "P", "kind": "confidential", "grants": ["client_credentials"], "scopes": sorted(PROGRAM)}
    made = (await (await team.boss()).post("/v1/admin/programs", json=body)).json()
    asked = {"grant_type": "client_credentials", "scope": " ".join(sorted(PROGRAM))}
    answer = await (await team.door()).post("/oauth/token", data=asked, auth=(made["id"], made["client_secret"]))
    token: str = answer.json()["access_token"]
    return token


async def _same_origin(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Sec-Fetch-Site"] = "same-origin"
    return http


def _routes(app: Any) -> Iterator[tuple[str, str, APIRoute]]:
    """Label, method and route of all there are, those that end a session last."""
    found = [
        (f"{method} {route.path}", method, route)
        for route in app.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]
    yield from sorted(found, key=lambda one: one[1] == "DELETE")


def _filled(path: str) -> str:
    return _PARAMETER.sub(lambda found: "nothing-there" if found[1] in _WORDS else str(uuid4()), path)


def _is_page(route: APIRoute) -> bool:
    return not route.path.startswith(("/v1/", "/oauth/", "/.well-known/"))


class _NothingThere(dict[str, str]):
    """An id that nobody has for each thing that a request speaks of."""

    def __missing__(self, _: str) -> str:
        return str(uuid4())


async def _ask(caller: Caller, method: str, route: APIRoute, valid: Operation | None) -> httpx.Response:
    """The route's request: one that is `valid` where that is given, since some look at who asks after what is asked."""
    headers = {"Idempotency-Key": str(uuid4())}
    if valid is not None:
        query, body = filled(dict(valid.query), _NothingThere()), filled(valid.body, _NothingThere())
        sent: dict[str, Any] = {"params": query, **({"json": body} if body is not None else {})}
        return await caller.http.request(method, _filled(route.path), headers=headers, **sent)
    if _is_page(route):
        sent = {"data": {"means": "nothing"}} if method != "GET" else {}
        return await caller.browser.request(method, _filled(route.path), headers=headers, **sent)
    takes_json = route.body_field is not None or method in {"POST", "PUT", "PATCH"}
    sent = {"json": {"means": "nothing"}} if takes_json else {}
    return await caller.http.request(method, _filled(route.path), headers=headers, **sent)


def _refusal(answer: httpx.Response) -> str | None:
    """The code with which somebody was refused for who they are; `None`: they were let through."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
        return "identity.session_unknown"
    if answer.status_code not in {401, 403}:
        return None
    return next((code for code in UNKNOWN | NOT_THEIRS if code in answer.text), None)


async def _signed_in_anew(team: Callable[[], Any], caller: Caller) -> None:
    """Something has been done that may have ended the session."""
    caller.http.cookies.clear()
    if caller.is_program or caller.name == "nobody":
        return
    async with team() as tx:
        if caller.person is None:
            token, _ = await identity.open_session(tx, ttl=HOURS)
        else:
            token = await sign_in(tx, caller.person.account_id)
    caller.http.headers["Authorization"] = f"Bearer {token}"
    caller.browser.cookies.clear()
    caller.browser.cookies.set("tradewind_session", token, domain=caller.http.base_url.host)


def _fits(status: int, code: str | None) -> bool:
    """Whether it is a refusal, and 401 means nobody that is known: pages lead them to sign in."""
    return code is not None and (status == 303 or (status == 401) == (code in UNKNOWN))


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
async def test_everybody_is_refused_what_they_may_not_and_nothing_else(
    caller: Caller, app: Any, grocer: SeededShop
) -> None:
    faults, refused = [], set[str]()
    valid = {operation.label: operation for operation in operations(described())}
    is_signed_in = True
    for label, method, route in _routes(app):
        need = need_of(route)
        may = caller.may(need, page=_is_page(route))
        if not is_signed_in:
            await _signed_in_anew(lambda: app.state.core.database.tx(grocer.id), caller)
        answer = await _ask(caller, method, route, valid.get(label) if may is False else None)
        is_signed_in = method == "GET" or answer.status_code in REFUSED
        code = _refusal(answer)
        if code is not None:
            refused.add(label)
        if answer.status_code >= 500 and answer.status_code != 503:
            faults.append(f"{label}: {answer.status_code} {answer.text[:150]}")
        elif need.who is Who.OPERATOR and answer.status_code not in {401, 403, 404}:
            faults.append(f"{label} is for the operator: {answer.status_code} {answer.text[:150]}")
        elif may is True and code is not None and label not in ASKS_TO_SIGN_IN:
            faults.append(f"{label} needs {need}, and refuses: {code}")
        elif may is False and not _fits(answer.status_code, code):
            faults.append(f"{label} needs {need}, and does not refuse: {answer.status_code} {answer.text[:150]}")
    assert faults == [], f"{caller.name}: {len(faults)}\n" + "\n".join(faults)
    assert set(NEVER.get(caller.name, ())) <= refused


def test_what_must_never_be_possible_speaks_of_what_is_there(app: Any) -> None:
    there = {label for label, _, _ in _routes(app)}
    assert {label for labels in NEVER.values() for label in labels} <= there
    assert set(NEVER) | {"admin"} == set(CALLERS), "of everybody but an admin something is said"


def test_the_matrix_has_every_operation_of_the_description(app: Any) -> None:
    covered = {label for label, _, route in _routes(app) if need_of(route)}
    operated = {f"{method.upper()} {path}" for path, methods in described()["paths"].items() for method in methods}
    assert operated <= covered
    assert len(operated) > 250
