"""The parts of OAuth 2.1 that are rules on text: errors, PKCE, redirect URIs.

draft-ietf-oauth-v2-1, with RFC 7636 (PKCE; only S256), RFC 8252 (apps on phones and desks) and RFC 9700 (practice).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import urlencode, urlsplit, urlunsplit

from foundation.addresses import AddressRefused, parse

MAX_REDIRECT = 500
_VERIFIER = re.compile(r"^[A-Za-z0-9._~-]{43,128}$")
_CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}$")
_PRIVATE_USE = re.compile(r"^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:/[\x21-\x7e]*$")
"""A scheme of the app's own, which is a domain in reverse (RFC 8252, section 7.1)."""
_LOOPBACK = ("127.0.0.1", "::1")


class OauthError(Exception):
    """A refusal in OAuth's own form (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def invalid_grant() -> OauthError:
    """One answer for a code or token that is unknown, used, over, another's, or shown with a wrong proof."""
    return OauthError("invalid_grant", "The code or token is not good, or is not this client's.")


def invalid_client() -> OauthError:
    """One answer for a client that is unknown, disabled, or shown with a wrong secret."""
    return OauthError("invalid_client", "There is no such client, or its secret is wrong.", status=401)


def is_challenge(challenge: str) -> bool:
    """Whether this could be the challenge of a verifier by S256."""
    return bool(_CHALLENGE.match(challenge))


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the one that the challenge was made of (RFC 7636, section 4.6)."""
    if not _VERIFIER.match(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(made, challenge)


def is_redirect_uri(uri: str, *, public: bool) -> bool:
    """Whether a client may be sent back there: https, or http on the very machine, or an app's own scheme."""
    if len(uri) > MAX_REDIRECT or "#" in uri or "*" in uri:
        return False
    if public and _PRIVATE_USE.match(uri):
        return True
    try:
        target = parse(uri)
    except AddressRefused:
        return False
    return target.scheme == "https" or target.host in _LOOPBACK


def is_registered(uri: str, registered: list[str]) -> bool:
    """Whether a redirect URI is one of those registered, character by character; on the very machine the port may be
    another, because an app takes one that is free (RFC 8252, section 7.3).
    """
    return uri in registered or any(_but_for_the_port(uri) == _but_for_the_port(one) is not None for one in registered)


def _but_for_the_port(uri: str) -> str | None:
    try:
        target = parse(uri)
    except AddressRefused:
        return None
    if target.scheme != "http" or target.host not in _LOOPBACK or "#" in uri:
        return None
    return f"{target.host}{target.path}"


def back_to(redirect_uri: str, **said: str | None) -> str:
    """The redirect URI with what is said to the client; what it had in its query stays."""
    parts = urlsplit(redirect_uri)
    added = urlencode({name: value for name, value in said.items() if value is not None})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
