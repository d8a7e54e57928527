"""Sending: each endpoint in order, all endpoints side by side, no tenant before another.

A worker claims an endpoint that has something due and sends what waits for it, one after another, until it fails or its
turn ends. The claim lasts a minute at most: when the worker dies, another goes on from the first delivery whose success
was not written down, so a receiver may get one twice (the same `webhook-id`) and misses none. A failing endpoint is
left alone for a while, longer each time; it holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy import text

from commerce.notifications import letters
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter
from commerce.notifications.service import Recipient
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from commerce.webhooks import fanning, schedule
from commerce.webhooks.schemas import TEST
from commerce.webhooks.service import UnknownSubscription
from foundation import clock, sealing, webhooks
from foundation.database import Database, Tx, hot
from foundation.ids import new_id
from foundation.outbound import AddressRefused, Answer, AnswerRefused, Limits, NoAnswer, Outbound

log = structlog.get_logger(__name__)

LIMITS = Limits(seconds=10.0, max_bytes=65_536)
TURN = 100
"""Deliveries of an endpoint in one turn."""
TURN_SECONDS = 30.0
CLAIM = timedelta(seconds=60)
"""Longer than a turn and the last call in it: `TURN_SECONDS` + `LIMITS.seconds`."""
AT_ONCE = 32
OF_A_TENANT = 4
"""Endpoints of one tenant that are called at the same time."""
HEAD = 1_000
"""Characters of an answer that are kept."""
KEPT = timedelta(days=30)
GONE = 410
DISABLED = "webhook_disabled"

letters.declare(
    webhook_disabled=Letter(
        "A webhook of your shop was disabled",
        "Hello,\n\n{{ shop }} told {{ url }} what happens in the shop, until now: {{ reason }}. Nothing is sent there "
        "any more. What happens is kept for 30 days: set the subscription to active once the address answers, and "
        "have the time since sent anew.",
    )
)
_WHY = {
    "failing": "for three days nothing that was sent there was taken",
    "gone": "it answered that it is gone for good (410)",
}

# pk_webhook_subscription, ix_webhook_delivery_pending
_CLAIM = hot(
    text(
        """
        WITH due AS MATERIALIZED (
            SELECT s.id FROM webhook_subscription s
            WHERE s.tenant_id = :tenant_id AND s.status = 'active' AND s.deleted_at IS NULL
              AND s.next_attempt_at <= CAST(:now AS timestamptz)
              AND (s.claimed_until IS NULL OR s.claimed_until <= CAST(:now AS timestamptz))
              AND EXISTS (SELECT FROM webhook_delivery d WHERE d.tenant_id = s.tenant_id
                            AND d.subscription_id = s.id AND d.status = 'pending')
            ORDER BY s.next_attempt_at LIMIT :room FOR UPDATE SKIP LOCKED)
        UPDATE webhook_subscription s
        SET claim = CAST(:claim AS uuid), claimed_until = CAST(:until AS timestamptz)
        FROM due WHERE s.tenant_id = :tenant_id AND s.id = due.id
        RETURNING s.id, s.url, s.secret, s.previous_secret, s.previous_until
        """
    )
)
# ix_webhook_delivery_pending
_WAITING = hot(
    text(
        """
        SELECT d.id, d.event_id, d.attempts, e.body
        FROM webhook_delivery d JOIN webhook_event e ON e.tenant_id = d.tenant_id AND e.id = d.event_id
        WHERE d.tenant_id = :tenant_id AND d.subscription_id = :subscription_id AND d.status = 'pending'
        ORDER BY d.position LIMIT :turn
        """
    )
)
_NOTE = hot(
    text(
        """
        INSERT INTO webhook_attempt (tenant_id, id, delivery_id, attempted_at, status, error, milliseconds, response)
        VALUES (:tenant_id, :id, :delivery_id, CAST(:at AS timestamptz), CAST(:status AS smallint),
                CAST(:error AS text), :milliseconds, :response)
        """
    )
)
# Only for whoever holds the claim: another that took it over has its own answer.
_OURS = hot(
    text(
        """
        SELECT failures, failing_since, status FROM webhook_subscription
        WHERE tenant_id = :tenant_id AND id = :subscription_id AND claim = CAST(:claim AS uuid) FOR UPDATE
        """
    )
)
_ENDED = hot(
    text(
        """
        UPDATE webhook_delivery
        SET attempts = attempts + 1, status = :status,
            ended_at = CASE WHEN :status = 'pending' THEN NULL ELSE CAST(:at AS timestamptz) END
        WHERE tenant_id = :tenant_id AND id = :delivery_id AND status = 'pending'
        """
    )
)
_WENT = hot(
    text(
        """
        UPDATE webhook_subscription SET failures = 0, failing_since = NULL, claimed_until = CAST(:until AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :subscription_id
        """
    )
)
_FAILED = hot(
    text(
        """
        UPDATE webhook_subscription
        SET failures = failures + 1, failing_since = coalesce(failing_since, CAST(:at AS timestamptz)),
            next_attempt_at = CAST(:next AS timestamptz),
            status = CASE WHEN CAST(:reason AS text) IS NULL THEN status ELSE 'disabled' END,
            disabled_reason = coalesce(CAST(:reason AS text), disabled_reason)
        WHERE tenant_id = :tenant_id AND id = :subscription_id RETURNING url, contact
        """
    )
)
_RELEASE = hot(
    text(
        """
        UPDATE webhook_subscription SET claim = NULL, claimed_until = NULL
        WHERE tenant_id = :tenant_id AND id = :subscription_id AND claim = CAST(:claim AS uuid)
        """
    )
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that is ours to call for now."""

    tenant_id: UUID
    subscription_id: UUID
    claim: UUID
    url: str
    secrets: Sequence[str]
    """The newest first; all sign."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call."""

    milliseconds: int
    status: int | None
    error: str | None
    response: str
    retry_after: timedelta | None = None

    @property
    def went(self) -> bool:
        """Whether the receiver has it: any answer of 2xx says so."""
        return self.status is not None and 200 <= self.status < 300


async def call(outbound: Outbound, url: str, secrets: Sequence[str], webhook_id: str, body: bytes) -> Outcome:
    """Tell an endpoint something, signed by each of `secrets`. A redirect is a failure: it isn't followed."""
    now = clock.now()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Tradewind-Webhooks/1",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(webhooks.sign(secret, webhook_id, now, body) for secret in secrets),
    }
    began = time.perf_counter()
    answer: Answer | None = None
    error: str | None = None
    try:
        answer = await outbound.send("POST", url, headers=headers, content=body, limits=LIMITS)
    except (AddressRefused, NoAnswer, AnswerRefused) as refusal:
        error = refusal.reason
    milliseconds = round((time.perf_counter() - began) * 1000)
    if answer is None:
        return Outcome(milliseconds, None, error, "")
    shown = answer.body[: HEAD * 4].decode(errors="replace").replace("\x00", "\ufffd")[:HEAD]
    return Outcome(milliseconds, answer.status, None, shown, schedule.retry_after(answer.headers.get("retry-after")))


