"""An OpenID provider in Keycloak's form, over HTTP on loopback, that tells the truth unless it is told to lie."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
CLIENT, SECRET = "shop", "a secret of the client's"
ADA: Json = {"sub": "ada-at-the-company", "email": "ada@company.example", "email_verified": True, "name": "Ada"}


@dataclass
class Realm:
    """A realm of the provider, and what it does otherwise than it should."""

    origin: str
    user: Json = field(default_factory=lambda: dict(ADA))
    """Who is signed in there."""
    session: str = "a session there"
    """Theirs, there."""
    keys: list[RSAKey] = field(default_factory=list)
    """The last one signs."""
    metadata: Json = field(default_factory=dict)
    """What its discovery document says otherwise."""
    claims: Json = field(default_factory=dict)
    """What its tokens say otherwise; `None` leaves a claim out."""
    forged: str | None = None
    """How it signs otherwise: `none`, `public key as secret`, `another's key`, `unknown kid`."""
    answers: dict[str, Response] = field(default_factory=dict)
    """What it answers otherwise, by the end of the path."""
    slow: float = 0.0
    """Seconds before it answers for its keys."""
    cancels: bool = False
    names_itself_as: str | None = None
    """Who it says to be when it sends somebody back (RFC 9207); itself, if nothing is said."""
    reauthenticates: bool = True
    """It asks for the password anew where it is told to."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    forms: list[Json] = field(default_factory=list)
    """What was sent to the token endpoint."""
    authorization_headers: list[str] = field(default_factory=list)
    _codes: dict[str, Json] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.rotate()

    @property
    def issuer(self) -> str:
        return f"{self.origin}/realms/company"

    def rotate(self) -> None:
        """Another key signs from now on; those before are published still."""
        self.keys.append(RSAKey.generate_key(2048, {"kid": f"key-{len(self.keys)}", "use": "sig", "alg": "RS256"}))

    def routes(self) -> list[Route]:
        """What it answers to."""
        protocol = "/realms/company/protocol/openid-connect"
        return [
            Route("/realms/company/.well-known/openid-configuration", self._discovery),
            Route(f"{protocol}/auth", self._authorize),
            Route(f"{protocol}/token", self._token, methods=["POST"]),
            Route(f"{protocol}/certs", self._certs),
        ]

    async def _discovery(self, request: Request) -> Response:
        protocol = f"{self.issuer}/protocol/openid-connect"
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{protocol}/auth",
            "token_endpoint": f"{protocol}/token",
            "introspection_endpoint": f"{protocol}/token/introspect",
            "userinfo_endpoint": f"{protocol}/userinfo",
            "end_session_endpoint": f"{protocol}/logout",
            "jwks_uri": f"{protocol}/certs",
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "response_types_supported": ["code", "none", "id_token", "code id_token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["PS384", "RS384", "ES384", "HS256", "ES256", "RS256", "none"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return self._answer(request, JSONResponse(said | self.metadata))

    async def _certs(self, request: Request) -> Response:
        await asyncio.sleep(self.slow)
        return self._answer(request, JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]}))

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        back = {"state": asked["state"], "iss": self.names_itself_as or self.issuer, "session_state": "x"}
        if self.cancels:
            back["error"] = "access_denied"
        else:
            code = f"code-{next(self._numbers)}"
            is_anew = self.reauthenticates and asked.get("prompt") == "login"
            signed_in_at = int(time.time()) - (0 if is_anew else 3600)
            self._codes[code] = {**asked, "user": dict(self.user), "auth_time": signed_in_at}
            back["code"] = code
        if asked.get("response_mode") == "form_post":
            return HTMLResponse(_form(asked["redirect_uri"], back))
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.forms.append(form)
        self.authorization_headers.append(request.headers.get("authorization", ""))
        begun = self._codes.pop(form.get("code", ""), None)
        if begun is None or not _is_proved(form, begun) or form["redirect_uri"] != begun["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access_token = "an access token"
        tokens = {"access_token": access_token, "token_type": "Bearer", "id_token": self._signed(begun, access_token)}
        return self._answer(request, JSONResponse(tokens))

    def _signed(self, begun: Json, access_token: str) -> str:
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        said = {
            "iss": self.issuer,
            "aud": begun["client_id"],
            "azp": begun["client_id"],
            "exp": now + 300,
            "iat": now,
            "auth_time": begun["auth_time"],
            "nonce": begun["nonce"],
            "at_hash": _base64(half),
            "sid": self.session,
            **begun["user"],
            **self.claims,
        }
        claims = {name: value for name, value in said.items() if value is not None}
        key = self.keys[-1]
        if self.forged == "none":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        if self.forged == "public key as secret":
            signed = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(claims)}"
            return f"{signed}.{_base64(hmac.digest(key.as_pem(private=False), signed.encode(), 'sha256'))}"
        if self.forged == "another's key":
            other = RSAKey.generate_key(2048)
            return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, other)
        if self.forged == "unknown kid":
            return jwt.encode({"alg": "RS256", "kid": "nobody's"}, claims, key)
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def logout_token(self, header: Json | None = None, **otherwise: object) -> str:
        """What it says once they have signed out; `None` leaves a claim out."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": f"logout-{next(self._numbers)}",
            "sub": self.user["sub"],
            "sid": self.session,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **otherwise,
        }
        key = self.keys[-1]
        claims = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "logout+jwt", **(header or {})}, claims, key)

    def _answer(self, request: Request, truth: Response) -> Response:
        self.asked.append(request.url.path)
        return next((lie for end, lie in self.answers.items() if request.url.path.endswith(end)), truth)


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _part(value: Json) -> str:
    return _base64(json.dumps(value).encode())


def _form(action: str, values: Json) -> str:
    """A form that a browser sends by itself."""
    fields = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in values.items())
    return f'<form method="post" action="{action}">{fields}</form><script>document.forms[0].submit()</script>'


def _is_proved(form: Json, begun: Json) -> bool:
    hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return bool(_base64(hashed) == begun["code_challenge"])


def basic(header: str) -> tuple[str, str]:
    """Who a client says to be, and its secret."""
    name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


@contextmanager
def running() -> Iterator[Realm]:
    """A provider that answers on a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        realm = Realm(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=realm.routes()), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield realm
        finally:
            server.should_exit = True
            thread.join()
