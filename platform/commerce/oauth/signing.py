"""Access tokens: JWTs of one kind (RFC 9068), signed by ES256 and nothing else, by keys of the tenant's own.

A key signs for `ROTATE_AFTER`. Its successor is published a day before it signs, and it is published itself until the
last token that it signed is over. Private keys are sealed like personal data, each by a data key of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import to_bytes, urlsafe_b64decode
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id

ALGORITHM = "ES256"
TYPE = "at+jwt"
LIFETIME = timedelta(minutes=10)
"""Also the longest that somebody who verifies tokens without asking us goes on believing one that was revoked."""
ROTATE_AFTER = timedelta(days=90)
AHEAD = timedelta(days=1)
MAX_LENGTH = 4_096

# pk_oauth_signing_key. One is published until a newer one has signed for longer than a token lives.
_PUBLISHED = """
    NOT EXISTS (SELECT FROM oauth_signing_key n WHERE n.tenant_id = k.tenant_id AND n.signs_from > k.signs_from
                  AND n.signs_from <= CAST(:now AS timestamptz) - CAST(:lifetime AS interval))
"""
_PUBLIC = hot(
    text(
        f"""
        SELECT public_jwk FROM oauth_signing_key k WHERE k.tenant_id = :tenant_id AND k.id = :id AND {_PUBLISHED}
        """  # noqa: S608  (a literal)
    )
)
_SET = hot(
    text(
        f"""
        SELECT public_jwk FROM oauth_signing_key k WHERE k.tenant_id = :tenant_id AND {_PUBLISHED}
        ORDER BY k.signs_from DESC
        """  # noqa: S608  (a literal)
    )
)
_LATEST = hot(
    text(
        """
        SELECT id, private_jwk, signs_from FROM oauth_signing_key WHERE tenant_id = :tenant_id
        ORDER BY signs_from DESC LIMIT 2
        """
    )
)
_MAKE = hot(
    text(
        """
        INSERT INTO oauth_signing_key (tenant_id, id, public_jwk, private_jwk, signs_from)
        VALUES (:tenant_id, :id, CAST(:public_jwk AS jsonb), :private_jwk, CAST(:signs_from AS timestamptz))
        """
    )
)
_FORGET = hot(text("DELETE FROM oauth_signing_key WHERE tenant_id = :tenant_id"))


class NotOurs(Exception):
    """This is no access token that was signed here, or its time is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    issuer: str
    subject: str
    client_id: UUID
    grant_id: UUID
    scopes: tuple[str, ...]
    token_id: str
    issued_at: int
    expires_at: int


async def mint(tx: Tx, *, issuer: str, subject: str, client_id: UUID, grant_id: UUID, scopes: Sequence[str]) -> str:
    """An access token, good for `LIFETIME`; for whoever `issuer` is."""
    key_id, key = await _signer(tx)
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": issuer,
        "sub": subject,
        "client_id": str(client_id),
        "gid": str(grant_id),
        "scope": " ".join(scopes),
        "jti": str(new_id()),
        "iat": now,
        "exp": now + int(LIFETIME.total_seconds()),
    }
    return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": str(key_id)}, claims, key, algorithms=[ALGORITHM])


async def verified(tx: Tx, token: str) -> Claims:
    """What a token says, once it is known that this tenant signed it and that its time is not over.

    The key is found by its id among this tenant's, and only ES256 is done with it, whatever the token asks for.

    Raises:
        NotOurs.
    """
    key = await _key_of(tx, token)
    try:
        found = jwt.decode(token, key, algorithms=[ALGORITHM])
        if found.header.get("typ") != TYPE or found.header.get("alg") != ALGORITHM:
            raise NotOurs
        told = jwt.JWTClaimsRegistry(
            now=int(clock.now().timestamp()),
            iss={"essential": True},
            aud={"essential": True, "value": str(found.claims.get("iss"))},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
            client_id={"essential": True},
            gid={"essential": True},
        )
        told.validate(found.claims)
        return _claims(found.claims)
    except (JoseError, ValueError, TypeError, KeyError) as fault:
        raise NotOurs from fault


async def published(tx: Tx) -> list[dict[str, Any]]:
    """The tenant's public keys (RFC 7517), the newest first."""
    rows = await tx.rows(_SET, {"now": clock.now(), "lifetime": LIFETIME})
    return [orjson.loads(row["public_jwk"]) for row in rows]


async def replace_all(tx: Tx) -> None:
    """Throw every key away, because one is known to somebody else; no token that was signed is good any more."""
    await tx.rows(_FORGET)
    await _make(tx, clock.now())


def looks_like_one(token: str) -> bool:
    """Whether a bearer token could be an access token, by its form alone."""
    return token.startswith("eyJ") and token.count(".") == 2


async def _key_of(tx: Tx, token: str) -> ECKey:
    """The public key that a token names.

    Raises:
        NotOurs: it names none that this tenant has published.
    """
    if len(token) > MAX_LENGTH or not looks_like_one(token):
        raise NotOurs
    try:
        header = orjson.loads(urlsafe_b64decode(to_bytes(token.partition(".")[0])))
        key_id = UUID(header["kid"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise NotOurs from fault
    row = await tx.one(_PUBLIC, {"id": key_id, "now": clock.now(), "lifetime": LIFETIME})
    if row is None:
        raise NotOurs
    return ECKey.import_key(orjson.loads(row["public_jwk"]))


async def _signer(tx: Tx) -> tuple[UUID, ECKey]:
    """The key that signs now; the next one is made when it is time."""
    now = clock.now()
    rows = await tx.rows(_LATEST)
    signing = [row for row in rows if row["signs_from"] <= now]
    if not signing:
        await _make(tx, now)
        return await _signer(tx)
    if signing[0] is rows[0] and now - signing[0]["signs_from"] >= ROTATE_AFTER:
        await _make(tx, now + AHEAD)
    (private,) = await sealing.unseal(tx, [signing[0]["private_jwk"]])
    return signing[0]["id"], ECKey.import_key(orjson.loads(private or "{}"))


async def _make(tx: Tx, signs_from: datetime) -> None:
    key_id = new_id()
    key = ECKey.generate_key("P-256", private=True)
    marks = {"kid": str(key_id), "alg": ALGORITHM, "use": "sig"}
    (private,) = await sealing.seal(tx, key_id, [orjson.dumps(key.as_dict(private=True)).decode()])
    public = orjson.dumps({**key.as_dict(private=False), **marks}).decode()
    await tx.rows(_MAKE, {"id": key_id, "public_jwk": public, "private_jwk": private, "signs_from": signs_from})


def _claims(said: dict[str, Any]) -> Claims:
    return Claims(
        issuer=said["iss"],
        subject=said["sub"],
        client_id=UUID(said["client_id"]),
        grant_id=UUID(said["gid"]),
        scopes=tuple(said.get("scope", "").split()),
        token_id=said["jti"],
        issued_at=said["iat"],
        expires_at=said["exp"],
    )
