"""Sessions: an opaque token in a cookie, its hash in the database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from commerce.channels.service import WEB
from commerce.identity.acting import ActingStaff, standing
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden, Unauthenticated, Unprocessable
from foundation.events import Consent, Context
from foundation.ids import new_id
from foundation.tokens import token_hash

TOKEN_BYTES = 32


class SessionExpired(Unauthenticated):
    """The session has ended; sign in again."""

    code = "identity.session_expired"


class SessionUnknown(Unauthenticated):
    """There is no such session."""

    code = "identity.session_unknown"


class ActingEnded(SessionExpired):
    """You are not in the shop as a customer any more."""

    code = "acting.ended"


class SignInRequired(Unauthenticated):
    """This needs a signed-in customer."""

    code = "identity.sign_in_required"


class UnknownCustomer(Unprocessable):
    """No customer has this reference."""

    code = "identity.unknown_customer"

    reference: str


class SignInClosed(Forbidden):
    """This shop does not let customers sign in by reference alone."""

    code = "identity.sign_in_closed"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What somebody said of the purposes that need their consent."""

    consent: tuple[Consent, ...] = ()
    """Those they agreed to."""
    answered_at: datetime | None = None
    """When they last answered; `None`: they were not asked yet, and agreed to nothing."""


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who is asking: a visitor, and the customer they signed in as."""

    tenant_id: UUID
    session_id: UUID
    visitor_id: UUID
    customer_id: UUID | None
    display_name: str | None
    consent: tuple[Consent, ...]
    """What they agree to in this request."""
    account_id: UUID | None = None
    """The account they signed in to."""
    amr: tuple[str, ...] = ()
    """How they proved who they are (RFC 8176)."""
    authenticated_at: datetime | None = None
    """When they last did."""
    is_due: bool = False
    """It has been some minutes since the session was last seen to be used."""
    acting: ActingStaff | None = None
    """The member of staff who is here as the customer."""
    is_answered: bool = False
    """They have said what they agree to."""
    refuses_by_signal: bool = False
    """Their browser refuses for them (Global Privacy Control)."""
    is_bot: bool = False
    """A program asks for itself, as its user agent says."""
    is_internal: bool = False
    """They ask from a network that the shop has named as its own."""
    channel: str = WEB
    """The sales channel they are on: the program's, where one acts for them. Nothing they send can choose it."""

    @property
    def is_asked(self) -> bool:
        """Whether there is nobody to ask: they have answered, their browser has, or somebody acts for them."""
        return self.is_answered or self.refuses_by_signal or self.acting is not None

    @property
    def owner(self) -> str:
        """Whose things these are: the customer's, else the visitor's."""
        return str(self.customer_id or self.visitor_id)

    @property
    def principal(self) -> str:
        """The name idempotency keys are scoped by; it survives a new session of the same customer. Whoever acts as one
        has a name of their own: what the customer was answered is not repeated to them.
        """
        return str(self.visitor_id) if self.acting else self.owner

    def context(self) -> Context:
        """What an event says of who did it."""
        return Context(
            shopper_id=self.customer_id,
            visitor_id=self.visitor_id,
            session_id=self.session_id,
            consent=self.consent,
            is_bot=self.is_bot,
            is_internal=self.is_internal,
        )


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer, as whoever they sign in to needs them."""

    id: UUID
    display_name: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """On whose word somebody is signed in."""

    provider_id: UUID
    authenticated_at: datetime | None
    """When they proved to it who they are; without a word of that it may have been long ago."""
    session: bytes | None = None
    """Its own session, as a digest, if it names one."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Whom somebody proved to be, how, and with what."""

    account_id: UUID
    amr: tuple[str, ...]
    """RFC 8176: `pwd`, `otp`, `sms`, `hwk`, `fed`, ..."""
    idle: timedelta
    """How long the session may rest."""
    device_id: UUID | None = None
    browser: str | None = None
    """Sealed."""
    address: str | None = None
    """Sealed."""
    elsewhere: Elsewhere | None = None
    """The provider that says so; without one they proved it here, now."""


