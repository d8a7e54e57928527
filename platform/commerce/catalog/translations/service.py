"""What the catalogue says in other languages, kept with what it is said of.

Each row has its translations beside its own texts, by locale and by the text's name: a read asks for two of them and
falls back to the row's own, and what is deleted takes them along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from commerce.catalog import indexing
from commerce.catalog.attributes.service import AttributeNotFound
from commerce.catalog.brands.service import BrandNotFound
from commerce.catalog.categories import service as tree
from commerce.catalog.categories.service import CategoryNotFound
from commerce.catalog.collections import filling
from commerce.catalog.collections.service import CollectionNotFound
from commerce.catalog.products import history, keeping
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import Description
from commerce.catalog.products.writing import changed
from commerce.catalog.refusals import CatalogueStale
from commerce.catalog.service import ProductNotFound, identifier_of
from commerce.catalog.translations.schemas import TextOut, Translation, TranslationIn, Translations
from commerce.catalog.words import Plain
from commerce.tenancy.service import Shop
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Problem, Unprocessable
from foundation.events import CategoryChanged, record
from foundation.outbox import announce

Kind = Literal["products", "categories", "brands", "collections", "attributes"]
_PLAIN: TypeAdapter[str] = TypeAdapter(Plain)
_RICH: TypeAdapter[str] = TypeAdapter(Description)


class LocaleUnknown(Unprocessable):
    """The shop doesn't have this language: add it in its settings, under `locales`."""

    code = "catalog.translation_locale_unknown"

    locales: list[str]
    """Those it has."""


class TranslationUnfit(Unprocessable):
    """This text can't be said like that, or there is no such text."""

    code = "catalog.translation_unfit"

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Subject:
    """What can be translated, and where it is."""

    find: HotStatement
    put: HotStatement
    texts: Callable[[Mapping[str, Any]], list[TextOut]]
    missing: Callable[[str], Problem]


def _put(table: str, *, versioned: bool) -> HotStatement:
    advance = ", version = version + 1" if versioned else ""
    return hot(
        text(
            f"""
            UPDATE {table} SET translations = CASE WHEN CAST(:texts AS text) = '{{}}' THEN translations - :locale
                ELSE translations || jsonb_build_object(CAST(:locale AS text), CAST(CAST(:texts AS text) AS jsonb)) END
                {advance}
            WHERE tenant_id = :tenant_id AND id = :id
            """  # noqa: S608  (literals)
        )
    )


def _find(columns: str, table: str, where: str) -> HotStatement:
    return hot(
        text(
            f"SELECT t.id, t.translations::text AS translations, {columns} FROM {table} t"  # noqa: S608  (literals)
            f" WHERE t.tenant_id = :tenant_id AND {where} FOR UPDATE"
        )
    )


def _line(name: str, original: str) -> TextOut:
    return TextOut(name=name, original=original, is_long=False)


def _described(row: Mapping[str, Any]) -> list[TextOut]:
    found = [_line("title", row["title"])]
    if row["description"]:
        found.append(TextOut(name="description", original=row["description"], is_long=True))
    return found


def _of_product(row: Mapping[str, Any]) -> list[TextOut]:
    options, values = orjson.loads(row["options"]), orjson.loads(row["values"])
    return [
        *_described(row),
        *(_line(f"option:{one}", one) for one in options),
        *(_line(f"value:{one}", one) for one in values),
    ]


def _of_attribute(row: Mapping[str, Any]) -> list[TextOut]:
    choices = orjson.loads(row["choices"])
    return [_line("name", row["name"]), *(_line(f"choice:{one['code']}", one["name"]) for one in choices)]


def _named(row: Mapping[str, Any]) -> list[TextOut]:
    return [_line("name", row["name"])]


