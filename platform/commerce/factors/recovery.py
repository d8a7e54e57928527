"""Recovery codes: ten on paper, each good once, for whoever has lost what they sign in with.

A code is 50 random bits in Crockford's base 32, which has no letters that look like digits. Only a keyed hash of each
is kept, so that the table is of no use without the keys.
"""

from __future__ import annotations

import secrets
from uuid import UUID

from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id

CODES = 10
CHARACTERS = 10
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKS_LIKE = str.maketrans("OIL", "011", "- ")
"""How a letter that isn't used is read, and what is passed over."""


def new_code() -> str:
    """A code in two halves: `4T9QK-M2XC7`."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS))
    return f"{drawn[: CHARACTERS // 2]}-{drawn[CHARACTERS // 2 :]}"


def read(written: str) -> str | None:
    """A code as somebody typed it, in the form that is hashed; `None` if it can't be one."""
    code = written.upper().translate(_LOOKS_LIKE)
    return code if len(code) == CHARACTERS and set(code) <= set(ALPHABET) else None


def _hash(tenant_id: UUID, account_id: UUID, code: str) -> bytes:
    return sealing.digest(tenant_id, "recovery code", f"{account_id}:{code}")


_CLEAR = hot(text("DELETE FROM recovery_code WHERE tenant_id = :tenant_id AND account_id = :account_id"))
_ADD = hot(
    text(
        """
        INSERT INTO recovery_code (tenant_id, id, account_id, code_hash, created_at)
        SELECT :tenant_id, new.id, :account_id, new.code_hash, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bytea[])) AS new (id, code_hash)
        """
    )
)
# uq_recovery_code_hash
_USE = hot(
    text(
        """
        UPDATE recovery_code SET used_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND code_hash = :code_hash AND used_at IS NULL
        RETURNING id
        """
    )
)
_LEFT = hot(
    text(
        """
        SELECT count(*) AS codes FROM recovery_code
        WHERE tenant_id = :tenant_id AND account_id = :account_id AND used_at IS NULL
        """
    )
)


async def renew(tx: Tx, account_id: UUID) -> list[str]:
    """Ten new codes, to be shown once; those before them are good for nothing any more."""
    codes = [new_code() for _ in range(CODES)]
    hashes = [_hash(tx.tenant_id, account_id, read(code) or "") for code in codes]
    await tx.rows(_CLEAR, {"account_id": account_id})
    values = {"account_id": account_id, "ids": [new_id() for _ in codes], "hashes": hashes, "now": clock.now()}
    await tx.rows(_ADD, values)
    return codes


async def use(tx: Tx, account_id: UUID, written: str) -> bool:
    """Show a code, which is used up by it."""
    code = read(written)
    if code is None:
        return False
    asked = {"account_id": account_id, "code_hash": _hash(tx.tenant_id, account_id, code), "now": clock.now()}
    return await tx.one(_USE, asked) is not None


async def left(tx: Tx, account_id: UUID) -> int:
    """How many codes are still good."""
    row = await tx.one(_LEFT, {"account_id": account_id})
    return int(row["codes"]) if row else 0


async def clear(tx: Tx, account_id: UUID) -> None:
    """Forget them all."""
    await tx.rows(_CLEAR, {"account_id": account_id})
