"""Sessions: an opaque token in a cookie, its hash in the database."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.identity.models import Customer
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden, Unauthenticated, Unprocessable
from foundation.events import Consent, Context
from foundation.ids import new_id

TOKEN_BYTES = 32


class SessionExpired(Unauthenticated):
    """The session has ended; sign in again."""

    code = "identity.session_expired"


class SessionUnknown(Unauthenticated):
    """There is no such session."""

    code = "identity.session_unknown"


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
class Shopper:
    """Who is asking: a visitor, and the customer they signed in as."""

    tenant_id: UUID
    session_id: UUID
    visitor_id: UUID
    customer_id: UUID | None
    display_name: str | None
    consent: tuple[Consent, ...]

    @property
    def principal(self) -> str:
        """The name idempotency keys are scoped by; it survives a new session of the same customer."""
        return str(self.customer_id or self.visitor_id)

    def context(self) -> Context:
        """What an event says of who did it."""
        return Context(
            shopper_id=self.customer_id,
            visitor_id=self.visitor_id,
            session_id=self.session_id,
            consent=self.consent,
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer, as whoever they sign in to needs them."""

    id: UUID
    display_name: str


_OPEN = hot(
    text(
        """
        INSERT INTO session (tenant_id, id, token_hash, visitor_id, customer_id, consent, expires_at)
        VALUES (:tenant_id, :id, :token_hash, :visitor_id, CAST(:customer_id AS uuid),
                to_jsonb(CAST(:consent AS text[])), CAST(:expires_at AS timestamptz))
        """
    )
)


async def open_session(
    tx: Tx,
    *,
    ttl: timedelta,
    visitor_id: UUID | None = None,
    customer: KnownCustomer | None = None,
    consent: Sequence[Consent] = ("analytics", "personalisation"),
) -> tuple[str, Shopper]:
    """A new session and its token, which is shown once and never stored."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    shopper = Shopper(
        tenant_id=tx.tenant_id,
        session_id=new_id(),
        visitor_id=visitor_id or new_id(),
        customer_id=customer.id if customer else None,
        display_name=customer.display_name if customer else None,
        consent=tuple(consent),
    )
    values = {
        "id": shopper.session_id,
        "token_hash": _hash(token),
        "visitor_id": shopper.visitor_id,
        "customer_id": shopper.customer_id,
        "consent": list(consent),
        "expires_at": clock.now() + ttl,
    }
    await tx.rows(_OPEN, values)
    return token, shopper


# uq_session_token_hash
_BY_TOKEN = hot(
    text(
        """
        SELECT s.id, s.visitor_id, s.customer_id, c.display_name,
               ARRAY(SELECT jsonb_array_elements_text(s.consent)) AS consent,
               s.revoked_at IS NULL AND s.expires_at > CAST(:now AS timestamptz) AS good
        FROM session s LEFT JOIN customer c ON c.tenant_id = s.tenant_id AND c.id = s.customer_id
        WHERE s.tenant_id = :tenant_id AND s.token_hash = :token_hash
        """
    )
)


async def by_token(tx: Tx, token: str) -> Shopper:
    """Who a token stands for.

    Raises:
        SessionUnknown: nobody was given that token here.
        SessionExpired: its time is over, or it was signed out.
    """
    row = await tx.one(_BY_TOKEN, {"token_hash": _hash(token), "now": clock.now()})
    if row is None:
        raise SessionUnknown
    if not row["good"]:
        raise SessionExpired
    consent = cast("tuple[Consent, ...]", tuple(row["consent"]))
    return Shopper(tx.tenant_id, row["id"], row["visitor_id"], row["customer_id"], row["display_name"], consent)


# uq_customer_reference
_BY_REFERENCE = hot(
    text("SELECT id, display_name FROM customer WHERE tenant_id = :tenant_id AND reference = :reference")
)


async def customer_by_reference(tx: Tx, reference: str) -> KnownCustomer:
    """The customer with a reference.

    Raises:
        UnknownCustomer: there is none.
    """
    row = await tx.one(_BY_REFERENCE, {"reference": reference})
    if row is None:
        raise UnknownCustomer(reference=reference)
    return KnownCustomer(**row)


async def sample_customers(session: AsyncSession, limit: int) -> list[Customer]:
    """Some customers, for the demo's choice of households; first those whose age is known."""
    known_first = (Customer.traits["age"].as_string().is_(None), Customer.reference)
    return list(await session.scalars(select(Customer).order_by(*known_first).limit(limit)))


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
