"""Browsers that were sent to a provider, and what they must come back with.

The state that a browser takes along is known here by its hash, is good in the session that it was given to, and once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import text

from commerce.federation.issuers import Metadata
from commerce.federation.providers import Provider
from commerce.federation.refusals import AttemptOver
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.tokens import token_hash

SECRET_BYTES = 32
LIVES = timedelta(minutes=10)
Purpose = Literal["sign_in", "link", "step_up"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A browser that has come back."""

    purpose: Purpose
    provider_id: UUID
    redirect_uri: str
    nonce: str
    verifier: str
    onward: str
    account_id: UUID | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a browser is to go."""

    url: str
    expires_at: datetime


_BEGIN = hot(
    text(
        """
        INSERT INTO sign_in_attempt (tenant_id, id, state_hash, session_id, purpose, provider, redirect_uri, nonce,
                                     verifier, onward, account_id, started_at, expires_at)
        VALUES (:tenant_id, :id, :state_hash, :session_id, :purpose, :provider, :redirect_uri, :nonce, :verifier,
                :onward, CAST(:account_id AS uuid), CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz))
        """
    )
)
# uq_sign_in_attempt_state
_TAKE = hot(
    text(
        """
        DELETE FROM sign_in_attempt WHERE tenant_id = :tenant_id AND state_hash = :state_hash
          AND session_id = :session_id AND purpose = ANY (CAST(:purposes AS text[]))
          AND expires_at > CAST(:now AS timestamptz)
        RETURNING purpose, provider, redirect_uri, nonce, verifier, onward, account_id, started_at
        """
    )
)


async def begin(
    tx: Tx,
    provider: Provider,
    metadata: Metadata,
    *,
    purpose: Purpose,
    session_id: UUID,
    account_id: UUID | None,
    redirect_uri: str,
    onward: str,
) -> Sent:
    """Where to send a browser, with a state, a nonce and a challenge (RFC 7636) of this attempt's own."""
    state, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
    now = clock.now()
    expires_at = now + LIVES
    sealed_nonce, sealed_verifier = await sealing.seal(tx, provider.id, [nonce, verifier])
    values = {
        "id": new_id(),
        "state_hash": token_hash(state),
        "session_id": session_id,
        "purpose": purpose,
        "provider": str(provider.id),
        "redirect_uri": redirect_uri,
        "nonce": sealed_nonce,
        "verifier": sealed_verifier,
        "onward": onward,
        "account_id": account_id,
        "now": now,
        "expires_at": expires_at,
    }
    await tx.rows(_BEGIN, values)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": provider.peculiar.scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    if provider.peculiar.response_mode is not None:
        asked["response_mode"] = provider.peculiar.response_mode
    if purpose == "step_up":
        asked |= {"prompt": "login", "max_age": "0"}
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return Sent(f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}", expires_at)


async def take(tx: Tx, state: str, session_id: UUID, purposes: tuple[Purpose, ...]) -> Attempt:
    """The attempt that a browser comes back from; it is over once `tx` is committed.

    Raises:
        AttemptOver: it is over already, or another browser's, or was begun for something else.
    """
    values = {
        "state_hash": token_hash(state),
        "session_id": session_id,
        "purposes": list(purposes),
        "now": clock.now(),
    }
    row = await tx.one(_TAKE, values)
    if row is None:
        raise AttemptOver
    nonce, verifier = await sealing.unseal(tx, [row["nonce"], row["verifier"]])
    if nonce is None or verifier is None:
        raise AttemptOver
    return Attempt(
        row["purpose"],
        UUID(row["provider"]),
        row["redirect_uri"],
        nonce,
        verifier,
        row["onward"],
        row["account_id"],
        row["started_at"],
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
