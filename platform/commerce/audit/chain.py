"""What the chain is made of: the hash of a row, and the signature of a checkpoint.

A row's hash is SHA-256 (FIPS 180-4) over a canonical form of its place, its content and the hash of the row before, so
no row can be altered, taken out or moved without breaking what follows. Hashes need no secret, so whoever may write to
the table could write the whole chain anew: checkpoints are signed with Ed25519 (RFC 8032) by a key that is not in the
database, and a copy of each is kept outside of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from foundation.settings import Settings

SEED_BYTES = 32
_ENTRY = "tradewind.audit.entry.1"
_CHECKPOINT = "tradewind.audit.checkpoint.1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log, as the chain sees it."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object: str | None
    reason: str | None
    """Sealed."""
    details: Mapping[str, Any]
    seq: int | None = None
    prev: bytes | None = None
    hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the chain had come, and who says so."""

    seq: int
    hash: bytes
    at: datetime
    signed_by: str
    signature: bytes


def genesis(tenant_id: UUID) -> bytes:
    """What stands for the hash of the row before the first."""
    return hashlib.sha256(f"tradewind.audit.genesis.1:{tenant_id}".encode()).digest()


def hashed(tenant_id: UUID, entry: Entry, *, seq: int, prev: bytes) -> bytes:
    """The hash of a row at a place in the chain: 32 bytes."""
    return hashlib.sha256(
        _canonical(
            _ENTRY,
            {
                "tenant_id": str(tenant_id),
                "seq": seq,
                "prev": prev.hex(),
                "id": str(entry.id),
                "at": _instant(entry.at),
                "actor": entry.actor,
                "action": entry.action,
                "object": entry.object,
                "reason": entry.reason,
                "details": entry.details,
            },
        )
    ).digest()


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys that checkpoints are signed with."""

    current: str | None
    """The name of the one that signs; the others are known from before."""
    keys: Mapping[str, Ed25519PrivateKey]

    @classmethod
    def of(cls, settings: Settings) -> Signing:
        """The keys that the settings name, or none.

        Raises:
            ValueError: one is not 32 bytes in base64.
        """
        secret = settings.audit_signing_keys
        if secret is None:
            return cls(None, {})
        named = dict(part.strip().split(":", 1) for part in secret.get_secret_value().split(","))
        return cls(next(iter(named)), {name: _key(value) for name, value in named.items()})

    def sign(self, tenant_id: UUID, *, seq: int, hash: bytes, at: datetime) -> Checkpoint:  # noqa: A002
        """A checkpoint of a chain.

        Raises:
            KeyError: there is no key.
        """
        name = self.current or ""
        signature = self.keys[name].sign(_signed(tenant_id, seq, hash, at))
        return Checkpoint(seq, hash, at, name, signature)

    def is_good(self, tenant_id: UUID, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is ours."""
        key = self.keys.get(checkpoint.signed_by)
        if key is None:
            return False
        try:
            message = _signed(tenant_id, checkpoint.seq, checkpoint.hash, checkpoint.at)
            key.public_key().verify(checkpoint.signature, message)
        except InvalidSignature:
            return False
        return True


def _key(value: str) -> Ed25519PrivateKey:
    unpadded = value.strip().rstrip("=").translate(str.maketrans("+/", "-_"))
    seed = base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a signing key is {SEED_BYTES} bytes in base64, this one has {len(seed)}")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed(tenant_id: UUID, seq: int, head: bytes, at: datetime) -> bytes:
    return _canonical(_CHECKPOINT, {"tenant_id": str(tenant_id), "seq": seq, "hash": head.hex(), "at": _instant(at)})


def _canonical(kind: str, content: Mapping[str, Any]) -> bytes:
    """Keys in order, no spaces, UTF-8; there are no floats in it."""
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{kind}\n{written}".encode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
