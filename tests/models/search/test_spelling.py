"""What was meant, by the words of the tenant's own catalogue."""

from __future__ import annotations

import pytest

from models.search.documents import Document
from models.search.spelling import Speller, words_of

WORDS = {"laptop": 900, "laptops": 40, "headphones": 300, "battery": 500, "microsd": 20, "micro": 90, "card": 400,
         "logitech": 60, "labtop": 1, "mouse": 200, "pad": 100, "gaming": 150, "keyboard": 120}  # fmt: skip


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller(WORDS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lapotp", "laptop"),
        ("haedphones", "headphones"),
        ("batery", "battery"),
        ("logitec mouse", "logitech mouse"),
        ("labtop", "laptop"),
        ("gamingkeyboard", "gaming keyboard"),
        ("LAPOTP", "laptop"),
    ],
)
def test_a_slip_is_put_right(speller: Speller, typed: str, meant: str) -> None:
    assert speller.correct(typed).query == meant


@pytest.mark.parametrize("query", ["laptop", "laptops", "usb", "ps4", "dv7-1211ea", "sofa", "qqqqxxxxzzzz", "", "😀"])
def test_what_is_right_short_or_beyond_guessing_is_left(speller: Speller, query: str) -> None:
    spelling = speller.correct(query)
    assert (spelling.query, spelling.changed) == (query, {})


def test_it_says_which_word_it_took_for_which(speller: Speller) -> None:
    assert speller.correct("lapotp bag").changed == {"lapotp": "laptop"}


def test_one_tenants_words_put_nothing_right_for_another() -> None:
    assert Speller({"kombucha": 50}).correct("kombuchha").query == "kombucha"
    assert Speller({"laptop": 50}).correct("kombuchha").query == "kombuchha"


def test_the_words_of_another_language_are_not_measured_by_english() -> None:
    words = {"stuhl": 200, "tisch": 300}
    assert Speller(words, "de").correct("stuhll").query == "stuhl"


def test_a_word_counts_once_a_product() -> None:
    documents = [Document("a", "tea tea tea", "Tea Co"), Document("b", "green tea")]
    assert words_of(documents)["tea"] == 2
