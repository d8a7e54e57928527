"""One-time secrets: a link in a mail, a code in a text message, a sign-in that waits for its second factor.

A token is 256 random bits of which the hash is kept (SHA-256: nothing to guess); a code is six digits, so its hash is
keyed, its attempts are counted, and it is tied to what asked for it. Each is shown once: whoever shows it takes the row
away, and of two at once only one finds it. A new one for the same purpose and target takes the old one's place.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.ids import new_id
from foundation.tokens import token_hash

TOKEN_BYTES = 32
CODE_DIGITS = 6
ATTEMPTS = 5
"""How often a code may be tried: a guess is right once in 200,000 then. It is as good a bound elsewhere."""


class Purpose(StrEnum):
    """What a secret is good for, and nothing else."""

    REGISTER = "register"
    LINK = "link"
    CODE = "code"
    RESET = "reset"
    CHANGE_EMAIL = "change_email"
    CHANGE_PHONE = "change_phone"
    SECOND_FACTOR = "second_factor"
    STAFF = "staff"
    ACTING = "acting"
    IDENTITY = "identity"
    PERSONAL_DATA = "personal_data"
    STOCK_ALERT = "stock_alert"


LIVES = {
    Purpose.REGISTER: timedelta(hours=24),
    Purpose.LINK: timedelta(minutes=15),
    Purpose.CODE: timedelta(minutes=10),
    Purpose.RESET: timedelta(minutes=30),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.CHANGE_PHONE: timedelta(minutes=10),
    Purpose.SECOND_FACTOR: timedelta(minutes=10),
    Purpose.STAFF: timedelta(days=7),
    Purpose.ACTING: timedelta(minutes=2),
    Purpose.IDENTITY: timedelta(minutes=30),
    Purpose.PERSONAL_DATA: timedelta(minutes=30),
    Purpose.STOCK_ALERT: timedelta(hours=24),
}


class ProofNotGood(Unprocessable):
    """This link or code is over: it was used, it is too old, or a newer one was sent."""

    code = "identity.proof_not_good"


class CodeWrong(Unprocessable):
    """The code is not right, or it is over; after some wrong ones a new one is needed."""

    code = "identity.code_wrong"


@dataclass(frozen=True, slots=True)
class Shown:
    """What whoever showed a secret has proved."""

    subject_id: UUID
    content: Mapping[str, Any]


_ISSUE = hot(
    text(
        """
        INSERT INTO proof AS p (tenant_id, id, purpose, target, subject_id, secret_hash, content, attempts_left,
                                created_at, expires_at)
        VALUES (:tenant_id, :id, :purpose, :target, :subject_id, :secret_hash, :content, :attempts,
                CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz))
        ON CONFLICT (tenant_id, purpose, target) DO UPDATE
            SET id = excluded.id, subject_id = excluded.subject_id, secret_hash = excluded.secret_hash,
                content = excluded.content, attempts_left = excluded.attempts_left, created_at = excluded.created_at,
                expires_at = excluded.expires_at
        """
    )
)


async def issue_token(
    tx: Tx, purpose: Purpose, *, target: bytes, subject_id: UUID, content: Mapping[str, Any], attempts: int = 1
) -> str:
    """A new token, to be sent or handed over; it is kept nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await _issue(tx, purpose, new_id(), token_hash(token), target, subject_id, content, attempts)
    return token


async def issue_code(
    tx: Tx, purpose: Purpose, *, target: bytes, subject_id: UUID, content: Mapping[str, Any]
) -> tuple[UUID, str]:
    """A new code, to be sent, and the id by which whoever asked for it shows it."""
    proof_id, code = new_id(), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    await _issue(tx, purpose, proof_id, _code_hash(tx.tenant_id, proof_id, code), target, subject_id, content, ATTEMPTS)
    return proof_id, code


async def _issue(
    tx: Tx,
    purpose: Purpose,
    proof_id: UUID,
    secret_hash: bytes,
    target: bytes,
    subject_id: UUID,
    content: Mapping[str, Any],
    attempts: int,
) -> None:
    (sealed,) = await sealing.seal(tx, subject_id, [orjson.dumps(content).decode()])
    now = clock.now()
    values = {
        "id": proof_id,
        "purpose": purpose,
        "target": target,
        "subject_id": subject_id,
        "secret_hash": secret_hash,
        "content": sealed,
        "attempts": attempts,
        "now": now,
        "expires_at": now + LIVES[purpose],
    }
    await tx.rows(_ISSUE, values)


