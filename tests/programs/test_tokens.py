"""Tokens: ours, of this shop, signed by its key in one way, and no more than was given."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from commerce.oauth import signing
from foundation import clock
from tests.access.team import Team
from tests.factories import SeededShop
from tests.programs.conftest import Customer, Program, registered

GOOD = 200


async def own(program: Program, **more: str) -> httpx.Response:
    return await program.token(grant_type="client_credentials", **more)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unverified."""
    head, body, _ = token.split(".")
    return json.loads(_bytes(head)), json.loads(_bytes(body))


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(head: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"


async def opens(program: Program, token: str) -> int:
    return (await program.as_bearer(token, path="/v1/admin/orders")).status_code


async def test_a_program_acts_in_its_own_name(robot: Program) -> None:
    tokens = (await own(robot)).json()
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "inventory:read orders:read"
    assert await opens(robot, tokens["access_token"]) == GOOD
    refused = await robot.as_bearer(tokens["access_token"], path="/v1/admin/programs")
    assert (refused.status_code, refused.json()["scope"]) == (403, "programs:read")
    narrow = (await own(robot, scope="inventory:read")).json()
    assert await opens(robot, narrow["access_token"]) == 403
    for more in ("orders:refund", "orders:read orders:refund", "store:read"):
        assert (await own(robot, scope=more)).json()["error"] == "invalid_scope"
    store = await robot.as_bearer(tokens["access_token"], path="/v1/store/orders")
    assert store.status_code == 401, "no customer"


async def test_a_program_may_do_no_more_than_who_registers_it(team: Team, staff: httpx.AsyncClient) -> None:
    clerk = await team.clerk("programs:write", "orders:read")
    junior = {"Authorization": f"Bearer {clerk.token}"}
    body = {"name": "Robot", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:refund"]}
    refused = await staff.post("/v1/admin/programs", json=body, headers=junior)
    assert (refused.status_code, refused.json()["scope"]) == (403, "orders:refund")
    made = await staff.post("/v1/admin/programs", json={**body, "scopes": ["orders:read"]}, headers=junior)
    assert made.status_code == 201
    grown = await staff.patch(
        f"/v1/admin/programs/{made.json()['id']}", json={"scopes": ["orders:read", "orders:refund"]}, headers=junior
    )
    assert grown.status_code == 403


async def test_others_can_verify_a_token_by_the_published_keys(robot: Program) -> None:
    token = (await own(robot)).json()["access_token"]
    told = (await robot.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["issuer"] == "http://grocer.localhost"
    keys = (await robot.http.get(told["jwks_uri"])).json()
    assert all("d" not in key for key in keys["keys"]), "public parts only"
    found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"])
    assert found.header["typ"] == "at+jwt"
    claims = found.claims
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (told["issuer"], told["issuer"], robot.id)
    assert claims["exp"] - claims["iat"] == 600


async def test_only_our_own_way_of_signing_is_believed(robot: Program) -> None:
    token = (await own(robot)).json()["access_token"]
    head, claims = parts(token)
    (public,) = (await robot.http.get("/oauth/jwks")).json()["keys"]
    mine = ECKey.generate_key("P-256", private=True)
    key = ECKey.import_key(public)
    forgeries = {
        "none": f"{unsigned({**head, 'alg': 'none'}, claims)}.",
        "None": f"{unsigned({**head, 'alg': 'None'}, claims)}.",
        "no signature": token.rpartition(".")[0] + ".",
        "changed": f"{unsigned(head, {**claims, 'scope': 'orders:refund'})}.{token.rpartition('.')[2]}",
        "another's key": jwt.encode(head, claims, mine, algorithms=["ES256"]),
        "a key in the header": jwt.encode(
            {**head, "jwk": mine.as_dict(private=False)}, claims, mine, algorithms=["ES256"]
        ),
        "another kid": jwt.encode({**head, "kid": str(uuid4())}, claims, mine, algorithms=["ES256"]),
        "an odd kid": jwt.encode({**head, "kid": "../../dev/null"}, claims, mine, algorithms=["ES256"]),
        "no kid": jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, mine, algorithms=["ES256"]),
    }
    for name, secret in (
        ("PEM", key.as_pem(private=False)),
        ("DER", key.as_der(private=False)),
        ("JWK", json.dumps(public).encode()),
        ("x", _bytes(public["x"])),
    ):
        signed = unsigned({**head, "alg": "HS256"}, claims)
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        forgeries[f"HS256 with the public key as {name}"] = f"{signed}.{_text(mac)}"
    for name, forged in forgeries.items():
        assert await opens(robot, forged) == 401, name
    assert await opens(robot, token) == GOOD


async def test_a_token_of_our_key_that_is_of_another_kind_is_no_access_token(
    app: Any, grocer: SeededShop, robot: Program
) -> None:
    token = (await own(robot)).json()["access_token"]
    head, claims = parts(token)
    async with app.state.core.database.tx(grocer.id) as tx:
        _, key = await signing._signer(tx)

    def signed(header: dict[str, Any] | None = None, **changed: Any) -> str:
        said = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode({**head, **(header or {})}, said, key, algorithms=["ES256"])

    assert await opens(robot, signed()) == GOOD
    now = claims["iat"]
    for wrong in (
        signed({"typ": "JWT"}),
        signed({"typ": "id_token"}),
        signed(iss="http://fashion.localhost"),
        signed(iss="http://fashion.localhost", aud="http://fashion.localhost"),
        signed(iss="http://evil.example", aud="http://evil.example"),
        signed(aud="http://elsewhere.example"),
        signed(exp=now - 1),
        signed(exp=None),
        signed(exp="soon"),
        signed(nbf=now + 3600),
        signed(gid=None),
        signed(gid=str(uuid4())),
        signed(gid="x"),
        signed(client_id=str(uuid4())),
    ):
        assert await opens(robot, wrong) == 401, parts(wrong)


async def test_a_token_of_another_shop_opens_nothing(
    robot: Program, fashion_staff: httpx.AsyncClient, fashion_http: httpx.AsyncClient
) -> None:
    scopes = ["orders:read"]
    there = await registered(
        fashion_staff, fashion_http, grants=["client_credentials"], scopes=scopes, redirect_uris=[]
    )
    token = (await own(there)).json()["access_token"]
    assert await opens(there, token) == GOOD
    assert await opens(robot, token) == 401
    mine = (await own(robot)).json()["access_token"]
    assert await opens(there, mine) == 401
    there.http = robot.http
    assert (await own(there)).json()["error"] == "invalid_client", "nor is it a client here"


async def test_keys_of_signing_rotate_and_the_old_one_is_believed_until_its_last_token_is_over(robot: Program) -> None:
    async def kids() -> list[str]:
        return [key["kid"] for key in (await robot.http.get("/oauth/jwks")).json()["keys"]]

    first = parts((await own(robot)).json()["access_token"])[0]["kid"]
    start = clock.now()
    with clock.use(lambda: start + signing.ROTATE_AFTER + timedelta(minutes=1)):
        token = (await own(robot)).json()["access_token"]
        assert parts(token)[0]["kid"] == first, "it signs still"
        (following, old) = await kids()
        assert old == first, "the next one is known before it signs"
    changed = start + signing.ROTATE_AFTER + timedelta(minutes=1) + signing.AHEAD
    with clock.use(lambda: changed - timedelta(seconds=1)):
        last = (await own(robot)).json()["access_token"]
        assert parts(last)[0]["kid"] == first
    with clock.use(lambda: changed + timedelta(minutes=5)):
        assert parts((await own(robot)).json()["access_token"])[0]["kid"] == following
        assert await opens(robot, last) == GOOD
    with clock.use(lambda: changed + timedelta(minutes=11)):
        assert await kids() == [following]
        assert await opens(robot, last) == 401


async def test_keys_of_signing_that_are_known_to_others_are_thrown_away(
    robot: Program, staff: httpx.AsyncClient, rows: Any
) -> None:
    token = (await own(robot)).json()["access_token"]
    ((kept,),) = rows("SELECT row_to_json(k)::text FROM oauth_signing_key k")
    assert '"d":' not in kept, "the private part is sealed"
    assert (await staff.post("/v1/admin/programs/signing-keys")).status_code == 204
    assert await opens(robot, token) == 401
    assert await opens(robot, (await own(robot)).json()["access_token"]) == GOOD


async def test_a_client_says_who_it_is_in_one_way_and_wrong_ones_get_one_answer(robot: Program) -> None:
    form = {"grant_type": "client_credentials"}
    basic = httpx.BasicAuth(robot.id, robot.secret or "")
    assert (await robot.http.post("/oauth/token", data=form, auth=basic)).status_code == GOOD
    twice = await robot.http.post("/oauth/token", data={**form, "client_secret": robot.secret}, auth=basic)
    assert twice.json()["error"] == "invalid_request"
    refused = [
        await robot.token(**form, client_secret="tws_wrong"),
        await robot.token(**form, client_secret=None),
        await robot.token(**form, client_id=str(uuid4())),
        await robot.token(**form, client_id="nobody"),
        await robot.http.post("/oauth/token", data=form, auth=httpx.BasicAuth(robot.id, "tws_wrong")),
        await robot.http.post("/oauth/token", data=form, headers={"Authorization": "Basic %%%"}),
        await robot.http.post("/oauth/token", data=form, headers={"Authorization": "Bearer x"}),
    ]
    assert {answer.status_code for answer in refused} == {401}
    assert len({answer.text for answer in refused}) == 1
    assert all(answer.headers["www-authenticate"].startswith("Basic") for answer in refused)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (
            b"grant_type=client_credentials&grant_type=client_credentials&client_id=x",
            "application/x-www-form-urlencoded",
        ),
        (b"grant_type=%00&client_id=x", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_question_that_is_no_form_is_refused(http: httpx.AsyncClient, body: bytes, kind: str) -> None:
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        answer = await http.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code in {400, 401}, answer.text


async def test_a_grant_that_is_not_registered_is_refused(robot: Program, program: Program) -> None:
    assert (await own(program)).json()["error"] == "unauthorized_client"
    assert (await robot.redeem("code")).json()["error"] == "unauthorized_client"
    for kind in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        assert (await robot.token(grant_type=kind)).json()["error"] == "unsupported_grant_type"
    assert (await own(robot, resource="https://elsewhere.example")).json()["error"] == "invalid_target"
    assert (await own(robot, resource="http://grocer.localhost/")).status_code == GOOD


async def test_who_guesses_secrets_is_slowed_down_and_who_knows_one_is_not(robot: Program) -> None:
    for _ in range(40):
        assert (await own(robot)).status_code == GOOD
    answers = [(await robot.token(grant_type="client_credentials", client_secret="x")).status_code for _ in range(35)]
    assert answers[0] == 401
    assert answers[-1] == 429


async def test_a_token_tells_its_own_client_what_it_is(
    robot: Program, program: Program, customer: Customer, staff: httpx.AsyncClient
) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()

    async def told(by: Program, token: str) -> dict[str, Any]:
        form = {"client_id": by.id, "client_secret": by.secret, "token": token}
        return dict((await by.http.post("/oauth/introspect", data=form)).json())

    access = await told(program, tokens["access_token"])
    assert (access["active"], access["scope"], access["client_id"]) == (True, "store:read store:write", program.id)
    assert access["token_type"] == "Bearer"
    assert (await told(program, tokens["refresh_token"]))["token_type"] == "refresh_token"
    for token in (tokens["access_token"], tokens["refresh_token"], "", "x", "eyJ.eyJ.x"):
        assert not (await told(robot, token)).get("active")
    renewed = (await program.renew(tokens["refresh_token"])).json()
    assert await told(program, tokens["refresh_token"]) == {"active": False}
    assert (await told(program, renewed["refresh_token"]))["active"]


async def test_a_new_secret_replaces_the_old(robot: Program, staff: httpx.AsyncClient, rows: Any) -> None:
    new = (await staff.post(f"/v1/admin/programs/{robot.id}/secret")).json()["client_secret"]
    assert (await own(robot)).json()["error"] == "invalid_client"
    robot.secret = new
    assert (await own(robot)).status_code == GOOD
    kept = rows("SELECT row_to_json(c)::text FROM oauth_client c")
    assert all(new not in row for (row,) in kept)
    listed = await staff.get("/v1/admin/programs")
    assert new not in listed.text


async def test_a_program_of_another_shop_is_not_there(robot: Program, fashion_staff: httpx.AsyncClient) -> None:
    at = f"/v1/admin/programs/{robot.id}"
    for method, path in (("GET", at), ("PATCH", at), ("DELETE", at), ("POST", f"{at}/secret")):
        body = {"name": "Mine"} if method == "PATCH" else None
        assert (await fashion_staff.request(method, path, json=body)).status_code == 404, (method, path)
    assert (await own(robot)).status_code == GOOD


async def test_nothing_secret_is_stored(program: Program, customer: Customer, rows: Any) -> None:
    code = await customer.let_in(program)
    tokens = (await program.redeem(code)).json()
    stored = "\n".join(
        row
        for table in ("oauth_client", "oauth_grant", "oauth_code", "oauth_refresh_token", "idempotency_key")
        for (row,) in rows(f"SELECT row_to_json(t)::text FROM {table} t")
    )
    for secret in (code, program.secret, tokens["access_token"], tokens["refresh_token"]):
        assert secret not in stored


async def test_what_ended_long_ago_is_let_go(
    app: Any, grocer: SeededShop, program: Program, customer: Customer, rows: Any
) -> None:
    from commerce.retention import running

    tokens = (await program.redeem(await customer.let_in(program))).json()
    form = {"client_id": program.id, "client_secret": program.secret, "token": tokens["refresh_token"]}
    await program.http.post("/oauth/revoke", data=form)
    await asyncio.sleep(0)
    await program.redeem(await customer.let_in(program))
    now = clock.now()
    for days, left in ((29, 2), (31, 1)):
        with clock.use(lambda days=days: now + timedelta(days=days)):  # type: ignore[misc]
            await running.follow(app.state.core.database, app.state.core.settings, grocer.id)
        for table in ("oauth_grant", "oauth_code", "oauth_refresh_token"):
            assert rows(f"SELECT count(*) FROM {table}") == [(left,)], table
