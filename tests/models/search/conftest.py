"""A small catalogue whose answers are known."""

from __future__ import annotations

import pytest

from models.search.documents import Document
from models.search.encoder import Encoder, load

CATALOGUE = [
    Document(
        "laptop", "Lenovo ThinkPad X1 laptop", "Lenovo", ("Computers", "Laptops"), "A light notebook", skus=("TP-X1",)
    ),
    Document("bag", "Laptop bag 15 inch", "Targus", ("Accessories",), "Carries a notebook computer"),
    Document("mouse", "Wireless mouse", "Logitech", ("Accessories",), "For laptop and desktop", {"colour": "black"}),
    Document("kettle", "Electric kettle 1.7 litres", "Bosch", ("Kitchen",), "Boils water", gtins=("4006381333931",)),
    Document("juice", "Orange juice 1500 ml", "Valensina", ("Drinks",), "From concentrate"),
    Document("shoe", "Running shoe", "Asics", ("Shoes",), "For the road", {"size": "42", "vegan": True}),
    Document(
        "card", "Kingston microSD memory card", "Kingston", ("Storage",), "For phones and cameras", {"capacity": 64}
    ),
]


@pytest.fixture
def catalogue() -> list[Document]:
    return list(CATALOGUE)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load(threads=1)
