"""`python -m tradewind.engines.qdrant`: serve a directory until SIGTERM or SIGINT, then flush it and leave."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

import uvicorn

from tradewind.engines.qdrant.server import create_app
from tradewind.engines.qdrant.store import Store


def main() -> None:
    """Read the command line and serve in the foreground; `GET /readyz` answers once every collection is open."""
    parser = argparse.ArgumentParser(prog="python -m tradewind.engines.qdrant", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="directory of the collections; made if absent")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, help="file that holds the key; without it everyone is let in")
    options = parser.parse_args()

    key = options.api_key_file.read_text().strip() if options.api_key_file else None
    if key == "":
        parser.error(f"{options.api_key_file} is empty")
    # The server raises the signal that stopped it once more when it is done, to die of it; a clean stop exits with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.run(
        create_app(Store(options.path), key),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
