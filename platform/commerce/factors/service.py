"""What an account has besides its password, and what it therefore asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.factors import passkeys, recovery, totp
from commerce.factors.passkeys import Passkey
from commerce.throttling.service import Limit
from foundation.database import Tx, hot
from foundation.errors import TooMany, Unprocessable

TOTP = "totp"
PASSKEY = "passkey"
RECOVERY_CODE = "recovery_code"


class CodeRefused(Unprocessable):
    """The code is not right, or it was used already."""

    code = "factors.code_refused"


class TooManyCodes(TooMany):
    """Too many codes were tried for this account; wait a while."""

    code = "factors.too_many_codes"


# Whoever tries codes has shown the first factor, so nobody else can use the bucket up.
ATTEMPTS = Limit("second factor", burst=10, every=timedelta(minutes=15), refusal=TooManyCodes)
"""Three codes of a million are good at a time: at four an hour, whoever has the password finds one in ten years."""


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account has besides its password."""

    authenticator_since: datetime | None
    """Since when it has an authenticator app."""
    passkeys: tuple[Passkey, ...]
    recovery_codes_left: int

    @property
    def any_strong(self) -> bool:
        """Whether there is one that a stolen password does not open."""
        return self.authenticator_since is not None or bool(self.passkeys)


# uq_authenticator_account
_CONFIRMED = hot(
    text(
        """
        SELECT confirmed_at FROM authenticator
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND confirmed_at IS NOT NULL
        """
    )
)
# uq_authenticator_account, ix_passkey_account, uq_recovery_code_hash
_KINDS = hot(
    text(
        """
        SELECT EXISTS (SELECT FROM authenticator WHERE tenant_id = :tenant_id AND account_id = :account_id
                       AND confirmed_at IS NOT NULL) AS totp,
               EXISTS (SELECT FROM passkey WHERE tenant_id = :tenant_id AND account_id = :account_id) AS passkey,
               EXISTS (SELECT FROM recovery_code WHERE tenant_id = :tenant_id AND account_id = :account_id
                       AND used_at IS NULL) AS recovery_code
        """
    )
)


async def of(tx: Tx, account_id: UUID) -> Factors:
    """What an account has."""
    row = await tx.one(_CONFIRMED, {"account_id": account_id})
    return Factors(
        row["confirmed_at"] if row else None,
        tuple(await passkeys.of(tx, account_id)),
        await recovery.left(tx, account_id),
    )


async def required_factors(tx: Tx, account_id: UUID) -> tuple[str, ...]:
    """The second factors any one of which must be shown after the first; none: the first is enough.

    An account that has an authenticator app or a passkey asks for one; a recovery code does instead of either.
    """
    row = await tx.one(_KINDS, {"account_id": account_id})
    if row is None or not (row["totp"] or row["passkey"]):
        return ()
    return tuple(kind for kind in (TOTP, PASSKEY, RECOVERY_CODE) if row[kind])


async def confirm_authenticator(tx: Tx, account_id: UUID, code: str) -> list[str] | None:
    """The first code of a new app is shown: the account's first recovery codes, if it has none yet.

    Raises:
        CodeRefused, NothingToConfirm.
    """
    if not await totp.confirm(tx, account_id, code):
        raise CodeRefused
    return await first_codes(tx, account_id)


async def first_codes(tx: Tx, account_id: UUID) -> list[str] | None:
    """Recovery codes for an account that has no good one: whoever asks for a second factor must have a way back."""
    return None if await recovery.left(tx, account_id) else await recovery.renew(tx, account_id)


async def show_code(tx: Tx, account_id: UUID, code: str) -> tuple[str, ...]:
    """Show a code, of the app or on paper; how that is called (RFC 8176). `tx` is to be committed: it is used up.

    Raises:
        CodeRefused.
    """
    digits = code.replace(" ", "")
    good = (
        await totp.verify(tx, account_id, digits)
        if len(digits) == 6 and digits.isdigit()
        else await recovery.use(tx, account_id, code)
    )
    if not good:
        raise CodeRefused
    return ("otp",)


async def remove_authenticator(tx: Tx, account_id: UUID) -> bool:
    """Forget the account's app, and its recovery codes when nothing is left that they stand in for; whether there was
    one.
    """
    removed = await totp.remove(tx, account_id)
    await _tidy(tx, account_id)
    return removed


async def remove_passkey(tx: Tx, account_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey, and the recovery codes when nothing is left that they stand in for.

    Raises:
        PasskeyNotFound.
    """
    await passkeys.remove(tx, account_id, passkey_id)
    await _tidy(tx, account_id)


async def _tidy(tx: Tx, account_id: UUID) -> None:
    if not await required_factors(tx, account_id):
        await recovery.clear(tx, account_id)
