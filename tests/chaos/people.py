"""Shoppers and staff who go on whatever happens, and remember what they were told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.factories import SeededShop

ANSWERS_WITHIN = 45.0
"""Seconds: longer than a statement may take."""
PAUSE = 0.2
IN_FLIGHT = "idempotency.in_flight"


@dataclass
class Memory:
    """What was acknowledged."""

    orders: dict[UUID, UUID] = field(default_factory=dict)
    """Cart -> order."""
    refused: int = 0
    changes: Counter[tuple[UUID, str]] = field(default_factory=Counter)
    """How many changes of a kind an order was said to have had, by the kind of its timeline's entry."""
    retries: int = 0


class Town:
    """The people of one shop."""

    def __init__(self, shop: SeededShop, ports: list[int], staff_token: str) -> None:
        self.memory = Memory()
        self.going_home = asyncio.Event()
        self._shop, self._ports, self._staff_token = shop, ports, staff_token
        self._turn = count()

    async def live(self, shoppers: int, staff: int) -> None:
        """Go on until everybody is sent home; whatever somebody began then, they see through."""
        limits = httpx.Limits(max_connections=200)
        async with (
            httpx.AsyncClient(timeout=ANSWERS_WITHIN, limits=limits) as http,
            asyncio.TaskGroup() as everybody,
        ):
            http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # they share it, and no session
            for _ in range(shoppers):
                everybody.create_task(self._keep_on(self._shop_once, http))
            for _ in range(staff):
                everybody.create_task(self._keep_on(self._work_once, http))

    async def _keep_on(self, do: Any, http: httpx.AsyncClient) -> None:
        while not self.going_home.is_set():
            await do(http)

    async def _shop_once(self, http: httpx.AsyncClient) -> None:
        opened = await self._ask(http, "POST", "/v1/store/sessions", {})
        me = {"Authorization": f"Bearer {opened.cookies['tradewind_session']}"}
        cart = (await self._ask(http, "POST", "/v1/store/carts", None, me)).json()
        for sold in random.sample(self._shop.products, random.randint(1, 3)):
            line = {"variant_id": str(sold.variant_id), "quantity": random.randint(1, 3)}
            await self._ask(http, "POST", f"/v1/store/carts/{cart['id']}/lines", line, me)
        token = random.choice(["tok_ok"] * 9 + ["tok_declined"])
        body = {"payment": {"provider": "test", "token": token}, "email": "ada@example.org"}
        path = f"/v1/store/carts/{cart['id']}/complete"
        answer = await self._ask(http, "POST", path, body, me | {"Idempotency-Key": str(uuid4())})
        if answer.status_code == 201:
            self.memory.orders[UUID(cart["id"])] = UUID(answer.json()["id"])
        else:
            self.memory.refused += 1

    async def _work_once(self, http: httpx.AsyncClient) -> None:
        if not self.memory.orders:
            await asyncio.sleep(PAUSE)
            return
        order_id = random.choice(list(self.memory.orders.values()))
        what, kind, body = random.choice(
            [
                ("cancel", "cancelled", {"reason": "chaos"}),
                ("fulfilments", "fulfilled", {}),
                ("refunds", "refund_requested", {"amount": 7, "reason": "chaos"}),
            ]
        )
        headers = {"Authorization": f"Bearer {self._staff_token}", "Idempotency-Key": str(uuid4())}
        answer = await self._ask(http, "POST", f"/v1/admin/orders/{order_id}/{what}", body, headers)
        if answer.is_success:
            self.memory.changes[order_id, kind] += 1
        await asyncio.sleep(PAUSE)

    async def _ask(
        self,
        http: httpx.AsyncClient,
        method: str,
        path: str,
        body: object | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The definite answer to a request, however often it has to be sent: the same again, to either worker."""
        while True:
            port = self._ports[next(self._turn) % len(self._ports)]
            host = {"Host": self._shop.host, **(headers or {})}
            try:
                answer = await http.request(method, f"http://127.0.0.1:{port}{path}", json=body, headers=host)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code < 500 and not (answer.status_code == 409 and IN_FLIGHT in answer.text):
                    return answer
            self.memory.retries += 1
            await asyncio.sleep(PAUSE)
