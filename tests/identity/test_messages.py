"""Messages really go out: to a mail server, to Twilio's API, through the local mailbox, and once."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import structlog
from aiosmtpd.smtp import SMTP

from commerce.identity.accounts import email_digest
from commerce.notifications import letters, sending
from commerce.notifications.carriers import Console, NotDelivered, Smtp, Twilio, Undeliverable, mail_of, texts_of
from commerce.notifications.rendering import rendered
from commerce.notifications.sending import ATTEMPTS, LEASE, Post, wait_after
from commerce.notifications.service import Recipient, send
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.ids import new_id
from foundation.settings import Settings
from tests.factories import SeededShop
from tradewind.engines.mailbox.app import create_app as create_mailbox
from tradewind.engines.mailbox.store import Store

Rows = Callable[..., list[tuple[Any, ...]]]
VALUES = {"name": "Ada", "link": "http://grocer.localhost/register/confirm?token=x"}


@dataclass
class Server:
    """A mail server on loopback that may be told to refuse."""

    port: int = 0
    answer: str = "250 OK"
    recipient_answer: str = "250 OK"
    taken: list[Any] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(found), "127.0.0.1", 0)
    found.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield found


@pytest.fixture
async def shop(app: Any, grocer: SeededShop) -> Shop:
    async with app.state.core.database.transaction(None) as session:
        found = await tenancy.find_by_host(session, grocer.host)
    assert found is not None
    return found


@pytest.fixture
def post(app: Any, server: Server) -> Post:
    return Post(
        app.state.core.database,
        Smtp(f"smtp://127.0.0.1:{server.port}", "no-reply@shop.example"),
        Console(),
        app.state.core.settings,
    )


async def queue(app: Any, shop: Shop, template: str = "registered_already", **values: str) -> None:
    async with app.state.core.database.tx(shop.id) as tx:
        await send(tx, template, Recipient(new_id(), "email", "ada@example.com", "en-US"), {**VALUES, **values})


async def test_a_mail_arrives_as_text_and_as_html(app: Any, shop: Shop, post: Post, server: Server, rows: Rows) -> None:
    await queue(app, shop)
    assert await post.send_due(shop) == 1
    (mail,) = server.taken
    assert (str(mail["To"]), str(mail["From"])) == ("ada@example.com", "Grocer <no-reply@shop.example>")
    for kind in ("plain", "html"):
        content = mail.get_body((kind,)).get_content()
        assert VALUES["link"] in content
        assert "Hello Ada" in content
    assert rows("SELECT status, attempts, content, sent_at IS NOT NULL FROM message") == [("sent", 1, "", True)]
    assert await post.send_due(shop) == 0


async def test_a_message_of_a_transaction_that_failed_is_not_sent(app: Any, shop: Shop, post: Post) -> None:
    async def fails() -> None:
        async with app.state.core.database.tx(shop.id) as tx:
            await send(tx, "register", Recipient(new_id(), "email", "ada@example.com", "en-US"), VALUES)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await post.send_due(shop) == 0


async def test_two_workers_send_each_message_once(app: Any, shop: Shop, post: Post, server: Server) -> None:
    for _ in range(10):
        await queue(app, shop)
    await asyncio.gather(post.send_due(shop), post.send_due(shop), post.send_due(shop))
    assert len(server.taken) == len({mail["Message-ID"] for mail in server.taken}) == 10


async def test_what_one_worker_is_taking_another_passes_by(app: Any, shop: Shop) -> None:
    for _ in range(sending.BATCH + 5):
        await queue(app, shop)
    now = clock.now()
    asked = {"now": now, "leased": now + LEASE, "most": sending.BATCH}
    database = app.state.core.database
    async with database.tx(shop.id) as one, database.tx(shop.id) as other:
        first = await one.rows(sending._TAKE, asked)
        second = await asyncio.wait_for(other.rows(sending._TAKE, asked), 5)
    assert (len(first), len(second)) == (sending.BATCH, 5)
    assert not {row["id"] for row in first} & {row["id"] for row in second}


async def test_who_dies_before_crossing_off_sends_a_second_time_under_the_same_id(
    app: Any, shop: Shop, post: Post, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue(app, shop)

    async def dies(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Post, "_note", dies)
        with pytest.raises(asyncio.CancelledError):
            await post.send_due(shop)
    assert await post.send_due(shop) == 0
    now = clock.now()
    with clock.use(lambda: now + LEASE + timedelta(seconds=1)):
        assert await post.send_due(shop) == 1
        assert await post.send_due(shop) == 0
    first, second = server.taken
    assert first["Message-ID"] == second["Message-ID"]


async def test_what_is_refused_for_now_is_tried_again_later_and_later(
    app: Any, shop: Shop, post: Post, server: Server, rows: Rows
) -> None:
    server.answer = "451 not now"
    await queue(app, shop)
    start = clock.now()
    assert await post.send_due(shop) == 1
    assert rows("SELECT status, attempts, error FROM message") == [("queued", 1, "refused: 451")]
    with clock.use(lambda: start + wait_after(1) * 0.5):
        assert await post.send_due(shop) == 0
    server.answer = "250 OK"
    with clock.use(lambda: start + wait_after(1) * 1.5):
        assert await post.send_due(shop) == 1
    assert len(server.taken) == 1
    assert [wait_after(number) for number in range(1, 9)] == sorted(wait_after(number) for number in range(1, 9))


async def test_what_is_refused_for_good_is_given_up_at_once(
    app: Any, shop: Shop, post: Post, server: Server, rows: Rows
) -> None:
    server.recipient_answer = "550 no such mailbox"
    await queue(app, shop)
    await post.send_due(shop)
    assert rows("SELECT status, content, error FROM message") == [("failed", "", "refused: [550]")]


async def test_a_server_that_is_away_for_good_is_given_up_after_some_tries(app: Any, shop: Shop, rows: Rows) -> None:
    post = Post(
        app.state.core.database, Smtp("smtp://127.0.0.1:9", "no-reply@shop.example"), Console(), app.state.core.settings
    )
    await queue(app, shop)
    now = clock.now()
    for number in range(ATTEMPTS + 1):
        with clock.use(lambda: now + timedelta(days=number + 1)):  # noqa: B023
            await post.send_due(shop)
    assert rows("SELECT status, attempts FROM message") == [("failed", ATTEMPTS)]


def test_whoever_sends_knows_every_message_that_a_context_declares() -> None:
    """A context declares its messages as it is imported; the worker is a process of its own."""
    import subprocess
    import sys

    import commerce

    root = Path(commerce.__path__[0])
    declaring = {
        ".".join(("commerce", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if re.search(r"^(?:letters\.)?declare\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    ask = "import sys, commerce.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    assert declaring
    assert declaring <= set(loaded)


async def test_one_that_can_not_be_written_holds_no_other_up(
    app: Any, shop: Shop, post: Post, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:  # an earlier version had it
        before.setitem(letters.LETTERS, "no_such_message", letters.Letter("", ""))
        await queue(app, shop, "no_such_message")
    await queue(app, shop)
    assert await post.send_due(shop) == 2
    assert len(server.taken) == 1


async def test_one_that_was_tampered_with_holds_no_other_up(
    app: Any, shop: Shop, post: Post, server: Server, rows: Rows
) -> None:
    await queue(app, shop)
    rows("UPDATE message SET content = left(content, -8) || 'AAAAAAAA'")
    await queue(app, shop)
    assert await post.send_due(shop) == 2
    assert len(server.taken) == 1
    assert rows("SELECT error FROM message WHERE status = 'queued'") == [("Unreadable",)]


async def test_who_was_erased_gets_nothing(app: Any, shop: Shop, post: Post, server: Server, rows: Rows) -> None:
    await queue(app, shop)
    rows("DELETE FROM subject_key")
    await post.send_due(shop)
    assert server.taken == []
    assert rows("SELECT status, error FROM message") == [("failed", "its recipient was erased")]


async def test_a_name_can_not_add_a_header_or_a_tag(app: Any, shop: Shop, post: Post, server: Server) -> None:
    await queue(app, shop, name="Ada\r\nBcc: evil@example.com <b>")
    await post.send_due(shop)
    (mail,) = server.taken
    assert mail["Bcc"] is None
    assert "<b>" not in mail.get_body(("html",)).get_content()


def with_settings(shop: Shop, **settings: Any) -> Shop:
    return Shop(shop.id, shop.slug, shop.name, shop.currency, shop.locale, shop.status, {**shop.settings, **settings})


async def test_a_tenant_says_it_in_its_own_words_and_colours(shop: Shop) -> None:
    own = {"register": {"subject": "Almost there", "body": "Welcome to {{shop}}.\n\nOne click."}}
    theme = {"accent": "#7a1fa2", "logo": "https://cdn.example/logo.png"}
    words = rendered(with_settings(shop, mail_templates=own, theme=theme), "register", VALUES)
    assert words.subject == "Almost there"
    assert "Welcome to Grocer." in words.text
    assert "#7a1fa2" in words.html
    assert 'src="https://cdn.example/logo.png"' in words.html
    assert letters.LETTERS["register"].action in words.html


@pytest.mark.one_database
@pytest.mark.parametrize(
    "words",
    [
        {"subject": "{{ link.__class__ }}"},
        {"subject": "{{ password }}"},
        {"body": 5},
        {"body": "x" * 6_000},
        {"colour": "red"},
    ],
)
async def test_words_that_can_not_be_used_are_said_and_left_out(shop: Shop, words: dict[str, Any]) -> None:
    assert letters.faults("register", words)
    found = rendered(with_settings(shop, mail_templates={"register": words}), "register", VALUES)
    assert found.subject == letters.LETTERS["register"].subject


@pytest.mark.parametrize(
    "place", ["{{ password }}", "{{ 7*7 }}", "{{ name|upper }}", "{{", "}}", "{{ shop.id }}", "{{ {{ shop }} }}"]
)
def test_a_place_that_is_none_is_refused_with_those_there_are(place: str) -> None:
    faults = letters.faults("password_changed", {"subject": f"Hello {place}"})
    assert len(faults) == 1
    assert faults[0].endswith("There are: {{ at }}, {{ name }}, {{ shop }}.")


def test_every_place_has_a_value_for_previews() -> None:
    for name, letter in letters.LETTERS.items():
        assert letter.places() - {"shop", "link"} <= letters.SAMPLES.keys(), name


def test_a_code_can_not_be_left_out() -> None:
    assert letters.faults("sign_in_code", {"body": "Your code is in the post."}) == ["The code must be in it."]


async def test_a_text_message_goes_by_twilios_api(app: Any, shop: Shop, rows: Rows) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"sid": "SM1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        post = Post(
            app.state.core.database, Console(), Twilio(client, "AC1", "secret", "+15005550006"), app.state.core.settings
        )
        async with app.state.core.database.tx(shop.id) as tx:
            to = Recipient(new_id(), "sms", "+14155550123", "en-US")
            await send(tx, "sign_in_code", to, {"code": "012345"})
        await post.send_due(shop)
    assert str(asked[0].url) == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    form = parse_qs(asked[0].content.decode())
    assert (form["To"], form["From"]) == (["+14155550123"], ["+15005550006"])
    assert form["Body"] == ["012345 is your code to sign in to Grocer. Tell it to nobody."]
    assert rows("SELECT status FROM message") == [("sent",)]


@pytest.mark.parametrize(("status", "kind"), [(400, Undeliverable), (429, NotDelivered), (503, NotDelivered)])
async def test_what_twilio_refuses(status: int, kind: type[NotDelivered]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(NotDelivered) as refused:
            await Twilio(client, "AC1", "secret", "+15005550006").send("+14155550123", "Hello")
    assert type(refused.value) is kind


async def test_the_mailbox_takes_texts_as_twilio_does_and_shows_what_arrived(tmp_path: Path) -> None:
    store = Store(tmp_path / "mail")
    transport = httpx.ASGITransport(app=create_mailbox(store, "secret"))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        await Twilio(client, "local", "secret", "+15005550006", "http://127.0.0.1:8025").send(
            "+14155550123", "<b>Hi</b>"
        )
        with pytest.raises(NotDelivered):
            await Twilio(client, "local", "wrong", "+15005550006", "http://127.0.0.1:8025").send("+14155550123", "Hi")
        store.add_mail(
            b"From: a@shop.example\r\nTo: b@example.com\r\nSubject: Hello\r\nContent-Type: text/html\r\n\r\n"
            b"<html><head></head><body><script>alert(1)</script></body></html>"
        )
        mail, text = (await client.get("/api/messages")).json()["messages"]
        assert (mail["subject"], text["text"]) == ("Hello", "<b>Hi</b>")
        inbox = (await client.get("/")).text
        assert "&lt;b&gt;Hi&lt;/b&gt;" in inbox
        content = await client.get(f"/messages/{mail['name']}/content")
        assert "sandbox" in content.headers["content-security-policy"]
        assert "allow-scripts" not in content.headers["content-security-policy"]
        assert (await client.get("/messages/..%2f..%2fetc%2fpasswd")).status_code == 404
        assert (await client.post("/clear", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
        await client.post("/clear")
        assert (await client.get("/api/messages")).json()["messages"] == []


async def test_without_a_server_a_developer_reads_it_in_the_log_and_production_waits(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    head = sending.Letterhead(new_id(), "Grocer", "ada@example.com")
    words = rendered(Shop(new_id(), "grocer", "Grocer", "USD", "en-US", "active", {}), "register", VALUES)
    async with httpx.AsyncClient() as client:
        with structlog.testing.capture_logs() as logs:
            await mail_of(settings).send(head, words)
            await texts_of(settings, client).send("+14155550123", "Hello")
        assert [entry["to"] for entry in logs] == ["ada@example.com", "+14155550123"]
        with pytest.raises(NotDelivered):
            await mail_of(production).send(head, words)
        with pytest.raises(NotDelivered):
            await texts_of(production, client).send("+14155550123", "Hello")


async def test_a_mail_server_elsewhere_is_spoken_to_under_tls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import aiosmtplib

    asked: list[dict[str, Any]] = []

    async def sent(*_: Any, **options: Any) -> None:
        asked.append(options)

    monkeypatch.setattr(aiosmtplib, "send", sent)
    head = sending.Letterhead(new_id(), "Grocer", "ada@example.com")
    words = rendered(Shop(new_id(), "g", "Grocer", "USD", "en-US", "active", {}), "register", VALUES)
    for url in ("smtp://u:p%40@mail.example", "smtps://mail.example", "smtp://127.0.0.1:25"):
        await Smtp(url, "no-reply@shop.example").send(head, words)
    assert [(one["port"], one["use_tls"], one["start_tls"]) for one in asked] == [
        (587, False, True),
        (465, True, False),
        (25, False, False),
    ]
    assert asked[0]["password"] == "p@"


def test_an_address_is_found_in_whatever_case_it_is_written() -> None:
    tenant = new_id()
    assert email_digest(tenant, "Ada@Example.com") == email_digest(tenant, "ada@example.com")
    assert email_digest(new_id(), "ada@example.com") != email_digest(tenant, "ada@example.com")
