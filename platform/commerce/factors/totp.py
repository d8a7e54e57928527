"""Authenticator apps: codes that change every half minute (TOTP, RFC 6238).

A code of the present time step counts, and of the one before and after it, for clocks that differ (section 5.2). A code
is good once: its time step is written down by the statement that accepts it, and no code of that step or an earlier
one is taken afterwards.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id

SECONDS = 30
SKEW = 1
"""Time steps that a clock may be off."""
SECRET_CHARACTERS = 32
"""160 bits in base32: what RFC 4226 recommends (section 4, R6)."""


class AuthenticatorExists(Conflict):
    """The account has an authenticator app already; remove it before another is set up."""

    code = "factors.authenticator_exists"


class NothingToConfirm(Conflict):
    """No authenticator app is being set up; begin again."""

    code = "factors.nothing_to_confirm"


def address(secret: str, *, name: str, issuer: str) -> str:
    """What an app reads from a picture (`otpauth:`): whose codes, of which shop, and the secret."""
    return pyotp.TOTP(secret, interval=SECONDS).provisioning_uri(name=name, issuer_name=issuer)


def picture(address: str) -> str:
    """The address as a QR code: an SVG for the inside of a page, dark on its own light ground."""
    import segno  # noqa: PLC0415  (a worker that shows no such code does not load it)

    return str(segno.make(address, error="m").svg_inline(border=3, light="#fff", dark="#1c211e", omitsize=True))


def step_of(secret: str, code: str, at: datetime, *, after: int = 0) -> int | None:
    """The time step that a code is of, if it is near `at` and later than `after`."""
    codes = pyotp.TOTP(secret, interval=SECONDS)
    now = int(at.timestamp()) // SECONDS
    near = range(max(now - SKEW, after + 1), now + SKEW + 1)
    shown = code.encode()
    return next((step for step in near if hmac.compare_digest(codes.generate_otp(step).encode(), shown)), None)


# uq_authenticator_account. One that was never confirmed gives way.
_BEGIN = hot(
    text(
        """
        INSERT INTO authenticator AS a (tenant_id, id, account_id, secret, created_at)
        VALUES (:tenant_id, :id, :account_id, :secret, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, account_id) DO UPDATE
            SET id = excluded.id, secret = excluded.secret, last_step = 0, created_at = excluded.created_at
            WHERE a.confirmed_at IS NULL
        RETURNING id
        """
    )
)


async def begin(tx: Tx, account_id: UUID, subject_id: UUID) -> str:
    """A new secret, to be shown once; it counts for nothing until a code of it is shown.

    Raises:
        AuthenticatorExists: a confirmed one is there.
    """
    secret = pyotp.random_base32(SECRET_CHARACTERS)
    (sealed,) = await sealing.seal(tx, subject_id, [secret])
    values = {"id": new_id(), "account_id": account_id, "secret": sealed, "now": clock.now()}
    if await tx.one(_BEGIN, values) is None:
        raise AuthenticatorExists
    return secret


# uq_authenticator_account
_OF = hot(
    text(
        """
        SELECT secret, last_step, confirmed_at FROM authenticator
        WHERE tenant_id = :tenant_id AND account_id = :account_id
        """
    )
)
# Of two who show one code at once, the second finds that its step is used.
_USE = hot(
    text(
        """
        UPDATE authenticator
        SET last_step = :step, used_at = CAST(:now AS timestamptz),
            confirmed_at = coalesce(confirmed_at, CAST(:now AS timestamptz))
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND secret = :secret AND last_step < :step
        RETURNING id
        """
    )
)
_REMOVE = hot(text("DELETE FROM authenticator WHERE tenant_id = :tenant_id AND account_id = :account_id RETURNING id"))


async def pending(tx: Tx, account_id: UUID) -> str | None:
    """The secret of the app that is being set up, if one is."""
    row = await tx.one(_OF, {"account_id": account_id})
    if row is None or row["confirmed_at"] is not None:
        return None
    return (await sealing.unseal(tx, [row["secret"]]))[0]


async def confirm(tx: Tx, account_id: UUID, code: str) -> bool:
    """Show the first code of the app that is being set up: from then on it counts.

    Raises:
        NothingToConfirm: none is being set up.
    """
    row = await tx.one(_OF, {"account_id": account_id})
    if row is None or row["confirmed_at"] is not None:
        raise NothingToConfirm
    return await _used(tx, account_id, row["secret"], row["last_step"], code)


async def verify(tx: Tx, account_id: UUID, code: str) -> bool:
    """Show a code of the account's app, which is used up by it."""
    row = await tx.one(_OF, {"account_id": account_id})
    if row is None or row["confirmed_at"] is None:
        return False
    return await _used(tx, account_id, row["secret"], row["last_step"], code)


async def _used(tx: Tx, account_id: UUID, sealed: str, last_step: int, code: str) -> bool:
    (secret,) = await sealing.unseal(tx, [sealed])
    now = clock.now()
    step = step_of(secret, code, now, after=last_step) if secret else None
    if step is None:
        return False
    return await tx.one(_USE, {"account_id": account_id, "secret": sealed, "step": step, "now": now}) is not None


async def remove(tx: Tx, account_id: UUID) -> bool:
    """Forget the account's app; whether there was one."""
    return await tx.one(_REMOVE, {"account_id": account_id}) is not None
