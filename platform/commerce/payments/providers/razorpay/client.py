"""Razorpay's own client, which blocks: each call in a thread, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog

from commerce.payments.providers.accounts import Accounts
from commerce.payments.providers.contract import ProviderUnavailable

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 10.0
_NOT_OURS = "Authentication failed"
"""What the client's one exception for every bad request says when it is our keys that are bad."""


class NotAccepted(Exception):
    """Razorpay won't do what was asked; says why in prose, which is for the log."""


class Client:
    """Calls of the SDK, `("order", "fetch")` for `client.order.fetch`."""

    def __init__(self, key_id: str, key_secret: str, *, api_base: str | None, accounts: Accounts) -> None:
        self._keys, self._api_base, self._accounts = (key_id, key_secret), api_base, accounts

    async def call(self, tenant_id: UUID, resource: str, verb: str, *arguments: Any, **headers: str) -> dict[str, Any]:
        """What Razorpay answers.

        Raises:
            NotAccepted: it is a bad request.
            ProviderUnavailable: there was no answer in time, or none that says what happened.
        """
        import requests  # noqa: PLC0415  (comes with the SDK, and only where it is used)
        from razorpay.errors import BadRequestError, GatewayError, ServerError  # noqa: PLC0415

        account = await self._accounts(tenant_id, "razorpay")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if account:
            sent["X-Razorpay-Account"] = account
        ask: Callable[..., dict[str, Any]] = getattr(getattr(self._sdk, resource), verb)
        try:
            return await asyncio.wait_for(
                asyncio.to_thread(ask, *arguments, headers=sent, timeout=DEADLINE_SECONDS), DEADLINE_SECONDS + 1
            )
        except BadRequestError as refusal:
            if str(refusal) != _NOT_OURS:
                log.info("razorpay.not_accepted", call=f"{resource}.{verb}", said=str(refusal))
                raise NotAccepted(str(refusal)) from refusal
            fault: Exception = refusal
        except (requests.RequestException, GatewayError, ServerError, TimeoutError) as no_answer:
            fault = no_answer
        log.warning("razorpay.no_answer", call=f"{resource}.{verb}", error=type(fault).__name__)
        raise ProviderUnavailable from fault

    @cached_property
    def _sdk(self) -> Any:
        import razorpay  # noqa: PLC0415  (imported where it is used)

        return razorpay.Client(auth=self._keys, **({"base_url": self._api_base} if self._api_base else {}))
