"""The embedded Valkey."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
import redis

from tradewind.engines.valkey import ONCE, ValkeyServer

pytestmark = pytest.mark.embedded


def test_writes_older_than_a_second_survive_kill_9(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path / "data") as server:
        with redis.Redis.from_url(server.url()) as client:
            client.set("kept", "yes")
        time.sleep(1.2)
        server.kill()

        server.start()

        with redis.Redis.from_url(server.url()) as client:
            assert client.get("kept") == b"yes"


def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path / "data") as server:
        with redis.Redis(port=server.port, retry=ONCE) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        assert stat.S_IMODE((server.data_dir / "valkey.conf").stat().st_mode) == 0o600
