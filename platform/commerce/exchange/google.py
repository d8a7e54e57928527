"""Feeds in the form of Google's Merchant Center, as its product data specification has it: text in columns, or RSS 2.0.

<https://support.google.com/merchants/answer/7052112>
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from commerce.catalog.words import slug_of
from commerce.exchange.columns import OPTION_NAMES, OPTION_VALUES
from commerce.exchange.problems import FileRefused

NAMESPACE = "http://base.google.com/ns/1.0"
ATTRIBUTES = (
    "id",
    "item_group_id",
    "title",
    "description",
    "link",
    "image_link",
    "additional_image_link",
    "availability",
    "price",
    "sale_price",
    "brand",
    "gtin",
    "mpn",
    "condition",
    "product_type",
    "google_product_category",
    "color",
    "size",
    "material",
    "pattern",
)
"""Those that are written, and read."""
OPTIONS: Mapping[str, str] = {"color": "Colour", "size": "Size", "material": "Material", "pattern": "Pattern"}
"""What variants of a group may differ by, and what the option is called here."""
MEANT: Mapping[str, str] = {
    "id": "sku",
    "item_group_id": "handle",
    "product_type": "category",
    "image_link": "images",
    "sale_price": "compare_at",
}
_COLUMNS = (
    "handle",
    "sku",
    "title",
    "description",
    "category",
    "brand",
    "gtin",
    "price",
    "compare_at",
    "images",
    *(one for pair in zip(OPTION_NAMES, OPTION_VALUES, strict=True) for one in pair),
)


def is_xml(file: IO[bytes]) -> bool:
    """Whether a file is XML; it is at its beginning then as before."""
    head = file.read(64)
    file.seek(0)
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t\x00").startswith(b"<")


def items(file: IO[bytes]) -> Iterator[tuple[int, list[str], list[str]]]:
    """The items of a feed in RSS, each in the order of `ATTRIBUTES`; they are numbered in place of lines.

    Raises:
        FileRefused: it is no XML, or declares a document type; also on the way.
    """
    try:
        number, above = 0, []
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                above.append(element)
                continue
            above.pop()
            if _name(element) in {"item", "entry"}:
                number += 1
                cells = _cells(element)
                yield number, cells, cells
                if above:
                    above[-1].remove(element)
    except DefusedXmlException as fault:
        raise FileRefused("declares a document type") from fault
    except ParseError as fault:
        raise FileRefused("is no XML", line=fault.position[0]) from fault


def translation(names: Sequence[str]) -> tuple[Sequence[str], Callable[[list[str]], list[str]]]:
    """Our columns, and what makes cells of a feed's into them.

    Raises:
        FileRefused: there is no `id`.
    """
    places = {name.strip().lower().replace(" ", "_").removeprefix("g:"): place for place, name in enumerate(names)}
    if "id" not in places:
        raise FileRefused("is missing", "id")

    def translate(cells: list[str]) -> list[str]:
        said = {name: cells[place].strip() for name, place in places.items() if place < len(cells)}
        return _ours(said)

    return _COLUMNS, translate


def _ours(said: Mapping[str, str]) -> list[str]:
    group = said.get("item_group_id", "")
    price, sale = _amount(said.get("price", "")), _amount(said.get("sale_price", ""))
    images = [said.get("image_link", ""), *said.get("additional_image_link", "").split(",")]
    chosen = [(OPTIONS[name], value) for name in OPTIONS if group and (value := said.get(name))]
    options = [one for pair in chosen[: len(OPTION_NAMES)] for one in pair]
    options += [""] * (2 * len(OPTION_NAMES) - len(options))
    return [
        slug_of(group) if group else "",
        said.get("id", ""),
        said.get("title", ""),
        said.get("description", ""),
        said.get("product_type", ""),
        said.get("brand", ""),
        said.get("gtin", ""),
        sale or price,
        price if sale else "",
        " ".join(one.strip() for one in images if one.strip()),
        *options,
    ]


def _amount(told: str) -> str:
    """`15.00 USD` without the currency, which is the shop's."""
    return told.partition(" ")[0]


def _cells(item: Element) -> list[str]:
    said: dict[str, str] = {}
    for child in item:
        name, told = _name(child), (child.text or "").strip()
        said[name] = f"{said[name]},{told}" if name == "additional_image_link" and name in said else told
    return [said.get(name, "") for name in ATTRIBUTES]


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
