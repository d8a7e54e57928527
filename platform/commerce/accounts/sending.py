"""Sending a secret to an address that somebody has typed, so that nothing says whether it is known here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from commerce.http import Core
from commerce.identity import accounts
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.sessions import guarding
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
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
class Sending:
    """Something to be sent, for a request."""

    core: Core
    shop: Shop
    asking: Asking

    @asynccontextmanager
    async def counted(self, *, email: str) -> AsyncIterator[Tx]:
        """Count what is to be sent to an address; then a transaction that only reads.

        Raises:
            TooManyAttempts.
        """
        digest = accounts.email_digest(self.shop.id, email)
        async with self.core.database.tx(self.shop.id, read_only=True) as tx:
            known = await accounts.credentials(tx, email)
            account_id = known.account_id if known else None
            tries = await guarding.sending(tx, account_id, self.asking.browser, digest, texts=False)
        await guarding.count(self.core.database, self.shop.id, tries)
        async with self.core.database.tx(self.shop.id, read_only=True) as tx:
            yield tx

    async def mail(self, tx: Tx, template: str, subject_id: UUID, email: str, **values: str) -> None:
        """Queue a mail."""
        await notifications.send(tx, template, Recipient(subject_id, "email", email, self.asking.locale), values)
