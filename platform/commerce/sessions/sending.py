"""Sending a secret to an address that somebody has typed, so that nothing says whether it is known here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.http import Core
from commerce.identity import accounts, proofs
from commerce.identity.proofs import Purpose
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.sessions import guarding
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
from foundation import clock, sealing
from foundation.database import Tx

EVENLY_SECONDS = 0.3
"""How long it takes at least to say that something is sent. What is done for an address that is known and for one that
isn't differs by milliseconds; both are over by then."""


@asynccontextmanager
async def evenly() -> AsyncIterator[None]:
    """Take no less than so long, whatever becomes of it."""
    floor = asyncio.ensure_future(asyncio.sleep(EVENLY_SECONDS))
    try:
        yield
    finally:
        await floor


@dataclass(frozen=True, slots=True)
class Sent:
    """A code that is on its way."""

    id: UUID
    """To be shown with it."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """Something to be sent, for a request."""

    core: Core
    shop: Shop
    asking: Asking

    async def count_mail(self, email: str) -> None:
        """Count a mail that is to be sent to an address.

        Raises:
            TooManyAttempts.
        """
        async with self.core.database.tx(self.shop.id, read_only=True) as tx:
            known = await accounts.credentials(tx, email)
        await self._count(known.account_id if known else None, accounts.email_digest(self.shop.id, email))

    async def count_text(self, phone: str) -> None:
        """Count a text message that is to be sent to a number in E.164.

        Raises:
            TooManyAttempts.
        """
        async with self.core.database.tx(self.shop.id, read_only=True) as tx:
            known = await accounts.by_phone(tx, phone)
        await self._count(known.id if known else None, accounts.phone_digest(self.shop.id, phone), texts=True)

    async def _count(self, account_id: UUID | None, digest: bytes, *, texts: bool = False) -> None:
        async with self.core.database.tx(self.shop.id, read_only=True) as tx:
            tries = await guarding.sending(tx, account_id, self.asking.browser, digest, texts=texts)
        await guarding.count(self.core.database, self.shop.id, tries)

    async def mail(self, tx: Tx, template: str, subject_id: UUID, email: str, **values: str) -> None:
        """Queue a mail."""
        await notifications.send(tx, template, Recipient(subject_id, "email", email, self.asking.locale), values)

    async def text(self, tx: Tx, template: str, subject_id: UUID, phone: str, **values: str) -> None:
        """Queue a text message."""
        await notifications.send(tx, template, Recipient(subject_id, "sms", phone, self.asking.locale), values)

    async def code(
        self, purpose: Purpose, template: str, phone: str, subject_id: UUID, content: dict[str, str]
    ) -> Sent:
        """Send a code to a number in E.164. Another one ends it only for whoever asked for it: nobody can keep somebody
        else from using theirs.

        Raises:
            TooManyAttempts: too much was sent there, or from here.
        """
        await self.count_text(phone)
        asker = self.asking.current.visitor_id if self.asking.current else self.asking.browser.neighbourhood()
        target = sealing.digest(self.shop.id, "code", f"{phone} {asker}")
        async with self.core.database.tx(self.shop.id) as tx:
            proof_id, code = await proofs.issue_code(
                tx, purpose, target=target, subject_id=subject_id, content={**content, "phone": phone}
            )
            await self.text(tx, template, subject_id, phone, code=code)
        return Sent(proof_id, clock.now() + proofs.LIVES[purpose])
