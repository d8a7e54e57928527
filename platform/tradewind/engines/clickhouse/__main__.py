"""`python -m tradewind.engines.clickhouse`: serve a directory until SIGTERM or SIGINT, then close it and leave."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

import uvicorn

from tradewind.engines.clickhouse.errors import AlreadyServed
from tradewind.engines.clickhouse.request import Credentials

# The engine reads the zone as it is loaded; a server's days are those of UTC, wherever the machine stands.
os.environ["TZ"] = "UTC"
from tradewind.engines.clickhouse.engine import Engine
from tradewind.engines.clickhouse.server import create_app


def main() -> None:
    """Read the command line and serve in the foreground; `GET /ping` answers once the engine is up."""
    parser = argparse.ArgumentParser(prog="python -m tradewind.engines.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="directory of the databases; made if absent")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password-file", type=Path, required=True, help="file that holds the user's password")
    parser.add_argument("--reader", default="tradewind_reader", help="user who reads for one tenant at a time")
    parser.add_argument("--reader-password-file", type=Path, help="file that holds that user's password")
    parser.add_argument("--threads", type=int, help="threads a query may use; as many as there are cores by default")
    options = parser.parse_args()

    logins = [(options.user, options.password_file), (options.reader, options.reader_password_file)]
    given = [Credentials(user, file.read_text().strip()) for user, file in logins if file is not None]
    for credentials, (_, file) in zip(given, logins, strict=False):
        if not credentials.password:
            parser.error(f"{file} is empty")
    engine = Engine(options.path, options.threads)
    try:
        engine.open()
    except AlreadyServed as served:
        sys.exit(str(served))
    # The server raises the signal that stopped it once more when it is done, to die of it; a clean stop exits with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.run(
        create_app(engine, *given),
        # uvloop closes the descriptor of a pipe twice; by the second time it may be another thread's socket or part.
        loop="asyncio",
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
