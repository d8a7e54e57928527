"""`tradewind up` and `tradewind down`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tradewind.errors import StackError
from tradewind.processes import Launch, is_alive, spawn, tail
from tradewind.stack.lock import AlreadyRunning, claim, is_running
from tradewind.stack.plan import Plan, make_plan
from tradewind.stack.site import Site, given_variables, remove_variables, write_variables
from tradewind.stack.state import Phase, ServiceState, StackState
from tradewind.stack.supervisor import Reporter, Running, Supervisor

LOG = "tradewind.log"


class StackFailed(StackError):
    """The stack did not come up, or could not be kept up; the message says why."""


def up(var: Path, reporter: Reporter, *, only: Sequence[str] = ()) -> None:
    """Run the stack in this process until it is told to stop (Ctrl-C, SIGTERM, `tradewind down`).

    With `only`, run these services and what they need.

    Raises:
        AlreadyRunning: when another process runs it.
        StackFailed: when a service could not be kept up; everything is stopped then.
    """
    with claim(var) as processes_lock:
        site = Site.at(var, given_variables(var))
        plan = make_plan(site)
        if only:
            plan = plan.only(only)
        state = _Recorder(var, plan, site, reporter)
        supervisor = Supervisor(plan.services, var / "log", state, held=[processes_lock])
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, lambda *_: _request_stop(supervisor, state))
        write_variables(var, site.variables)
        try:
            supervisor.run()
        finally:
            remove_variables(var)
            state.stopped(supervisor.problem)
        if supervisor.problem:
            raise StackFailed(supervisor.problem)


def up_detached(
    var: Path, *, only: Sequence[str] = (), timeout: float = 180.0, tick: Callable[[StackState], None] = lambda _: None
) -> StackState:
    """Run the stack in a process of its own and wait until every service is ready.

    Raises:
        AlreadyRunning: when it runs.
        StackFailed: when it ended instead, with the last lines it wrote.
    """
    if is_running(var):
        raise AlreadyRunning(StackState.read(var))
    process = start_supervisor(var, outlives_us=True, only=only)
    return wait_until_up(var, process, timeout=timeout, tick=tick)


def start_supervisor(var: Path, *, outlives_us: bool, only: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start `tradewind up` in a session of its own, its output in the stack's log."""
    log = var / "log" / LOG
    log.unlink(missing_ok=True)
    chosen = [part for name in only for part in ("--only", name)]
    launch = Launch([sys.executable, "-m", "tradewind", "up", "--var-dir", str(var), *chosen])
    return spawn(launch, log, outlives_us=outlives_us)


def wait_until_up(
    var: Path,
    process: subprocess.Popen[bytes],
    *,
    timeout: float = 180.0,
    tick: Callable[[StackState], None] = lambda _: None,
) -> StackState:
    """The state of the stack that `process` runs, once every service is ready; `tick` sees it on the way.

    Raises:
        StackFailed: when it ended instead or took longer than `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        state = StackState.read(var)
        if state.pid == process.pid:
            tick(state)
            if state.phase == Phase.RUNNING:
                return state
        if process.poll() is not None:
            raise StackFailed(f"The stack did not start:\n{tail(var / 'log' / LOG, 30)}")
        if time.monotonic() > deadline:
            raise StackFailed(f"The stack was not up after {timeout:.0f} s; see `tradewind status`.")
        time.sleep(0.1)


def down(var: Path, *, patience: float = 60.0) -> bool:
    """Stop the stack in `var` and wait until all its processes are gone; False when none ran.

    Raises:
        StackFailed: when it is still there after `patience` seconds.
    """
    if not is_running(var):
        return False
    pid = StackState.read(var).pid
    if is_alive(pid):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while is_running(var):
        if time.monotonic() > deadline:
            raise StackFailed(f"The stack (process {pid}) did not stop within {patience:.0f} s.")
        time.sleep(0.1)
    return True


def _request_stop(supervisor: Supervisor, state: _Recorder) -> None:
    state.stopping()
    supervisor.request_stop()


class _Recorder:
    """Writes what happens to `stack.json` and passes it on."""

    def __init__(self, var: Path, plan: Plan, site: Site, reporter: Reporter) -> None:
        self._var = var
        self._reporter = reporter
        self._state = StackState(
            pid=os.getpid(),
            phase=Phase.STARTING,
            address=plan.store,
            outside=dict(site.outside),
            addresses=plan.addresses(),
        )
        self._state.write(var)

    def ready(self, service: Running) -> None:
        self._reporter.ready(service)

    def crashed(self, service: Running, reason: str, last_lines: str, pause: float) -> None:
        self._reporter.crashed(service, reason, last_lines, pause)

    def gave_up(self, sentence: str, last_lines: str) -> None:
        self._reporter.gave_up(sentence, last_lines)

    def changed(self, services: Sequence[Running]) -> None:
        self._state.services = {
            running.name: ServiceState(
                state=running.state,
                pid=running.process.pid if running.process else None,
                address=running.service.address,
                crashes=running.crashes,
                log=str(running.log),
            )
            for running in services
        }
        if self._state.phase == Phase.STARTING and all(s.state == "ready" for s in self._state.services.values()):
            self._state.phase = Phase.RUNNING
        self._state.write(self._var)
        self._reporter.changed(services)

    def stopping(self) -> None:
        self._state.phase = Phase.STOPPING

    def stopped(self, problem: str | None) -> None:
        self._state.phase = Phase.STOPPED
        self._state.problem = problem
        self._state.write(self._var)
