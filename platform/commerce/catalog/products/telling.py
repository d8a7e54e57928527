"""Telling the people of a vendor that what they submitted was not agreed to, and why."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.identity import accounts
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter, declare
from commerce.notifications.service import Recipient
from foundation.database import Tx, hot

declare(
    product_rejected=Letter(
        "Not agreed to: {{ product }}",
        "Hello,\n\n{{ shop }} has looked at what you submitted of {{ product }} and does not agree to it yet. They "
        "say:\n\n{{ reason }}\n\nChange it and submit it once more.",
    ),
)

_PEOPLE = hot(
    text(
        """
        SELECT m.account_id, t.locale FROM membership m JOIN tenant t ON t.id = m.tenant_id
        WHERE m.tenant_id = :tenant_id AND m.vendor_id = :vendor_id AND m.status = 'active'
        ORDER BY m.id
        """
    )
)


async def rejected(tx: Tx, vendor_id: UUID, product: str, reason: str) -> None:
    """Write to everybody who works for a vendor and has proved an address."""
    for one in await tx.rows(_PEOPLE, {"vendor_id": vendor_id}):
        account = await accounts.by_id(tx, one["account_id"])
        if account.email is not None and account.email_verified_at is not None:
            to = Recipient(account.subject_id, "email", account.email, one["locale"])
            await notifications.send(tx, "product_rejected", to, {"product": product, "reason": reason})
