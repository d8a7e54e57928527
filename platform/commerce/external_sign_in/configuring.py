"""A shop decides by whose accounts people sign in, and whether its staff must. Each change is in the audit log."""

from __future__ import annotations

from uuid import UUID

from commerce.external_sign_in.provider_schemas import CheckOut, ProviderChange, ProviderIn, Setting, StaffSignInOut
from commerce.federation import exchange, identities, providers, requirement
from commerce.federation.issuers import Metadata
from commerce.federation.kinds import KINDS, KindName
from commerce.federation.providers import Audience, Authentication, Provider, Wanted
from commerce.federation.refusals import ProviderInvalid, ProviderRequired, ProviderUnusable
from commerce.http import Core
from commerce.identity.staff import Staff
from commerce.policies.limits import Said
from commerce.policies.roles import ROLES
from commerce.staffing.granting import grant_of, grantable
from commerce.tenancy.service import Shop
from foundation import audit
from foundation.database import Tx
from foundation.errors import Forbidden, Unprocessable


class NotAnAdmin(Forbidden):
    """Only somebody with the admin's role can do this."""

    code = "federation.not_an_admin"


class NotKnownThere(Unprocessable):
    """The provider doesn't know you yet: link your own account with it first, so that you can come in."""

    code = "federation.not_known_there"


async def add(core: Core, shop: Shop, by: Staff, body: ProviderIn) -> UUID:
    """A new provider's id. It is asked what it says of itself before anything is kept.

    Raises:
        ProviderUnusable, ProviderInvalid, ProviderExists, TooManyProviders.
        CannotGrant, UnknownRole: newcomers would get more than whoever asks has.
    """
    issuer = _issuer(body)
    _require_fit(body.kind, body.audience, body, body.client_secret)
    metadata = await core.issuers.metadata(core.outbound, body.kind, issuer, anew=True)
    _require_authentication(metadata, body.client_authentication)
    await core.issuers.keys(core.outbound, body.kind, metadata)
    async with core.database.tx(shop.id) as tx:
        await _require_grantable(tx, by, body.role)
        wanted = _wanted(body, body.client_secret)
        provider_id = await providers.add(tx, body.kind, issuer, body.audience, body.client_secret, wanted)
        await _note(tx, by, "added", provider_id, body)
    return provider_id


async def change(core: Core, shop: Shop, by: Staff, provider_id: UUID, body: ProviderChange) -> None:
    """Set a provider up otherwise.

    Raises:
        ProviderNotFound, ProviderStale, ProviderExists, ProviderInvalid, CannotGrant, UnknownRole.
        ProviderRequired: staff must come by it, so it can't be switched off.
    """
    async with core.database.tx(shop.id) as tx:
        present = await providers.one(tx, provider_id)
        _require_fit(present.kind, present.audience, body, body.client_secret)
        await _require_grantable(tx, by, body.role)
        if not body.is_enabled:
            await _require_not_required(tx, provider_id)
        await providers.change(tx, provider_id, body.version, _wanted(body, body.client_secret))
        await _note(tx, by, "changed", provider_id, body)


async def remove(core: Core, shop: Shop, by: Staff, provider_id: UUID) -> None:
    """Let a provider go, with its secret and the identities that were linked by it.

    Raises:
        ProviderNotFound.
        ProviderRequired: staff must come by it.
    """
    async with core.database.tx(shop.id) as tx:
        await _require_not_required(tx, provider_id)
        await providers.remove(tx, provider_id)
        await audit.record(
            tx, actor=by.principal, action="identity_providers.removed", object=f"provider:{provider_id}"
        )


async def check(core: Core, provider: Provider) -> CheckOut:
    """Ask a provider now what it says of itself, and for its keys."""
    try:
        metadata = await core.issuers.metadata(core.outbound, provider.kind, provider.issuer, anew=True)
        _require_authentication(metadata, provider.client_authentication)
        keys = await core.issuers.keys(core.outbound, provider.kind, metadata)
    except ProviderUnusable as fault:
        return CheckOut(usable=False, reason=fault.reason)
    return CheckOut(
        usable=True,
        reason=None,
        authorization_endpoint=metadata.authorization_endpoint,
        token_endpoint=metadata.token_endpoint,
        end_session_endpoint=metadata.end_session_endpoint,
        algorithms=list(metadata.algorithms),
        keys=keys,
    )