NOTHING_ASKED = Agreed()
_OPEN = hot(
    text(
        """
        INSERT INTO session (tenant_id, id, token_hash, visitor_id, customer_id, consent, consented_at, expires_at,
                             account_id, amr, authenticated_at, device_id, seen_at, idle_until, browser, address,
                             acting_id, provider_id, provider_session)
        VALUES (:tenant_id, :id, :token_hash, :visitor_id, CAST(:customer_id AS uuid),
                to_jsonb(CAST(:consent AS text[])), CAST(:consented_at AS timestamptz),
                CAST(:expires_at AS timestamptz), CAST(:account_id AS uuid),
                CAST(:amr AS text[]), CAST(:authenticated_at AS timestamptz), CAST(:device_id AS uuid),
                CAST(:seen_at AS timestamptz), CAST(:idle_until AS timestamptz), :browser, :address,
                CAST(:acting_id AS uuid), CAST(:provider_id AS uuid),
                CAST(:provider_session AS bytea))
        """
    )
)


async def open_session(
    tx: Tx,
    *,
    ttl: timedelta,
    visitor_id: UUID | None = None,
    customer: KnownCustomer | None = None,
    agreed: Agreed = NOTHING_ASKED,
    authentication: Authentication | None = None,
    acting: ActingStaff | None = None,
) -> tuple[str, Shopper]:
    """A new session and its token, which is shown once and never stored."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), clock.now()
    elsewhere = authentication.elsewhere if authentication else None
    proved_at = elsewhere.authenticated_at if elsewhere else now
    shopper = Shopper(
        tenant_id=tx.tenant_id,
        session_id=new_id(),
        visitor_id=visitor_id or new_id(),
        customer_id=customer.id if customer else None,
        display_name=customer.display_name if customer else None,
        consent=agreed.consent,
        account_id=authentication.account_id if authentication else None,
        amr=authentication.amr if authentication else (),
        authenticated_at=proved_at if authentication else None,
        acting=acting,
        is_answered=agreed.answered_at is not None,
    )
    values = {
        "id": shopper.session_id,
        "token_hash": token_hash(token),
        "visitor_id": shopper.visitor_id,
        "customer_id": shopper.customer_id,
        "consent": list(agreed.consent),
        "consented_at": agreed.answered_at,
        "expires_at": now + ttl,
        "account_id": shopper.account_id,
        "amr": list(shopper.amr),
        "authenticated_at": shopper.authenticated_at,
        "seen_at": now if authentication else None,
        "provider_id": elsewhere.provider_id if elsewhere else None,
        "provider_session": elsewhere.session if elsewhere else None,
        "device_id": authentication.device_id if authentication else None,
        "idle_until": now + authentication.idle if authentication else None,
        "browser": authentication.browser if authentication else None,
        "address": authentication.address if authentication else None,
        "acting_id": acting.id if acting else None,
    }
    await tx.rows(_OPEN, values)
    return token, shopper


# uq_session_token_hash
_BY_TOKEN = hot(
    text(
        """
        SELECT s.id, s.visitor_id, s.customer_id, c.display_name,
               ARRAY(SELECT jsonb_array_elements_text(s.consent) WHERE s.consented_at IS NOT NULL) AS consent,
               s.consented_at IS NOT NULL AS is_answered, s.account_id, s.amr, s.authenticated_at,
               s.acting_id,
               coalesce(s.seen_at < CAST(:now AS timestamptz) - INTERVAL '5 minutes', false) AS is_due,
               s.revoked_at IS NULL AND s.expires_at > CAST(:now AS timestamptz)
                   AND coalesce(s.idle_until > CAST(:now AS timestamptz), true) AS good
        FROM session s LEFT JOIN customer c ON c.tenant_id = s.tenant_id AND c.id = s.customer_id
        WHERE s.tenant_id = :tenant_id AND s.token_hash = :token_hash
        """
    )
)


async def by_token(tx: Tx, token: str) -> Shopper:
    """Who a token stands for.

    Raises:
        SessionUnknown: nobody was given that token here.
        SessionExpired: its time is over, it has rested too long, or it was signed out.
        ActingEnded: that, or whoever is here as a customer may not be any more.
    """
    row = await tx.one(_BY_TOKEN, {"token_hash": token_hash(token), "now": clock.now()})
    if row is None:
        raise SessionUnknown
    staff = await _acting(tx, row) if row["acting_id"] is not None else None
    if not row["good"]:
        raise SessionExpired
    consent = cast("tuple[Consent, ...]", tuple(row["consent"]))
    return Shopper(
        tx.tenant_id,
        row["id"],
        row["visitor_id"],
        row["customer_id"],
        row["display_name"],
        consent,
        row["account_id"],
        tuple(row["amr"]),
        row["authenticated_at"],
        row["is_due"],
        staff,
        row["is_answered"],
    )


async def _acting(tx: Tx, row: Mapping[str, Any]) -> ActingStaff:
    staff = await standing(tx, row["acting_id"]) if row["good"] else None
    if staff is None:
        raise ActingEnded
    return staff


def with_agreed(shopper: Shopper, agreed: Agreed) -> Shopper:
    """The shopper, with what they say now."""
    consent = () if shopper.refuses_by_signal else agreed.consent
    return replace(shopper, consent=consent, is_answered=agreed.answered_at is not None)


def refusing_by_signal(shopper: Shopper) -> Shopper:
    """The shopper, whose browser says with this request that they agree to nothing."""
    return replace(shopper, consent=(), refuses_by_signal=True)


# ix_session_customer. Their own session alone proves that it is they who speak: a program has none, and one in which
# somebody else acts for them is no good.
_AGREE = hot(
    text(
        """
        WITH own AS (
            SELECT id FROM session WHERE tenant_id = :tenant_id AND id = :session_id AND revoked_at IS NULL
                                     AND acting_id IS NULL)
        UPDATE session s SET consent = to_jsonb(CAST(:consent AS text[])),
                             consented_at = CAST(:consented_at AS timestamptz)
        WHERE s.tenant_id = :tenant_id AND s.revoked_at IS NULL AND EXISTS (SELECT FROM own)
          AND (s.id = :session_id OR (s.customer_id = CAST(:customer_id AS uuid) AND s.acting_id IS NULL))
        RETURNING s.id
        """
    )
)


async def agree(tx: Tx, shopper: Shopper, agreed: Agreed) -> bool:
    """Let somebody's session, and every other of the same customer, be as they said; `False`: it is not theirs."""
    values = {
        "session_id": shopper.session_id,
        "customer_id": shopper.customer_id,
        "consent": list(agreed.consent),
        "consented_at": agreed.answered_at,
    }
    return bool(await tx.rows(_AGREE, values))


