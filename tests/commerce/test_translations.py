"""What the catalogue says in other languages, and who reads which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce import languages
from commerce.catalog.schemas import ProductDetail
from tests.commerce.test_attributes import SHADES
from tests.commerce.test_products import Json, Shelf

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.commerce.conftest import Browser

TEXTS = {
    "title": "Leinenhemd",
    "description": "<p>Luftig.<script>x</script></p>",
    "option:Size": "Größe",
    "value:Navy": "Marineblau",
}


class Tongues(Shelf):
    """What staff say in other languages."""

    async def have(self, *locales: str) -> None:
        present = await self.ask("GET", "/configuration")
        said = present["configuration"] | {"locales": list(locales)}
        await self.ask("PUT", "/configuration", {"configuration": said, "version": present["version"]})

    async def say(self, at: str, locale: str, texts: Json, status: int = 200) -> Json:
        version = (await self.ask("GET", f"{at}/translations"))["version"]
        return await self.ask("PUT", f"{at}/translations/{locale}", {"texts": texts, "version": version}, status)


@pytest.fixture
def tongues(staff: httpx.AsyncClient) -> Tongues:
    return Tongues(staff)


async def _shirt(tongues: Tongues) -> Json:
    await tongues.attribute("shade", "colour", choices=SHADES)
    await tongues.type("shirt", "shade")
    category = await tongues.ask("POST", "/categories", {"name": "Shirts"}, 201)
    said = {"type": "shirt", "attributes": {"shade": SHADES[0]["code"]}, "category_id": category["id"]}
    made = await tongues.add(**said)
    await tongues.say(f"/products/{made['id']}", "de", TEXTS)
    await tongues.say(f"/categories/{category['id']}", "de", {"name": "Hemden"})
    await tongues.say("/brands/acme", "de", {"name": "Akme"})
    shade = {"name": "Farbton", f"choice:{SHADES[0]['code']}": "Nachtblau"}
    await tongues.say("/attributes/shade", "de", shade)
    return await tongues.step(await tongues.read(made), "publication")


async def test_a_product_is_read_in_the_language_that_is_asked_for(tongues: Tongues, browser: Browser) -> None:
    await tongues.have("de", "de-CH", "fr")
    made = await _shirt(tongues)
    await tongues.say(f"/products/{made['id']}", "de-CH", {"title": "Leinenhemd, gell"})

    async def read(locale: str | None = None, accept: str = "") -> tuple[ProductDetail, httpx.Response]:
        at = f"/v1/store/products/{made['handle']}" + (f"?locale={locale}" if locale else "")
        answer = await browser.http.get(at, headers={"Accept-Language": accept})
        return ProductDetail.model_validate_json(answer.content), answer

    plain, answer = await read()
    assert (plain.title, answer.headers["vary"]) == ("Linen shirt", "Host, Accept-Language")
    german, other = await read("de")
    assert (german.title, german.description, german.brand) == ("Leinenhemd", "<p>Luftig.</p>", "Akme")
    assert (german.options, german.breadcrumbs[-1].name) == (["Größe", "Colour"], "Hemden")
    assert german.variants[0].options == {"Größe": "M", "Colour": "Marineblau"}
    assert german.variants[0].title == "M / Marineblau"
    assert [(one.name, one.choice) for one in german.specifications] == [("Farbton", "Nachtblau")]
    assert other.headers["etag"] != answer.headers["etag"]

    swiss, _ = await read("de-CH")
    assert (swiss.title, swiss.variants[0].title, swiss.brand) == ("Leinenhemd, gell", "M / Marineblau", "Akme")
    for locale, accept, title in (
        (None, "de-AT, en;q=0.5", "Leinenhemd"),
        (None, "xx, de-CH;q=0.9", "Leinenhemd, gell"),
        (None, "en-GB, de;q=0.9", "Linen shirt"),
        (None, "fr", "Linen shirt"),
        ("fr", "de", "Linen shirt"),
        ("pl", "de", "Leinenhemd"),
        (None, "de;q=x, de;q=0, ,;;", "Linen shirt"),
    ):
        assert (await read(locale, accept))[0].title == title, (locale, accept)

    for at in ("products", "products?category=shirts", "search?q=leinenhemd", "search?q=linen"):
        listed = await browser.http.get(f"/v1/store/{at}", headers={"Accept-Language": "de"})
        card = next(one for one in listed.json()["items"] if one["id"] == made["id"])
        assert (card["title"], card["brand"], card["category"]["name"]) == ("Leinenhemd", "Akme", "Hemden"), at
    tree = (await browser.http.get("/v1/store/categories?locale=de")).json()["items"]
    assert "Hemden" in {one["name"] for one in tree}


async def test_a_collection_is_read_in_the_language_that_is_asked_for(tongues: Tongues, browser: Browser) -> None:
    await tongues.have("de")
    made = await tongues.ask("POST", "/collections", {"title": "New", "published": True}, 201)
    await tongues.say(f"/collections/{made['id']}", "de", {"title": "Neu"})
    for at in ("", "/new"):
        said = (await browser.http.get(f"/v1/store/collections{at}?locale=de")).json()
        assert (said["items"][0] if "items" in said else said)["title"] == "Neu"


async def test_texts_are_taken_back_and_what_is_kept_tells_the_original(tongues: Tongues, browser: Browser) -> None:
    await tongues.have("de")
    made = await _shirt(tongues)
    at = f"/products/{made['id']}"
    read = await tongues.ask("GET", f"{at}/translations")
    assert [one["name"] for one in read["texts"]] == [
        *("title", "description", "option:Size", "option:Colour"),
        *("value:L", "value:M", "value:Navy"),
    ]
    assert (read["items"][0]["locale"], read["items"][0]["texts"]["title"]) == ("de", "Leinenhemd")
    assert (await tongues.say(at, "de", {}))["items"] == []
    shown = (await browser.http.get(f"/v1/store/products/{made['id']}?locale=de")).json()
    assert shown["title"] == "Linen shirt"
    versions = await tongues.ask("GET", f"{at}/versions")
    assert versions["items"][0]["action"] == "translate"


async def test_what_can_not_be_said_is_refused(tongues: Tongues, team: Team) -> None:
    await tongues.have("de")
    made = await _shirt(tongues)
    at = f"/products/{made['id']}"
    before = await tongues.ask("GET", f"{at}/translations")
    for texts, code in (
        ({"title": "<b>Hemd</b>"}, "catalog.translation_unfit"),
        ({"subtitle": "Hemd"}, "catalog.translation_unfit"),
        ({"option:Size": "Colour"}, "catalog.translation_unfit"),
        ({"title": "two\nlines"}, "catalog.translation_unfit"),
        ({"title": ""}, "request.invalid_fields"),
    ):
        assert (await tongues.say(at, "de", texts, 422))["code"] == code, texts
    assert (await tongues.say(at, "fr", {"title": "Chemise"}, 422))["code"] == "catalog.translation_locale_unknown"
    stale = {"texts": {"title": "x"}, "version": 1}
    assert (await tongues.ask("PUT", f"{at}/translations/de", stale, 409))["code"] == "catalog.stale"
    nobody = "01900000-0000-7000-8000-000000000000"
    for path in (f"products/{nobody}", f"categories/{nobody}", f"collections/{nobody}", "brands/x", "attributes/x"):
        code = (await tongues.ask("GET", f"/{path}/translations", status=404))["code"]
        assert code == f"catalog.{path.partition('/')[0].replace('ies', 'ys')[:-1]}_not_found"
    assert await tongues.ask("GET", f"{at}/translations") == before
    clerk = Shelf((await team.clerk("catalog:read", "catalog:write")).http)
    assert (await clerk.ask("PUT", f"{at}/translations/de", stale, 403))["code"] == "identity.scope_missing"
    refused = {"configuration": {"name": "x", "locale": "de", "locales": ["de"]}, "version": 2}
    assert (await tongues.ask("PUT", "/configuration", refused, 422))["code"] == "request.invalid_fields"


LOCALES = st.sampled_from(["en", "en-US", "de", "de-CH", "fr-CA", "pt-BR", "zz"])


@given(st.lists(LOCALES, max_size=4), LOCALES, st.lists(LOCALES, max_size=3, unique=True))
def test_one_of_the_shops_languages_is_found_and_what_is_wanted_most_comes_first(
    wanted: list[str], own: str, others: list[str]
) -> None:
    found = languages.negotiated(wanted, own, others)
    assert found is None or found in others
    if wanted and wanted[0] in {own, *others}:
        assert (found or own) == wanted[0]


@given(st.text(max_size=80))
def test_any_header_is_read(header: str) -> None:
    assert all(isinstance(one, str) for one in languages.accepted(header))
