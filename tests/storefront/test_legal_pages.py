"""What the shop says in law: linked on every page, accepted where it is paid, and nothing in it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commerce.legal import service
from tests.storefront.conftest import HOSTILE, form_of

if TYPE_CHECKING:
    from commerce.legal.schemas import Kind
    from tests.factories import SeededShop
    from tests.storefront.conftest import Browser


async def _publish(
    app: Any,
    grocer: SeededShop,
    kind: Kind,
    words: str,
    *,
    locale: str = "en-US",
    title: str | None = None,
    version: int = 0,
) -> None:
    core = app.state.core
    async with core.database.tx(grocer.id) as tx:
        await service.publish(tx, kind, locale, words, title=title, version=version, by="test")
    core.directory.heard(str(grocer.id))


async def test_pages_are_linked_where_there_are_some(app: Any, grocer: SeededShop, browser: Browser) -> None:
    assert "/legal/" not in await browser.see("/")
    await _publish(app, grocer, "imprint", "We are **the grocer**.")
    assert '<a href="/legal/imprint"' in await browser.see("/")
    page = await browser.see("/legal/imprint")
    assert "<strong>the grocer</strong>" in page
    assert "Version 1" in page
    await browser.see("/legal/terms", status=404)
    await browser.see("/legal/nothing", status=404)


async def test_a_page_is_called_as_its_version_and_language_say(app: Any, grocer: SeededShop, browser: Browser) -> None:
    await _publish(app, grocer, "terms", "Words", title="Our terms")
    await _publish(app, grocer, "terms", "Worte", title="<b>AGB</b>", locale="de-DE")
    await _publish(app, grocer, "terms", "Words", version=1)
    await _publish(app, grocer, "imprint", "Wir", title="Impressum", locale="de-DE")
    for query, title in (
        ("", "Terms of sale"),
        ("?locale=en-US&version=1", "Our terms"),
        ("?locale=de", "&lt;b&gt;AGB&lt;/b&gt;"),
    ):
        assert f">{title}</h1>" in await browser.see(f"/legal/terms{query}")
    home = await browser.see("/")
    assert (">Terms of sale</a>" in home, ">Impressum</a>" in home) == (True, True), "the only language there is"


async def test_nothing_in_a_page_runs(app: Any, grocer: SeededShop, browser: Browser) -> None:
    await _publish(app, grocer, "terms", HOSTILE)
    assert HOSTILE not in await browser.see("/legal/terms")


async def test_an_earlier_version_says_that_it_is_one(app: Any, grocer: SeededShop, browser: Browser) -> None:
    await _publish(app, grocer, "terms", "The first words")
    await _publish(app, grocer, "terms", "The second words", version=1)
    assert "an earlier version" not in await browser.see("/legal/terms")
    page = await browser.see("/legal/terms?version=1&locale=en-US")
    assert "an earlier version" in page
    assert "The first words" in page


async def test_what_stands_beside_the_button_is_accepted_with_it(
    app: Any, grocer: SeededShop, browser: Browser
) -> None:
    await _publish(app, grocer, "terms", "Words")
    await browser.add("tomato-soup")
    shown = await browser.see("/checkout")
    assert 'By paying you accept what stands in <a href="/legal/terms"' in shown
    await _publish(app, grocer, "terms", "Other words", version=1)

    stale = await browser.send(form_of(shown, "/checkout"))

    assert stale.status_code == 409
    assert "What you accept here has changed" in stale.text
    paid = await browser.send(form_of(stale.text, "/checkout"))
    assert paid.status_code == 303, paid.text
    async with app.state.core.database.tx(grocer.id) as tx:
        accepted = await service.accepted(tx, paid.headers["location"].rpartition("/")[2])
    assert [(page.kind, page.version) for page in accepted] == [("terms", 2)]
    assert "Terms of sale, version 2" in await browser.see(paid.headers["location"])
