"""The API against its own description: whatever a machine can think of sending, never a 500."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from commerce.app import create_app
from foundation.settings import Settings
from tests.factories import SeededShop

EXAMPLES = int(os.environ.get("TRADEWIND_TEST_EXAMPLES", "12"))
"""Requests of each operation; `make security` sends more."""


@pytest.fixture
def served(settings: Settings, grocer: SeededShop) -> Iterator[tuple[str, str]]:
    """The API on a loopback port, and a session's token."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        session = httpx.post(
            f"{url}/v1/store/sessions", json={"reference": "household-1"}, headers={"Host": grocer.host}, timeout=30
        )
        yield url, session.cookies["tradewind_session"]
        server.should_exit = True
        thread.join(timeout=10)


def test_no_request_the_description_allows_or_forbids_breaks_the_server(
    served: tuple[str, str], grocer: SeededShop
) -> None:
    url, token = served
    headers = {"Host": grocer.host, "Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers={"Host": grocer.host})
    tried: set[str] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @hypothesis_settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case[Any]) -> None:
            response = case.call(headers=headers)
            case.validate_response(
                response, checks=[not_a_server_error, response_schema_conformance, content_type_conformance]
            )

        holds()
        tried.add(operation.label)
    assert len(tried) >= 15


async def test_the_documentation_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert sources
    for source in sources:
        assert (await client.get(source)).status_code == 200, source
