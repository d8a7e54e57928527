"""Judged sets: a catalogue in one file, and in another what people thought of its products as answers to queries.

`NAME_products.parquet` has `id` and `title`, and may have `brand`, `category`, `description`, `attributes` (a JSON
object), `sku` and `ean` or `gtin`; `NAME_judgements.csv` has `query`, `docid` and `rating` (0 is no answer, and more is
better).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from models.search.documents import Document

PRODUCTS = "_products.parquet"
JUDGEMENTS = "_judgements.csv"
SEED = 20_260_101
SHORTEST_MISSPELT = 4
"""Words shorter than this are spelt as they are: a slip in `usb` makes another word."""
_NEXT_TO = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl",
    "p": "ol", "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jli",
    "l": "ko", "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj",
}  # fmt: skip
"""The keys beside a key, on the keyboard that most have."""


class UnreadableSet(ValueError):
    """A judged set is not of the form; the message says what is wrong with which file."""


@dataclass(frozen=True)
class JudgedSet:
    """A catalogue, and the grades of its products as answers to queries."""

    name: str
    documents: Sequence[Document]
    judgements: Mapping[str, Mapping[str, float]]
    """By the query, then by the product's id. Only products of the catalogue, and only queries with a relevant one."""
    unanswerable: int
    """How many queries were left out because no product judged for them is relevant."""


def find(folder: Path) -> list[Path]:
    """The judged sets of a folder, by their judgements.

    Raises:
        UnreadableSet: there is none.
    """
    found = sorted(file for file in folder.glob(f"*{JUDGEMENTS}") if file.with_name(_named(file) + PRODUCTS).is_file())
    if not found:
        raise UnreadableSet(f"{folder} holds no NAME{PRODUCTS} with its NAME{JUDGEMENTS}.")
    return found


def load(judgements: Path) -> JudgedSet:
    """Read a set by the file of its judgements.

    Raises:
        UnreadableSet: a column is missing, or no query has a relevant product.
    """
    name = _named(judgements)
    documents = _documents(judgements.with_name(name + PRODUCTS))
    rows = pl.read_csv(judgements, schema_overrides={"query": pl.String, "docid": pl.String, "rating": pl.Float64})
    _require(rows, judgements, "query", "docid", "rating")
    known = {document.id for document in documents}
    by_query: dict[str, dict[str, float]] = {}
    for query, product, rating in rows.select("query", "docid", "rating").iter_rows():
        if product in known:
            by_query.setdefault(query, {})[product] = rating
    answerable = {query: by_query[query] for query in sorted(by_query) if any(by_query[query].values())}
    if not answerable:
        raise UnreadableSet(f"{judgements} has no query with a relevant product of {name}{PRODUCTS}.")
    return JudgedSet(name, documents, answerable, len(by_query) - len(answerable))


def misspelt(query: str, *, seed: int = SEED) -> str:
    """The query with one slip in its longest word: two letters swapped, one left out, doubled, or a key beside it hit.

    The same slip for the same query and seed. The first letter is left: few miss it (Pollock and Zamora, CACM 1984).
    """
    words = query.split(" ")
    at = max(range(len(words)), key=lambda index: len(words[index]))
    word = words[at]
    if len(word) < SHORTEST_MISSPELT or not word.isalpha():
        return query
    draw = random.Random(f"{seed} {query}")  # noqa: S311 - slips, not secrets
    words[at] = _slip(word, draw)
    return " ".join(words)


def _slip(word: str, draw: random.Random) -> str:
    place = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("swap", "omit", "double", "beside"))
    if kind == "swap" and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == "omit":
        return word[:place] + word[place + 1 :]
    if kind == "double":
        return word[:place] + word[place] + word[place:]
    return word[:place] + draw.choice(_NEXT_TO.get(word[place].casefold(), "e")) + word[place + 1 :]


def _documents(file: Path) -> list[Document]:
    frame = pl.read_parquet(file)
    _require(frame, file, "id", "title")
    return [_document(row) for row in frame.iter_rows(named=True)]


def _document(row: Mapping[str, Any]) -> Document:
    attributes = row.get("attributes") or {}
    return Document(
        id=str(row["id"]),
        title=row["title"] or "",
        brand=row.get("brand") or "",
        category=_several(row.get("category")),
        description=row.get("description") or "",
        attributes=_named_plainly(json.loads(attributes) if isinstance(attributes, str) else attributes),
        skus=_several(row.get("sku")),
        gtins=_several(row.get("gtin") or row.get("ean")),
    )


def _named_plainly(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes without the letter that says their type, where all names begin with one (`t_colour`, `b_wi_fi`)."""
    if all(name[:2] in {"t_", "n_", "b_"} for name in attributes):
        return {name[2:]: value for name, value in attributes.items()}
    return dict(attributes)


def _several(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value if one)


def _named(judgements: Path) -> str:
    return judgements.name.removesuffix(JUDGEMENTS)


def _require(frame: pl.DataFrame, file: Path, *columns: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise UnreadableSet(f"{file} lacks {', '.join(missing)}.")
