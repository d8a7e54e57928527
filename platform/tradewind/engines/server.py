"""What the servers we run ourselves share: a folder, a port, passwords, and a life that starts and ends."""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tradewind.errors import StackError
from tradewind.passwords import Passwords
from tradewind.processes import Launch, free_port, spawn, stop, tail

_TRIES = 8


class ServerFailed(StackError):
    """A server did not come up; the message ends with its own last words."""


class LocalServer(ABC):
    """A server of a local stack, run under a supervisor (by `launch`) or on its own (`with Server(folder) as server:`).

    With `port` 0 a free one is taken at the start. The passwords are kept in `passwords.json` beside the data, and its
    output in a log beside them, unless given.
    """

    name: ClassVar[str]

    def __init__(
        self, data_dir: Path, port: int = 0, *, passwords: Passwords | None = None, log: Path | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.log = log or self.data_dir.with_name(f"{self.name}.log")
        self._passwords = passwords or Passwords(self.data_dir.with_name("passwords.json"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def prepare(self) -> None:
        """Make its files when there are none, and clear away what a killed server left. No server may be running.

        Raises:
            ServerFailed: when they can't be made.
        """

    @abstractmethod
    def launch(self) -> Launch:
        """How to start its process, once prepared."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves now."""

    def provision(self) -> None:
        """Create what its users need in it, once it answers; what is there already is left."""
        return

    @property
    def pid(self) -> int | None:
        """Its process id while it runs under this object."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, *, timeout: float = 60.0) -> None:
        """Start it, wait until it answers, and provision it.

        What is left of a server killed a moment ago may still be letting go of its memory or port, so a start that
        fails is tried again a few times.

        Raises:
            ServerFailed: when it is not up after `timeout` seconds; with the end of its log.
        """
        self.port = self.port or free_port()
        self.prepare()
        self._process = spawn(self.launch(), self.log)
        deadline, exits = time.monotonic() + timeout, 0
        while not self.answers():
            if self.pid is None and exits < _TRIES:
                exits += 1
                time.sleep(0.5)
                self._process = spawn(self.launch(), self.log)
            elif self.pid is None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} did not come up:\n{tail(self.log)}")
            time.sleep(0.02)
        self.provision()

    def stop(self) -> None:
        """End every session and shut down cleanly; what was acknowledged is on the disk."""
        if self._process is not None:
            stop(self._process, self.launch().stop_signal, patience=30)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
