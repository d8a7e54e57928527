"""Personal data at rest: sealed with a key of the person's own, so that throwing the key away erases all of it.

A person's data key is random and kept wrapped by a key-encryption key from the settings (envelope encryption, NIST
SP 800-57 part 2, section 2.4); both seal with AES-256-GCM (NIST SP 800-38D) and a random nonce of 96 bits. What is
sealed is bound to its tenant and its person, so it can't be moved into somebody else's row. What must be found by its
value (an e-mail address) is stored beside it as a digest under a key of its own: the same value is the same digest in
one tenant and for one purpose, and says nothing to whoever reads the table.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from time import monotonic
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Tx, hot
from foundation.settings import Settings, get_settings
from foundation.tables import Created, Str, TenantOwned, Timestamp

KEY_BYTES = 32
_NONCE = 12
PREFIX = "s1:"
"""What is sealed begins with it."""
AT_HAND = timedelta(seconds=30)
"""How long a data key is kept in the process. Whoever is erased can be read that much longer in another one; without it
every request would ask for the same keys."""
MOST_AT_HAND = 10_000
_URL_SAFE = str.maketrans("+/", "-_")


class SubjectKey(TenantOwned, Base):
    """A person's data key, wrapped; `id` is the person: a customer, an account, or a guest's cart or order.

    A document that the law makes a shop keep has one of its own, until it need not be kept any more.
    """

    __tablename__ = "subject_key"
    __table_args__ = (
        Index("ix_subject_key_wrapped_by", "tenant_id", "wrapped_by"),
        Index("ix_subject_key_kept_until", "tenant_id", "kept_until", postgresql_where=text("kept_until IS NOT NULL")),
    )

    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    wrapped_by: Mapped[Str]
    """The name of the key-encryption key."""
    created_at: Mapped[Created]
    kept_until: Mapped[Timestamp | None]
    """When it is thrown away by itself."""


class Tombstone(TenantOwned, Base):
    """Somebody whose key was thrown away: nobody may bring it back, not even a backup that still has it.

    Their browsers have one as well, so that nothing which they did is derived of again.
    """

    __tablename__ = "tombstone"
    __table_args__ = (Index("uq_tombstone_subject", "tenant_id", "subject_id", unique=True),)

    subject_id: Mapped[UUID]
    person_id: Mapped[UUID]
    """The customer it was a key of; they have one for themselves and others for their guest's carts and orders."""
    erased_at: Mapped[Timestamp]
    replayed_at: Mapped[Timestamp | None]
    """When it was last seen that nothing came back."""


