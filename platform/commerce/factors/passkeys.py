"""Passkeys: key pairs that a device keeps and a finger or a PIN unlocks (WebAuthn level 3).

A challenge is bound to the session that asked, is good once and for some minutes, and names what it is for: a signature
made for one purpose counts for no other. The authenticator must have verified its owner, so a passkey is two factors by
itself. One whose counter does not move on may have been copied; it is refused (section 6.1.1).
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy import text
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id

LIVES = timedelta(minutes=5)
MAX_PASSKEYS = 20
"""Of one account."""
CHALLENGE_BYTES = 32
TRANSPORTS = frozenset(one.value for one in AuthenticatorTransport)


class PasskeyRefused(Unprocessable):
    """This passkey can't be used: it is unknown here, was not unlocked, or what it signed is not what was asked."""

    code = "factors.passkey_refused"


class PasskeyCopied(Unprocessable):
    """This passkey has counted backwards, as a copy of it would; use another, and remove it from the account."""

    code = "factors.passkey_copied"


class PasskeyKnown(Conflict):
    """This passkey is known here already."""

    code = "factors.passkey_known"


class TooManyPasskeys(Conflict):
    """An account holds up to twenty passkeys; remove one first."""

    code = "factors.too_many_passkeys"


class PasskeyNotFound(NotFound):
    """The account has no such passkey."""

    code = "factors.passkey_not_found"


class Purpose(StrEnum):
    """What a signature is good for, and nothing else."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    SECOND_FACTOR = "second_factor"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The shop, as an authenticator knows it."""

    id: str
    """Its host."""
    origin: str
    """Its address, as its pages have it: scheme, host, and port."""
    name: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a passkey is made for."""

    account_id: UUID
    subject_id: UUID
    name: str
    """What they sign in with, for the list that their device shows."""
    display_name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser passes to its authenticator, and the id to answer with."""

    challenge_id: UUID
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of an account."""

    id: UUID
    name: str
    rp_id: str
    is_synced: bool
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Used:
    """A passkey was used by whoever can unlock it."""

    account_id: UUID
    passkey_id: UUID
    amr: tuple[str, ...]
    """RFC 8176: a key in hardware or in software, and, unlocked, more than one factor."""


_ASK = hot(
    text(
        """
        INSERT INTO passkey_challenge (tenant_id, id, purpose, challenge, session_id, account_id, expires_at)
        VALUES (:tenant_id, :id, :purpose, :challenge, :session_id, CAST(:account_id AS uuid),
                CAST(:expires_at AS timestamptz))
        """
    )
)
_TAKE = hot(
    text(
        """
        DELETE FROM passkey_challenge
        WHERE tenant_id = :tenant_id AND id = :id AND purpose = :purpose AND session_id = :session_id
          AND account_id IS NOT DISTINCT FROM CAST(:account_id AS uuid) AND expires_at > CAST(:now AS timestamptz)
        RETURNING challenge
        """
    )
)
# ix_passkey_account
_OF = hot(
    text(
        """
        SELECT id, credential_id, rp_id, transports, name, is_synced, created_at, used_at FROM passkey
        WHERE tenant_id = :tenant_id AND account_id = :account_id ORDER BY created_at, id
        """
    )
)


async def of(tx: Tx, account_id: UUID) -> list[Passkey]:
    """The passkeys of an account, the oldest first."""
    rows = await tx.rows(_OF, {"account_id": account_id})
    names = await sealing.unseal(tx, [row["name"] for row in rows])
    return [
        Passkey(row["id"], name or "A passkey", row["rp_id"], row["is_synced"], row["created_at"], row["used_at"])
        for row, name in zip(rows, names, strict=True)
    ]


async def ask_to_register(tx: Tx, owner: Owner, rp: RelyingParty, session_id: UUID) -> Asked:
    """Ask for a new passkey, one that its device can offer by itself, and not for a second on a device that has one.

    Raises:
        TooManyPasskeys.
    """
    kept = await tx.rows(_OF, {"account_id": owner.account_id})
    if len(kept) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    options = webauthn.generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        user_id=owner.account_id.bytes,
        user_name=owner.name,
        user_display_name=owner.display_name,
        challenge=secrets.token_bytes(CHALLENGE_BYTES),
        timeout=_milliseconds(LIVES),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_described(kept, rp),
    )
    return await _asked(tx, Purpose.REGISTER, options, session_id, owner.account_id)


_ADD = hot(
    text(
        """
        INSERT INTO passkey (tenant_id, id, account_id, credential_id, public_key, rp_id, sign_count, name, transports,
                             is_synced, created_at)
        VALUES (:tenant_id, :id, :account_id, :credential_id, :public_key, :rp_id, :sign_count, :name,
                CAST(:transports AS text[]), :is_synced, CAST(:now AS timestamptz))
        """
    )
)


async def register(
    tx: Tx,
    owner: Owner,
    rp: RelyingParty,
    session_id: UUID,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    name: str,
) -> UUID:
    """Keep a new passkey, once what its authenticator says holds; its id.

    Raises:
        PasskeyRefused: it does not, or the challenge is over.
        PasskeyKnown: somebody has it already.
    """
    challenge = await _taken(tx, Purpose.REGISTER, challenge_id, session_id, owner.account_id)
    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            require_user_verification=True,
        )
    except _MALFORMED as fault:
        raise PasskeyRefused from fault
    (sealed,) = await sealing.seal(tx, owner.subject_id, [name])
    told = credential.get("response", {}).get("transports") or ()
    passkey_id = new_id()
    values = {
        "id": passkey_id,
        "account_id": owner.account_id,
        "credential_id": made.credential_id,
        "public_key": made.credential_public_key,
        "rp_id": rp.id,
        "sign_count": made.sign_count,
        "name": sealed,
        "transports": [one for one in told if one in TRANSPORTS],
        "is_synced": made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        "now": clock.now(),
    }
    try:
        await tx.rows(_ADD, values)
    except asyncpg.UniqueViolationError as fault:
        raise PasskeyKnown from fault
    return passkey_id


async def ask(tx: Tx, rp: RelyingParty, session_id: UUID, purpose: Purpose, account_id: UUID | None = None) -> Asked:
    """Ask for a signature: by a passkey of an account, or, without one, by any that a device offers."""
    kept = await tx.rows(_OF, {"account_id": account_id}) if account_id is not None else ()
    options = webauthn.generate_authentication_options(
        rp_id=rp.id,
        challenge=secrets.token_bytes(CHALLENGE_BYTES),
        timeout=_milliseconds(LIVES),
        allow_credentials=_described(kept, rp),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return await _asked(tx, purpose, options, session_id, account_id)


# uq_passkey_credential
_WITH = hot(
    text(
        """
        SELECT id, account_id, public_key, sign_count, is_synced FROM passkey
        WHERE tenant_id = :tenant_id AND credential_id = :credential_id AND rp_id = :rp_id
        """
    )
)
# Of two who show one signature's counter at once, the second finds that it has moved on.
_COUNT = hot(
    text(
        """
        UPDATE passkey SET sign_count = :sign_count, used_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND (sign_count < :sign_count OR (sign_count = 0 AND :sign_count = 0))
        RETURNING id
        """
    )
)


async def use(
    tx: Tx,
    rp: RelyingParty,
    session_id: UUID,
    purpose: Purpose,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    account_id: UUID | None = None,
) -> Used:
    """What a passkey has signed, checked.

    Raises:
        PasskeyRefused: it does not hold, the passkey is not known or not the account's, or the challenge is over.
        PasskeyCopied: its counter has not moved on.
    """
    challenge = await _taken(tx, purpose, challenge_id, session_id, account_id)
    try:
        asked = {"credential_id": base64url_to_bytes(str(credential.get("rawId"))), "rp_id": rp.id}
    except ValueError as fault:
        raise PasskeyRefused from fault
    row = await tx.one(_WITH, asked)
    if row is None or row["account_id"] != (account_id or _handle(credential)):
        raise PasskeyRefused
    try:
        shown = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=row["public_key"],
            # The counter is compared below, where its being wrong has a name of its own.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED as fault:
        raise PasskeyRefused from fault
    if await tx.one(_COUNT, {"id": row["id"], "sign_count": shown.new_sign_count, "now": clock.now()}) is None:
        raise PasskeyCopied
    return Used(row["account_id"], row["id"], ("swk" if row["is_synced"] else "hwk", "user", "mfa"))


_RENAME = hot(
    text(
        """
        UPDATE passkey SET name = :name WHERE tenant_id = :tenant_id AND account_id = :account_id AND id = :id
        RETURNING id
        """
    )
)
_REMOVE = hot(
    text("DELETE FROM passkey WHERE tenant_id = :tenant_id AND account_id = :account_id AND id = :id RETURNING id")
)


async def rename(tx: Tx, owner: Owner, passkey_id: UUID, name: str) -> None:
    """Call a passkey something else.

    Raises:
        PasskeyNotFound.
    """
    (sealed,) = await sealing.seal(tx, owner.subject_id, [name])
    if await tx.one(_RENAME, {"account_id": owner.account_id, "id": passkey_id, "name": sealed}) is None:
        raise PasskeyNotFound


async def remove(tx: Tx, account_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey.

    Raises:
        PasskeyNotFound.
    """
    if await tx.one(_REMOVE, {"account_id": account_id, "id": passkey_id}) is None:
        raise PasskeyNotFound


