"""The test bank tells shops what they have to know, by signed requests to their own webhooks, until they answer."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import structlog

from commerce.payments import signatures
from commerce.payments.providers.test import bank, reports
from commerce.payments.providers.test.bank import Told
from commerce.payments.providers.test.cards import CARDS
from foundation import clock
from foundation.database import Database, Tx

FAILING = "4000000000005126"
SECONDS = 5.0
log = structlog.get_logger(__name__)


async def notify(
    database: Database, tenant_id: UUID, *, address: str, host: str, secret: str, client: httpx.AsyncClient
) -> int:
    """Tell a shop what is due; says how many notifications it took."""
    async with database.tx(tenant_id) as tx:
        due = await bank.to_tell(tx)
        for told in due:
            await _comes_true(tx, told)
    taken = 0
    for told in due:
        delivered = await _post(client, f"{address}/v1/webhooks/test", host, secret, told)
        async with database.tx(tenant_id) as tx:
            await bank.told(tx, told.id, delivered=delivered)
        taken += delivered
    return taken


async def _comes_true(tx: Tx, told: Told) -> None:
    """What was under way is decided when it is told, not before."""
    if told.refund_id is not None:
        await bank.refund_ends(tx, told.refund_id, FAILING)
    elif told.kind == "dispute_opened":
        await reports.disputed(tx, told.payment_id, told.amount, told.currency)
    elif told.kind == "dispute_won":
        await reports.dispute_won(tx, told.payment_id, told.amount, told.currency)
    elif told.kind == "payment_changed":
        account = await bank.find(tx, told.payment_id)
        if account is not None and account.status == "processing":
            refusal = CARDS[account.card].refusal
            await bank.decided(tx, told.payment_id, "refused" if refusal else "held", refusal)


async def _post(client: httpx.AsyncClient, url: str, host: str, secret: str, told: Told) -> bool:
    now = clock.now()
    said = {
        "kind": told.kind,
        "occurred_at": now.isoformat(),
        "payment_id": str(told.payment_id),
        "reference": f"bank_{told.payment_id.hex}",
        "refund_id": str(told.refund_id) if told.refund_id else None,
        "amount": told.amount,
        "fee": told.fee,
        "currency": told.currency,
        "reason": told.reason,
        "dispute_reference": f"dispute_{told.payment_id}" if told.kind.startswith("dispute") else None,
    }
    body = json.dumps(said).encode()
    headers = {"Host": host, "Content-Type": "application/json", **signatures.sign(secret, str(told.id), body, at=now)}
    try:
        response = await client.post(url, content=body, headers=headers, timeout=SECONDS)
    except httpx.HTTPError as fault:
        log.warning("test_bank.not_delivered", url=url, error=str(fault))
        return False
    return response.is_success
