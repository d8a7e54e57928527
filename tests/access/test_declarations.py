"""Every route says what it needs, in the code and in the API's description, and asks for permissions that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr

from commerce.http import staff, vendor_desk
from commerce.policies import areas, registry, roles
from foundation.access import ANYONE, CUSTOMER, SHOPPER, Need, Who, need_of, needs, needs_of
from foundation.settings import Settings
from tradewind.building import build


@pytest.fixture(scope="module")
def web() -> FastAPI:
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    return build(Settings(_env_file=None, database_url=nowhere))


LOOKS_BY_POST = {"/v1/admin/customers/search", "/back-office/customers"}
"""What is looked for is personal, and addresses are written into logs."""


def _routes(web: FastAPI) -> Iterator[APIRoute]:
    return (route for route in web.router.routes if isinstance(route, APIRoute))


def test_every_route_and_page_declares_one_need(web: FastAPI) -> None:
    routes = list(_routes(web))
    silent = [f"{sorted(route.methods)} {route.path}" for route in routes if not needs_of(route)]

    assert silent == []
    assert len(routes) > 250, "the pages are looked at too"
    for route in routes:
        need_of(route)


def test_every_route_of_customers_says_what_it_is_about(web: FastAPI) -> None:
    nobodys = {"/healthz", "/problems/{code}", "/docs", "/redoc", "/v1/webhooks/{provider}"}
    nobodys |= {"/v1/webhooks/carriers/{carrier}", "/v1/platform/billing-events"}
    staffs = {Who.STAFF, Who.VENDOR, Who.OPERATOR}
    theirs = [route for route in _routes(web) if need_of(route).who not in staffs and route.path not in nobodys]

    assert [route.path for route in theirs if areas.area_of(route) is None] == []
    assert {areas.area_of(route) for route in theirs} == set(areas.AREAS)


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/v1/store/accounts/current/password", areas.CREDENTIALS),
        ("/v1/store/accounts/current/passkeys", areas.CREDENTIALS),
        ("/v1/store/accounts/current/email", areas.CREDENTIALS),
        ("/v1/store/accounts/current/devices", areas.CREDENTIALS),
        ("/account/security/phone", areas.CREDENTIALS),
        ("/account/payment-methods", areas.PAYMENT_METHODS),
        ("/v1/store/payment-methods", areas.PAYMENT_METHODS),
        ("/v1/store/notification-preferences", areas.CONSENT),
        ("/account/messages", areas.CONSENT),
        ("/v1/store/gift-cards/lookup", areas.STORED_VALUE),
        ("/account/programs", areas.PROGRAMS),
        ("/oauth/authorize", areas.PROGRAMS),
    ],
)
def test_what_is_the_customers_alone_is_closed_to_whoever_acts(web: FastAPI, path: str, area: areas.Area) -> None:
    found = [areas.area_of(route) for route in _routes(web) if route.path == path]

    assert found == [area] * len(found) != []
    with pytest.raises(areas.NotWhileActing):
        areas.require_open(area)


def test_a_route_that_says_nothing_is_closed_to_whoever_acts() -> None:
    with pytest.raises(areas.NotWhileActing):
        areas.require_open(None)


def test_what_is_neither_page_nor_operation_is_known(web: FastAPI) -> None:
    others = {getattr(route, "path", "") for route in web.router.routes if not isinstance(route, APIRoute)}

    assert others == {"/openapi.json", "/static", "/static-offline-docs", "/back-office/static"}


def test_a_route_that_declares_nothing_is_found() -> None:
    router = APIRouter()

    @router.get("/silent")
    async def silent() -> None:
        """Says nothing."""

    (route,) = router.routes
    assert isinstance(route, APIRoute)
    assert needs_of(route) == frozenset()
    with pytest.raises(ValueError, match="/silent declares nothing"):
        need_of(route)


def test_the_most_that_is_declared_is_what_counts() -> None:
    router = APIRouter()

    @router.get("/member")
    @needs(ANYONE)
    @needs(SHOPPER)
    @needs(CUSTOMER)
    async def member() -> None:
        """Needs a customer, so a shopper, so anyone."""

    @router.get("/torn")
    @needs(CUSTOMER)
    @needs(Need(Who.STAFF, "orders:read"))
    async def torn() -> None:
        """Nobody is both."""

    @router.get("/fresh")
    @needs(CUSTOMER)
    @needs(Need(Who.CUSTOMER, stepped_up=True))
    async def fresh() -> None:
        """Needs a customer who has just proved it."""

    one, other, again = (route for route in router.routes if isinstance(route, APIRoute))
    assert need_of(one) == CUSTOMER
    assert need_of(again) == Need(Who.CUSTOMER, stepped_up=True)
    with pytest.raises(ValueError, match="/torn declares"):
        need_of(other)


def test_admin_routes_need_staff_and_vendor_routes_a_vendor(web: FastAPI) -> None:
    for route in _routes(web):
        need = need_of(route)
        if route.path.startswith("/v1/admin/"):
            assert need.who is Who.STAFF, route.path
        elif route.path.startswith("/v1/vendor/"):
            assert need.who is Who.VENDOR, route.path
        elif route.path.startswith("/v1/"):
            assert need.who not in {Who.STAFF, Who.VENDOR}, route.path
        if need.who in {Who.STAFF, Who.VENDOR} and route.path not in {"/back-office", "/back-office/sign-out"}:
            assert need.permission in registry.PERMISSIONS, route.path
        if need.who is Who.VENDOR:
            assert need.permission in registry.VENDOR_SCOPES, route.path


TAKES = {
    "/v1/admin/exports/{export_id}/file": "everything of the shop, secret to whoever may only look at settings",
    "/back-office/closing/archives/{export_id}": "the same, from its page",
}
"""What is asked for with GET, and is more than looking."""


def test_looking_never_needs_the_right_to_change(web: FastAPI) -> None:
    for route in _routes(web):
        permission = need_of(route).permission
        if permission and route.methods == {"GET"} and route.path not in TAKES:
            assert permission.endswith(":read"), route.path
        elif permission:
            assert not permission.endswith(":read") or route.path in LOOKS_BY_POST, route.path


def test_every_permission_is_asked_for_somewhere(web: FastAPI) -> None:
    asked = {need_of(route).permission for route in _routes(web)}

    assert set(registry.PERMISSIONS) - asked == set()


def test_a_route_can_only_ask_for_a_permission_that_is_there() -> None:
    for ask in (staff, vendor_desk):
        with pytest.raises(ValueError, match="no such permission: orders:refnud"):
            ask("orders:refnud")


def test_a_permission_has_a_form_and_a_sentence() -> None:
    for name, permission in registry.PERMISSIONS.items():
        assert re.fullmatch(r"[a-z_]+:[a-z_]+", name)
        for said in (permission.meaning, permission.vendors, permission.rule):
            assert said is None or re.fullmatch(r"[A-Z].*\.", said), name


def test_roles_hold_permissions_that_are_there_and_suit_them() -> None:
    for role in roles.ROLES.values():
        assert role.permissions <= set(registry.PERMISSIONS), role.name
        assert not role.for_vendors or role.permissions <= registry.VENDOR_SCOPES, role.name
    assert all(registry.PERMISSIONS[name].reads for name in roles.ANALYST.permissions)
    assert roles.ADMIN.permissions == set(registry.PERMISSIONS)


def test_the_description_says_what_each_operation_needs(web: FastAPI) -> None:
    schema = web.openapi()
    schemes = schema["components"]["securitySchemes"]
    assert schemes["session"] == schemes["session"] | {"in": "cookie", "name": "tradewind_session"}
    assert schemes["bearer"]["scheme"] == "bearer"

    paths = schema["paths"]
    refund = paths["/v1/admin/orders/{order_id}/refunds"]["post"]
    assert refund["x-needs"] == "staff:orders:refund"
    assert refund["security"] == [{"session": ["orders:refund"]}, {"bearer": ["orders:refund"]}]
    assert paths["/v1/store/carts"]["post"]["security"] == [{"session": []}, {"bearer": []}]
    assert {} in paths["/v1/store/products"]["get"]["security"]
    assert paths["/v1/webhooks/{provider}"]["post"]["x-needs"] == "signed"
    assert [where for where, said in _operations(schema) if not {"x-needs", "security"} <= said.keys()] == []


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield f"{method} {path}", operation


def test_whoever_must_prove_anew_is_more_than_whoever_need_not() -> None:
    router = APIRouter()

    @router.get("/sensitive")
    @needs(CUSTOMER)
    @needs(CUSTOMER.proved_anew)
    async def sensitive() -> None:
        """Asks for more."""

    (route,) = router.routes
    assert isinstance(route, APIRoute)
    assert need_of(route) == CUSTOMER.proved_anew
