"""Providers' stand-ins on one loopback port a module: a test says which by a fixture `stand_in`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from tests.commerce.providers.peers.loopback import Watched, served


@pytest.fixture(scope="module")
def loopback() -> Iterator[tuple[Watched, str]]:
    """Whatever stands in just now, and its address."""
    watched = Watched(Starlette())
    with served(watched) as url:
        yield watched, url


@pytest.fixture
def peer(stand_in: Starlette, loopback: tuple[Watched, str]) -> Watched:
    """What the stand-in was asked, and what goes wrong with it: nothing yet."""
    watched, _ = loopback
    watched.app = stand_in
    watched.asked.clear()
    watched.faults.clear()
    return watched
