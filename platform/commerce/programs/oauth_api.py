"""OAuth 2.1 over HTTP: what programs ask, without anybody at a browser.

RFC 6749 (tokens), 7009 (revocation), 7662 (introspection), 8414 (metadata), 8707 (resource). The page on which people
consent is the storefront's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import parse_qsl, unquote_plus

import orjson
from fastapi import APIRouter, Request, Response

from commerce.cross_site import open_to_other_sites
from commerce.http import Core, CoreDep, ShopDep, address_of, home_of
from commerce.oauth import bearers, clients, grants, signing
from commerce.oauth import scopes as scoping
from commerce.oauth.bearers import TokenUnknown
from commerce.oauth.clients import Client
from commerce.oauth.grants import Issued
from commerce.oauth.protocol import OauthError, invalid_client, invalid_grant
from commerce.policies import areas
from commerce.policies.registry import SCOPES
from commerce.tenancy.service import Shop
from commerce.throttling.service import Limit, give_back, take
from foundation.access import ANYONE, SIGNED, needs

router = APIRouter(tags=["oauth"], route_class=areas.within(areas.PROGRAMS))
TRIES = Limit("oauth client", burst=30, every=timedelta(seconds=2))
"""Requests of one address that did not prove who asks."""
MAX_FIELDS = 20
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"
P = ParamSpec("P")


def _described(*fields: str, optional: Sequence[str] = ()) -> dict[str, Any]:
    """A form in the API's description; a client says who it is in it, or by HTTP Basic."""
    names = (*fields, *optional, "client_id", "client_secret")
    schema = {"type": "object", "required": list(fields), "properties": {name: {"type": "string"} for name in names}}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


_REFUSED: dict[str, Any] = {
    "description": "A refusal in OAuth's own form (RFC 6749, section 5.2)",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
            }
        },
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}
_REFUSALS: dict[int | str, dict[str, Any]] = {400: _REFUSED, 401: _REFUSED}
_KINDS = ("scope", "resource", "code", "redirect_uri", "code_verifier", "refresh_token")


