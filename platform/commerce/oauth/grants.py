"""Grants: what somebody lets a program do, and the codes and refresh tokens that come of it.

All tokens of one consent are a family. A code or a refresh token is good once; whoever shows one a second time has it
from somewhere, so the family ends with it, and with it every access token. docs/decisions/0025 says what that costs.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.identity import secrets_shown_once as once
from commerce.oauth.clients import Client
from commerce.oauth.protocol import OauthError, proves
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id
from foundation.tokens import token_hash

Subject = Literal["client", "customer"]
CODE_LIFETIME = timedelta(seconds=60)
GRANT_LIFETIME = timedelta(days=180)
"""After it, somebody has to consent anew."""
REFRESH_LIFETIME = timedelta(days=30)
"""How long a program may be idle."""
OWN_LIFETIME = timedelta(days=1)
"""How long a program's own grant is used for new tokens."""
KEPT = timedelta(days=30)
REFRESH_PREFIX = "twr_"
_CODE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Issued:
    """What a client may have now."""

    grant_id: UUID
    subject: Subject
    subject_id: UUID
    scopes: list[str]
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class LetIn:
    """A program that somebody lets act for them."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime


class UnknownGrant(NotFound):
    """There is no such consent, or it has ended."""

    code = "oauth.unknown_grant"


_GRANT = hot(
    text(
        """
        INSERT INTO oauth_grant (tenant_id, id, client_id, subject, subject_id, session_id, scopes, expires_at)
        VALUES (:tenant_id, :id, :client_id, :subject, :subject_id, CAST(:session_id AS uuid), :scopes,
                CAST(:expires_at AS timestamptz))
        """
    )
)
_CODE = hot(
    text(
        """
        INSERT INTO oauth_code (tenant_id, id, grant_id, code_hash, redirect_uri, challenge, expires_at)
        VALUES (:tenant_id, :id, :grant_id, :code_hash, :redirect_uri, :challenge, CAST(:expires_at AS timestamptz))
        """
    )
)
_GRANTED = """
    g.id AS grant_id, g.subject, g.subject_id, g.scopes, g.client_id,
    g.revoked_at IS NULL AND g.expires_at > CAST(:now AS timestamptz) AS stands