# It rests as long again as it might before.
_TOUCH = hot(
    text(
        """
        UPDATE session SET seen_at = CAST(:now AS timestamptz),
                           idle_until = CAST(:now AS timestamptz) + (idle_until - seen_at)
        WHERE tenant_id = :tenant_id AND id = :session_id AND seen_at < CAST(:now AS timestamptz)
        """
    )
)


async def touch(tx: Tx, session_id: UUID) -> None:
    """A session is in use: it does not end for having rested."""
    await tx.rows(_TOUCH, {"session_id": session_id, "now": clock.now()})


_ROTATE = hot(
    text(
        """
        UPDATE session SET token_hash = :token_hash, authenticated_at = CAST(:now AS timestamptz),
               amr = ARRAY(SELECT DISTINCT unnest(amr || CAST(:amr AS text[])))
        WHERE tenant_id = :tenant_id AND id = :session_id AND revoked_at IS NULL
        RETURNING id
        """
    )
)


async def rotate(tx: Tx, session_id: UUID, *, amr: Sequence[str]) -> str:
    """Somebody proved anew who they are, by `amr`, or may do more from now on: their session has another token, which
    is given back, and the old one is dead.

    Raises:
        SessionExpired: it was signed out meanwhile.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    values = {"session_id": session_id, "token_hash": token_hash(token), "amr": list(amr), "now": clock.now()}
    if await tx.one(_ROTATE, values) is None:
        raise SessionExpired
    return token


# uq_customer_reference, uq_account_customer. Whoever has an account signs in to that.
_BY_REFERENCE = hot(
    text(
        """
        SELECT id, display_name FROM customer c WHERE c.tenant_id = :tenant_id AND c.reference = :reference
          AND NOT EXISTS (SELECT FROM account a WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id)
        """
    )
)


async def customer_by_reference(tx: Tx, reference: str) -> KnownCustomer:
    """The customer with a reference, unless they have an account to sign in to.

    Raises:
        UnknownCustomer: there is none.
    """
    row = await tx.one(_BY_REFERENCE, {"reference": reference})
    if row is None:
        raise UnknownCustomer(reference=reference)
    return KnownCustomer(**row)


@dataclass(frozen=True, slots=True)
class Sample:
    """A customer of the demo."""

    reference: str
    display_name: str
    traits: Mapping[str, Any]


# uq_customer_reference, uq_account_customer
_SAMPLE = hot(
    text(
        """
        SELECT c.reference, c.display_name, c.traits::text AS traits FROM customer c
        WHERE c.tenant_id = :tenant_id AND c.erased_at IS NULL
          AND NOT EXISTS (SELECT FROM account a WHERE a.tenant_id = c.tenant_id AND a.customer_id = c.id)
        ORDER BY c.traits->>'age' IS NULL, c.reference LIMIT CAST(:limit AS bigint)
        """
    )
)


async def sample_customers(tx: Tx, limit: int) -> list[Sample]:
    """Some customers without an account, for the demo's choice of households; first those whose age is known."""
    rows = await tx.rows(_SAMPLE, {"limit": limit})
    return [Sample(row["reference"], row["display_name"] or "", json.loads(row["traits"])) for row in rows]


