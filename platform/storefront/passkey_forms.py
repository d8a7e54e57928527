"""What the pages about second factors send, and what a passkey's form holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, StringConstraints

from commerce.accounts.factor_schemas import FactorCode, NewPasskeyCredential, PasskeyCredential
from commerce.accounts.proving import PasskeyShown
from commerce.factors.passkeys import Asked
from commerce.sessions.schemas import Password
from foundation.types import Id, Input, Text
from storefront.identity_forms import NextForm


def _object(value: object) -> object:
    """What a script has written into a field."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as fault:
        raise ValueError("must be JSON") from fault


class FactorForm(NextForm):
    """A code, of an app or on paper."""

    code: FactorCode


class AgainForm(NextForm):
    """The password once more."""

    password: Password


class PasskeyForm(NextForm):
    """What a passkey has signed."""

    challenge_id: Id
    credential: Annotated[PasskeyCredential, BeforeValidator(_object)]

    def shown(self) -> PasskeyShown:
        """For the service."""
        return PasskeyShown(self.challenge_id, self.credential.model_dump(exclude_none=True))


class NewPasskeyForm(Input):
    """A passkey that was made."""

    challenge_id: Id
    name: Annotated[Text, StringConstraints(max_length=60)]
    credential: Annotated[NewPasskeyCredential, BeforeValidator(_object)]


class NameForm(Input):
    """What a passkey is called."""

    name: Annotated[Text, StringConstraints(max_length=60)]


class FirstCodeForm(Input):
    """The first code of a new app."""

    code: FactorCode


@dataclass(frozen=True, slots=True)
class PasskeyAsked:
    """What a form asks a browser's authenticator."""

    challenge_id: str
    options: str
    """As JSON."""

    @classmethod
    def of(cls, asked: Asked) -> PasskeyAsked:
        """What the service asks."""
        options: dict[str, Any] = asked.options
        return cls(str(asked.challenge_id), orjson.dumps(options).decode())
