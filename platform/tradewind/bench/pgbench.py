"""pgbench, from the embedded server's own binaries, with the latency of every transaction."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tradewind.bench.figures import Figures, figures
from tradewind.bench.load import WARM_UP
from tradewind.engines.postgres_binaries import programs
from tradewind.errors import StackError

THREADS = 1
"""pgbench shares the cores with the server; one thread drives all its clients."""


class PgbenchFailed(StackError):
    """A script didn't run; the message is pgbench's."""


def run(
    url: str,
    scripts: Sequence[str],
    *,
    clients: int,
    seconds: int | None = None,
    each: int | None = None,
    given: Mapping[str, int] | None = None,
) -> Figures:
    """`clients` connections running one of `scripts` at random, statements prepared once a connection.

    They run for so many `seconds`, or so many transactions `each`. The variables `given` are every client's own to
    begin with.

    Raises:
        PgbenchFailed: the server refused a script.
    """
    parts = urlsplit(url)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, script in enumerate(scripts):
            file = Path(folder, f"{number}.sql")
            file.write_text(script)
            files += ["-f", str(file)]
        command = [
            str(programs(None) / "pgbench"),
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={THREADS}",
        ]
        command += [f"--time={(seconds or 0) + WARM_UP:.0f}" if each is None else f"--transactions={each}"]
        command += [f"--define={name}={value}" for name, value in (given or {}).items()]
        command += ["--log", f"--log-prefix={folder}/log", *files]
        command += [
            "-h",
            parts.hostname or "",
            "-p",
            str(parts.port),
            "-U",
            parts.username or "",
            parts.path.strip("/"),
        ]
        done = subprocess.run(
            command, env={"PGPASSWORD": unquote(parts.password or "")}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PgbenchFailed(f"pgbench: {done.stderr.strip()[-2000:]}")
        lines = [line for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
    return figures(clients, *latencies(lines))


def latencies(lines: Iterable[str]) -> tuple[list[float], float]:
    """The milliseconds of each transaction in pgbench's log, and the seconds in which they were done.

    What ends while the connections still prepare and plan is left out, as the load on our own side leaves it out.
    """
    rows = [line.split() for line in lines]
    # client, number, microseconds, script, and the second and microsecond in which it ended; a skipped one has no time.
    took = [(float(row[4]) + float(row[5]) / 1e6, int(row[2])) for row in rows if row and row[2].isdigit()]
    if not took:
        return [], 0.0
    begun, over = min(end - micros / 1e6 for end, micros in took), max(end for end, _ in took)
    warm = begun + min(WARM_UP, (over - begun) / 4)
    return [micros / 1000 for end, micros in took if end > warm], over - warm
