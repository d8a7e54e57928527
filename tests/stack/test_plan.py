"""What is started here, what is not, and where."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from foundation.settings import Settings
from tradewind.processes import LOOPBACK, free_port
from tradewind.stack.plan import STORE_PORT, IncompleteAddress, UnknownService, make_plan
from tradewind.stack.ports import Ports
from tradewind.stack.site import Site, given_variables, read_variables, write_variables


def names(site: Site) -> set[str]:
    return {service.name for service in make_plan(site).services}


def test_an_engine_whose_address_is_given_is_not_started(tmp_path: Path) -> None:
    given = {"TRADEWIND_DATABASE_URL": "postgresql://app:secret@db.example/shop"}
    site = Site.at(tmp_path, given)

    started = names(site)

    assert "valkey" in started
    assert not started & {"postgres", "migrations"}
    assert site.outside == {"postgres": "TRADEWIND_DATABASE_URL"}
    assert site.variables["TRADEWIND_DATABASE_URL"] == given["TRADEWIND_DATABASE_URL"]


def test_without_addresses_every_engine_is_started_and_every_setting_filled(tmp_path: Path) -> None:
    site = Site.at(tmp_path, {})

    assert names(site) >= {"postgres", "valkey", "migrations", "mlflow"}
    fields = {name.removeprefix("TRADEWIND_").lower() for name in site.variables}
    assert fields >= {"database_url", "database_owner_url", "database_relay_url", "redis_url", "objects_url"}
    assert fields - set(Settings.model_fields) == {"dagster_database_url"}


def test_half_a_postgres_is_refused(tmp_path: Path) -> None:
    site = Site.at(tmp_path, {"TRADEWIND_DATABASE_OWNER_URL": "postgresql://owner@db.example/shop"})
    with pytest.raises(IncompleteAddress, match="TRADEWIND_DATABASE_OWNER_URL"):
        make_plan(site)


def test_every_need_is_declared_before_it_is_needed(tmp_path: Path) -> None:
    seen: set[str] = set()
    for service in make_plan(Site.at(tmp_path, {})).services:
        assert seen.issuperset(service.needs)
        seen.add(service.name)


def test_a_part_of_the_stack_brings_what_it_needs(tmp_path: Path) -> None:
    plan = make_plan(Site.at(tmp_path, {}))

    assert {service.name for service in plan.only(["migrations"]).services} == {"migrations", "postgres"}
    with pytest.raises(UnknownService, match="There is no service ghost"):
        plan.only(["ghost"])


def test_a_taken_port_moves_to_the_next_free_one(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as holder:
        taken = holder.getsockname()[1]
        assert Ports(tmp_path / "ports.json").choose("web", taken) > taken


def test_a_port_is_remembered_while_it_is_free_and_replaced_when_it_is_not(tmp_path: Path) -> None:
    book = tmp_path / "ports.json"
    chosen = Ports(book).choose("postgres")
    assert Ports(book).choose("postgres") == chosen
    with socket.create_server((LOOPBACK, chosen)):
        assert Ports(book).choose("postgres") != chosen


def test_two_services_never_get_the_same_port(tmp_path: Path) -> None:
    ports, wanted = Ports(tmp_path / "ports.json"), free_port()
    assert ports.choose("a", wanted) != ports.choose("b", wanted)


def test_the_store_prefers_its_well_known_port(tmp_path: Path) -> None:
    with socket.socket() as probe:
        is_free = probe.connect_ex((LOOPBACK, STORE_PORT)) != 0
    store = make_plan(Site.at(tmp_path, {})).store
    assert (store == f"http://localhost:{STORE_PORT}/") == is_free


def test_stack_env_is_for_its_owner_alone_and_read_by_the_settings(tmp_path: Path) -> None:
    site = Site.at(tmp_path, {})
    make_plan(site)
    write_variables(tmp_path, site.variables)

    assert stat.S_IMODE((tmp_path / "stack.env").stat().st_mode) == 0o600
    settings = Settings(_env_file=tmp_path / "stack.env")
    assert settings.require("database_url", "Postgres") == site.variables["TRADEWIND_DATABASE_URL"]
    assert read_variables(tmp_path) == site.variables


def test_a_sourced_stack_env_names_no_outside_server(tmp_path: Path) -> None:
    write_variables(tmp_path, {"TRADEWIND_REDIS_URL": "redis://:p@127.0.0.1:1/0"})
    environment = {"TRADEWIND_REDIS_URL": "redis://:p@127.0.0.1:1/0", "TRADEWIND_QDRANT_URL": "http://elsewhere"}
    assert given_variables(tmp_path, environment) == {"TRADEWIND_QDRANT_URL": "http://elsewhere"}


def test_an_empty_variable_names_no_server(tmp_path: Path) -> None:
    assert given_variables(tmp_path, {"TRADEWIND_REDIS_URL": ""}) == {}