_MALFORMED = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    struct.error,
)
"""What the library raises for a credential that is not well formed, besides its own."""


async def _asked(tx: Tx, purpose: Purpose, options: Any, session_id: UUID, account_id: UUID | None) -> Asked:
    challenge_id = new_id()
    values = {
        "id": challenge_id,
        "purpose": purpose,
        "challenge": options.challenge,
        "session_id": session_id,
        "account_id": account_id,
        "expires_at": clock.now() + LIVES,
    }
    await tx.rows(_ASK, values)
    return Asked(challenge_id, orjson.loads(webauthn.options_to_json(options)))


async def _taken(tx: Tx, purpose: Purpose, challenge_id: UUID, session_id: UUID, account_id: UUID | None) -> bytes:
    values = {"id": challenge_id, "purpose": purpose, "session_id": session_id, "account_id": account_id}
    row = await tx.one(_TAKE, {**values, "now": clock.now()})
    if row is None:
        raise PasskeyRefused
    challenge: bytes = row["challenge"]
    return challenge


def _described(kept: Sequence[Mapping[str, Any]], rp: RelyingParty) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=row["credential_id"], transports=[AuthenticatorTransport(one) for one in row["transports"]] or None
        )
        for row in kept
        if row["rp_id"] == rp.id
    ]


def _handle(credential: Mapping[str, Any]) -> UUID | None:
    """The account that a device says its passkey is of."""
    told = credential.get("response", {}).get("userHandle")
    try:
        return UUID(bytes=base64url_to_bytes(told)) if told else None
    except ValueError:
        return None


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
