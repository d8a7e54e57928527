"""Second factors in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from commerce.accounts.proving import CodeShown, PasskeyShown, Shown
from commerce.sessions.schemas import Password, Token
from foundation.types import Id, Input, Instant, Model, Text

Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+={0,2}$", max_length=16_384)]
FactorCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z -]{6,20}$")]
"""Six digits of an app, or a recovery code."""


class AttestationIn(Input):
    """What an authenticator said when it made a passkey."""

    clientDataJSON: Base64Url  # noqa: N815 - WebAuthn's names
    attestationObject: Base64Url  # noqa: N815
    transports: list[Text] = Field(default=[], max_length=16)


class NewPasskeyCredential(Input):
    """A new passkey, as WebAuthn writes it in JSON (level 3, section 5.1.8)."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815
    type: Literal["public-key"]
    response: AttestationIn


class AssertionIn(Input):
    """What an authenticator signed."""

    clientDataJSON: Base64Url  # noqa: N815
    authenticatorData: Base64Url  # noqa: N815
    signature: Base64Url
    userHandle: Base64Url | None = None  # noqa: N815


class PasskeyCredential(Input):
    """A passkey's signature, as WebAuthn writes it in JSON."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815
    type: Literal["public-key"]
    response: AssertionIn


class NewPasskey(Input):
    """A passkey that was made, the challenge it answers, and what its owner calls it."""

    challenge_id: Id
    name: Annotated[Text, StringConstraints(max_length=60)]
    credential: NewPasskeyCredential


class PasskeyName(Input):
    """What a passkey is called."""

    name: Annotated[Text, StringConstraints(max_length=60)]


class PasskeyIn(Input):
    """A passkey's signature and the challenge it answers."""

    challenge_id: Id
    credential: PasskeyCredential

    def shown(self) -> PasskeyShown:
        """For the service."""
        return PasskeyShown(self.challenge_id, self.credential.model_dump(exclude_none=True))


class CodeIn(Input):
    """The first code of a new app."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class TicketIn(Input):
    """A sign-in that waits for its second factor."""

    ticket: Token


class _OneOf(Input):
    code: FactorCode | None = None
    passkey: PasskeyIn | None = None


class SecondFactorIn(_OneOf):
    """The second factor: a code, or a passkey's signature."""

    ticket: Token

    @model_validator(mode="after")
    def _exactly_one(self) -> SecondFactorIn:
        if (self.code is None) == (self.passkey is None):
            raise ValueError("exactly one of code and passkey must be given")
        return self

    def shown(self) -> Shown:
        """For the service."""
        return self.passkey.shown() if self.passkey is not None else CodeShown(self.code or "")


class StepUpIn(_OneOf):
    """What proves anew who one is: a code, a passkey's signature, or, where there is neither, the password."""

    password: Password | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> StepUpIn:
        if sum(value is not None for value in (self.code, self.passkey, self.password)) != 1:
            raise ValueError("exactly one of code, passkey and password must be given")
        return self

    def shown(self) -> Shown | None:
        """For the service; none when it is the password."""
        if self.passkey is not None:
            return self.passkey.shown()
        return CodeShown(self.code) if self.code is not None else None


class PasskeyOptions(Model):
    """What to pass to `navigator.credentials`, and the id to answer with."""

    challenge_id: Id
    public_key: dict[str, Any]


class PasskeyOut(Model):
    """A passkey, as its owner sees it."""

    id: Id
    name: str
    host: str
    is_synced: bool
    """It may be on several devices."""
    created_at: Instant
    used_at: Instant | None


class AuthenticatorOut(Model):
    """An app that is being set up: shown once."""

    secret: str
    address: str
    """What the picture says (`otpauth:`)."""
    picture: str
    """A QR code, as SVG."""


class RecoveryCodes(Model):
    """Codes on paper: shown once; none when those the account has stay good."""

    recovery_codes: list[str]


class PasskeyAdded(Model):
    """A passkey was kept; with the account's first factor come recovery codes, shown once."""

    id: Id
    recovery_codes: list[str]


class FactorsOut(Model):
    """What an account has besides its password."""

    authenticator_since: Instant | None
    passkeys: list[PasskeyOut]
    recovery_codes_left: int
