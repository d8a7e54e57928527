"""A shopper whose connection breaks in the middle of paying."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import uvicorn

from tests.commerce.conftest import Browser
from tests.factories import SeededShop

KEY = "the shopper's one try"
BODY = orjson.dumps({"payment": {"provider": "test", "token": "tok_ok"}})


@pytest.fixture
async def port(app: Any) -> AsyncIterator[int]:
    """The API behind a real server, which can be hung up on."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving
    listener.close()


@pytest.mark.parametrize("patience", [0.0, 0.005, 0.02, 0.05])
async def test_who_hangs_up_while_paying_has_one_order_or_none_and_learns_which_by_asking_again(
    browser: Browser, grocer: SeededShop, port: int, rows: Any, patience: float
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    token = browser.http.cookies["tradewind_session"]
    head = (
        f"POST /v1/store/carts/{cart['id']}/complete HTTP/1.1\r\nHost: {grocer.host}\r\nIdempotency-Key: {KEY}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + BODY)
    await writer.drain()
    await asyncio.sleep(patience)
    writer.transport.abort()

    answer = await browser.complete(cart, key=KEY)
    while answer.status_code == 409:
        assert answer.json()["code"] == "idempotency.in_flight"
        await asyncio.sleep(0.05)
        answer = await browser.complete(cart, key=KEY)

    assert answer.status_code == 201, answer.text
    assert rows("SELECT count(*), sum(total) FROM orders") == [(1, grocer.products[0].price)]
    assert rows("SELECT sum(sold), sum(reserved) FROM stock") == [(0, 1)]
    assert rows("SELECT status, count(*) FROM payment GROUP BY status") == [("captured", 1)]
