"""What search is measured beside: the shop's own Postgres, as it was before there was an index, and tantivy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from commerce.catalog.service import all_words, any_word, terms_of
from foundation.database import TENANT_SETTING
from foundation.search import LONGEST_QUERY
from models.arrays import Doubles
from models.search.blending import NOT_FOUND
from models.search.documents import Document, Field
from models.search.evaluate import Search
from models.search.lexical import USUAL_WEIGHTS
from tradewind import migrations
from tradewind.data import tenants
from tradewind.engines.postgres import OWNER, PostgresServer

JUDGED = tenants.Shop("judged", "Judged", ())
_CATEGORIES = """
    INSERT INTO category (tenant_id, id, path, name, slug, depth)
    VALUES (%s, %s, text2ltree(replace(%s, '-', '')), %s, %s, 0)
"""
_PRODUCTS = """
    INSERT INTO product (tenant_id, id, category_id, handle, title, description, brand)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_SEARCH = "SELECT product_id, score FROM search_products(to_tsquery('english', %s), NULL, NULL, %s)"


@contextmanager
def postgres(folder: Path, documents: Sequence[Document]) -> Iterator[Search]:
    """The shop's search in Postgres: all the words, or any when nothing has all.

    Raises:
        ServerFailed: Postgres did not come up.
    """
    place = folder / "postgres"
    with ExitStack() as stack:
        shutil.rmtree(place, ignore_errors=True)
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        server = stack.enter_context(PostgresServer(place / "data", log=place / "postgres.log"))
        owner = server.url(OWNER)
        migrations.upgrade(owner)
        tenants.create(owner, JUDGED)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("SELECT set_config(%s, %s, false)", (TENANT_SETTING, str(JUDGED.id)))
            places = _load(connection, documents)

            def search(query: str) -> Doubles:
                words = terms_of(query)
                for asked in (all_words(words), any_word(words)):
                    found = connection.execute(_SEARCH, (asked, len(documents))).fetchall() if asked else []
                    if found:
                        break
                return _scores(len(documents), {places[product]: float(score) for product, score in found})

            yield search


def _load(connection: psycopg.Connection[Any], documents: Sequence[Document]) -> dict[Any, int]:
    ids = [JUDGED.ids.of("product", document.id) for document in documents]
    names = sorted({document.category[-1] for document in documents if document.category})
    categories = {name: JUDGED.ids.of("category", name) for name in names}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            _CATEGORIES, [(JUDGED.id, one, str(one), name, str(one)) for name, one in categories.items()]
        )
        cursor.executemany(
            _PRODUCTS,
            [
                (
                    JUDGED.id,
                    one,
                    _within(document, categories),
                    str(one),
                    document.title,
                    document.description,
                    document.brand,
                )
                for one, document in zip(ids, documents, strict=True)
            ],
        )
        cursor.execute("SELECT index_products(%s)", (ids,))
    connection.execute("ANALYZE search_document")
    return {one: at for at, one in enumerate(ids)}


def _within(document: Document, categories: Mapping[str, Any]) -> Any:
    return categories[document.category[-1]] if document.category else None


def tantivy(documents: Sequence[Document]) -> Search:
    """BM25 of tantivy, with its English stemmer and our weights of the fields."""
    import tantivy as engine  # noqa: PLC0415 - for this comparison alone

    builder = engine.SchemaBuilder()
    builder.add_unsigned_field("place", stored=True)
    for name in Field:
        builder.add_text_field(name.value, tokenizer_name="en_stem")
    index = engine.Index(builder.build())
    writer = index.writer()
    for place, document in enumerate(documents):
        writer.add_document(
            engine.Document(place=place, **{name.value: text for name, text in document.texts().items()})
        )
    writer.commit()
    index.reload()
    searcher, boosts = index.searcher(), {name.value: weight for name, weight in USUAL_WEIGHTS.items()}

    def search(query: str) -> Doubles:
        asked, _ = index.parse_query_lenient(query[:LONGEST_QUERY], [name.value for name in Field], field_boosts=boosts)
        hits = searcher.search(asked, limit=len(documents)).hits
        return _scores(len(documents), {searcher.doc(at)["place"][0]: score for score, at in hits})

    return search


def _scores(products: int, found: Mapping[int, float]) -> Doubles:
    scores = np.full(products, NOT_FOUND)
    for place, score in found.items():
        scores[place] = score
    return scores
