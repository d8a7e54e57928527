"""What is peculiar to well-known providers; any other is one of OpenID Connect and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

KindName = Literal["oidc", "google", "apple", "facebook"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one of them differs from what the standard says."""

    issuer: str | None = None
    """Its only one; without it each provider of the kind names its own."""
    scopes: str = "openid email profile"
    response_mode: str | None = None
    token_endpoint: str | None = None
    """Where its discovery document names none."""
    says_code: bool = True
    """Its discovery document says that it answers by a code, as it does."""
    signs_secret: bool = False
    """Its client secret is a token that we sign."""
    says_when: bool = True
    """It may tell when somebody proved to it who they are, so that it can be asked for that anew."""
    says_domain: bool = False
    """It tells the domain that an account belongs to (`hd`): an address of the domain alone doesn't show that."""
    own_addresses: tuple[str, ...] = ()
    """Domains of which it gives out the addresses itself; of others, where `says_domain`, it only once asked."""


KINDS: Mapping[KindName, Kind] = {
    "oidc": Kind(),
    "google": Kind(
        issuer="https://accounts.google.com",
        says_when=False,
        says_domain=True,
        own_addresses=("gmail.com", "googlemail.com"),
    ),
    "apple": Kind(
        issuer="https://appleid.apple.com", scopes="openid email", response_mode="form_post", signs_secret=True
    ),
    "facebook": Kind(
        issuer="https://www.facebook.com",
        scopes="openid email",
        token_endpoint="https://graph.facebook.com/oauth/access_token",  # noqa: S106 - an address
        says_code=False,
        says_when=False,
    ),
}