"""
# uq_oauth_code_hash, pk_session. Two who show it at once wait for each other here.
_FIND_CODE = hot(
    text(
        f"""
        SELECT c.id, c.redirect_uri, c.challenge, c.used_at IS NOT NULL AS used,
               c.expires_at > CAST(:now AS timestamptz) AS in_time, {_GRANTED},
               EXISTS (SELECT FROM session s WHERE s.tenant_id = g.tenant_id AND s.id = g.session_id
                         AND s.revoked_at IS NULL AND s.expires_at > CAST(:now AS timestamptz)) AS signed_in
        FROM oauth_code c JOIN oauth_grant g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id
        WHERE c.tenant_id = :tenant_id AND c.code_hash = :hash FOR UPDATE
        """  # noqa: S608  (a literal)
    )
)
_USE_CODE = hot(
    text("UPDATE oauth_code SET used_at = CAST(:now AS timestamptz) WHERE tenant_id = :tenant_id AND id = :id")
)
# uq_oauth_refresh_token_hash
_FIND_REFRESH = hot(
    text(
        f"""
        SELECT t.id, t.used_at IS NOT NULL AS used, t.expires_at > CAST(:now AS timestamptz) AS in_time, {_GRANTED}
        FROM oauth_refresh_token t JOIN oauth_grant g ON g.tenant_id = t.tenant_id AND g.id = t.grant_id
        WHERE t.tenant_id = :tenant_id AND t.token_hash = :hash FOR UPDATE
        """  # noqa: S608  (a literal)
    )
)
_USE_REFRESH = hot(
    text("UPDATE oauth_refresh_token SET used_at = CAST(:now AS timestamptz) WHERE tenant_id = :tenant_id AND id = :id")
)
_REFRESH = hot(
    text(
        """
        INSERT INTO oauth_refresh_token (tenant_id, id, grant_id, token_hash, expires_at)
        VALUES (:tenant_id, :id, :grant_id, :token_hash, CAST(:expires_at AS timestamptz))
        """
    )
)
# ix_oauth_grant_client
_OWN = hot(
    text(
        """
        SELECT id FROM oauth_grant
        WHERE tenant_id = :tenant_id AND client_id = :client_id AND subject = 'client' AND revoked_at IS NULL
          AND expires_at > CAST(:until AS timestamptz)
        ORDER BY expires_at DESC LIMIT 1
        """
    )
)
# pk_oauth_grant
_REVOKE = hot(
    text(
        """
        UPDATE oauth_grant SET revoked_at = CAST(:now AS timestamptz), revoked_reason = :reason
        WHERE tenant_id = :tenant_id AND id = :id AND revoked_at IS NULL
        """
    )
)
# ix_oauth_grant_subject, pk_oauth_client
_OF_CUSTOMER = hot(
    text(
        """
        SELECT g.id, c.name, g.scopes, g.created_at, g.expires_at
        FROM oauth_grant g JOIN oauth_client c ON c.tenant_id = g.tenant_id AND c.id = g.client_id
        WHERE g.tenant_id = :tenant_id AND g.subject_id = :customer_id AND g.subject = 'customer'
          AND g.revoked_at IS NULL AND g.expires_at > CAST(:now AS timestamptz)
        ORDER BY g.id DESC LIMIT 100
        """
    )
)
_END_OF_CUSTOMER = hot(
    text(
        """
        UPDATE oauth_grant SET revoked_at = CAST(:now AS timestamptz), revoked_reason = 'ended_by_customer'
        WHERE tenant_id = :tenant_id AND id = :id AND subject = 'customer' AND subject_id = :customer_id
          AND revoked_at IS NULL
        RETURNING id
        """
    )
)


async def consent(
    tx: Tx,
    client: Client,
    *,
    customer_id: UUID,
    session_id: UUID,
    scopes: Sequence[str],
    redirect_uri: str,
    challenge: str,
) -> str:
    """A customer lets a program act for them; gives the code by which it comes by its tokens, within a minute."""
    now, grant_id, code = clock.now(), new_id(), secrets.token_urlsafe(_CODE_BYTES)
    granted = {"client_id": client.id, "subject": "customer", "subject_id": customer_id, "session_id": session_id}
    await tx.rows(_GRANT, {**granted, "id": grant_id, "scopes": list(scopes), "expires_at": now + GRANT_LIFETIME})
    bound = {"redirect_uri": redirect_uri, "challenge": challenge, "expires_at": now + CODE_LIFETIME}
    await tx.rows(_CODE, {**bound, "id": new_id(), "grant_id": grant_id, "code_hash": token_hash(code)})
    return code


async def redeem(tx: Tx, client: Client, *, code: str, redirect_uri: str, verifier: str) -> Issued | None:
    """What a code is good for; `None` when it isn't, and then what was done about it must be committed all the same.

    Whatever its own client shows with it, a code is used up. Shown again, what came of it ends.
    """
    now = clock.now()
    row = await tx.one(_FIND_CODE, {"hash": token_hash(code), "now": now})
    if row is None or row["client_id"] != client.id:
        return None
    if row["used"]:
        await revoke(tx, row["grant_id"], "code_replayed")
        return None
    await tx.rows(_USE_CODE, {"id": row["id"], "now": now})
    is_bound = row["redirect_uri"] == redirect_uri and proves(verifier, row["challenge"])
    if not (is_bound and row["in_time"] and row["stands"] and row["signed_in"]):
        await revoke(tx, row["grant_id"], "code_refused")
        return None
    return await _issued(tx, client, row, list(row["scopes"]))


async def refresh(tx: Tx, client: Client, *, token: str, scopes: Sequence[str]) -> Issued | None:
    """New tokens for a refresh token, which is good no longer; `None` when it isn't good, to be committed all the same.

    Raises:
        OauthError: `invalid_scope`, for one that was not granted; the token is as good as before.
    """
    if not once.is_well_formed(REFRESH_PREFIX, token):
        return None
    now = clock.now()
    row = await tx.one(_FIND_REFRESH, {"hash": token_hash(token), "now": now})
    if row is None or row["client_id"] != client.id:
        return None
    if row["used"]:
        await revoke(tx, row["grant_id"], "refresh_replayed")
        return None
    if not (row["in_time"] and row["stands"]):
        return None
    if not set(scopes) <= set(row["scopes"]):
        raise OauthError("invalid_scope", "More than was granted.")
    await tx.rows(_USE_REFRESH, {"id": row["id"], "now": now})
    return await _issued(tx, client, row, list(scopes) or list(row["scopes"]))


async def own(tx: Tx, client: Client, *, scopes: Sequence[str]) -> Issued:
    """What a program may do in its own name."""
    now = clock.now()
    row = await tx.one(_OWN, {"client_id": client.id, "until": now + timedelta(hours=1)})
    grant_id = row["id"] if row is not None else new_id()
    if row is None:
        granted = {"client_id": client.id, "subject": "client", "subject_id": client.id, "session_id": None}
        await tx.rows(_GRANT, {**granted, "id": grant_id, "scopes": list(scopes), "expires_at": now + OWN_LIFETIME})
    return Issued(grant_id, "client", client.id, list(scopes), None)


async def revoke(tx: Tx, grant_id: UUID, reason: str) -> None:
    """End a grant, and so every token of it."""
    await tx.rows(_REVOKE, {"id": grant_id, "reason": reason, "now": clock.now()})


async def grant_of_refresh(tx: Tx, client: Client, token: str) -> asyncpg.Record | None:
    """The grant of a refresh token of this client's that is still good."""
    if not once.is_well_formed(REFRESH_PREFIX, token):
        return None
    row = await tx.one(_FIND_REFRESH, {"hash": token_hash(token), "now": clock.now()})
    if row is None or row["client_id"] != client.id:
        return None
    return row if row["in_time"] and row["stands"] and not row["used"] else None


async def of_customer(tx: Tx, customer_id: UUID) -> list[LetIn]:
    """The programs that a customer lets act for them, the latest first."""
    rows = await tx.rows(_OF_CUSTOMER, {"customer_id": customer_id, "now": clock.now()})
    return [LetIn(**row) for row in rows]


async def end_of_customer(tx: Tx, customer_id: UUID, grant_id: UUID) -> None:
    """A customer ends what they allowed, at once.

    Raises:
        UnknownGrant: they allowed no such thing, or it has ended.
    """
    if await tx.one(_END_OF_CUSTOMER, {"id": grant_id, "customer_id": customer_id, "now": clock.now()}) is None:
        raise UnknownGrant


async def _issued(tx: Tx, client: Client, row: asyncpg.Record, scopes: list[str]) -> Issued:
    allowed = [scope for scope in scopes if scope in client.scopes]
    token = None
    if "refresh_token" in client.grants:
        token = once.new_secret(REFRESH_PREFIX)
        kept = {"id": new_id(), "grant_id": row["grant_id"], "token_hash": token_hash(token)}
        await tx.rows(_REFRESH, {**kept, "expires_at": clock.now() + REFRESH_LIFETIME})
    return Issued(row["grant_id"], row["subject"], row["subject_id"], allowed, token)
