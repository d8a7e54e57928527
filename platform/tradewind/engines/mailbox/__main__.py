"""`python -m tradewind.engines.mailbox`: takes mails by SMTP and shows them on a page, on loopback only."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session

from tradewind.engines.mailbox.app import create_app
from tradewind.engines.mailbox.store import Store
from tradewind.processes import LOOPBACK

LARGEST = 10 * 2**20


class Letterbox:
    """What aiosmtpd calls with every mail."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        content = envelope.content or b""
        self._store.add_mail(content if isinstance(content, bytes) else content.encode())
        return "250 Kept"


async def serve(folder: Path, *, smtp_port: int, port: int, token: str) -> None:
    """Take mails and show them until it is told to stop."""
    store = Store(folder)

    def made() -> SMTP:
        return SMTP(Letterbox(store), data_size_limit=LARGEST, enable_SMTPUTF8=True)

    taking = await asyncio.get_running_loop().create_server(made, LOOPBACK, smtp_port)
    config = uvicorn.Config(
        create_app(store, token), host=LOOPBACK, port=port, log_level="warning", access_log=False, lifespan="off"
    )
    async with taking:
        await uvicorn.Server(config).serve()


def main() -> None:
    """Read the command line and serve in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m tradewind.engines.mailbox", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="where messages are kept")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True, help="of the page")
    parser.add_argument("--token-file", type=Path, required=True, help="the password of whoever sends text messages")
    options = parser.parse_args()
    token = options.token_file.read_text(encoding="utf-8").strip()
    asyncio.run(serve(options.path, smtp_port=options.smtp_port, port=options.port, token=token))


if __name__ == "__main__":
    main()
