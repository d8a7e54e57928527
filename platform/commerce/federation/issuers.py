"""What providers say of themselves: their discovery documents and their keys, kept for a while.

OpenID Connect Discovery 1.0, RFC 8414 and RFC 7517. Issuers are named by tenants, so all of it is asked by
`foundation.outbound`, each answer is bounded, and so is the number of issuers that are remembered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from commerce.federation.kinds import KINDS, KindName
from commerce.federation.refusals import NotBelieved, ProviderUnusable
from foundation import clock
from foundation.addresses import AddressRefused, is_literal, is_loopback, parse
from foundation.outbound import Answer, AnswerRefused, Limits, NoAnswer, Outbound

MOST = 256
"""Issuers that a worker remembers; whoever was asked for least lately goes first."""
GOOD_FOR = timedelta(hours=1)
AGAIN_AFTER = timedelta(seconds=10)
"""How soon keys are asked for once more because one is not among them."""
MOST_KEYS = 50
LEAST_BITS = 2048
LIMITS = Limits(seconds=5.0, max_bytes=131_072, content_types=("application/", "text/json"))
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""All that a provider may sign with: a key that anybody may have never verifies by being a secret."""
_TYPES: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_OF = {"R": "RSA", "P": "RSA", "E": "EC"}
PublicKey = RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class Metadata:
    """A discovery document, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    algorithms: tuple[str, ...]
    """What it signs with, of those that are taken."""
    client_authentication: tuple[str, ...]
    """`basic` and `post`, as far as it takes them."""
    names_itself: bool
    """It says who it is when it sends somebody back (RFC 9207)."""


@dataclass(slots=True)
class _Known:
    """What is remembered of an issuer."""

    metadata: Metadata | None = None
    metadata_at: datetime | None = None
    keys: list[tuple[Mapping[str, Any], PublicKey]] = field(default_factory=list)
    keys_at: datetime | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """The issuers that a worker knows; of many who want the same at once, one asks."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[KindName, str], _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    async def metadata(self, outbound: Outbound, kind: KindName, issuer: str, *, anew: bool = False) -> Metadata:
        """What an issuer says of itself; `anew` asks it now, whatever is remembered.

        Raises:
            ProviderUnusable.
        """
        known = self._of(kind, issuer)
        async with known.asking:
            if known.metadata is None or anew or not _is_fresh(known.metadata_at):
                known.metadata = await _discovered(outbound, kind, issuer)
                known.metadata_at = clock.now()
            return known.metadata

    async def keys(self, outbound: Outbound, kind: KindName, metadata: Metadata) -> int:
        """Ask an issuer for its keys now; gives how many of them can be used.

        Raises:
            ProviderUnusable: it has none.
        """
        known = self._of(kind, metadata.issuer)
        async with known.asking:
            await _ask_for_keys(known, outbound, metadata)
            return len(known.keys)

    async def key(
        self, outbound: Outbound, kind: KindName, metadata: Metadata, key_id: str | None, algorithm: str
    ) -> PublicKey:
        """The public key that a token names. Where it isn't known, the issuer is asked once more: it may be new.

        Raises:
            NotBelieved: the issuer has no such key.
            ProviderUnusable.
        """
        known = self._of(kind, metadata.issuer)
        async with known.asking:
            if not _is_fresh(known.keys_at):
                await _ask_for_keys(known, outbound, metadata)
            found = _chosen(known.keys, key_id, algorithm)
            if found is None and known.keys_at is not None and clock.now() - known.keys_at >= AGAIN_AFTER:
                await _ask_for_keys(known, outbound, metadata)
                found = _chosen(known.keys, key_id, algorithm)
        if found is None:
            raise NotBelieved(reason="key")
        return found

    def _of(self, kind: KindName, issuer: str) -> _Known:
        known = self._known.setdefault((kind, issuer), _Known())
        self._known.move_to_end((kind, issuer))
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return known


def require_secure(outbound: Outbound, url: str) -> str:
    """A provider's address, if it is https; this machine's may be http where the settings let it be called.

    Raises:
        ProviderUnusable.
    """
    try:
        target = parse(url)
    except AddressRefused as fault:
        raise ProviderUnusable(reason="address") from fault
    if target.scheme != "https" and not (outbound.loopback and _is_this_machine(target.host)):
        raise ProviderUnusable(reason="insecure")
    return url