@dataclass(slots=True)
class Dispatcher:
    """One worker's sending."""

    database: Database
    outbound: Outbound
    _calling: dict[asyncio.Task[None], UUID] = field(default_factory=dict)

    async def turn(self, shops: Sequence[Shop]) -> int:
        """Queue what happened, and begin to call who is due; says how many events were queued or endpoints begun with.

        Each turn begins with another shop, so that those at the end of the list have their share of what room there is.
        """
        done = 0
        for shop in shops:
            with tenancy.for_itself(shop):
                async with self.database.tx(shop.id) as tx:
                    done += await fanning.fan_out(tx)
                done += await self._begin(shop.id)
        return done

    async def drain(self) -> None:
        """Wait until every call that was begun has ended."""
        while self._calling:
            await asyncio.wait(list(self._calling))

    async def close(self) -> None:
        """Stop calling; whoever was being told is told again by another worker."""
        for task in list(self._calling):
            task.cancel()
        await asyncio.gather(*self._calling, return_exceptions=True)

    async def _begin(self, tenant_id: UUID) -> int:
        room = min(AT_ONCE - len(self._calling), OF_A_TENANT - Counter(self._calling.values())[tenant_id])
        if room <= 0:
            return 0
        endpoints = await claim(self.database, tenant_id, room)
        for endpoint in endpoints:
            task = asyncio.create_task(serve(self.database, self.outbound, endpoint))
            self._calling[task] = tenant_id
            task.add_done_callback(self._ended)
        return len(endpoints)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calling.pop(task, None)
        if not task.cancelled() and (fault := task.exception()):
            log.warning("webhooks.interrupted", error=str(fault).splitlines()[:1])


# pk_webhook_subscription
_CALLED = hot(
    text(
        """
        SELECT id, url, secret, previous_secret, previous_until FROM webhook_subscription
        WHERE tenant_id = :tenant_id AND id = :id AND deleted_at IS NULL
        """
    )
)


