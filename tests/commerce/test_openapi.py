"""The API against its own description: whatever a machine can think of sending, never a 500."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy import text

from commerce.app import create_app
from commerce.policies.limits import Said
from commerce.staffing.granting import grant_of
from foundation.database import Database, tx_of
from foundation.ids import new_id
from foundation.settings import Settings
from tests.access.team import hired
from tests.factories import SeededShop

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

    from tests.conftest import DatabaseUrls

EXAMPLES = int(os.environ.get("TRADEWIND_TEST_EXAMPLES", "1"))
"""Requests of each operation and kind; `make security` sends more."""


OPERATOR_TOKEN = "whoever runs the platform"
AREAS = {"/v1/admin/": "staff", "/v1/vendor/": "vendor", "/v1/operator/": "operator", "/v1/sign-ups": "applicant"}
"""The beginning of an operation's path, and who may ask it; else a shopper."""
A_VENDOR = text("INSERT INTO vendor (tenant_id, id, code, name) VALUES (:tenant, :id, 'v', 'V')")
PLATFORM_HOST = "localhost"
APPLICANT = {"name": "A", "slug": "applied", "email": "o@example.com", "password": "correct horse battery staple"}


@dataclass
class Served:
    """The API on a loopback port, and what everybody shows it."""

    url: str
    host: str
    tokens: dict[str, str]
    http: httpx.Client

    def headers(self, operation: APIOperation[Any, Any, Any, Any]) -> dict[str, str]:
        """Of a request by somebody who may make it."""
        who = next((who for begins, who in AREAS.items() if operation.path.startswith(begins)), "shopper")
        host = PLATFORM_HOST if who == "applicant" else self.host
        return {"Host": host, "Authorization": f"Bearer {self.tokens.get(who) or self.sign_in()}"}

    def sign_in(self) -> str:
        """A session of its own for each operation, since some end it."""
        asked = {"reference": "household-1"}
        answer = self.http.post("/v1/store/sessions", json=asked, headers={"Host": self.host})
        self.http.cookies.clear()
        return answer.raise_for_status().cookies["tradewind_session"]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With an operator and photos, and without a limit of requests."""
    given = {"operator_token": SecretStr(OPERATOR_TOKEN), "unlimited_networks": "127.0.0.0/8"}
    return settings.model_copy(update={**given, "objects_url": tmp_path.as_uri()})


@pytest.fixture
def served(settings: Settings, database_urls: DatabaseUrls, grocer: SeededShop) -> Iterator[Served]:
    """The API, and a key or a session for everybody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # A connection that is kept may be closed by the server in the moment it is used again.
        with httpx.Client(base_url=url, timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            begun = http.post("/v1/sign-ups", json=APPLICANT, headers={"Host": PLATFORM_HOST})
            tokens = {
                "operator": OPERATOR_TOKEN,
                "applicant": begun.raise_for_status().json()["token"],
                **asyncio.run(_people(database_urls, grocer)),
            }
            yield Served(url, grocer.host, tokens, http)
        server.should_exit = True
        thread.join(timeout=10)


async def _people(urls: DatabaseUrls, shop: SeededShop) -> dict[str, str]:
    database, vendor_id = Database(urls.app, pool_size=1), new_id()
    async with database.transaction(shop.id) as session:
        await session.execute(A_VENDOR, {"tenant": shop.id, "id": vendor_id})
        tx = await tx_of(session)
        *_, staff = await hired(tx, grant_of(["admin"], [], Said()))
        *_, vendor = await hired(tx, grant_of(["vendor"], [], Said()), email="miller@mill.example", vendor_id=vendor_id)
    await database.close()
    return {"staff": staff, "vendor": vendor}


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(GenerationMode.POSITIVE, id="allowed"),
        # `tests/security/test_hostile_input.py` sends what is forbidden in every run; this takes longer to think it out.
        pytest.param(GenerationMode.NEGATIVE, id="forbidden", marks=pytest.mark.proof),
    ],
)
def test_no_request_the_description_allows_or_forbids_breaks_the_server(served: Served, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", headers={"Host": served.host})
    tried: set[str] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        _ask(operation, mode, served.headers(operation))
        tried.add(operation.label)
    assert len(tried) > 300


def _ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, headers: dict[str, str]) -> None:
    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy(mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers=headers)
        case.validate_response(
            response, checks=[not_a_server_error, response_schema_conformance, content_type_conformance]
        )

    with suppress(Unsatisfiable):  # nothing that is forbidden can be sent to what takes nothing
        holds()


async def test_the_documentation_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert sources
    for source in sources:
        assert (await client.get(source)).status_code == 200, source
