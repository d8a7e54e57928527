"""ID tokens: believed once all that OpenID Connect Core 1.0, section 3.1.3.7, asks for has been seen."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.util import to_bytes, urlsafe_b64decode, urlsafe_b64encode
from pydantic import TypeAdapter, ValidationError

from commerce.federation.identities import Subject
from commerce.federation.issuers import Issuers, Metadata
from commerce.federation.kinds import KINDS, KindName
from commerce.federation.refusals import NotBelieved
from foundation import clock
from foundation.outbound import Outbound
from foundation.types import Email, Text

LEEWAY = 60
"""Seconds that clocks may differ by."""
MAX_LENGTH = 32_768
MAX_SUBJECT = 255
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_email: TypeAdapter[str] = TypeAdapter(Email)
_name: TypeAdapter[str] = TypeAdapter(Text)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a provider says of whoever signed in there."""

    issuer: str
    subject: str
    email: str | None
    """In lower case."""
    email_verified: bool
    """It says that the address is theirs today."""
    name: str | None
    authenticated_at: datetime | None
    """When they last proved to it who they are."""
    domain: str | None
    """The organisation that the account belongs to, as a domain; of a provider that doesn't tell it, that of an address
    which is theirs."""
    session: str | None = None
    """Its own session of theirs (`sid`)."""

    @property
    def whom(self) -> Subject:
        """Whom it says that of."""
        return Subject(self.issuer, self.subject, self.email or self.name or self.subject, self.domain)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must fit."""

    client_id: str
    nonce: str
    since: datetime
    """When it was asked for."""
    access_token: str | None


async def verified(
    issuers: Issuers, outbound: Outbound, kind: KindName, metadata: Metadata, token: str, expected: Expected
) -> Claims:
    """What a token says, once it is known that its issuer made it for us, now, and for this very sign-in.

    Raises:
        NotBelieved.
        ProviderUnusable: its keys can't be had.
    """
    header, claims = await signed(issuers, outbound, kind, metadata, token)
    require_ours(claims, metadata, expected.client_id)
    require_now(claims, since=expected.since)
    _require_this_one(claims, header["alg"], expected)
    return _read(kind, metadata, claims)


async def signed(
    issuers: Issuers, outbound: Outbound, kind: KindName, metadata: Metadata, token: str
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The header and the claims of a token that its issuer has signed.

    Raises:
        NotBelieved.
        ProviderUnusable: its keys can't be had.
    """
    header = _header(token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in metadata.algorithms or not isinstance(key_id, str | None):
        raise NotBelieved(reason="signature")
    key = await issuers.key(outbound, kind, metadata, key_id, algorithm)
    try:
        return header, jwt.decode(token, key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError) as fault:
        raise NotBelieved(reason="signature") from fault


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > MAX_LENGTH or token.count(".") != 2:
        raise NotBelieved(reason="signature")
    try:
        header = orjson.loads(urlsafe_b64decode(to_bytes(token.partition(".")[0])))
    except ValueError as fault:
        raise NotBelieved(reason="signature") from fault
    if not isinstance(header, dict):
        raise NotBelieved(reason="signature")
    return header


def require_ours(claims: Mapping[str, Any], metadata: Metadata, client_id: str) -> None:
    """Stop what was not made by the issuer, for us and, where others may read it too, at our wish.

    Raises:
        NotBelieved.
    """
    if claims.get("iss") != metadata.issuer:
        raise NotBelieved(reason="issuer")
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences or party not in {None, client_id}:
        raise NotBelieved(reason="audience")
    if len(audiences) > 1 and party is None:
        raise NotBelieved(reason="audience")


def require_now(claims: Mapping[str, Any], *, since: datetime) -> None:
    """Stop what is over, of tomorrow, or made before `since`.

    Raises:
        NotBelieved.
    """
    essential = jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()), leeway=LEEWAY, exp={"essential": True}, iat={"essential": True}
    )
    try:
        essential.validate({name: claims[name] for name in ("exp", "iat", "nbf") if name in claims})
    except JoseError as fault:
        raise NotBelieved(reason="time") from fault
    if claims["iat"] < since.timestamp() - LEEWAY:
        raise NotBelieved(reason="time")


def _require_this_one(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    """Of this sign-in and no other, and of the access token that came with it."""
    nonce, at_hash = claims.get("nonce"), claims.get("at_hash")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise NotBelieved(reason="nonce")
    if at_hash is not None and (expected.access_token is None or at_hash != _half(expected.access_token, algorithm)):
        raise NotBelieved(reason="access_token")


def _half(token: str, algorithm: str) -> str:
    """The left half of an access token's hash (section 3.1.3.6)."""
    digest = _HASHES[algorithm[-3:]](token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode()


def named(claims: Mapping[str, Any], claim: str) -> str | None:
    """Whom or what a claim names, if it is there.

    Raises:
        NotBelieved: it is no name.
    """
    value = claims.get(claim)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT):
        raise NotBelieved(reason="subject")
    return value


def _read(kind: KindName, metadata: Metadata, claims: Mapping[str, Any]) -> Claims:
    subject, when = named(claims, "sub"), claims.get("auth_time")
    if subject is None:
        raise NotBelieved(reason="subject")
    email = _written(_email, claims.get("email"))
    domain = claims.get("hd") if KINDS[kind].says_domain else None
    vouched = claims.get("email_verified")
    # Apple says it in quotes.
    is_theirs = (vouched is True or vouched == "true") and email is not None and _speaks_for(kind, email, domain)
    if not KINDS[kind].says_domain and is_theirs and email is not None:
        domain = email.rpartition("@")[2]
    return Claims(
        issuer=metadata.issuer,
        subject=subject,
        email=email,
        email_verified=is_theirs,
        name=_written(_name, claims.get("name")),
        authenticated_at=_at(when),
        domain=domain.lower() if isinstance(domain, str) else None,
        session=named(claims, "sid"),
    )


def _speaks_for(kind: KindName, email: str, domain: object) -> bool:
    """Whether a provider still knows whose address it is. Google's own are, and those of organisations that it keeps
    the accounts of; of any other it only knows whose it was once.
    """
    own = KINDS[kind].own_addresses
    return not own or isinstance(domain, str) or email.rpartition("@")[2] in own


def _written(form: TypeAdapter[str], value: object) -> str | None:
    """Something of the form, else nothing."""
    if not isinstance(value, str) or any(unicodedata.category(one) in {"Cc", "Cs"} for one in value):
        return None
    try:
        return form.validate_python(value)
    except ValidationError:
        return None


def _at(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**40:
        return None
    return min(datetime.fromtimestamp(value, UTC), clock.now())
