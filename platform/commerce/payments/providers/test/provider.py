"""The test provider: no money moves, the card says what happens.

Cards have accounts at a bank with books in a table of its own, so that it answers as one would: by the payment's id,
the same thing twice, also when the first answer was lost. `tok_ok` and its like are simpler: they answer from the token
and the reference alone and remember nothing, which is what load tests and unit tests want.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar, cast
from urllib.parse import urlencode
from uuid import UUID

from commerce.payments import signatures
from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    EventKind,
    ForgedEvent,
    ProviderEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    SavedMethod,
    Settled,
    Setup,
)
from commerce.payments.providers.references import our_id
from commerce.payments.providers.test import bank, reports
from commerce.payments.providers.test.bank import Account
from commerce.payments.providers.test.cards import CARDS, Card, card_of, token_of
from foundation.database import Database, Tx

CHALLENGE_PAGE = "/test-bank/challenge"
"""Where the shop's own pages play the bank."""
DISPUTED_AFTER = timedelta(seconds=30)

_NO_REFUNDS = "test_no_refunds_"
_REFUSALS = {"tok_declined": "card_declined", "tok_insufficient_funds": "insufficient_funds"}


class TestProvider:
    """A test card's number or token says the answer: see `cards`.

    `tok_ok`, `tok_declined`, `tok_insufficient_funds`, `tok_unavailable` and `tok_refund_fails`, which is captured and
    whose refunds are refused, need no bank.
    """

    __test__ = False
    name: ClassVar[str] = "test"
    deferred: ClassVar[bool] = False
    lets_go_within: ClassVar[timedelta] = timedelta()
    _database: Database | None = None
    _secret: str = ""

    def __init__(self, database: Database | None = None, secret: str = "") -> None:
        self._database, self._secret = database, secret

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Decide by the token, or as the card's bank does."""
        if charge.token == "tok_unavailable":  # noqa: S105
            raise ProviderUnavailable
        if charge.token == "tok_refund_fails":  # noqa: S105
            return Authorised(f"{_NO_REFUNDS}{charge.payment_id.hex}")
        if charge.token == "tok_ok":  # noqa: S105
            return Authorised(f"test_{charge.payment_id.hex}")
        named = card_of(charge.token)
        if named is None or self._database is None:
            return Refused(_REFUSALS.get(charge.token, "invalid_token"))
        card = CARDS[named]
        opened = Account(
            named,
            charge.amount,
            charge.currency,
            status="challenge" if card.challenge else "refused" if card.refusal else "held",
            refusal=None if card.challenge else card.refusal,
            return_url=charge.return_url,
        )
        async with self._database.tx(charge.tenant_id) as tx:
            account = await bank.opened(tx, charge.payment_id, opened)
        if (account.amount, account.currency) != (charge.amount, charge.currency):
            return Refused("payment_id_reused")
        return self._standing(charge, account)

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What the bank's books say; what has a simple token's reference was authorised."""
        account = await self._account(charge)
        if account is not None:
            return self._standing(charge, account)
        return Authorised(charge.reference) if charge.reference else NEVER_ASKED

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Take what is held, less the bank's fee; a simple token's payment costs nothing, and is in no report."""
        account = await self._account(charge)
        if account is None or self._database is None:
            return Captured(charge.reference or "")
        card = CARDS[account.card]
        async with self._database.tx(charge.tenant_id) as tx:
            if card.capture_refusal:
                await bank.expired(tx, charge.payment_id, card.capture_refusal)
            elif await bank.captured(tx, charge.payment_id, account.card) and card.dispute:
                await bank.tell(
                    tx,
                    "dispute_opened",
                    charge.payment_id,
                    after=DISPUTED_AFTER,
                    amount=charge.amount,
                    fee=reports.dispute_fee(charge.currency),
                    currency=charge.currency,
                    reason=card.dispute,
                )
            account = await bank.find(tx, charge.payment_id) or account
        if account.status != "captured":
            return Refused(account.refusal or account.status)
        return Captured(_reference(charge.payment_id), fee=reports.fee_of(charge.amount, charge.currency))

    async def void(self, charge: Charge) -> None:
        """Let go, and hold nothing for this payment any more."""
        if self._database is None or (charge.reference and not charge.reference.startswith("bank_")):
            return
        never = Account("4242424242424242", charge.amount, charge.currency, "voided", "voided", None)
        async with self._database.tx(charge.tenant_id) as tx:
            await bank.opened(tx, charge.payment_id, never)
            await bank.voided(tx, charge.payment_id)

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Give back what was captured and no more, or fail as the card has it."""
        if refund.reference.startswith(_NO_REFUNDS):
            return Refused("card_closed")
        if self._database is None or not refund.reference.startswith("bank_"):
            return Refunded(f"test_refund_{refund.refund_id.hex}")
        async with self._database.tx(refund.tenant_id) as tx:
            return await _give_back(tx, refund)

    async def setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """Keep a card, once its owner has confirmed if its bank asks; the token stays what it is."""
        named = "4242424242424242" if setup.token == "tok_ok" else card_of(setup.token)  # noqa: S105
        if named is None:
            return Refused(_REFUSALS.get(setup.token, "invalid_token"))
        card = CARDS[named]
        if card.challenge and self._database is not None:
            account = Account(named, 0, bank.NO_MONEY, "challenge", None, setup.return_url)
            async with self._database.tx(setup.tenant_id) as tx:
                await bank.opened(tx, setup.setup_id, account)
            return await self.resume_setup(setup)
        if card.refusal and named != "4000000000000341":
            return Refused(card.refusal)
        return SavedMethod(setup.token, _label(named))

    async def resume_setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """What the card's owner has told their bank."""
        account = None
        if self._database is not None:
            async with self._database.tx(setup.tenant_id, read_only=True) as tx:
                account = await bank.find(tx, setup.setup_id)
        if account is None or account.currency != bank.NO_MONEY:
            return NEVER_ASKED
        match account.status:
            case "held":
                return SavedMethod(token_of(account.card), _label(account.card))
            case "challenge":
                return ActionRequired(_reference(setup.setup_id), self._page(setup.setup_id))
        return Refused(account.refusal or account.status)

    async def forget(self, tenant_id: UUID, token: str) -> None:
        """Nothing was kept."""

    async def contest(self, tenant_id: UUID, dispute_reference: str, evidence: str) -> None:
        """The bank decides soon: evidence that says `winning_evidence` wins, as with Stripe's test cards."""
        payment_id = our_id(dispute_reference.removeprefix("dispute_"))
        if self._database is None or payment_id is None:
            return
        async with self._database.tx(tenant_id) as tx:
            account = await bank.find(tx, payment_id)
            if account is not None:
                kind = "dispute_won" if "winning_evidence" in evidence else "dispute_lost"
                await bank.tell(
                    tx, kind, payment_id, after=bank.DELAY, amount=account.amount, currency=account.currency
                )

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """The bank's notification, signed in the Standard Webhooks form.

        Raises:
            ForgedEvent: it is not the bank's, or older than five minutes.
        """
        try:
            event_id = signatures.verify(self._secret, headers, body, now=now)
            said = json.loads(body)
            return ProviderEvent(
                id=event_id,
                kind=cast("EventKind", said["kind"]),
                occurred_at=datetime.fromisoformat(said["occurred_at"]),
                payment_id=our_id(said.get("payment_id")),
                reference=said.get("reference"),
                refund_id=our_id(said.get("refund_id")),
                amount=int(said.get("amount", 0)),
                fee=int(said.get("fee", 0)),
                currency=said.get("currency", ""),
                dispute_reference=said.get("dispute_reference"),
                reason=said.get("reason", ""),
            )
        except (signatures.BadSignature, ValueError, KeyError, TypeError) as fault:
            raise ForgedEvent from fault

    async def settlements(self, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
        """The lines of the bank's report of a day."""
        if self._database is None:
            return
        async with self._database.tx(tenant_id, read_only=True) as tx:
            lines = await reports.day(tx, day)
        for line in lines:
            yield line

    async def challenged(self, tenant_id: UUID, state: str) -> tuple[UUID, Account] | None:
        """The payment that a challenge page is about, if the bank made the link to it."""
        payment_id = self._payment_of(state)
        if payment_id is None or self._database is None:
            return None
        async with self._database.tx(tenant_id, read_only=True) as tx:
            account = await bank.find(tx, payment_id)
        return (payment_id, account) if account else None

    async def decide(self, tenant_id: UUID, payment_id: UUID, *, approved: bool) -> None:
        """The shopper has confirmed or not. The shop is told too, so it need not wait for them to come back."""
        if self._database is None:
            return
        async with self._database.tx(tenant_id) as tx:
            account = await bank.find(tx, payment_id)
            if account is None:
                return
            card = CARDS[account.card]
            if not approved:
                decided, after = await bank.decided(tx, payment_id, "refused", "authentication_failed"), timedelta()
            elif card.delayed and account.currency != bank.NO_MONEY:
                decided, after = await bank.decided(tx, payment_id, "processing"), bank.DELAY
            else:
                status = "refused" if card.refusal else "held"
                decided, after = await bank.decided(tx, payment_id, status, card.refusal), timedelta()
            if decided is not None and account.currency != bank.NO_MONEY:
                await bank.tell(tx, "payment_changed", payment_id, after=after)

    async def _account(self, charge: Charge) -> Account | None:
        if self._database is None or (charge.reference and not charge.reference.startswith("bank_")):
            return None
        async with self._database.tx(charge.tenant_id, read_only=True) as tx:
            return await bank.find(tx, charge.payment_id)

    def _standing(self, charge: Charge, account: Account) -> Authorised | ActionRequired | Refused:
        reference = _reference(charge.payment_id)
        match account.status:
            case "held" | "captured":
                return Authorised(reference)
            case "challenge" | "processing":
                return ActionRequired(reference, self._page(charge.payment_id))
        return Refused(account.refusal or account.status)

    def _page(self, payment_id: UUID) -> str:
        return f"{CHALLENGE_PAGE}?{urlencode({'state': self._state(payment_id)})}"

    def _state(self, payment_id: UUID) -> str:
        signed = hmac.new(self._secret.encode(), b"challenge:" + payment_id.bytes, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(payment_id.bytes + signed).decode().rstrip("=")

    def _payment_of(self, state: str) -> UUID | None:
        try:
            raw = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
            payment_id = UUID(bytes=raw[:16])
        except ValueError:
            return None
        return payment_id if hmac.compare_digest(self._state(payment_id), state) else None


async def _give_back(tx: Tx, refund: Reimbursement) -> Refunded | Refused:
    account = await bank.lock(tx, refund.payment_id)
    if account is None or account["status"] != "captured":
        return Refused("not_captured")
    given = await bank.refunds(tx, refund.payment_id, refund.refund_id)
    if given["status"] is None:
        if given["refunded"] + refund.amount > account["amount"]:
            return Refused("amount_exceeds_captured")
        await _begin_refund(tx, CARDS[account["card"]], refund)
        given = await bank.refunds(tx, refund.payment_id, refund.refund_id)
    return Refused(given["failure"]) if given["status"] == "failed" else Refunded(_reference(refund.refund_id))


async def _begin_refund(tx: Tx, card: Card, refund: Reimbursement) -> None:
    about = (refund.payment_id, refund.refund_id, refund.amount)
    match card.refund:
        case "at once":
            await bank.refund(tx, *about, "succeeded")
        case "fails":
            await bank.refund(tx, *about, "failed", "card_closed")
        case "later" | "fails later":
            await bank.refund(tx, *about, "pending")
            await bank.tell(tx, "refund_changed", refund.payment_id, after=bank.DELAY, refund_id=refund.refund_id)


def _label(card: str) -> str:
    return f"Test card •••• {card[-4:]}"


def _reference(payment_id: UUID) -> str:
    return f"bank_{payment_id.hex}"