async def staff_sign_in(tx: Tx) -> StaffSignInOut:
    """What the shop asks of its own staff."""
    found = await requirement.current(tx)
    if found is None:
        return StaffSignInOut(provider_id=None, owner_account_id=None, not_linked=0, since=None)
    return StaffSignInOut(
        provider_id=found.provider_id,
        owner_account_id=found.owner_account_id,
        not_linked=await requirement.unlinked(tx, found.provider_id),
        since=found.created_at,
    )


async def require_of_staff(tx: Tx, by: Staff, provider_id: UUID) -> StaffSignInOut:
    """Ask the shop's own staff to come by a provider. Whoever asks it, an admin, may come by other ways all the same;
    others who came by one are signed out.

    Raises:
        NotAnAdmin.
        ProviderNotFound, ProviderInvalid: there is no such provider of staff.
        NotKnownThere: whoever asks it has not linked their own account.
    """
    _require_admin(by)
    await providers.hold(tx, provider_id)
    provider = await providers.one(tx, provider_id)
    if provider.audience != "staff":
        raise ProviderInvalid(reason="audience")
    if provider_id not in {one.provider_id for one in await identities.of(tx, by.key_id)}:
        raise NotKnownThere
    await requirement.put(tx, provider_id, by.key_id)
    await audit.record(tx, actor=by.principal, action="staff_sign_in.required", object=f"provider:{provider_id}")
    return await staff_sign_in(tx)


async def ask_no_more_of_staff(tx: Tx, by: Staff) -> None:
    """Let staff come by any way again.

    Raises:
        NotAnAdmin.
    """
    _require_admin(by)
    await requirement.lift(tx)
    await audit.record(tx, actor=by.principal, action="staff_sign_in.released")


def _require_admin(by: Staff) -> None:
    if not ROLES["admin"].permissions <= by.scopes:
        raise NotAnAdmin


def _issuer(body: ProviderIn) -> str:
    own = KINDS[body.kind].issuer
    if own is not None and body.issuer not in {None, own}:
        raise ProviderInvalid(reason="issuer")
    issuer = own or body.issuer
    if issuer is None or "?" in issuer or "#" in issuer:
        raise ProviderInvalid(reason="issuer")
    return issuer


def _require_fit(kind: KindName, audience: Audience, body: Setting, secret: str | None) -> None:
    if (body.domains or body.role) and audience != "staff":
        raise ProviderInvalid(reason="audience")
    if body.role is not None and not body.domains:
        raise ProviderInvalid(reason="domains")
    if not KINDS[kind].signs_secret:
        return
    if body.team_id is None or body.key_id is None or body.client_authentication != "post":
        raise ProviderInvalid(reason="key")
    if secret is not None:
        exchange.signing_key(secret)


def _require_authentication(metadata: Metadata, wanted: Authentication) -> None:
    if wanted not in metadata.client_authentication:
        raise ProviderUnusable(reason="client_authentication")


async def _require_grantable(tx: Tx, by: Staff, role: str | None) -> None:
    if role is not None:
        await grantable(tx, by, grant_of([role], [], Said()), None)


async def _require_not_required(tx: Tx, provider_id: UUID) -> None:
    found = await requirement.current(tx)
    if found is not None and found.provider_id == provider_id:
        raise ProviderRequired


def _wanted(body: Setting, secret: str | None) -> Wanted:
    return Wanted(
        name=body.name,
        client_id=body.client_id,
        client_secret=secret,
        client_authentication=body.client_authentication,
        domains=tuple(dict.fromkeys(body.domains)),
        role=body.role,
        team_id=body.team_id,
        key_id=body.key_id,
        is_enabled=body.is_enabled,
    )


async def _note(tx: Tx, by: Staff, done: str, provider_id: UUID, body: ProviderIn | ProviderChange) -> None:
    details = {
        "client_id": body.client_id,
        "domains": body.domains,
        "role": body.role,
        "is_enabled": body.is_enabled,
        "secret_changed": body.client_secret is not None,
    }
    action, named = f"identity_providers.{done}", f"provider:{provider_id}"
    await audit.record(tx, actor=by.principal, action=action, object=named, details=details)