class Unreadable(Exception):
    """What was sealed can't be opened by any key that this process has: it was tampered with, or a key is missing."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of this installation."""

    current: str
    """The name of the key-encryption key that wraps new data keys."""
    wrapping: Mapping[str, bytes]
    index: bytes
    """What the keys of digests are derived from. It can't be changed without reading all that it indexes anew."""

    @classmethod
    def of(cls, settings: Settings) -> Keyring:
        """The keys that the settings name.

        Raises:
            EngineNotConfigured: there are none.
            ValueError: one is not 32 bytes in base64.
        """
        named = dict(
            part.strip().split(":", 1)
            for part in settings.require("encryption_keys", "The encryption of personal data").split(",")
        )
        keys = {name: _key(value) for name, value in named.items()}
        index = _key(settings.require("index_key", "The index of encrypted personal data"))
        return cls(next(iter(keys)), keys, index)

    def wrap(self, key: bytes, *, tenant_id: UUID, subject_id: UUID) -> bytes:
        """A data key as it may be stored."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.wrapping[self.current]).encrypt(nonce, key, tenant_id.bytes + subject_id.bytes)

    def unwrap(self, wrapped: bytes, name: str, *, tenant_id: UUID, subject_id: UUID) -> bytes:
        """The data key that was stored.

        Raises:
            Unreadable: the key that wrapped it is not here, or it is not this person's.
        """
        try:
            wrapping = AESGCM(self.wrapping[name])
            return wrapping.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], tenant_id.bytes + subject_id.bytes)
        except (KeyError, InvalidTag) as fault:
            raise Unreadable(f"the data key of {subject_id}, wrapped by {name!r}") from fault

    def digest(self, tenant_id: UUID, purpose: str, value: str) -> bytes:
        """What `value` is found by, under `purpose`, in one tenant: 32 bytes (HMAC-SHA-256)."""
        key = _index_key(self.index, tenant_id, purpose)
        return hmac.digest(key, value.encode(), hashlib.sha256)


@lru_cache(maxsize=1024)
def _index_key(index: bytes, tenant_id: UUID, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=tenant_id.bytes, info=purpose.encode()).derive(index)


def _key(value: str) -> bytes:
    unpadded = value.strip().rstrip("=").translate(_URL_SAFE)
    key = base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    if len(key) != KEY_BYTES:
        raise ValueError(f"an encryption key is {KEY_BYTES} bytes in base64, this one has {len(key)}")
    return key


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    """The keys of this process, read once."""
    return Keyring.of(get_settings())


def digest(tenant_id: UUID, purpose: str, value: str) -> bytes:
    """What `value` is found by, under `purpose`, in one tenant."""
    return keyring().digest(tenant_id, purpose, value)


def digest_or_none(tenant_id: UUID, purpose: str, value: str | None) -> bytes | None:
    """`digest`, of nothing when there is nothing."""
    return digest(tenant_id, purpose, value) if value is not None else None


# A key made in this transaction may be rolled back with it, and is not kept.
_KEYS = hot(
    text(
        "SELECT id, wrapped, wrapped_by, created_at < transaction_timestamp() AS settled FROM subject_key"
        " WHERE tenant_id = :tenant_id AND id = ANY (CAST(:subjects AS uuid[]))"
    )
)
# One that others made at the same moment is not seen: it is read afterwards. Nobody who was erased gets one again.
_ADD_KEY = hot(
    text(
        """
        INSERT INTO subject_key (tenant_id, id, wrapped, wrapped_by)
        SELECT :tenant_id, CAST(:id AS uuid), CAST(:wrapped AS bytea), CAST(:wrapped_by AS text)
        WHERE NOT EXISTS (SELECT FROM tombstone t
                          WHERE t.tenant_id = :tenant_id AND t.subject_id = CAST(:id AS uuid))
        ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id
        """
    )
)
_at_hand: OrderedDict[tuple[UUID, UUID], tuple[float, bytes]] = OrderedDict()


def forget(tenant_id: UUID, subjects: Iterable[UUID]) -> None:
    """Keep the keys of these people no longer."""
    for subject_id in subjects:
        _at_hand.pop((tenant_id, subject_id), None)


async def seal(tx: Tx, subject_id: UUID, values: Sequence[str]) -> list[str]:
    """`values` as they may be stored, in one query; the person's key is made at the first."""
    if not values:
        return []
    key = (await keys_of(tx, [subject_id])).get(subject_id) or await _made(tx, subject_id)
    return [sealed_by(key, tx.tenant_id, subject_id, value) for value in values]


_DROP = hot(text("DELETE FROM subject_key WHERE tenant_id = :tenant_id AND id = :id"))


async def drop(tx: Tx, subject_id: UUID) -> None:
    """Throw away the key of something that is gone, such as an account of the shop's with somebody else: what it sealed
    is never read again. A person is erased otherwise (`commerce.privacy`).
    """
    await tx.rows(_DROP, {"id": subject_id})
    forget(tx.tenant_id, [subject_id])


async def unseal(tx: Tx, values: Sequence[str | None]) -> list[str | None]:
    """What was sealed, in one query for all; `None` for what is none, and for what is erased.

    Raises:
        Unreadable: it was tampered with, or a key is missing.
    """
    subjects = {subject_of(value) for value in values if value}
    keys = await keys_of(tx, list(subjects)) if subjects else {}
    return [opened_by(keys, tx.tenant_id, value) if value else None for value in values]


