"""What people do in a shop is logged without what they are called, where they live, and how they are reached."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import structlog

from commerce.sessions import sending
from foundation import telemetry
from foundation.settings import Settings
from tests.commerce.conftest import app, client, rows, settings, staff
from tests.identity.conftest import Messages, browser_at, messages, register, sign_in
from tests.privacy.scanning import in_text
from tests.privacy.test_erasure import ADDRESS, EMAIL, grocer
from tests.privacy.test_everywhere import ACCOUNT, AGENT, IP, STRINGS, _buy, _send

if TYPE_CHECKING:
    import httpx

    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

__all__ = ["app", "client", "grocer", "messages", "rows", "settings", "staff"]


@pytest.fixture(autouse=True, params=["development", "production"])
def _configured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sending, "EVENLY_SECONDS", 0.0)
    before = structlog.get_config()
    telemetry.configure(Settings(_env_file=None, environment=request.param, log_level="debug"))
    yield
    structlog.configure(**before)


async def test_an_order_and_sign_ins_leave_nobody_in_the_log(
    app: Any,
    grocer: SeededShop,
    staff: httpx.AsyncClient,
    messages: Messages,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with browser_at(app, grocer, address=IP) as http:
        http.headers["User-Agent"] = AGENT
        await _send(http, "/v1/store/sessions", {})
        await register(http, messages, email=ACCOUNT)
        assert (await sign_in(http, email=ACCOUNT, password="durian-return")).status_code == 401
        assert (await sign_in(http, email=ACCOUNT)).status_code == 201
        await _send(http, "/v1/store/addresses", {"address": ADDRESS})
        await _buy(http, grocer)
        monkeypatch.setattr("commerce.wishlists.service.create", _crash)
        assert (await http.post("/v1/store/wishlists", json={"name": "mangosteen-wish"})).status_code == 500
    assert (await staff.get("/v1/admin/orders", params={"q": EMAIL})).status_code == 200

    said = capfd.readouterr()
    assert "request.crashed" in said.out
    assert in_text(said.out + said.err + caplog.text, STRINGS) == set()


async def _crash(*_: Any, **given: Any) -> None:
    secret = EMAIL  # noqa: F841  (a traceback with its values would show it)
    raise ValueError(f"no list for {EMAIL} at {IP}, call {ADDRESS['phone']}: {given}")


def test_what_is_logged_by_a_personal_name_is_withheld(capfd: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger("test")
    log.warning("a.thing", email=EMAIL, to=EMAIL, phone="0614", error=f"{EMAIL} from {IP}", deep={"name": "Quuxley"})
    said = capfd.readouterr().out
    assert in_text(said, STRINGS) == set()
    assert "0614" not in said
    assert "a.thing" in said


def test_codes_ids_and_figures_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    order = "01a218da-35af-7613-a2ad-061126629070"
    structlog.get_logger("test").info("a.thing", order=order, code="orders.not_found", at="127.0.0.1:80", rows=3)
    said = capfd.readouterr().out
    assert [word for word in (order, "orders.not_found", "127.0.0.1:80", "3") if word not in said] == []


def test_what_postgres_says_of_a_row_is_without_the_row(
    capfd: pytest.CaptureFixture[str], database_urls: DatabaseUrls, grocer: SeededShop
) -> None:
    log = structlog.get_logger("test")
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("CREATE TEMP TABLE people (name text PRIMARY KEY CHECK (name <> 'Zanzibar'))")
        for row in (["Quuxley"], ["Quuxley"], ["Zanzibar"]):
            try:
                with owner.transaction():
                    owner.execute("INSERT INTO people VALUES (%s)", row)
            except psycopg.Error as fault:
                log.warning("a.fault", error=str(fault), exc_info=True)
    said = capfd.readouterr().out
    assert said.count("a.fault") == 2
    assert in_text(said, ("Quuxley", "Zanzibar")) == set()


def test_a_request_is_logged_without_who_asked_and_for_whom(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("uvicorn.access")
    with caplog.at_level(logging.INFO, logger="uvicorn.access"):
        logger.info('%s - "%s %s HTTP/%s" %d', f"{IP}:5000", "GET", f"/v1/admin/orders?q={EMAIL}", "1.1", 200)
    assert caplog.messages == ['- - "GET /v1/admin/orders HTTP/1.1" 200']


def test_the_scan_sees_what_a_log_without_this_says(capfd: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    structlog.get_logger("test").warning("a.thing", email=EMAIL)
    assert in_text(capfd.readouterr().out, STRINGS) == {EMAIL, "Quuxley"}