# uq_proof_secret
_TAKE = hot(
    text(
        """
        DELETE FROM proof WHERE tenant_id = :tenant_id AND secret_hash = :secret_hash AND purpose = :purpose
        RETURNING subject_id, content, expires_at > CAST(:now AS timestamptz) AS good
        """
    )
)
_LOOK = hot(
    text(
        """
        SELECT subject_id, content, true AS good FROM proof WHERE tenant_id = :tenant_id AND secret_hash = :secret_hash
           AND purpose = :purpose AND expires_at > CAST(:now AS timestamptz)
        """
    )
)
_COUNT = hot(
    text(
        """
        UPDATE proof SET attempts_left = attempts_left - 1
        WHERE tenant_id = :tenant_id AND secret_hash = :secret_hash AND purpose = :purpose AND attempts_left > 0
          AND expires_at > CAST(:now AS timestamptz)
        RETURNING subject_id, content, true AS good
        """
    )
)


async def redeem(tx: Tx, purpose: Purpose, token: str) -> Shown:
    """Show a token, which is used up by it.

    Raises:
        ProofNotGood.
    """
    return await _shown(tx, _TAKE, purpose, token_hash(token))


async def look(tx: Tx, purpose: Purpose, token: str) -> Shown:
    """What a token is about, without using it up.

    Raises:
        ProofNotGood.
    """
    return await _shown(tx, _LOOK, purpose, token_hash(token))


async def count(tx: Tx, purpose: Purpose, token: str) -> Shown:
    """What a token is about; one attempt at whatever it stands for is counted, once `tx` is committed.

    Raises:
        ProofNotGood: it is over, or there have been too many attempts.
    """
    return await _shown(tx, _COUNT, purpose, token_hash(token))


async def _shown(tx: Tx, statement: Any, purpose: Purpose, secret_hash: bytes) -> Shown:
    row = await tx.one(statement, {"secret_hash": secret_hash, "purpose": purpose, "now": clock.now()})
    if row is None or not row["good"]:
        raise ProofNotGood
    return await _opened(tx, row)


_TRY = hot(
    text(
        """
        UPDATE proof SET attempts_left = attempts_left - 1
        WHERE tenant_id = :tenant_id AND id = :proof_id AND purpose = :purpose AND attempts_left > 0
          AND expires_at > CAST(:now AS timestamptz)
        RETURNING subject_id, content, secret_hash
        """
    )
)
_USED = hot(text("DELETE FROM proof WHERE tenant_id = :tenant_id AND id = :proof_id"))


async def try_code(tx: Tx, purpose: Purpose, proof_id: UUID, code: str) -> Shown | None:
    """Show a code, which is used up if it is right; `None` if it is not. `tx` is to be committed either way: that is
    what counts the attempt.
    """
    row = await tx.one(_TRY, {"proof_id": proof_id, "purpose": purpose, "now": clock.now()})
    if row is None or not hmac.compare_digest(row["secret_hash"], _code_hash(tx.tenant_id, proof_id, code)):
        return None
    await tx.rows(_USED, {"proof_id": proof_id})
    return await _opened(tx, row)


# uq_proof_target
_END = hot(
    text(
        """
        DELETE FROM proof WHERE tenant_id = :tenant_id AND purpose = ANY (CAST(:purposes AS text[]))
          AND target = ANY (CAST(:targets AS bytea[]))
        """
    )
)


async def end(tx: Tx, purposes: Sequence[Purpose], targets: Sequence[bytes]) -> None:
    """What was issued for these targets is good for nothing any more."""
    await tx.rows(_END, {"purposes": list(purposes), "targets": list(targets)})


async def _opened(tx: Tx, row: Mapping[str, Any]) -> Shown:
    (content,) = await sealing.unseal(tx, [row["content"]])
    if content is None:
        raise ProofNotGood
    return Shown(row["subject_id"], orjson.loads(content))


def _code_hash(tenant_id: UUID, proof_id: UUID, code: str) -> bytes:
    return sealing.digest(tenant_id, "one-time code", f"{proof_id}:{code}")
