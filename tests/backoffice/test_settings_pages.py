"""The pages on which a shop is set up: each opens for those who may, shows what is wrong, and keeps what was typed."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import BaseModel

from backoffice.navigation import ENTRIES
from backoffice.settings import ELSEWHERE
from backoffice.settings import settings as every_setting
from commerce.configuration.schemas import Configuration
from commerce.identity import accounts
from commerce.notifications.letters import LETTERS
from tests.access.team import Team
from tests.backoffice.conftest import SAME
from tests.backoffice.pictures import bomb, picture
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

AT = "/back-office"
PARTS = {
    name: field.annotation
    for name, field in Configuration.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
"""What a configuration is made of: groups of settings by their name."""
HOSTILE = "<script>alert(1)</script>"


def field(page: str, name: str) -> str:
    """What a field of a page's form holds."""
    found = re.search(rf'<input [^>]*name="{re.escape(name)}"[^>]*value="([^"]*)"', page)
    area = re.search(rf'<textarea [^>]*name="{re.escape(name)}"[^>]*>\n?([^<]*)<', page)
    assert found or area, f"there is no field {name}"
    return unescape(found[1] if found else area[1] if area else "")


async def see(browser: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await browser.get(f"{AT}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


async def send(browser: httpx.AsyncClient, path: str, **data: Any) -> httpx.Response:
    return await browser.post(f"{AT}{path}", data=data)


async def test_every_entry_opens_for_an_admin_and_is_hidden_from_who_may_not(
    admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    home, theirs = await see(admin, ""), await see(analyst, "")
    for entry in ENTRIES:
        if entry.for_vendors:
            continue
        page = await admin.get(entry.path)
        assert page.status_code == 200, entry.path
        assert f'href="{entry.path}"' in home
        assert page.text.count("<h1") == 1
        assert 'aria-current="page"' in page.text
        unlabelled = set(re.findall(r'<(?:input|select|textarea) [^>]*id="([^"]+)"', page.text)) - set(
            re.findall(r'<label for="([^"]+)"', page.text)
        )
        assert unlabelled == set(), entry.path
        if entry.permission in {
            "settings:read",
            "api_keys:read",
            "programs:read",
            "webhooks:read",
            "billing:read",
            "identity_providers:read",
        }:
            assert f'href="{entry.path}"' not in theirs
            assert (await analyst.get(entry.path)).status_code == 403


FORMS: list[tuple[str, dict[str, str]]] = [
    ("/branding", {"accent": "#123456"}),
    ("/branding/logo/removal", {}),
    ("/settings", {"version": "1", "name": "Taken over"}),
    ("/settings/reverts", {"version": "1", "to": "1"}),
    ("/messages/register", {"version": "1", "subject": "Taken over"}),
    ("/messages/register/test", {}),
    ("/legal/terms", {"locale": "en-US", "version": "0", "markdown": "Taken over"}),
    ("/domains", {"host": "shop.example.com"}),
    ("/api-keys", {"name": "Mine", "scopes": "orders:read"}),
    ("/programs", {"name": "Mine", "kind": "public", "acts_for": "people", "scopes": "store:read"}),
    ("/webhooks", {"url": "https://hooks.example.com", "events": "*", "contact": "a@example.com"}),
    ("/plan", {"key": "k", "plan": "enterprise", "email": "a@example.com"}),
    ("/plan/portal", {}),
    ("/closing", {"name": "Grocer"}),
    ("/closing/archives", {}),
    ("/identity-providers/new/google", {"name": "Google", "client_id": "x", "client_secret": "x"}),
    ("/identity-providers/staff/release", {}),
]


@pytest.mark.parametrize(("path", "data"), FORMS)
async def test_nobody_without_the_permission_and_no_other_site_sends_a_form(
    team: Team, analyst: httpx.AsyncClient, path: str, data: dict[str, str]
) -> None:
    assert (await send(analyst, path, **data)).status_code == 403
    admin = await team.browser(await team.hire("admin"))
    for site in ("cross-site", "same-site"):
        forged = await admin.post(f"{AT}{path}", data=data, headers={"Sec-Fetch-Site": site})
        assert forged.status_code == 403
        assert "request.cross_site" in forged.text
    nobody = await (await team.door()).post(f"{AT}{path}", data=data, headers=SAME)
    assert (nobody.status_code, nobody.headers["location"]) == (303, "/sign-in?next=/back-office")


BAD: list[tuple[str, dict[str, str], str, str]] = [
    ("/branding", {"accent": "red", "headline": HOSTILE}, "headline", "accent-fault"),
    ("/settings", {"version": "1", "name": HOSTILE, "zone": "Mars/Olympus"}, "zone", "zone-fault"),
    ("/settings", {"version": "1", "name": "", "locale": "en-US"}, "locale", "name-fault"),
    ("/settings", {"version": "1", "name": "A", "cors_origins": "https://a.example\nnowhere"}, "name", "cors_origins"),
    ("/messages/register", {"version": "1", "subject": "Hi {{ password }}"}, "subject", "There are: {{ shop }}."),
    ("/legal/terms", {"locale": "en-US", "version": "0", "markdown": "[x](javascript:1)"}, "markdown", "javascript:1"),
    ("/legal/terms", {"locale": "en-US", "version": "0", "markdown": " "}, "markdown", "markdown-fault"),
    ("/domains", {"host": "127.0.0.1"}, "host", "host-fault"),
    ("/domains", {"host": HOSTILE}, "host", "host-fault"),
    ("/api-keys", {"name": HOSTILE}, "name", "scopes-fault"),
    ("/api-keys", {"name": "", "scopes": "orders:read"}, "name", "name-fault"),
    (
        "/programs",
        {"name": "A", "kind": "public", "acts_for": "people", "scopes": "store:read", "redirect_uris": "nowhere"},
        "redirect_uris",
        "redirect_uris-fault",
    ),
    ("/webhooks", {"url": "http://127.0.0.1/", "events": "*", "contact": "a@example.com"}, "url", "url-fault"),
    ("/webhooks", {"url": "https://x.example", "events": "nothing.like", "contact": "a"}, "url", "contact-fault"),
    ("/plan", {"key": "k", "plan": "enterprise", "email": "nowhere"}, "key", "request.invalid"),
    ("/closing", {"name": "Grocery"}, "name", "name-fault"),
]


@pytest.mark.parametrize(("path", "data", "kept", "said"), BAD)
async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    admin: httpx.AsyncClient, path: str, data: dict[str, str], kept: str, said: str
) -> None:
    refused = await send(admin, path, **data)
    assert 400 <= refused.status_code < 500, refused.text
    assert said in unescape(refused.text)
    assert HOSTILE not in refused.text
    assert 'role="alert"' in refused.text
    if kept != "key":
        assert field(refused.text, kept).strip() == data[kept].strip()


async def test_a_logo_is_uploaded_shown_and_removed(admin: httpx.AsyncClient) -> None:
    sent = await admin.post(f"{AT}/branding/logo", files={"logo": ("logo.png", picture(), "image/png")})
    assert sent.status_code == 303, sent.text
    page = await see(admin, "/branding")
    assert 'data-notice="logo-kept"' in page
    assert "/shop/logo/" in (await admin.get("/")).text
    assert (await send(admin, "/branding/logo/removal")).status_code == 303
    assert "/shop/logo/" not in await see(admin, "/branding")


@pytest.mark.parametrize(
    "files",
    [
        {"logo": ("logo.svg", b"<svg onload='alert(1)'/>", "image/png")},
        {"logo": ("logo.png", bomb(), "image/png")},
        {"other": ("logo.png", picture(), "image/png")},
        {},
    ],
)
async def test_what_is_no_logo_is_said_at_the_field(admin: httpx.AsyncClient, files: dict[str, Any]) -> None:
    refused = await admin.post(f"{AT}/branding/logo", files=files)
    assert refused.status_code in {415, 422}
    assert 'role="alert"' in refused.text
    assert "/shop/logo/" not in await see(admin, "/branding")


async def test_a_colour_is_kept_and_its_contrast_is_told(admin: httpx.AsyncClient) -> None:
    assert (await send(admin, "/branding", accent="#ffee00", headline="Fresh", text="")).status_code == 303
    page = await see(admin, "/branding")
    assert "data-darker>" in page, "yellow is not read on white"
    assert "data-darker hidden" not in page
    assert "Fresh" in (await admin.get("/")).text
    style = await admin.get(f"{AT}/branding/preview.css", params={"accent": "#112233"})
    assert "--color-accent:#112233" in style.text
    assert (await admin.get(f"{AT}/branding/preview.css", params={"accent": "red;}"})).status_code == 422


async def test_every_setting_of_the_schema_has_a_field(admin: httpx.AsyncClient) -> None:
    page = await see(admin, "/settings")
    there = {f"{group}.{name}" for group, part in PARTS.items() for name in part.model_fields}
    there |= Configuration.model_fields.keys() - PARTS.keys()
    assert {one.path for one in every_setting()} == there - ELSEWHERE
    for one in every_setting():
        assert f' name="{one.path}"' in page


async def test_a_box_is_ticked_and_cleared(admin: httpx.AsyncClient) -> None:
    ticked = 'name="acting.tell_customer" type="checkbox" value="on" checked'
    for box in ({"acting.tell_customer": "on"}, {}):
        page = await see(admin, "/settings")
        words = {"name": "Grocer", "locale": "en-US", "zone": "UTC", "version": field(page, "version")}
        assert (await send(admin, "/settings", **words, **box)).status_code == 303
        assert (ticked in await see(admin, "/settings")) is bool(box)


async def test_settings_are_kept_shown_in_the_history_and_gone_back_to(admin: httpx.AsyncClient) -> None:
    await send(admin, "/messages/register", version="1", subject="Hello from {{ shop }}")
    page = await see(admin, "/settings")
    first = field(page, "version")
    changed = await send(
        admin, "/settings", version=first, name="Corner Shop", locale="en-GB", zone="Europe/Berlin", note="Moved"
    )
    assert changed.status_code == 303, changed.text
    page = await see(admin, "/settings")
    assert field(page, "name") == "Corner Shop"
    assert "Moved" in page
    assert "<del>Grocer</del>" in page
    one = await see(admin, "/messages/register")
    assert field(one, "subject") == "Hello from {{ shop }}", "what has a page of its own is left as it is"
    stale = await send(admin, "/settings", version=first, name="Too late", locale="en-GB", zone="UTC")
    assert stale.status_code == 409
    assert field(stale.text, "name") == "Too late"
    back = await send(admin, "/settings/reverts", version=field(page, "version"), to=first)
    assert back.status_code == 303, back.text
    assert field(await see(admin, "/settings"), "name") == "Grocer"


async def test_messages_are_looked_at_kept_and_sent_to_oneself(admin: httpx.AsyncClient, team: Team) -> None:
    listed = await see(admin, "/messages")
    assert all(f'href="{AT}/messages/{name}"' in listed for name in LETTERS)
    page = await see(admin, "/messages/register")
    looked = await send(admin, "/messages/register", version=field(page, "version"), body=HOSTILE, look="1")
    assert "&lt;script&gt;" in looked.text
    assert "sandbox" in looked.headers["content-security-policy"]
    assert "Own words" not in await see(admin, "/messages")
    kept = await send(admin, "/messages/register", version=field(page, "version"), body="One\r\n\r\nTwo")
    assert kept.status_code == 303, kept.text
    assert "<p" in (await admin.get(f"{AT}/messages/register/preview")).text
    assert field(await see(admin, "/messages/register"), "body").strip() == "One\n\nTwo"
    assert (await send(admin, "/messages/register/test")).status_code == 303
    async with team.tx() as tx:
        assert len(await tx.send("SELECT 1 FROM message WHERE template = 'register'", [])) == 1


async def test_a_legal_page_is_looked_at_published_and_taken_back(admin: httpx.AsyncClient) -> None:
    words = {"locale": "en-US", "version": "0", "markdown": f"# Hi\r\n\r\n{HOSTILE}"}
    looked = await send(admin, "/legal/terms", **words, look="1")
    assert '<div class="written"><h2>Hi</h2>' in looked.text
    assert HOSTILE not in looked.text
    assert (await admin.get("/legal/terms")).status_code == 404
    assert (await send(admin, "/legal/terms", **words)).status_code == 303
    assert "<h2>Hi</h2>" in (await admin.get("/legal/terms")).text
    stale = await send(admin, "/legal/terms", **words)
    assert (stale.status_code, "legal.page_changed" in stale.text) == (409, True)
    gone = await send(admin, "/legal/terms/withdrawal", locale="en-US", version="1")
    assert gone.status_code == 303
    assert (await admin.get("/legal/terms")).status_code == 404
    assert "Taken back" in await see(admin, "/legal/terms?locale=en-US")


async def test_a_domain_is_claimed_checked_and_given_up(admin: httpx.AsyncClient, app: Any) -> None:
    assert "No domain of its own yet" in await see(admin, "/domains")
    assert (await send(admin, "/domains", host="Shop.Example.com")).status_code == 303
    page = await see(admin, "/domains")
    assert "_tradewind.shop.example.com" in page
    value = re.search(r"tradewind-verification=[\w-]+", page)
    assert value
    domain = re.search(r"/domains/([0-9a-f-]{36})/check", page)
    assert domain
    records: list[str] = []

    async def asked(_: str) -> list[str]:
        return records

    app.state.text_records = asked
    await send(admin, f"/domains/{domain[1]}/check")
    assert 'data-notice="domain-not-found"' in await see(admin, "/domains")
    records.append(value[0])
    await send(admin, f"/domains/{domain[1]}/check")
    assert 'data-notice="domain-found"' in await see(admin, "/domains")
    assert (await send(admin, f"/domains/{domain[1]}/primary")).status_code == 303
    assert ">Primary<" in await see(admin, "/domains")
    assert (await send(admin, f"/domains/{domain[1]}/ordinary")).status_code == 303
    assert (await send(admin, f"/domains/{domain[1]}/removal")).status_code == 303
    assert "shop.example.com" not in (await see(admin, "/domains")).replace("such as shop.example.com", "").replace(
        'placeholder="shop.example.com"', ""
    )


async def test_a_key_is_shown_once_works_and_is_ended(admin: httpx.AsyncClient, team: Team) -> None:
    made = await send(admin, "/api-keys", name="Scanner", scopes=["orders:read", "inventory:read"], days="30")
    assert made.status_code == 200, made.text
    secret = re.search(r"twk_[\w-]+", re.search(r"data-copied>([^<]+)<", made.text)[1])  # type: ignore[index]
    assert secret
    door = await team.door(secret[0])
    assert (await door.get("/v1/admin/orders")).status_code == 200
    assert (await door.get("/v1/admin/domains")).status_code == 403
    page = await see(admin, "/api-keys")
    assert secret[0] not in page
    key = re.search(r"/api-keys/([0-9a-f-]{36})/end", page)
    assert key
    assert (await send(admin, f"/api-keys/{key[1]}/end")).status_code == 303
    assert (await door.get("/v1/admin/orders")).status_code == 401


async def test_nobody_makes_a_key_that_may_more_than_they(team: Team) -> None:
    async with team.tx() as tx:
        from commerce.staffing import roles
        from commerce.staffing.schemas import RoleIn

        boss = await team.hire("admin")
        staff = await _staff(tx, boss.token)
        role = await roles.make(
            tx, staff, None, RoleIn(name="Keys", meaning="Keys", permissions=["api_keys:read", "api_keys:write"])
        )
    maker = await team.browser(await team.hire(role_ids=(role.id,), email="keys@shop.example"))  # type: ignore[arg-type]
    maker.headers.update(SAME)
    refused = await send(maker, "/api-keys", name="More", scopes="orders:read")
    assert refused.status_code == 403
    assert "identity.scope_missing" in refused.text


async def _staff(tx: Any, token: str) -> Any:
    from commerce.identity import people

    return await people.by_session(tx, token)


async def test_a_program_is_registered_given_a_new_secret_and_shut_out(admin: httpx.AsyncClient) -> None:
    made = await send(
        admin,
        "/programs",
        name="Ledger",
        kind="confidential",
        acts_for="people",
        scopes="store:read",
        redirect_uris="https://ledger.example/back\r\n",
    )
    assert made.status_code == 200, made.text
    assert "tws_" in made.text
    page = await see(admin, "/programs")
    assert "tws_" not in page
    program = re.search(r"/programs/([0-9a-f-]{36})/secret", page)
    assert program
    await _changed_as_shown(
        admin,
        f"/programs/{program[1]}",
        {"name": "Books", "scopes": ["store:read", "store:write"], "redirect_uris": "https://books.example/back"},
        {"name": "Ledger", "redirect_uris": "https://ledger.example/back"},
        wrong={"redirect_uris": "http://books.example/back"},
    )
    assert "tws_" in (await send(admin, f"/programs/{program[1]}/secret")).text
    assert (await send(admin, f"/programs/{program[1]}/end")).status_code == 303
    assert "Shut out</span>" in await see(admin, "/programs")


async def test_a_webhook_is_added_paused_replayed_and_removed(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fine(*_: object) -> None:
        """The address would do; there is no DNS here."""

    monkeypatch.setattr("foundation.outbound.Outbound.check", fine)
    made = await send(
        admin, "/webhooks", url="https://hooks.example.com/a", events=["order.*"], contact="ops@example.com"
    )
    assert made.status_code == 200, made.text
    assert "whsec_" in made.text
    page = await see(admin, "/webhooks")
    assert "whsec_" not in page
    hook = re.search(r"/webhooks/([0-9a-f-]{36})", page)
    assert hook
    at = f"/webhooks/{hook[1]}"
    assert "Nothing here" in await see(admin, at)
    await _changed_as_shown(
        admin,
        at,
        {"url": "https://hooks.example.com/b", "events": ["*"], "contact": "dev@example.com", "description": "Ours"},
        {"url": "https://hooks.example.com/a", "contact": "ops@example.com"},
        wrong={"contact": "nobody"},
    )
    assert (await send(admin, f"{at}/status", to="paused")).status_code == 303
    assert "Paused" in await see(admin, at)
    assert (await send(admin, f"{at}/status", to="active")).status_code == 303
    assert "whsec_" in (await send(admin, f"{at}/secret")).text
    assert (await send(admin, f"{at}/removal")).status_code == 303
    assert "hooks.example.com/b" not in await see(admin, "/webhooks")


async def _changed_as_shown(
    admin: httpx.AsyncClient, at: str, form: dict[str, Any], before: dict[str, str], *, wrong: dict[str, str]
) -> None:
    """A page changes nothing before it has shown what, and then exactly that; the log tells who did."""
    refused = await send(admin, at, **(form | wrong))
    assert (refused.status_code, 'role="alert"' in refused.text) == (422, True), refused.text
    shown = await send(admin, at, **form)
    assert (shown.status_code, "data-proposal" in shown.text) == (200, True), shown.text
    page = await see(admin, at)
    assert {name: field(page, name).strip() for name in before} == before
    proposal = shown.text.partition("data-proposal")[2].partition("</section>")[0]
    agreed = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', proposal)

    done = await send(admin, at, **{name: [unescape(v) for n, v in agreed if n == name] for name, _ in agreed})

    assert (done.status_code, done.headers.get("location")) == (303, f"{AT}{at}"), done.text
    page = await see(admin, at)
    assert {name: field(page, name).strip() for name in before} == {name: form[name] for name in before}
    assert (await send(admin, at, **form)).status_code == 303, "nothing is left to be changed"
    _, area, made = at.split("/")
    log = await see(admin, f"/audit?action={area}.change&object={area.removesuffix('s')}:{made}")
    assert log.count("agreed") == 1, log


async def test_usage_stands_beside_what_the_plan_allows(admin: httpx.AsyncClient) -> None:
    page = await see(admin, "/plan")
    assert "Products" in page
    assert "<progress" in page
    assert "ask its operator for another plan" in page
    refused = await send(admin, "/plan", key="k", plan="enterprise", email="a@example.com")
    assert (refused.status_code, "billing.by_operator" in refused.text) == (403, True)


async def test_the_audit_log_is_read_and_checked(admin: httpx.AsyncClient) -> None:
    await send(admin, "/people", email="new@shop.example", roles="analyst")
    page = await see(admin, "/audit")
    action = re.search(r'<span class="font-semibold">([a-z_.]+)</span>', page)
    assert action
    assert "Nothing here" in await see(admin, "/audit?action=no.such")
    assert action[1] in await see(admin, f"/audit?action={action[1]}&actor=&object=")
    assert "are what was written" in await see(admin, "/audit/verification")


async def test_a_shop_is_closed_and_kept_after_all_from_its_closed_back_office(admin: httpx.AsyncClient) -> None:
    assert (await send(admin, "/closing", name="Grocer", reason="Retired")).status_code == 303
    assert (await admin.get("/")).status_code == 503
    page = await see(admin, "/closing")
    assert "The shop is closed" in page
    assert "Retired" in page
    assert (await send(admin, "/people", email="x@shop.example", roles="analyst")).status_code == 503
    assert (await send(admin, "/closing/undo")).status_code == 303
    assert (await admin.get("/")).status_code == 200


async def test_into_a_closed_shop_its_owner_signs_in_to_what_is_left_and_a_shopper_to_nothing(
    admin: httpx.AsyncClient, app: Any, team: Team
) -> None:
    password = "correct horse battery staple"
    people = [await team.hire("admin", email="owner@shop.example"), await team.customer()]
    async with team.tx() as tx:
        for one in people:
            await accounts.keep_password(tx, one.account_id, await app.state.core.passwords.hash(password))
    await send(admin, "/closing", name="Grocer")

    owner, shopper = await team.door(), await team.door()
    for browser, email in ((owner, "owner@shop.example"), (shopper, "customer@home.example")):
        browser.headers.update(SAME)
        shown = await browser.get("/sign-in?next=/account")
        assert (shown.status_code, "The shop is closed" in shown.text, "/cart" in shown.text) == (200, True, False)
        signed_in = await browser.post("/sign-in", data={"email": email, "password": password, "next": "/account"})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, AT), signed_in.text
        for path in ("/", "/account", "/register", "/v1/store/products"):
            assert (await browser.get(path)).status_code == 503, path

    assert (await shopper.get(AT)).status_code == 403
    assert re.findall(r'href="/back-office/([a-z-]+)" class="office-link"', await see(owner, "")) == ["plan", "closing"]
    for path in ("/plan", "/closing"):
        await see(owner, path)
    for path in ("/settings", "/people", "/audit", "/customers"):
        assert "lifecycle.shop_ends" in await see(owner, path, 403)
    async with team.tx() as tx:
        await tx.send("UPDATE session SET authenticated_at = now() - interval '1 hour'", [])
    again = await send(owner, "/closing/archives")
    confirmed = await owner.post("/account/confirm/password", data={"password": password, "next": f"{AT}/closing"})
    assert (again.status_code, confirmed.headers["location"]) == (303, f"{AT}/closing"), confirmed.text
    assert (await send(owner, "/closing/archives")).headers["location"] == f"{AT}/closing"
    assert (await send(owner, "/closing/undo")).status_code == 303
    assert (await shopper.get("/account")).status_code == 200
    assert (await send(owner, "/sign-out")).status_code == 303


async def test_an_archive_is_made_for_who_has_just_proved_who_they_are(admin: httpx.AsyncClient, team: Team) -> None:
    asked = await send(admin, "/closing/archives")
    assert asked.status_code == 303, asked.text
    assert asked.headers["location"] == f"{AT}/closing"
    assert 'data-notice="archive-asked"' in await see(admin, "/closing")
    async with team.tx() as tx:
        await tx.send("UPDATE session SET authenticated_at = now() - interval '1 hour'", [])
    again = await send(admin, "/closing/archives")
    assert again.headers["location"] == "/account/confirm?next=%2Fback-office%2Fclosing"


async def test_another_shops_things_are_not_there(
    admin: httpx.AsyncClient, app: Any, database_urls: DatabaseUrls, team: Team
) -> None:
    other = seed_shop(database_urls, "fashion")
    domain = await _domain_of(app, other)
    for path in (f"/domains/{domain}/removal", f"/domains/{domain}/check", f"/domains/{domain}/primary"):
        assert (await send(admin, path)).status_code == 404
    elsewhere = await admin.get(f"{AT}/settings", headers={"Host": other.host})
    assert elsewhere.status_code == 303, "the session is this shop's"


async def _domain_of(app: Any, shop: SeededShop) -> str:
    from commerce.domains import service

    async with app.state.core.database.tx(shop.id) as tx:
        return str((await service.claim(tx, "fashion.example.com")).id)
