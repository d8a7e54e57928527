"""What takes a message to its recipient: SMTP for mails, Twilio for text messages, a log where neither is set up."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
import httpx
import structlog

from commerce.notifications.rendering import Rendered
from foundation import clock
from foundation.settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT = 15.0
_LOGO = "logo"
LOGO_AT = f"cid:{_LOGO}"
"""Where a mail's words find the logo that comes along with it (RFC 2392)."""
TWILIO = "https://api.twilio.com"


class NotDelivered(Exception):
    """It could not be handed over; it may be tried again."""


class Undeliverable(NotDelivered):
    """It can't be handed over, now or later."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a mail says beside its words."""

    message_id: UUID
    """The same at every try, so that whoever gets it twice can tell."""
    sender: str
    """The shop's name."""
    recipient: str
    logo: bytes | None = None
    """A PNG that the words show at `LOGO_AT`."""


class Mail(Protocol):
    """Something that takes mails."""

    async def send(self, head: Letterhead, words: Rendered) -> None:
        """Hand a mail over.

        Raises:
            NotDelivered, Undeliverable.
        """


class Texts(Protocol):
    """Something that takes text messages."""

    async def send(self, recipient: str, words: str) -> None:
        """Hand a text message over.

        Raises:
            NotDelivered, Undeliverable.
        """


class Smtp:
    """A mail server: `smtp://user:password@host:587`, with TLS from STARTTLS on, or `smtps://...:465`.

    Only a server on this very machine may do without TLS.
    """

    def __init__(self, url: str, mail_from: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or parts.hostname is None:
            raise ValueError("a mail server is smtp://host:port or smtps://host:port")
        self._host, self._from = parts.hostname, mail_from
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._is_tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None

    async def send(self, head: Letterhead, words: Rendered) -> None:
        """Hand a mail over."""
        try:
            await aiosmtplib.send(
                self.written(head, words),
                sender=self._from,
                recipients=[head.recipient],
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._is_tls,
                start_tls=not self._is_tls and not _is_here(self._host),
                timeout=TIMEOUT,
            )
        except aiosmtplib.SMTPRecipientsRefused as fault:
            codes = [refused.code for refused in fault.recipients]
            raise (Undeliverable if min(codes) >= 500 else NotDelivered)(f"refused: {codes}") from fault
        except aiosmtplib.SMTPAuthenticationError as fault:
            raise NotDelivered(f"the mail server lets us in no more: {fault.code}") from fault
        except aiosmtplib.SMTPResponseException as fault:
            raise (Undeliverable if fault.code >= 500 else NotDelivered)(f"refused: {fault.code}") from fault
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise NotDelivered(type(fault).__name__) from fault
        except ValueError as fault:  # an address that can't be written in a header
            raise Undeliverable("the address can't be written") from fault

    def written(self, head: Letterhead, words: Rendered) -> EmailMessage:
        """A mail as it is handed over."""
        mail = EmailMessage()
        local, _, domain = self._from.rpartition("@")
        mail["From"] = Address(" ".join(head.sender.split()), local, domain)
        mail["To"] = head.recipient
        mail["Subject"] = words.subject
        mail["Date"] = format_datetime(clock.now())
        mail["Message-ID"] = f"<{head.message_id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(words.text)
        mail.add_alternative(words.html, subtype="html")
        if head.logo is not None:
            _, html = mail.iter_parts()
            html.add_related(head.logo, "image", "png", cid=f"<{_LOGO}>", disposition="inline")
        return mail


class Twilio:
    """Twilio's REST API: one POST a message."""

    def __init__(self, client: httpx.AsyncClient, account: str, token: str, sender: str, base: str = TWILIO) -> None:
        self._client = client
        self._address = f"{base.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
        self._auth = httpx.BasicAuth(account, token)
        self._sender = sender

    async def send(self, recipient: str, words: str) -> None:
        """Hand a text message over."""
        form = {"To": recipient, "From": self._sender, "Body": words}
        try:
            answer = await self._client.post(self._address, data=form, auth=self._auth, timeout=TIMEOUT)
        except httpx.HTTPError as fault:
            raise NotDelivered(type(fault).__name__) from fault
        if answer.is_success:
            return
        is_final = answer.status_code in {400, 404}
        raise (Undeliverable if is_final else NotDelivered)(f"Twilio answered {answer.status_code}")


class Console:
    """The log of a developer's own machine, for both."""

    async def send(self, head: Letterhead | str, words: Rendered | str) -> None:
        """Write a message to the log."""
        recipient = head if isinstance(head, str) else head.recipient
        log.info("message.written", to=recipient, words=words if isinstance(words, str) else words.text)


class Nobody:
    """Where nothing is set up in production: what is to be sent waits."""

    async def send(self, head: Letterhead | str, words: Rendered | str) -> None:  # noqa: ARG002
        """Say that there is nobody."""
        raise NotDelivered("nothing is set up to send it")


def mail_of(settings: Settings) -> Mail:
    """Who takes mails."""
    if settings.smtp_url is not None:
        return Smtp(settings.smtp_url.get_secret_value(), settings.mail_from)
    return Nobody() if settings.environment == "production" else Console()


def texts_of(settings: Settings, client: httpx.AsyncClient) -> Texts:
    """Who takes text messages."""
    account, token, sender = settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from
    if account is not None and token is not None and sender is not None:
        return Twilio(client, account, token.get_secret_value(), sender, settings.twilio_api_base or TWILIO)
    return Nobody() if settings.environment == "production" else Console()


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
