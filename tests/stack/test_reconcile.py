"""`tradewind reconcile` says what it found, and in a sentence why it could not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from commerce.payments.providers import Settled, TestProvider
from foundation.ids import new_id
from tests.factories import seed_shop
from tradewind import cli
from tradewind.reconciling import NotReconciled

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


class Reporter(TestProvider):
    async def settlements(self, tenant_id: Any, day: Any) -> Any:
        yield Settled(f"line_{day}", f"pi_{new_id()}", "capture", 100, 3, "USD", day)


@pytest.fixture
def asked(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Any:
    seed_shop(database_urls, "grocer")
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", database_urls.app)
    monkeypatch.setattr("commerce.payments.providers.registry._made", lambda *_: [Reporter()])
    return lambda *arguments: CliRunner().invoke(cli.app, ["reconcile", *arguments])


def test_it_says_what_each_provider_reported(asked: Any) -> None:
    for said in ("test: 1 lines, 1 new, 1 new exceptions", "test: 1 lines, 0 new, 0 new exceptions"):
        done = asked("--tenant", "grocer")
        assert (done.exit_code, done.output.strip()) == (0, said), done.output
    assert "1 new," in asked("--tenant", "grocer", "--day", "2026-01-02", "--provider", "test").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tenant", "nobody"], "There is no shop 'nobody'"),
        (["--tenant", "grocer", "--provider", "nobody"], "does not take payments that way"),
        (["--tenant", "grocer", "--day", str(YESTERDAY + timedelta(days=1))], "when it is over"),
    ],
)
def test_it_says_why_it_could_not(asked: Any, arguments: list[str], said: str) -> None:
    failed = asked(*arguments)
    assert isinstance(failed.exception, NotReconciled)
    assert said in str(failed.exception)


def test_a_day_that_is_none_is_refused(asked: Any) -> None:
    assert asked("--tenant", "grocer", "--day", "soon").exit_code == 2