_BY_ID = "t.id = CAST(CAST(:key AS text) AS uuid)"
# ix_variant_product
_VALUES = """
    (SELECT coalesce(jsonb_agg(DISTINCT e.value), '[]') FROM variant v, jsonb_each_text(v.options) e
     WHERE (v.tenant_id, v.product_id) = (t.tenant_id, t.id) AND NOT v.discontinued)::text AS values
"""
_KEYED: Collection[Kind] = ("products", "categories", "collections")
"""Named by their ids."""
_SUBJECTS: Mapping[Kind, _Subject] = {
    "products": _Subject(
        _find(
            f"t.version, t.status, t.publish_at, t.title, t.description, t.options::text AS options, {_VALUES}",
            "product",
            _BY_ID,
        ),
        _put("product", versioned=False),
        _of_product,
        lambda _: ProductNotFound(),
    ),
    "categories": _Subject(
        _find("CAST(NULL AS bigint) AS version, t.name", "category", _BY_ID),
        _put("category", versioned=False),
        _named,
        lambda _: CategoryNotFound(),
    ),
    "brands": _Subject(
        _find("t.version, t.name", "brand", "t.slug = :key"),
        _put("brand", versioned=True),
        _named,
        lambda key: BrandNotFound(brand=key),
    ),
    "collections": _Subject(
        _find("t.version, t.title, t.description", "collection", _BY_ID),
        _put("collection", versioned=True),
        _described,
        lambda _: CollectionNotFound(),
    ),
    "attributes": _Subject(
        _find("t.version, t.name, t.choices::text AS choices", "attribute", "t.code = :key"),
        _put("attribute", versioned=True),
        _of_attribute,
        lambda key: AttributeNotFound(attribute=key),
    ),
}


async def read(tx: Tx, kind: Kind, key: str) -> Translations:
    """What something says in which languages.

    Raises:
        ProductNotFound, CategoryNotFound, BrandNotFound, CollectionNotFound, AttributeNotFound.
    """
    row = await _row(tx, kind, key)
    said = orjson.loads(row["translations"])
    return Translations(
        texts=_SUBJECTS[kind].texts(row),
        items=[Translation(locale=locale, texts=texts) for locale, texts in sorted(said.items())],
        version=row["version"],
    )


async def put(tx: Tx, by: Author, shop: Shop, kind: Kind, key: str, locale: str, body: TranslationIn) -> None:
    """Have something say this in a language, from now on; without texts, nothing in it.

    Raises:
        ProductNotFound, CategoryNotFound, BrandNotFound, CollectionNotFound, AttributeNotFound.
        LocaleUnknown, TranslationUnfit, CatalogueStale.
    """
    await tree.alone(tx)
    row = await _row(tx, kind, key)
    if locale not in shop.locales:
        raise LocaleUnknown(locales=list(shop.locales))
    if row["version"] != body.version and row["version"] is not None:
        raise CatalogueStale(version=row["version"])
    texts = _checked(_SUBJECTS[kind].texts(row), body.texts)
    values = {"id": row["id"], "locale": locale, "texts": orjson.dumps(texts).decode()}
    await tx.rows(_SUBJECTS[kind].put, values)
    await _told(tx, by, kind, row)


def _checked(known: list[TextOut], given: Mapping[str, str]) -> dict[str, str]:
    by_name = {one.name: one for one in known}
    texts = {}
    for name, said in given.items():
        if name not in by_name:
            raise TranslationUnfit(text=name, reason="there is no such text")
        try:
            texts[name] = (_RICH if by_name[name].is_long else _PLAIN).validate_python(said, strict=True)
        except ValidationError as fault:
            raise TranslationUnfit(text=name, reason=fault.errors()[0]["msg"].removeprefix("Value error, ")) from fault
    for kind in ("option:", "value:"):
        said_by = [texts.get(one.name, one.original) for one in known if one.name.startswith(kind)]
        if len(set(said_by)) < len(said_by):
            raise TranslationUnfit(text=kind.rstrip(":"), reason="two would be called the same")
    return texts


async def _row(tx: Tx, kind: Kind, key: str) -> Mapping[str, Any]:
    subject = _SUBJECTS[kind]
    named = kind not in _KEYED or isinstance(identifier_of(key), UUID)
    row: Mapping[str, Any] | None = await tx.one(subject.find, {"key": key}) if named else None
    if row is None:
        raise subject.missing(key)
    return row


async def _told(tx: Tx, by: Author, kind: Kind, row: Mapping[str, Any]) -> None:
    """Announce it, and have search find what is said now."""
    if kind == "products":
        reached = await keeping.advance(tx, row["id"], row["status"], row["publish_at"])
        await history.write(tx, row["id"], reached, "translate", by.principal)
        await changed(tx, row["id"], reached, ["translations"])
        if row["status"] == "published":
            await indexing.index(tx, [row["id"]])
    elif kind == "categories":
        event = CategoryChanged(category_id=row["id"])
        await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=row["id"])])
    elif kind == "collections":
        await filling.told(tx, row["id"], ["translations"])
