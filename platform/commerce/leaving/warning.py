"""Before a shop is removed its admins are told, by mail, how long it still is."""

from __future__ import annotations

from sqlalchemy import text

from commerce.notifications import letters
from commerce.notifications.letters import Letter
from commerce.notifications.service import Recipient, send
from foundation import clock, sealing
from foundation.database import Tx, hot

BEFORE = (7, 1)
"""Days."""
letters.declare(
    shop_ends=Letter(
        "{{ shop }} will be deleted on {{ date }}",
        "Hello,\n\n{{ shop }} is closed, and everything of it is deleted on {{ date }}: customers, orders, products, "
        "the books, invoices, files. It can't be brought back.\n\nThe law makes you keep invoices and books for "
        "years, and nobody keeps them for you: take everything along before. Ask for an archive in the back office or "
        "by the API.\n\nIf the shop shall not end after all, an admin can still undo that.",
    )
)
# The fewest days that are left decide, so a shop with little grace gets one mail and not two.
_WARN = hot(
    text(
        """
        UPDATE tenant t SET warned_days = d.days
        FROM (SELECT min(days) AS days FROM unnest(CAST(:before AS bigint[])) AS days, tenant own
              WHERE own.id = :tenant_id AND own.closes_at <= CAST(:now AS timestamptz) + days * interval '1 day') d
        WHERE t.id = :tenant_id AND t.status = 'closing' AND t.closes_at > CAST(:now AS timestamptz)
          AND d.days IS NOT NULL AND (t.warned_days IS NULL OR t.warned_days > d.days)
        RETURNING t.closes_at, t.locale
        """
    )
)
_ADMINS = hot(
    text(
        """
        SELECT a.id, a.email FROM membership m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
        WHERE m.tenant_id = :tenant_id AND m.status = 'active' AND m.vendor_id IS NULL AND 'admin' = ANY (m.roles)
          AND a.email IS NOT NULL
        """
    )
)


async def warn(tx: Tx) -> int:
    """Tell the admins of a shop whose end is near, once for each of the days before; how many were told now."""
    ends = await tx.one(_WARN, {"before": list(BEFORE), "now": clock.now()})
    if ends is None:
        return 0
    admins = await tx.rows(_ADMINS)
    addresses = await sealing.unseal(tx, [row["email"] for row in admins])
    told = 0
    for row, address in zip(admins, addresses, strict=True):
        if address is not None:
            to = Recipient(row["id"], "email", address, ends["locale"])
            await send(tx, "shop_ends", to, {"date": f"{ends['closes_at']:%-d %B %Y, %H:%M} UTC"})
            told += 1
    return told
