"""What a code is exchanged for (OpenID Connect Core 1.0, section 3.1.3), and how we say who we are."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from commerce.federation.issuers import Metadata, ask, document
from commerce.federation.kinds import KINDS
from commerce.federation.providers import OpenedProvider
from commerce.federation.refusals import NotBelieved, ProviderInvalid, ProviderUnusable
from foundation import clock
from foundation.outbound import Outbound

SECRET_LIVES = timedelta(minutes=5)
"""How long a secret that we sign is good for: Apple would take half a year."""
_CLIENT_FAULTS = frozenset({"invalid_client", "unauthorized_client"})
_ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What came back."""

    id_token: str
    access_token: str | None


async def exchange(
    outbound: Outbound, provider: OpenedProvider, metadata: Metadata, *, code: str, redirect_uri: str, verifier: str
) -> Tokens:
    """The tokens that a code stands for.

    Raises:
        NotBelieved: the provider doesn't know the code.
        ProviderUnusable: it doesn't know us, or doesn't answer.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    secret = client_secret(provider)
    if provider.client_authentication == "basic":
        named = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(named.encode()).decode()}"
    else:
        form |= {"client_id": provider.client_id, "client_secret": secret}
    answer = await ask(outbound, "POST", metadata.token_endpoint, headers=headers, content=urlencode(form).encode())
    said = document(answer)
    if answer.status != 200:
        raise ProviderUnusable(reason="client") if said.get("error") in _CLIENT_FAULTS else NotBelieved(reason="code")
    id_token, access_token = said.get("id_token"), said.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str | None):
        raise ProviderUnusable(reason="answer")
    return Tokens(id_token, access_token)


def client_secret(provider: OpenedProvider) -> str:
    """The secret that we show a provider; Apple's is a token that says who we are, signed by ES256."""
    if not KINDS[provider.kind].signs_secret:
        return provider.client_secret
    now = clock.now()
    claims = {
        "iss": provider.team_id,
        "iat": int(now.timestamp()),
        "exp": int((now + SECRET_LIVES).timestamp()),
        "aud": provider.issuer,
        "sub": provider.client_id,
    }
    header = {"alg": "ES256", "kid": provider.key_id}
    return jwt.encode(header, claims, signing_key(provider.client_secret), algorithms=["ES256"])


def signing_key(pem: str) -> ECKey:
    """The private key that secrets are signed with, from the file that Apple gives.

    Raises:
        ProviderInvalid: it is no key of the curve P-256.
    """
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError) as fault:
        raise ProviderInvalid(reason="key") from fault
    if not key.is_private or key.curve_name != "P-256":
        raise ProviderInvalid(reason="key")
    return key


def error_of(value: str) -> str:
    """A provider's error as a code; whatever is none is `other`."""
    return value if _ERROR.fullmatch(value) else "other"
