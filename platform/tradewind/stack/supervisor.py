"""Starts services in the order of their needs, watches them, restarts what crashes, and stops all of them.

One thread runs the show, so that a child's life can be tied to it; slow questions (is it up? make its files) are asked
by a pool beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tradewind.processes import kill_group, spawn, tail
from tradewind.stack import guard as guard_module
from tradewind.stack.service import Service

TICK = 0.05
PROBE_EVERY = 0.1
QUICK = 60.0
MAX_QUICK_CRASHES = 5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
LAST_LINES = 20


class State(StrEnum):
    """Where a service is in its life."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    PROVISIONING = "provisioning"
    READY = "ready"
    CRASHED = "crashed"
    STOPPED = "stopped"


class Reporter(Protocol):
    """Whom the supervisor tells what happens."""

    def ready(self, service: Running) -> None:
        """A service is ready."""

    def crashed(self, service: Running, reason: str, last_lines: str, pause: float) -> None:
        """A service ended by itself and is started again after `pause` seconds."""

    def gave_up(self, sentence: str, last_lines: str) -> None:
        """The stack stops, because of this."""

    def changed(self, services: Sequence[Running]) -> None:
        """The state of some service is another than before."""


@dataclass(slots=True)
class Running:
    """A service and where it is in its life."""

    service: Service
    log: Path
    state: State = State.WAITING
    process: subprocess.Popen[bytes] | None = None
    crashes: int = 0
    since: float = 0.0
    """When it got into its state, on the monotonic clock."""
    ready_after: float = 0.0
    """Seconds from its start until it was ready."""
    asked: Future[bool] | None = None
    """A question the pool has not answered yet."""
    recent: deque[float] = field(default_factory=deque)
    """When it crashed lately."""
    wake_at: float = 0.0

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name