async def ask(
    outbound: Outbound,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Answer:
    """Ask a provider. A redirect is an answer that nobody follows.

    Raises:
        ProviderUnusable.
    """
    require_secure(outbound, url)
    try:
        return await outbound.send(method, url, headers=headers, content=content, limits=LIMITS)
    except AddressRefused as fault:
        raise ProviderUnusable(reason="address") from fault
    except NoAnswer as fault:
        raise ProviderUnusable(reason="no_answer") from fault
    except AnswerRefused as fault:
        raise ProviderUnusable(reason="answer") from fault


def document(answer: Answer) -> dict[str, Any]:
    """An answer's JSON object.

    Raises:
        ProviderUnusable: it is something else.
    """
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError as fault:
        raise ProviderUnusable(reason="answer") from fault
    if not isinstance(found, dict):
        raise ProviderUnusable(reason="answer")
    return found


async def _asked(outbound: Outbound, url: str) -> dict[str, Any]:
    answer = await ask(outbound, "GET", url, headers={"Accept": "application/json"})
    if answer.status != 200:
        raise ProviderUnusable(reason="answer")
    return document(answer)


async def _discovered(outbound: Outbound, kind: KindName, issuer: str) -> Metadata:
    require_secure(outbound, issuer)
    said = await _asked(outbound, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise ProviderUnusable(reason="issuer")
    peculiar = KINDS[kind]
    if peculiar.says_code and "code" not in _words(said, "response_types_supported", ["code"]):
        raise ProviderUnusable(reason="code_flow")
    if "S256" not in _words(said, "code_challenge_methods_supported", ["S256"]):
        raise ProviderUnusable(reason="pkce")
    signs = _words(said, "id_token_signing_alg_values_supported", ["RS256"])
    algorithms = tuple(one for one in ALGORITHMS if one in signs)
    if not algorithms:
        raise ProviderUnusable(reason="algorithms")
    authenticates = _words(said, "token_endpoint_auth_methods_supported", ["client_secret_basic", "client_secret_post"])
    leave = said.get("end_session_endpoint")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(outbound, said.get("authorization_endpoint")),
        token_endpoint=_endpoint(outbound, said.get("token_endpoint") or peculiar.token_endpoint),
        jwks_uri=_endpoint(outbound, said.get("jwks_uri")),
        end_session_endpoint=_endpoint(outbound, leave) if leave is not None else None,
        algorithms=algorithms,
        client_authentication=tuple(one for one in ("basic", "post") if f"client_secret_{one}" in authenticates),
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _words(said: Mapping[str, Any], name: str, otherwise: Sequence[str]) -> list[str]:
    value = said.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else list(otherwise)


def _endpoint(outbound: Outbound, value: object) -> str:
    if not isinstance(value, str):
        raise ProviderUnusable(reason="answer")
    return require_secure(outbound, value)


async def _ask_for_keys(known: _Known, outbound: Outbound, metadata: Metadata) -> None:
    known.keys_at = clock.now()
    said = (await _asked(outbound, metadata.jwks_uri)).get("keys")
    found = [_read(one) for one in said[:MOST_KEYS]] if isinstance(said, list) else []
    known.keys = [one for one in found if one is not None]
    if not known.keys:
        raise ProviderUnusable(reason="keys")


def _read(said: object) -> tuple[Mapping[str, Any], PublicKey] | None:
    """A key to verify by; what is of another sort, or too short, is none."""
    if not isinstance(said, dict) or said.get("use", "sig") != "sig" or said.get("kty") not in _TYPES:
        return None
    try:
        key = _TYPES[said["kty"]].import_key({name: value for name, value in said.items() if isinstance(value, str)})
    except (JoseError, ValueError, TypeError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_BITS:
        return None
    return said, key


def _chosen(
    keys: Sequence[tuple[Mapping[str, Any], PublicKey]], key_id: str | None, algorithm: str
) -> PublicKey | None:
    """The key that a token was signed by. One that names none was signed by the only one there is."""
    fit = [
        (said, key)
        for said, key in keys
        if said["kty"] == _OF[algorithm[0]] and said.get("alg", algorithm) == algorithm
    ]
    if key_id is not None:
        fit = [(said, key) for said, key in fit if said.get("kid") == key_id]
    return fit[0][1] if len(fit) == 1 or (fit and key_id is not None) else None


def _is_fresh(at: datetime | None) -> bool:
    return at is not None and clock.now() - at < GOOD_FOR


def _is_this_machine(host: str) -> bool:
    return is_loopback(ip_address(host)) if is_literal(host) else host == "localhost" or host.endswith(".localhost")
