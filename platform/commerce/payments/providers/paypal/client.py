"""PayPal's own client, which blocks: each call in a thread, with a deadline."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import cached_property
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import structlog

from commerce.payments.providers.accounts import Accounts
from commerce.payments.providers.contract import ProviderUnavailable

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 10.0
_ANSWERS = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
"""The failures that say something about what was asked; any other may be different next time."""


class NotAccepted(Exception):
    """PayPal won't do what was asked."""

    def __init__(self, issue: str) -> None:
        super().__init__(issue)
        self.issue = issue
        """Its word for why, in lower case, such as `instrument_declined`."""


class Client:
    """Calls of the SDK, `("orders", "get_order")` for `client.orders.get_order`."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        environment: Literal["sandbox", "live"],
        api_base: str | None,
        accounts: Accounts,
    ) -> None:
        self._client_id, self._client_secret = client_id, client_secret
        self._environment, self._api_base, self._accounts = environment, api_base, accounts

    async def call(self, tenant_id: UUID, controller: str, verb: str, options: dict[str, Any]) -> dict[str, Any]:
        """The document PayPal answers with; empty when it answers with none.

        Raises:
            NotAccepted: it is a bad request, or one that can't be done.
            ProviderUnavailable: there was no answer in time, or none that says what happened.
        """
        import requests  # noqa: PLC0415  (comes with the SDK, and only where it is used)
        from apimatic_core.exceptions.auth_validation_exception import AuthValidationException  # noqa: PLC0415
        from paypalserversdk.exceptions.api_exception import ApiException  # noqa: PLC0415

        account = await self._accounts(tenant_id, "paypal")
        if account:
            options = {**options, "paypal_auth_assertion": self._assertion(account)}
        ask = getattr(getattr(self._sdk, controller), verb)
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(ask, options), DEADLINE_SECONDS + 1)
        except ApiException as refusal:
            if refusal.response_code in _ANSWERS:
                issue = _issue(refusal)
                log.info("paypal.not_accepted", call=verb, issue=issue)
                raise NotAccepted(issue) from refusal
            fault: Exception = refusal
        except (requests.RequestException, AuthValidationException, TimeoutError) as no_answer:
            fault = no_answer
        else:
            document: dict[str, Any] = json.loads(answer.text) if answer.text else {}
            return document
        log.warning("paypal.no_answer", call=verb, error=type(fault).__name__)
        raise ProviderUnavailable from fault

    def _assertion(self, merchant_id: str) -> str:
        """The merchant that is acted for, in the unsigned form that PayPal asks of a platform."""
        said = {"iss": self._client_id, "payer_id": merchant_id}
        parts = (json.dumps(part).encode() for part in ({"alg": "none"}, said))
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."

    @cached_property
    def _sdk(self) -> Any:
        from paypalserversdk.configuration import Configuration, Environment, Server  # noqa: PLC0415
        from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials  # noqa: PLC0415
        from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient  # noqa: PLC0415

        environment = Environment.PRODUCTION if self._environment == "live" else Environment.SANDBOX
        configuration = Configuration(
            environment=environment,
            timeout=DEADLINE_SECONDS,
            client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
                o_auth_client_id=self._client_id, o_auth_client_secret=self._client_secret
            ),
        )
        if self._api_base:
            configuration.environments = {environment: {Server.DEFAULT: self._api_base}}
        return PaypalServersdkClient(config=configuration)


def _issue(refusal: Any) -> str:
    try:
        document = json.loads(refusal.response.text)
        issue: str = document["details"][0]["issue"] if document.get("details") else document["name"]
    except (ValueError, KeyError, IndexError):
        return "invalid_request"
    return issue.lower()