def is_sealed(value: str) -> bool:
    """Whether a stored text is sealed."""
    return value.startswith(PREFIX)


def subject_of(value: str) -> UUID:
    """The person by whose key something is sealed."""
    return UUID(bytes=_decoded(value)[:16])


async def _made(tx: Tx, subject_id: UUID) -> bytes:
    """A new key for a person, or the one that another made at the same moment.

    Of somebody who was erased it is stored nowhere: what is said of them later is forgotten as it is said.
    """
    ring, key = keyring(), os.urandom(KEY_BYTES)
    wrapped = ring.wrap(key, tenant_id=tx.tenant_id, subject_id=subject_id)
    if await tx.one(_ADD_KEY, {"id": subject_id, "wrapped": wrapped, "wrapped_by": ring.current}) is not None:
        return key
    return (await keys_of(tx, [subject_id])).get(subject_id, key)


async def keys_of(tx: Tx, subjects: Sequence[UUID]) -> dict[UUID, bytes]:
    """The data keys of these people, in one query at most; of whoever is erased there is none."""
    now = monotonic()
    found = {one: kept[1] for one in subjects if (kept := _at_hand.get((tx.tenant_id, one))) and kept[0] > now}
    missing = [one for one in subjects if one not in found]
    if not missing:
        return found
    ring = keyring()
    for row in await tx.rows(_KEYS, {"subjects": missing}):
        key = ring.unwrap(row["wrapped"], row["wrapped_by"], tenant_id=tx.tenant_id, subject_id=row["id"])
        found[row["id"]] = key
        if row["settled"]:
            _keep(tx.tenant_id, row["id"], key, until=now + AT_HAND.total_seconds())
    return found


def _keep(tenant_id: UUID, subject_id: UUID, key: bytes, *, until: float) -> None:
    _at_hand[tenant_id, subject_id] = (until, key)
    _at_hand.move_to_end((tenant_id, subject_id))
    while len(_at_hand) > MOST_AT_HAND:
        _at_hand.popitem(last=False)


def sealed_by(key: bytes, tenant_id: UUID, subject_id: UUID, value: str) -> str:
    """`value` as it may be stored, by a key that is at hand."""
    raw = subject_id.bytes + encrypted_by(key, tenant_id, subject_id, value.encode())
    return PREFIX + base64.urlsafe_b64encode(raw).decode()


def encrypted_by(key: bytes, tenant_id: UUID, subject_id: UUID, content: bytes) -> bytes:
    """The bytes of a small file as they may be stored, by a key that is at hand."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, tenant_id.bytes + subject_id.bytes)


def decrypted_by(key: bytes, tenant_id: UUID, subject_id: UUID, encrypted: bytes) -> bytes:
    """What `encrypted_by` was given.

    Raises:
        Unreadable: it was tampered with, or is something else.
    """
    try:
        bound = tenant_id.bytes + subject_id.bytes
        return AESGCM(key).decrypt(encrypted[:_NONCE], encrypted[_NONCE:], bound)
    except (InvalidTag, ValueError) as fault:
        raise Unreadable(f"something of {subject_id}") from fault


def opened_by(keys: Mapping[UUID, bytes], tenant_id: UUID, value: str) -> str | None:
    """What was sealed, with the keys that are there; `None` when its own is not.

    Raises:
        Unreadable: it was tampered with.
    """
    raw = _decoded(value)
    subject_id = UUID(bytes=raw[:16])
    key = keys.get(subject_id)
    return None if key is None else decrypted_by(key, tenant_id, subject_id, raw[16:]).decode()


def _decoded(value: str) -> bytes:
    if not is_sealed(value):
        raise Unreadable("something that is not sealed")
    return base64.urlsafe_b64decode(value.removeprefix(PREFIX))
