"""What is refused to those who come from elsewhere, and to those who decide where from."""

from __future__ import annotations

from foundation.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthenticated, Unprocessable


class ProviderNotFound(NotFound):
    """People don't sign in here by this provider, or not any more."""

    code = "federation.provider_not_found"


class ProviderUnusable(Unprocessable):
    """The provider can't be used: it doesn't answer, or not as OpenID Connect says."""

    code = "federation.provider_unusable"

    reason: str
    """`address`, `no_answer`, `answer`, `issuer`, `insecure`, `code_flow`, `algorithms`, `pkce`,
    `client_authentication`, `keys` or `client`."""


class ProviderExists(Conflict):
    """There is a provider with this issuer and this client id."""

    code = "federation.provider_exists"


class ProviderStale(Conflict):
    """Somebody else has changed this provider meanwhile; look at it again."""

    code = "federation.provider_stale"

    version: int


class ProviderRequired(Conflict):
    """Staff must sign in by this provider; let them come by other ways first."""

    code = "federation.provider_required"


class TooManyProviders(Conflict):
    """There are as many identity providers as there may be."""

    code = "federation.too_many_providers"

    limit: int


class ProviderInvalid(Unprocessable):
    """The provider can't be set up like this."""

    code = "federation.provider_invalid"

    reason: str
    """`issuer`, `secret`, `key`, `domains`, `role` or `audience`: what doesn't fit."""


class AttemptOver(Unprocessable):
    """This sign-in was begun by another browser, is finished, or took too long; begin again."""

    code = "federation.attempt_over"


class Cancelled(Unprocessable):
    """The provider sent you back without signing you in."""

    code = "federation.cancelled"

    error: str
    """What it said, such as `access_denied`."""


class NotBelieved(Unauthenticated):
    """What came back from the provider can't be believed."""

    code = "federation.not_believed"

    reason: str
    """Of it: `issuer`, `code`, `signature`, `key`, `audience`, `time`, `nonce`, `access_token`, `subject`."""


class LogoutRefused(BadRequest):
    """This is no logout token of the provider's, for here and of now."""

    code = "federation.logout_refused"

    reason: str
    """As in `federation.not_believed`; or `type`, `events`, `id`, or `provider`: it can't be asked for its keys."""


class LinkFirst(Conflict):
    """Sign in the way you did before, or create an account; then link this identity to it."""

    code = "federation.link_first"

    ticket: str
    """Stands for the identity, for half an hour and in this browser."""


class NotInvited(Forbidden):
    """Nobody with this identity works here; ask for an invitation."""

    code = "federation.not_invited"


class DomainRefused(Forbidden):
    """This provider signs in people of certain domains only."""

    code = "federation.domain_refused"


class OtherIdentity(Forbidden):
    """This identity is not the account's."""

    code = "federation.other_identity"


class NotProvedAnew(Unauthenticated):
    """The provider did not say that you proved anew who you are."""

    code = "federation.not_proved_anew"


class StaffProviderRequired(Forbidden):
    """Whoever works here signs in by the shop's own provider."""

    code = "federation.staff_provider_required"


class RedirectRefused(Unprocessable):
    """Nobody is sent back to this address: name one of the shop's, or of an origin that it lets ask."""

    code = "federation.redirect_refused"
