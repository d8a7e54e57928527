"""Starting a process so that it can be found, stopped, and never outlives whoever started it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group a process runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything needed to start a process."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of whoever starts it."""
    directory: Path | None = None
    account: Account | None = None
    """Whom to become; only root can."""
    stop_signal: signal.Signals = signal.SIGTERM


def spawn(launch: Launch, log: Path, *, outlives_us: bool = False) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`.

    Unless it `outlives_us`, on Linux it gets its stop signal when the calling *thread* ends: call it from a thread that
    lives as long as the process should.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    account = launch.account
    with log.open("ab") as output:
        return subprocess.Popen(
            list(launch.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **launch.environment},
            cwd=launch.directory,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            start_new_session=True,
            preexec_fn=None if outlives_us else _die_with_parent(launch.stop_signal),  # noqa: PLW1509  (one system call, resolved before)
        )


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """The hook that ties a child's life to ours. It runs after the change of user, which would undo it."""
    if _libc is None:
        return None
    prctl, parent = _libc.prctl, os.getpid()

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)

    return hook


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, *, patience: float) -> int:
    """Ask a process to end, kill its whole group after `patience` seconds, and give its exit status."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
    return process.wait()


def kill_group(pgid: int, sig: signal.Signals = signal.SIGKILL) -> bool:
    """Signal every process of a group; False when there was none left."""
    try:
        os.killpg(pgid, sig)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers EPERM for a group of which only a zombie is left.
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether a process of that id exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log; empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - lines * 400))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on that loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