async def ping(database: Database, tenant_id: UUID, subscription_id: UUID, outbound: Outbound) -> Outcome:
    """Call an endpoint at once with an event that says nothing; whatever comes of it changes nothing.

    Raises:
        UnknownSubscription: there is none such.
    """
    async with database.tx(tenant_id, read_only=True) as tx:
        row = await tx.one(_CALLED, {"id": subscription_id})
        if row is None:
            raise UnknownSubscription
        secrets = [secret for secret in await sealing.unseal(tx, _secrets(row)) if secret]
    said = {"type": TEST, "timestamp": clock.now(), "data": {"subscription_id": str(subscription_id)}}
    return await call(outbound, row["url"], secrets, str(new_id()), orjson.dumps(said))


async def claim(database: Database, tenant_id: UUID, room: int) -> list[Endpoint]:
    """Take up to `room` endpoints that are due."""
    number, now = new_id(), clock.now()
    async with database.tx(tenant_id) as tx:
        rows = await tx.rows(_CLAIM, {"claim": number, "until": now + CLAIM, "now": now, "room": room})
        sealed = [value for row in rows for value in _secrets(row)]
        opened = dict(zip(sealed, await sealing.unseal(tx, sealed), strict=True))
    return [
        Endpoint(tenant_id, row["id"], number, row["url"], [secret for s in _secrets(row) if (secret := opened[s])])
        for row in rows
    ]


def _secrets(row: asyncpg.Record) -> list[str]:
    overlaps = row["previous_until"] is not None and row["previous_until"] > clock.now()
    return [row["secret"], row["previous_secret"]] if overlaps else [row["secret"]]


async def serve(database: Database, outbound: Outbound, endpoint: Endpoint) -> None:
    """One endpoint's turn."""
    ends = time.monotonic() + TURN_SECONDS
    async with database.tx(endpoint.tenant_id, read_only=True) as tx:
        waiting = await tx.rows(_WAITING, {"subscription_id": endpoint.subscription_id, "turn": TURN})
    for delivery in waiting:
        webhook_id = str(delivery["event_id"])
        outcome = await call(outbound, endpoint.url, endpoint.secrets, webhook_id, delivery["body"].encode())
        async with database.tx(endpoint.tenant_id) as tx:
            goes_on = await _note(tx, endpoint, delivery, outcome)
        if not goes_on or time.monotonic() > ends:
            break
    async with database.tx(endpoint.tenant_id) as tx:
        await tx.rows(_RELEASE, {"subscription_id": endpoint.subscription_id, "claim": endpoint.claim})


async def _note(tx: Tx, endpoint: Endpoint, delivery: asyncpg.Record, outcome: Outcome) -> bool:
    """Write down what became of a delivery; says whether the endpoint may be told the next one."""
    now = clock.now()
    of = {"subscription_id": endpoint.subscription_id, "delivery_id": delivery["id"], "at": now}
    ours = await tx.one(_OURS, {**of, "claim": endpoint.claim})
    if ours is None:
        return False
    tried = {"status": outcome.status, "error": outcome.error, "milliseconds": outcome.milliseconds}
    await tx.rows(_NOTE, {**of, **tried, "id": new_id(), "response": outcome.response})
    if outcome.went:
        await tx.rows(_ENDED, {**of, "status": "delivered"})
        await tx.rows(_WENT, {**of, "until": now + CLAIM})
        return bool(ours["status"] == "active")
    given_up = delivery["attempts"] + 1 >= schedule.MAX_TRIES
    await tx.rows(_ENDED, {**of, "status": "failed" if given_up else "pending"})
    await _leave_alone(tx, endpoint, ours, outcome)
    return False


async def _leave_alone(tx: Tx, endpoint: Endpoint, before: asyncpg.Record, outcome: Outcome) -> None:
    now = clock.now()
    over = schedule.is_over(before["failing_since"] or now, now)
    reason = "gone" if outcome.status == GONE else "failing" if over else None
    waits = schedule.pause(before["failures"] + 1, asked=outcome.retry_after)
    values = {"subscription_id": endpoint.subscription_id, "at": now, "next": now + waits, "reason": reason}
    row = await tx.one(_FAILED, values)
    if row is None or reason is None:
        return
    log.warning("webhooks.disabled", subscription=str(endpoint.subscription_id), reason=reason)
    (contact,) = await sealing.unseal(tx, [row["contact"]])
    if contact:
        to = Recipient(endpoint.subscription_id, "email", contact, "en")
        await notifications.send(tx, DISABLED, to, {"url": row["url"], "reason": _WHY[reason]})
