"""What the core asks of a payment provider, in the words of the field.

A provider is called outside any transaction and never while stock is locked. Every call carries the id of the payment
or refund as its idempotency key, so a call that is repeated after a crash does nothing twice. Any call may raise
ProviderUnavailable: there was no answer, and it is not known what happened.

What a provider can do beyond paying is a protocol of its own: `TakesEvents`, `SavesMethods`, `Contests`,
`ReportsSettlements`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal, Protocol, runtime_checkable
from uuid import UUID

from foundation.errors import Conflict, Unauthenticated, Unavailable


class ProviderUnavailable(Unavailable):
    """The payment provider can't be reached; nothing was charged."""

    code = "payments.provider_unavailable"


class ForgedEvent(Unauthenticated):
    """The notification's signature is not the provider's, or is too old."""

    code = "payments.forged_event"


class EvidenceRefused(Conflict):
    """The provider takes no evidence about this dispute: it is too late, or decided."""

    code = "payments.evidence_refused"


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment as its provider is asked for it."""

    tenant_id: UUID
    payment_id: UUID
    """The idempotency key of every call about it."""
    amount: int
    """Minor units."""
    currency: str
    token: str = ""
    """What stands for the instrument: a card's token, a gift card's code, nothing for cash."""
    reference: str | None = None
    """The provider's own name for it, once it has given one."""
    return_url: str | None = None
    """Where the provider sends the shopper back to after a challenge or a page of its own."""
    customer_id: UUID | None = None
    off_session: bool = False
    """Nobody is there to answer a challenge: the provider refuses where it would ask for one."""


@dataclass(frozen=True, slots=True)
class Reimbursement:
    """A refund as its provider is asked for it."""

    tenant_id: UUID
    refund_id: UUID
    """The idempotency key."""
    payment_id: UUID
    reference: str
    """The provider's name for the payment."""
    amount: int
    """Minor units."""
    currency: str
    customer_id: UUID | None = None
    """Whose order it was for, when they had signed in."""


@dataclass(frozen=True, slots=True)
class Authorised:
    """The provider holds the money, or vouches for it."""

    reference: str
    due_on: date | None = None
    """When the money has to come, of a deferred provider that says so."""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The shopper has something to do first: a 3-D Secure challenge, an approval on the provider's page."""

    reference: str
    url: str


@dataclass(frozen=True, slots=True)
class Captured:
    """The money is ours."""

    reference: str
    fee: int = 0
    """What the provider keeps of it, in minor units, when it says so at once."""


@dataclass(frozen=True, slots=True)
class Refunded:
    """The provider sends the money back."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider won't."""

    reason: str


NEVER_ASKED = Refused("never_asked")
"""What `resume` gives for a payment that the provider has never heard of: the process died before it called."""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """An instrument the provider keeps for a customer; only its token is ours."""

    token: str
    label: str
    """What its owner knows it by, such as `Visa •••• 4242`."""
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """An instrument as its provider is asked to keep it for a customer."""

    tenant_id: UUID
    setup_id: UUID
    """The idempotency key."""
    customer_id: UUID
    token: str = ""
    """The one-time token that the provider gave the browser; it is not kept."""
    reference: str | None = None
    """The provider's own name for the setup, once it has given one."""
    return_url: str | None = None
    """Where the provider sends its owner back to after a challenge."""


EventKind = Literal[
    "payment_changed",
    "refund_changed",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
    "other",
]
"""`payment_changed` and `refund_changed` only say: look. What is true is asked of the provider, so the order in which
notifications come, and how often, can't matter."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A notification whose signature was verified."""

    id: str
    """The provider's id of the event: the same one is the same event, however often it comes."""
    kind: EventKind
    occurred_at: datetime
    payment_id: UUID | None = None
    """Ours, when the provider was given it to keep."""
    reference: str | None = None
    """The provider's name for the payment."""
    refund_id: UUID | None = None
    amount: int = 0
    """Minor units in dispute."""
    currency: str = ""
    dispute_reference: str | None = None
    reason: str = ""
    fee: int = 0
    """What the provider takes for a dispute, in minor units of its currency."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A line of a provider's settlement report: what it says it took, kept or sent back."""

    id: str
    """The provider's name for the line: the same one is the same line, in whichever report it stands."""
    reference: str
    """The provider's name for the payment, refund or dispute that the line is about."""
    kind: Literal["capture", "refund", "dispute", "reversal", "fee"]
    """`reversal`: a refund that came back, or a dispute that was won."""
    amount: int
    """Minor units before the fee, positive when the money comes to us."""
    fee: int
    """Minor units that the provider keeps of it; what reaches the bank is the amount less the fee."""
    currency: str
    settled_on: date
    payment_id: UUID | None = None
    refund_id: UUID | None = None


class Provider(Protocol):
    """What every provider does. Each call is idempotent by the payment's or refund's id."""

    name: ClassVar[str]
    deferred: ClassVar[bool]
    """The goods go before the money: cash on delivery, invoices. It is captured when staff say that it came."""
    lets_go_within: ClassVar[timedelta]
    """How long a cardholder may wait until what was let go is theirs again: no time, where the provider can void.

    Whatever it is, nothing is captured that was let go.
    """

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Hold the amount on the instrument behind the token."""

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What became of an authorisation that asked the shopper to act, or whose answer was lost.

        An answer that was lost left no reference: the payment is found by its id, or was `NEVER_ASKED` for. There is no
        token, which is not kept.
        """

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Take what was held; refused when it is held no more."""

    async def void(self, charge: Charge) -> None:
        """Let go of what may be held, or see to it that it ends by itself within `lets_go_within`.

        Nothing happens when nothing is held. Without a reference it is found by the id.
        """

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Send back a part of what was captured."""


@runtime_checkable
class TakesEvents(Protocol):
    """A provider that notifies us."""

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """The notification in a request, its header names in lower case. It may block: it is called in a thread.

        Raises:
            ForgedEvent: the signature is not good, or older than the provider's tolerance.
        """


@runtime_checkable
class SavesMethods(Protocol):
    """A provider that keeps instruments for customers."""

    async def setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """Keep the instrument behind a one-time token, for payments to come; its bank may want to see its owner."""

    async def resume_setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """What became of a setup that asked its owner to act."""

    async def forget(self, tenant_id: UUID, token: str) -> None:
        """Keep it no longer."""


@runtime_checkable
class Contests(Protocol):
    """A provider that takes evidence against a chargeback."""

    async def contest(self, tenant_id: UUID, dispute_reference: str, evidence: str) -> None:
        """Say why the money is rightly ours.

        Raises:
            EvidenceRefused: it is too late.
        """


@runtime_checkable
class KeepsConnections(Protocol):
    """A provider whose client keeps connections open."""

    async def close(self) -> None:
        """The worker stops: close them."""


@runtime_checkable
class ReportsSettlements(Protocol):
    """A provider that reports what it settled."""

    def settlements(self, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
        """What it settled on a day."""