class Supervisor:
    """Runs services until it is told to stop or one of them can't be kept up."""

    def __init__(
        self, services: Sequence[Service], logs: Path, reporter: Reporter, *, held: Sequence[int] = ()
    ) -> None:
        self.services = {service.name: Running(service, logs / f"{service.name}.log") for service in services}
        self.problem: str | None = None
        self._reporter = reporter
        self._held = held
        self._stop = threading.Event()
        self._guard: subprocess.Popen[bytes] | None = None
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")
        self._last_seen: list[State] = []
        unknown = {need for service in services for need in service.needs} - self.services.keys()
        if unknown:
            raise ValueError(f"Needed, but not declared: {', '.join(sorted(unknown))}")

    def request_stop(self) -> None:
        """Have `run` stop everything and return. Safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Keep the services up until told to stop; `problem` says why, when it had to stop by itself."""
        self._guard = _start_guard(self._held)
        try:
            while not self._stop.wait(TICK):
                for running in self.services.values():
                    self._advance(running)
                self._notice_changes()
        finally:
            self._stop_all()

    @property
    def all_ready(self) -> bool:
        """Whether every service is ready."""
        return all(running.state is State.READY for running in self.services.values())

    def _advance(self, running: Running) -> None:
        """Take a service one step further in its life."""
        status = running.process.poll() if running.process else None
        if status is not None:
            self._ended(running, status)
            return
        match running.state:
            case State.WAITING:
                if all(self.services[need].state is State.READY for need in running.service.needs):
                    self._begin(running)
            case State.PREPARING:
                self._when_answered(running, lambda _: self._start(running))
            case State.STARTING:
                self._ask_whether_ready(running)
            case State.PROVISIONING:
                self._when_answered(running, lambda _: self._became_ready(running))
            case State.CRASHED:
                if time.monotonic() >= running.wake_at:
                    self._begin(running)
            case _:
                pass

    def _begin(self, running: Running) -> None:
        self._enter(running, State.PREPARING)
        running.asked = self._ask(running.service.prepare)

    def _start(self, running: Running) -> None:
        launch = running.service.launch()
        running.process = spawn(launch, running.log)
        self._tell_guard(f"+{running.process.pid} {int(launch.stop_signal)}")
        self._enter(running, State.STARTING)
        running.wake_at = 0.0

    def _ask_whether_ready(self, running: Running) -> None:
        service, now = running.service, time.monotonic()
        if service.ends:
            return
        if now - running.since > service.start_within:
            self._crash(running, f"did not answer within {service.start_within:.0f} s")
        elif running.asked is not None:
            self._when_answered(running, lambda yes: self._answered(running, yes))
        elif service.ready is None:
            self._answered(running, now - running.since >= service.settle)
        elif now >= running.wake_at:
            running.asked = self._pool.submit(service.ready)

    def _answered(self, running: Running, yes: bool) -> None:
        if yes:
            running.ready_after = time.monotonic() - running.since
            self._enter(running, State.PROVISIONING)
            running.asked = self._ask(running.service.provision)
        else:
            running.wake_at = time.monotonic() + PROBE_EVERY

    def _became_ready(self, running: Running) -> None:
        self._enter(running, State.READY)
        self._reporter.ready(running)

    def _ended(self, running: Running, status: int) -> None:
        if running.service.ends and status == 0:
            self._forget_process(running)
            running.ready_after = time.monotonic() - running.since
            self._became_ready(running)
        else:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            self._crash(running, how)

    def _crash(self, running: Running, reason: str) -> None:
        """Clear away a service that is down or useless, and plan its next start."""
        self._forget_process(running)
        now = time.monotonic()
        running.crashes += 1
        running.recent.append(now)
        while running.recent[0] < now - QUICK:
            running.recent.popleft()
        last_lines = tail(running.log, LAST_LINES)
        if len(running.recent) >= MAX_QUICK_CRASHES:
            sentence = f"{running.name} {reason}, {len(running.recent)} times within a minute; its log is {running.log}"
            self.problem = sentence
            self._reporter.gave_up(sentence, last_lines)
            self._stop.set()
            return
        pause = min(FIRST_PAUSE * 2 ** (len(running.recent) - 1), LONGEST_PAUSE)
        running.wake_at = now + pause
        self._enter(running, State.CRASHED)
        self._reporter.crashed(running, reason, last_lines, pause)

    def _forget_process(self, running: Running) -> None:
        """End what is left of a process and its group."""
        running.asked = None
        if running.process is not None:
            kill_group(running.process.pid)
            running.process.wait()
            self._tell_guard(f"-{running.process.pid}")
            running.process = None

    def _ask(self, question: Callable[[], None]) -> Future[bool]:
        def answer() -> bool:
            question()
            return True

        return self._pool.submit(answer)

    def _when_answered(self, running: Running, then: Callable[[bool], None]) -> None:
        """Go on once the pool has answered; an exception there is a crash of the service."""
        asked = running.asked
        if asked is None or not asked.done():
            return
        running.asked = None
        error = asked.exception()
        if error is None:
            then(asked.result())
        else:
            self._crash(running, f"could not start: {error}")

    def _enter(self, running: Running, state: State) -> None:
        running.state = state
        running.since = time.monotonic()

    def _notice_changes(self) -> None:
        now = [running.state for running in self.services.values()]
        if now != self._last_seen:
            self._last_seen = now
            self._reporter.changed(list(self.services.values()))

    def _stop_all(self) -> None:
        """Stop what nothing running needs any more, until nothing is left: the reverse of the order of starting."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        asked_at: dict[str, float] = {}
        while up := [(running, running.process) for running in self.services.values() if running.process]:
            needed = {need for running, _ in up for need in running.service.needs}
            for running, process in up:
                self._stop_one(running, process, asked_at, is_needed=running.name in needed)
            time.sleep(TICK / 2)
        for running in self.services.values():
            self._enter(running, State.STOPPED)
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait()
        self._notice_changes()

    def _stop_one(
        self, running: Running, process: subprocess.Popen[bytes], asked_at: dict[str, float], *, is_needed: bool
    ) -> None:
        now = time.monotonic()
        if process.poll() is not None:
            self._forget_process(running)
        elif running.name not in asked_at:
            if not is_needed:
                asked_at[running.name] = now
                process.send_signal(running.service.launch().stop_signal)
        elif now - asked_at[running.name] > running.service.stop_within:
            kill_group(process.pid)

    def _tell_guard(self, line: str) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        try:
            self._guard.stdin.write(f"{line}\n".encode())
            self._guard.stdin.flush()
        except BrokenPipeError:
            self._replace_guard()

    def _replace_guard(self) -> None:
        """Start another guard in place of a dead one, and tell it whom to guard."""
        self._guard = _start_guard(self._held)
        for running in self.services.values():
            if running.process is not None:
                self._tell_guard(f"+{running.process.pid} {int(running.service.launch().stop_signal)}")


def _start_guard(held: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(guard_module.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=os.sep,
        pass_fds=tuple(held),
        start_new_session=True,
    )
