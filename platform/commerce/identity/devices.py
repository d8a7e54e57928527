"""Browsers that are known again, and what an account is signed in with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.identity import acting
from commerce.identity import service as identity
from commerce.identity.browsers import Browser
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id
from foundation.tokens import token_hash

TOKEN_BYTES = 32
REMEMBERED = 20
"""Networks remembered of a browser."""
_NOBODY = UUID(int=0)


class SignInNotFound(NotFound):
    """You are not signed in there, or not any more."""

    code = "identity.sign_in_not_found"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A browser as an account knows it."""

    id: UUID
    token: str
    """For its cookie."""
    is_new: bool
    is_elsewhere: bool
    """Nobody has signed in to the account from its network before."""
    is_first: bool
    """Nobody has signed in to the account before."""


# uq_device_account
_IS_KNOWN = hot(
    text(
        """
        SELECT id FROM device
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND token_hash = :token_hash
        """
    )
)


async def is_known(tx: Tx, account_id: UUID | None, browser: Browser) -> bool:
    """Whether somebody has signed in to the account with this browser before; it takes as long to find that there is
    no account.
    """
    asked = {"account_id": account_id or _NOBODY, "token_hash": token_hash(browser.device_token or "")}
    return await tx.one(_IS_KNOWN, asked) is not None


# uq_device_account
_SEEN_OF = hot(
    text(
        """
        SELECT count(*) AS devices, coalesce(bool_or(:network = ANY (networks)), false) AS is_usual,
               coalesce(bool_or(token_hash = :token_hash), false) AS is_known
        FROM device WHERE tenant_id = :tenant_id AND account_id = :account_id
        """
    )
)
_REMEMBER = hot(
    text(
        """
        INSERT INTO device AS d (tenant_id, id, account_id, token_hash, networks, created_at, seen_at)
        VALUES (:tenant_id, :id, :account_id, :token_hash, ARRAY[CAST(:network AS bytea)], CAST(:now AS timestamptz),
                CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, account_id, token_hash) DO UPDATE
            SET seen_at = excluded.seen_at,
                networks = (array_remove(d.networks, CAST(:network AS bytea)) || excluded.networks)
                    [greatest(cardinality(array_remove(d.networks, CAST(:network AS bytea))) + 2 - :most, 1):]
        RETURNING id
        """
    )
)


async def recognise(tx: Tx, account_id: UUID, browser: Browser) -> Recognised:
    """Remember that somebody signed in to an account with this browser, and say whether that is new."""
    token = browser.device_token or secrets.token_urlsafe(TOKEN_BYTES)
    network = sealing.digest(tx.tenant_id, "network", browser.whereabouts())
    asked = {"account_id": account_id, "token_hash": token_hash(token), "network": network}
    seen = await tx.one(_SEEN_OF, asked)
    row = await tx.one(_REMEMBER, {**asked, "id": new_id(), "now": clock.now(), "most": REMEMBERED})
    if seen is None or row is None:
        raise AssertionError("an aggregate and an upsert give one row each")
    return Recognised(
        row["id"],
        token,
        is_new=not seen["is_known"],
        is_elsewhere=not seen["is_usual"],
        is_first=seen["devices"] == 0,
    )


@dataclass(frozen=True, slots=True)
class SignedInWith:
    """A session of an account, as its owner sees it."""

    id: UUID
    browser: str
    address: str | None
    signed_in_at: datetime
    seen_at: datetime
    amr: tuple[str, ...]


# ix_session_account
_LIST = hot(
    text(
        """
        SELECT id, browser, address, created_at, seen_at, amr FROM session
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND revoked_at IS NULL
          AND expires_at > CAST(:now AS timestamptz) AND coalesce(idle_until > CAST(:now AS timestamptz), true)
        ORDER BY seen_at DESC NULLS LAST, id DESC LIMIT 100
        """
    )
)


async def signed_in_with(tx: Tx, account_id: UUID) -> list[SignedInWith]:
    """Where an account is signed in, the last used first; the latest hundred."""
    rows = await tx.rows(_LIST, {"account_id": account_id, "now": clock.now()})
    opened = await sealing.unseal(tx, [value for row in rows for value in (row["browser"], row["address"])])
    return [
        SignedInWith(
            id=row["id"],
            browser=opened[2 * place] or "A browser",
            address=opened[2 * place + 1],
            signed_in_at=row["created_at"],
            seen_at=row["seen_at"] or row["created_at"],
            amr=tuple(row["amr"]),
        )
        for place, row in enumerate(rows)
    ]


_END = hot(
    text(
        """
        UPDATE session SET revoked_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :session_id AND account_id = :account_id AND revoked_at IS NULL
        RETURNING id
        """
    )
)


async def sign_out(tx: Tx, account_id: UUID, session_id: UUID) -> None:
    """End one session of an account.

    Raises:
        SignInNotFound: it has no such session, or not any more.
    """
    ended = await tx.one(_END, {"account_id": account_id, "session_id": session_id, "now": clock.now()})
    if ended is None:
        raise SignInNotFound


async def sign_out_others(tx: Tx, account_id: UUID, customer_id: UUID | None, *, except_id: UUID) -> None:
    """End every session of an account but one, and whatever staff do as its owner."""
    await identity.revoke_all(tx, account_id, except_id=except_id)
    if customer_id is not None:
        await acting.end_of_customer(tx, customer_id, by=f"account:{account_id}")
