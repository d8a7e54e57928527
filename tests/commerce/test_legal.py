"""Legal pages: no version written over another, the reader's language first, nothing in them that runs."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from commerce.legal import writing
from tests.commerce.conftest import Browser
from tests.factories import SeededShop

if TYPE_CHECKING:
    from commerce.legal.schemas import Kind

ADMIN, STORE = "/v1/admin/legal", "/v1/store/legal"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "text <b onclick=alert(1)>bold</b>",
    "<!-- --><svg/onload=alert(1)>",
    "<style>*{display:none}</style>",
    "<iframe src=https://evil.example></iframe>",
    '<a href="javascript:alert(1)">x</a>',
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "# <script>alert(1)</script>",
    "> <script>alert(1)</script>",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "![x](/a.png) ![y](https://evil.example/pixel.png)",
    '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
    "[x](https://a.example/?q=%22onmouseover=alert(1))",
    '``` js" onload="alert(1)\nx\n```',
]
UNFIT = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;avascript&colon;alert(1)",
    "java&Tab;script:alert(1)",
    "java&NewLine;script:alert(1)",
    "&#1;javascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml,%3Csvg/%3E",
    "file:///etc/passwd",
    "blob:https://a.example/1",
    "//evil.example",
    "\\\\\\\\evil.example",
    "https:evil.example",
    "https:///evil.example",
    "https://user:password@evil.example",
    "ftp://a.example",
    "tel:+4930",
    "page",
    "../admin",
]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def _tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    return parser.seen


KNOWN = {"p", "a", "code", "pre", "h2", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "em", "strong"}


@pytest.mark.parametrize("markdown", HOSTILE)
def test_nothing_in_a_page_runs_or_loads(markdown: str) -> None:
    for tag, attributes in _tags(writing.html(markdown)):
        assert tag in KNOWN
        assert attributes.keys() <= {"href", "rel", "class", "title"}
        assert writing.is_fit(attributes.get("href") or "/")


@pytest.mark.parametrize("link", UNFIT)
@pytest.mark.parametrize("form", ["[x]({})", "[x](<{}>)", "[x][1]\n\n[1]: {}", "![x]({})"])
def test_a_link_that_may_run_something_is_refused_and_would_be_shown_as_text(link: str, form: str) -> None:
    markdown = form.format(link)
    with pytest.raises(writing.LinksUnfit) as refused:
        writing.check(markdown)
    assert len(refused.value.links) == 1
    assert not [tag for tag, _ in _tags(writing.html(markdown)) if tag == "a"]


def test_a_backslash_leads_to_no_other_site() -> None:
    assert 'href="/%5Cevil.example"' in writing.html("[x](/\\\\evil.example)")


@pytest.mark.parametrize(
    "link", ["https://a.example", "http://a.example/x?y=1#z", "mailto:a@b.example", "/legal/terms", "/", "#returns"]
)
def test_a_good_link_is_one_and_vouches_for_nobody(link: str) -> None:
    writing.check(f"[x]({link})")
    assert _tags(writing.html(f"[x]({link})"))[1] == ("a", {"href": link, "rel": "nofollow noopener"})


def test_headings_stand_below_the_pages_own() -> None:
    html = writing.html("# One\n\n###### Six")
    assert re.findall(r"</?h(\d)>", html) == ["2", "2", "6", "6"]


async def _publish(
    staff: httpx.AsyncClient, markdown: str, *, kind: Kind = "terms", locale: str = "en-US", version: int = 0
) -> httpx.Response:
    return await staff.put(f"{ADMIN}/{kind}", json={"locale": locale, "version": version, "markdown": markdown})


async def test_versions_follow_each_other_and_each_can_be_read(staff: httpx.AsyncClient) -> None:
    for version, words in enumerate(("First", "Second")):
        published = await _publish(staff, words, version=version)
        assert (published.status_code, published.json()["version"]) == (200, version + 1)

    stale = await _publish(staff, "Third", version=1)

    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (409, "legal.page_changed", 2)
    assert (await staff.get(f"{STORE}/terms")).json()["html"] == "<p>Second</p>\n"
    earlier = await staff.get(f"{STORE}/terms", params={"version": 1, "locale": "en-US"})
    assert earlier.json()["markdown"] == "First"
    history = (await staff.get(f"{ADMIN}/terms/versions", params={"locale": "en-US", "limit": 1})).json()
    assert ([one["version"] for one in history["items"]], history["has_more"]) == ([2], True)


async def test_of_two_who_publish_at_once_one_is_told(staff: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(_publish(staff, f"Words {number}") for number in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_pages_of_two_kinds_at_once_are_both_linked(staff: httpx.AsyncClient) -> None:
    await asyncio.gather(*(_publish(staff, "Words", kind=kind) for kind in ("terms", "privacy", "imprint")))
    listed = (await staff.get(STORE)).json()["items"]
    assert [one["kind"] for one in listed] == ["imprint", "privacy", "terms"]
    for kind in ("terms", "privacy", "imprint"):
        assert (await staff.get(f"{STORE}/{kind}")).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "there", "shown"),
    [
        ("de-DE", ("de-DE", "en-US"), "de-DE"),
        ("de-AT", ("de-DE", "en-US"), "de-DE"),
        ("fr", ("de-DE", "en-US"), "en-US"),
        (None, ("de-DE", "en-GB"), "en-GB"),
        ("fr", ("de-DE", "it"), "de-DE"),
    ],
)
async def test_the_nearest_language_is_shown(
    staff: httpx.AsyncClient, wanted: str | None, there: tuple[str, ...], shown: str
) -> None:
    for locale in there:
        await _publish(staff, locale, locale=locale)
    page = await staff.get(f"{STORE}/terms", params={"locale": wanted} if wanted else {})
    assert page.json()["locale"] == shown


async def test_a_page_that_was_taken_back_is_not_shown_but_what_it_said_can_be_read(staff: httpx.AsyncClient) -> None:
    await _publish(staff, "First")
    here: dict[str, str | int] = {"locale": "en-US", "version": 1}
    assert (await staff.delete(f"{ADMIN}/terms", params={"locale": "en-US", "version": 7})).status_code == 409

    assert (await staff.delete(f"{ADMIN}/terms", params=here)).status_code == 204

    gone = await staff.get(f"{STORE}/terms")
    assert (gone.status_code, gone.json()["code"]) == (404, "legal.page_not_found")
    assert (await staff.get(STORE)).json()["items"] == []
    assert (await staff.get(f"{STORE}/terms", params=here)).json()["markdown"] == "First"
    assert (await staff.delete(f"{ADMIN}/terms", params={"locale": "en-US", "version": 2})).status_code == 404
    assert (await _publish(staff, "Again", version=2)).json()["version"] == 3


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        {"locale": "en-US", "markdown": ""},
        {"locale": "en-US", "markdown": "  \n "},
        {"locale": "en-US", "markdown": "x" * 60_001},
        {"locale": "klingon", "markdown": "x"},
        {"locale": "en-US", "markdown": "x\x00"},
        {"locale": "en-US", "markdown": "[x](javascript:alert(1))"},
        {"locale": "en-US", "markdown": "x", "html": "<b>"},
    ],
)
async def test_bad_input_publishes_nothing(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    refused = await staff.put(f"{ADMIN}/terms", json=body)
    assert refused.status_code in {400, 422}
    assert (await staff.get(STORE)).json()["items"] == []


async def test_a_preview_publishes_nothing(staff: httpx.AsyncClient) -> None:
    shown = await staff.post(f"{ADMIN}/previews", json={"markdown": "**Bold**"})
    assert shown.json()["html"] == "<p><strong>Bold</strong></p>\n"
    assert (await staff.get(STORE)).json()["items"] == []


async def test_another_shop_has_none_of_it(staff: httpx.AsyncClient, fashion: SeededShop) -> None:
    await _publish(staff, "Ours")
    elsewhere = await staff.get(f"{STORE}/terms", headers={"Host": fashion.host})
    assert elsewhere.status_code == 404


async def _filled(browser: Browser, grocer: SeededShop) -> dict[str, Any]:
    return await browser.add(await browser.cart(), grocer.products[0].variant_id)


async def test_what_a_buyer_accepted_is_kept_with_the_order(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    ids = [(await _publish(staff, "Words", kind=kind)).json()["id"] for kind in ("terms", "privacy")]

    order = (await browser.complete(await _filled(browser, grocer), accepted=ids)).json()

    await _publish(staff, "Other words", version=1)
    accepted = (await staff.get(f"/v1/admin/orders/{order['id']}/accepted-pages")).json()["items"]
    assert [(page["kind"], page["version"]) for page in accepted] == [("privacy", 1), ("terms", 1)]


async def test_what_has_changed_since_it_was_shown_is_not_accepted(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    shown = (await _publish(staff, "Words")).json()["id"]
    present = (await _publish(staff, "Other words", version=1)).json()["id"]
    german = (await _publish(staff, "Worte", locale="de-DE")).json()["id"]
    cart = await _filled(browser, grocer)
    for number, accepted in enumerate(([shown], [present, shown], [present, german], [str(grocer.id)])):
        refused = await browser.complete(cart, accepted=accepted, key=f"key-{number}")
        assert (refused.status_code, refused.json()["code"]) == (409, "legal.accepted_changed")

    paid = await browser.complete(cart, accepted=[present], key="last")

    assert paid.status_code == 201
    accepted = (await staff.get(f"/v1/admin/orders/{paid.json()['id']}/accepted-pages")).json()["items"]
    assert [page["id"] for page in accepted] == [present]


async def test_a_page_that_was_taken_back_is_accepted_by_nobody(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    shown = (await _publish(staff, "Words")).json()["id"]
    await staff.delete(f"{ADMIN}/terms", params={"locale": "en-US", "version": 1})
    refused = await browser.complete(await _filled(browser, grocer), accepted=[shown])
    assert refused.status_code == 409
