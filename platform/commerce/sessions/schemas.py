"""Sessions in and out."""

from __future__ import annotations

from foundation.events import Consent
from foundation.types import Id, Input, Model, Text


class SignIn(Input):
    """Who signs in, by the customer's reference; without one, a session of a visitor nobody knows."""

    reference: Text | None = None
    consent: list[Consent] | None = None


class SessionOut(Model):
    """The session a cookie stands for."""

    id: Id
    visitor_id: Id
    customer_id: Id | None
    display_name: str | None
    consent: list[Consent]
