"""`tradewind tenant`: a shop from its opening to its end, by the operator's word."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from tests.apart import second_database
from tests.factories import seed_shop
from tradewind.cli import app
from tradewind.errors import StackError
from tradewind.tenants.commands import group

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["second_database"]

ACME = ("--name", "Acme Goods", "--owner", "ada@example.com", "--country", "DE", "--currency", "EUR")


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADEWIND_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", database_urls.app)
    monkeypatch.setenv("TRADEWIND_DATABASE_OWNER_URL", database_urls.owner)
    monkeypatch.setenv("TRADEWIND_OBJECTS_URL", (tmp_path / "objects").as_uri())


def _run(*arguments: str, typed: str | None = None) -> Result:
    result = CliRunner().invoke(group, arguments, input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def _json(*arguments: str) -> Any:
    return json.loads(_run(*arguments, "--json").stdout)


def test_a_shop_is_opened_looked_at_closed_for_a_while_and_opened_again() -> None:
    made = _json("create", "acme", *ACME)
    assert (made["status"], made["api_key"][:4]) == ("active", "twk_")
    assert [(one["slug"], one["status"]) for one in _json("list")] == [("acme", "active")]
    assert "acme is suspended" in _run("suspend", "acme", "--reason", "Not paid.").stdout
    shown = _json("show", "acme")
    assert (shown["status"], shown["history"][0]["reason"], shown["plan"]) == ("suspended", "Not paid.", "Starter")
    assert "acme is active" in _run("resume", "acme").stdout
    assert "Acme Goods" in _run("list").stdout
    assert "Not paid." in _run("show", "acme").stdout


def test_what_can_not_be_is_told_and_nothing_is_made(database_urls: DatabaseUrls) -> None:
    seed_shop(database_urls, "acme")
    for arguments, said in (
        (("create", "acme", *ACME), "tenancy.name_taken"),
        (("create", "-", *ACME), "slug"),
        (("create", "other", *ACME[:-1], "XXX"), "currency"),
        (("suspend", "nobody", "--reason", "x"), "there are: acme"),
        (("resume", "acme"), "tenancy.status_unfit"),
        (("keep", "acme"), "tenancy.status_unfit"),
        (("export", "nobody", "--to", "file"), "there are: acme"),
    ):
        with pytest.raises(StackError, match=said):
            _run(*arguments)
    assert [one["slug"] for one in _json("list")] == ["acme"]
    assert not Path("file").exists()


def test_everything_is_written_into_a_file_that_nobody_else_may_read(database_urls: DatabaseUrls) -> None:
    seed_shop(database_urls, "acme")
    said = _json("export", "acme", "--to", "acme.zip")
    file = Path("acme.zip")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == said["sha256"]
    assert file.stat().st_mode & 0o077 == 0
    archive = zipfile.ZipFile(file)
    assert archive.testzip() is None
    assert len(archive.read("tables/product.jsonl").splitlines()) == 6
    assert sorted(path.name for path in Path().iterdir() if "acme" in path.name) == ["acme.zip"]


def test_a_shop_is_removed_once_it_is_closing_and_its_name_is_typed(database_urls: DatabaseUrls) -> None:
    seed_shop(database_urls, "other")
    seed_shop(database_urls, "acme")
    with pytest.raises(StackError, match="removal_not_due"):
        _run("remove", "acme", "--now", "--typed", "acme")
    assert "everything is deleted at" in _run("close", "acme", "--reason", "They asked.").stdout
    with pytest.raises(StackError, match="removal_not_due"):
        _run("remove", "acme", typed="acme\n")
    with pytest.raises(StackError, match="nothing was removed"):
        _run("remove", "acme", "--now", typed="acne\n")
    assert "acme is active" in _run("keep", "acme").stdout
    _run("close", "acme", "--reason", "They asked again.")

    assert "acme is removed" in _run("remove", "acme", "--now", typed="acme\n").stdout

    assert [one["slug"] for one in _json("list")] == ["other"]
    with psycopg.connect(database_urls.owner) as owner:
        assert owner.execute("SELECT finished_at IS NOT NULL FROM removed_tenant").fetchall() == [(True,)]


def test_a_shop_in_a_database_of_its_own_is_looked_after_by_the_same_commands(
    database_urls: DatabaseUrls, second_database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one command did there is known to the next, without a worker that tells the shared directory."""
    own = {"url": second_database.app, "owner_url": second_database.owner, "relay_url": second_database.relay}
    monkeypatch.setenv("TRADEWIND_DATABASES", json.dumps({"large": own}))
    seed_shop(database_urls, "other")
    acme = seed_shop(database_urls, "acme")

    refused = CliRunner().invoke(group, ("move", "acme", "--to", "large"))
    assert "acme has the plan Starter, to which no database of its own belongs" in str(
        refused.exception or refused.output
    )
    assert [one["database"] for one in _json("list")] == [None, None]
    _run("plan", "acme", "enterprise")
    assert "acme is in large" in _run("move", "acme", "--to", "large").stdout
    assert [(one["slug"], one["database"]) for one in _json("list")] == [("acme", "large"), ("other", None)]
    _run("suspend", "acme", "--reason", "Not paid.")
    assert [one["status"] for one in _json("list")] == ["suspended", "active"]
    shown = _json("show", "acme")
    assert (shown["status"], shown["database"], shown["moving_to"]) == ("suspended", "large", None)
    _run("resume", "acme")
    _run("close", "acme", "--reason", "They asked.")
    assert [one["status"] for one in _json("list")] == ["closing", "active"]
    assert zipfile.ZipFile(_exported("acme")).read("tables/product.jsonl").count(b"\n") == 6
    removed = _json("remove", "acme", "--now", "--typed", "acme")["removed"]

    assert removed["product"] == 6, "those that it left behind"
    assert removed["databases"] > 6
    assert [one["slug"] for one in _json("list")] == ["other"]
    for urls in (database_urls, second_database):
        with psycopg.connect(urls.owner) as owner:
            owner.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(acme.id),))
            assert owner.execute("SELECT count(*) FROM product").fetchone() == (0,)
            assert owner.execute("SELECT FROM tenant WHERE id = %s", (acme.id,)).fetchall() == []


def test_a_database_that_is_away_is_named_and_the_others_are_brought_up_to_date(
    second_database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = {"url": "postgresql://x@127.0.0.1:9/x", "owner_url": "postgresql://x@127.0.0.1:9/x"}
    own = {"url": second_database.app, "owner_url": second_database.owner}
    relayed = {"relay_url": second_database.relay}
    monkeypatch.setenv("TRADEWIND_DATABASES", json.dumps({"away": nobody | relayed, "large": own | relayed}))

    result = CliRunner().invoke(app, ["migrate"])

    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["shared", "large"]
    assert isinstance(result.exception, StackError)
    assert str(result.exception).startswith("away can't be reached:")


def _exported(slug: str) -> Path:
    _run("export", slug, "--to", f"{slug}.zip")
    return Path(f"{slug}.zip")
