"""What arrived, a file each: `.eml` for a mail as it came, `.json` for a text message."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

KEPT = 1_000
_NAME = re.compile(r"^\d{17}-[0-9a-f]{8}\.(?:eml|json)$")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as somebody reads it."""

    name: str
    channel: str
    """`email` or `sms`."""
    at: datetime
    sender: str
    recipient: str
    subject: str
    text: str
    html: str | None


class Store:
    """A folder of messages; the oldest go when there are too many."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def add_mail(self, raw: bytes) -> None:
        """Keep a mail."""
        self._write("eml", raw)

    def add_text(self, *, sender: str, recipient: str, words: str) -> str:
        """Keep a text message, and say under what name."""
        message = {"from": sender, "to": recipient, "text": words}
        return self._write("json", json.dumps(message, ensure_ascii=False).encode())

    def all(self) -> list[Arrived]:
        """Every message, the last first."""
        return [self._read(path) for path in self._paths()]

    def find(self, name: str) -> Arrived | None:
        """One message."""
        path = self._folder / name
        return self._read(path) if _NAME.match(name) and path.is_file() else None

    def clear(self) -> None:
        """Throw all of it away."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> Iterator[Path]:
        return iter(sorted((path for path in self._folder.iterdir() if _NAME.match(path.name)), reverse=True))

    def _write(self, kind: str, content: bytes) -> str:
        name = f"{time.time_ns() // 100:017}-{secrets.token_hex(4)}.{kind}"
        draft = self._folder / f".{name}"
        draft.write_bytes(content)
        draft.rename(self._folder / name)
        for old in list(self._paths())[KEPT:]:
            old.unlink(missing_ok=True)
        return name

    def _read(self, path: Path) -> Arrived:
        at = datetime.fromtimestamp(int(path.name[:17]) / 10_000_000, UTC)
        if path.suffix == ".json":
            said = json.loads(path.read_bytes())
            return Arrived(path.name, "sms", at, said["from"], said["to"], "", said["text"], None)
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        return Arrived(
            name=path.name,
            channel="email",
            at=at,
            sender=str(mail["From"] or ""),
            recipient=str(mail["To"] or ""),
            subject=str(mail["Subject"] or ""),
            text=_part(mail, "plain") or "",
            html=_with_pictures(mail, _part(mail, "html")),
        )


def _with_pictures(mail: EmailMessage, html: str | None) -> str | None:
    """HTML with the pictures that come along (RFC 2392) in place of the addresses by which it asks for them."""
    if html is None:
        return None
    for part in mail.walk():
        if part.get_content_maintype() == "image" and part["Content-ID"]:
            body = base64.b64encode(part.get_content()).decode()
            named = str(part["Content-ID"]).strip("<>")
            html = html.replace(f'"cid:{named}"', f'"data:{part.get_content_type()};base64,{body}"')
    return html


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else None