def _answer(document: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps({name: value for name, value in document.items() if value is not None})
    return Response(body, status_code=status, media_type="application/json", headers={**NO_STORE, **(headers or {})})


def refusing(route: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Say what a route refuses in OAuth's own form."""

    @wraps(route)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return await route(*args, **kwargs)
        except OauthError as refusal:
            document = {"error": refusal.error, "error_description": refusal.description}
            challenge = {"WWW-Authenticate": 'Basic realm="oauth"'} if refusal.status == 401 else {}
            return _answer(document, status=refusal.status, headers=challenge)

    return answered


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a program: its form, and by what it says who it is."""

    form: dict[str, str]
    client_id: str
    secret: str | None

    def get(self, name: str) -> str | None:
        """A field; one that is empty counts as absent (RFC 6749, section 3.2)."""
        return self.form.get(name) or None

    def need(self, name: str) -> str:
        """A field that must be there.

        Raises:
            OauthError: `invalid_request`.
        """
        value = self.get(name)
        if value is None:
            raise OauthError("invalid_request", f"{name} is missing.")
        return value


async def _asked(request: Request) -> Asked:
    """What a program asks.

    Raises:
        OauthError: it is no form, a field comes twice, or it says who it is in two ways.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OauthError("invalid_request", f"The body must be {_FORM}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, strict_parsing=True
        )
    except (ValueError, UnicodeDecodeError) as fault:
        raise OauthError("invalid_request", "The body is no form.") from fault
    form = dict(pairs)
    if len(form) != len(pairs) or any("\x00" in value for value in form.values()):
        raise OauthError("invalid_request", "A field comes twice, or holds a NUL byte.")
    basic = _basic(request)
    if basic is not None and ("client_secret" in form or form.get("client_id", basic[0]) != basic[0]):
        raise OauthError("invalid_request", "Say who you are in one way.")
    client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret"))
    if not client_id:
        raise invalid_client()
    return Asked(form, client_id, secret)


def _basic(request: Request) -> tuple[str, str] | None:
    """The name and secret of HTTP Basic, each form-encoded (RFC 6749, section 2.3.1)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        name, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as fault:
        raise invalid_client() from fault
    if not colon:
        raise invalid_client()
    return unquote_plus(name), unquote_plus(secret)


async def _client(request: Request, core: Core, shop: Shop, asked: Asked) -> Client:
    """The client that asks; who guesses is slowed down.

    Raises:
        OauthError: `invalid_client`.
        TooMany: from this address it was tried too often.
    """
    await take(core.database, shop.id, TRIES, address_of(request))
    async with core.database.tx(shop.id, read_only=True) as tx:
        client = await clients.authenticated(tx, asked.client_id, asked.secret)
    await give_back(core.database, shop.id, TRIES, address_of(request))
    return client


@router.post("/oauth/token", responses=_REFUSALS, openapi_extra=_described("grant_type", optional=_KINDS))
@needs(SIGNED)
@open_to_other_sites
@refusing
async def token(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """Tokens for an authorization code, for a refresh token, or for a client's own secret."""
    asked = await _asked(request)
    client = await _client(request, core, shop, asked)
    issuer = home_of(request)
    check_resource(asked.get("resource"), issuer)
    kind = asked.need("grant_type")
    if kind not in {"authorization_code", "refresh_token", "client_credentials"}:
        raise OauthError("unsupported_grant_type", "Use authorization_code, refresh_token or client_credentials.")
    if kind not in client.grants:
        raise OauthError("unauthorized_client", "This client is not registered for that.")
    async with core.database.tx(shop.id) as tx:
        issued = await _issue(tx, client, kind, asked)
        access = None
        if issued is not None:
            access = await signing.mint(
                tx,
                issuer=issuer,
                subject=str(issued.subject_id),
                client_id=client.id,
                grant_id=issued.grant_id,
                scopes=issued.scopes,
            )
    if issued is None:
        raise invalid_grant()
    return _answer(
        {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(signing.LIFETIME.total_seconds()),
            "scope": scoping.written(issued.scopes),
            "refresh_token": issued.refresh_token,
        }
    )


async def _issue(tx: Any, client: Client, kind: str, asked: Asked) -> Issued | None:
    wanted = scoping.read(asked.get("scope"))
    if kind == "authorization_code":
        return await grants.redeem(
            tx,
            client,
            code=asked.need("code"),
            redirect_uri=asked.need("redirect_uri"),
            verifier=asked.need("code_verifier"),
        )
    if kind == "refresh_token":
        return await grants.refresh(tx, client, token=asked.need("refresh_token"), scopes=wanted)
    allowed = scoping.of_shop(client.scopes)
    if not set(wanted) <= set(allowed):
        raise OauthError("invalid_scope", "More than this client may ask for.")
    return await grants.own(tx, client, scopes=wanted or allowed)


def check_resource(resource: str | None, issuer: str) -> None:
    """Tokens are for the shop's own API, whatever is asked (RFC 8707).

    Raises:
        OauthError: `invalid_target`, for another.
    """
    if resource is not None and resource.rstrip("/") != issuer:
        raise OauthError("invalid_target", f"Tokens are for {issuer} and for nothing else.")


@router.post("/oauth/revoke", responses=_REFUSALS, openapi_extra=_described("token"))
@needs(SIGNED)
@open_to_other_sites
@refusing
async def revoke(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """End a token, and with it all that was granted with it. One that is not good any more is no error (RFC 7009)."""
    asked = await _asked(request)
    client = await _client(request, core, shop, asked)
    shown = asked.need("token")
    async with core.database.tx(shop.id) as tx:
        found = await _of_client(tx, client, shown)
        if found is not None:
            await grants.revoke(tx, found["grant_id"], "revoked_by_client")
    return _answer({})


@router.post("/oauth/introspect", responses=_REFUSALS, openapi_extra=_described("token"))
@needs(SIGNED)
@open_to_other_sites
@refusing
async def introspect(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """Whether a token of the client's own is good, and for what (RFC 7662). Public clients are told nothing."""
    asked = await _asked(request)
    client = await _client(request, core, shop, asked)
    if client.kind == "public":
        raise invalid_client()
    shown = asked.need("token")
    async with core.database.tx(shop.id) as tx:
        found = await _of_client(tx, client, shown)
    return _answer({"active": False} if found is None else {"active": True, **found["said"]})


async def _of_client(tx: Any, client: Client, shown: str) -> dict[str, Any] | None:
    """A token of this client's that is good: its grant, and what is said of it."""
    if signing.looks_like_one(shown):
        try:
            found = await bearers.bearer(tx, shown)
        except TokenUnknown:
            return None
        if found.claims.client_id != client.id:
            return None
        claims = found.claims
        said = {
            "token_type": "Bearer",
            "iss": claims.issuer,
            "aud": claims.issuer,
            "jti": claims.token_id,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        }
        grant_id, subject_id, scopes = claims.grant_id, found.subject_id, sorted(found.scopes)
    else:
        row = await grants.grant_of_refresh(tx, client, shown)
        if row is None:
            return None
        said = {"token_type": "refresh_token"}
        grant_id, subject_id, scopes = row["grant_id"], row["subject_id"], list(row["scopes"])
    of = {"scope": scoping.written(scopes), "client_id": str(client.id), "sub": str(subject_id)}
    return {"grant_id": grant_id, "said": {**of, **said}}


@router.get("/oauth/jwks")
@needs(ANYONE)
async def jwks(core: CoreDep, shop: ShopDep) -> Response:
    """The public keys of the shop's access tokens (RFC 7517)."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        keys = await signing.published(tx)
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(orjson.dumps({"keys": keys}), media_type="application/json", headers=headers)


@router.get("/.well-known/oauth-authorization-server")
@needs(ANYONE)
async def metadata(request: Request, shop: ShopDep) -> Response:  # noqa: ARG001  (there must be a shop)
    """Where everything is, and what it can do (RFC 8414)."""
    issuer = home_of(request)
    at = f"{issuer}/oauth"
    told = {
        "issuer": issuer,
        "authorization_endpoint": f"{at}/authorize",
        "token_endpoint": f"{at}/token",
        "revocation_endpoint": f"{at}/revoke",
        "introspection_endpoint": f"{at}/introspect",
        "jwks_uri": f"{at}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [*scoping.OF_CUSTOMERS, *SCOPES],
        "authorization_response_iss_parameter_supported": True,
    }
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(orjson.dumps(told), media_type="application/json", headers=headers)