_PROVIDER_OF = hot(text("SELECT provider_id FROM session WHERE tenant_id = :tenant_id AND id = :session_id"))


async def provider_of(tx: Tx, session_id: UUID) -> UUID | None:
    """The identity provider on whose word a session was opened."""
    row = await tx.one(_PROVIDER_OF, {"session_id": session_id})
    return row["provider_id"] if row else None


_REVOKE = hot(
    text(
        """
        UPDATE session SET revoked_at = CAST(:now AS timestamptz) WHERE tenant_id = :tenant_id AND id = :session_id
        """
    )
)


async def revoke(tx: Tx, session_id: UUID) -> None:
    """End a session."""
    await tx.rows(_REVOKE, {"session_id": session_id, "now": clock.now()})


# ix_session_account
_REVOKE_OTHERS = hot(
    text(
        """
        UPDATE session SET revoked_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND revoked_at IS NULL
          AND id IS DISTINCT FROM CAST(:except_id AS uuid)
        """
    )
)


async def revoke_all(tx: Tx, account_id: UUID, *, except_id: UUID | None = None) -> None:
    """End every session of an account, or every other."""
    await tx.rows(_REVOKE_OTHERS, {"account_id": account_id, "except_id": except_id, "now": clock.now()})


# ix_session_provider_session, ix_session_account
_END_ELSEWHERE = hot(
    text(
        """
        UPDATE session SET revoked_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND provider_id = :provider_id AND revoked_at IS NULL
          AND (CAST(:session AS bytea) IS NULL OR provider_session = CAST(:session AS bytea))
          AND (CAST(:account_id AS uuid) IS NULL OR account_id = CAST(:account_id AS uuid))
        RETURNING account_id
        """
    )
)


async def end_elsewhere(tx: Tx, provider_id: UUID, *, session: bytes | None, account_id: UUID | None) -> int:
    """End the sessions that were opened on a provider's word: those of its own session, or of an account, or of both;
    gives how many.

    Raises:
        ValueError: neither is given.
    """
    if session is None and account_id is None:
        raise ValueError("a session or an account")
    values = {"provider_id": provider_id, "session": session, "account_id": account_id, "now": clock.now()}
    return len(await tx.rows(_END_ELSEWHERE, values))
