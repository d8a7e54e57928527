"""Text into terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.search.analysis import MOST_TERMS, terms, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.5l", "1500 ml"),
        ("1,5 litres", "1.5L"),
        ("2 kg", "2000g"),
        ('17"', "17 inch"),
        ("43.2 cm", "432mm"),
        ("1 TB", "1000 gb"),
        ("size 42", "Size: 42"),
        ("SZ XL", "size xl"),
        ("kid's shoes", "kids shoe"),
        ("CAFÉ", "cafe"),
        ("ﬁlter", "filter"),
        ("iPhones", "iphone"),
    ],
)
def test_what_means_the_same_is_the_same_term(one: str, other: str) -> None:
    assert set(terms(one)) & set(terms(other))


@pytest.mark.parametrize(
    ("one", "other"), [("1.5l", "15 l"), ("5 m", "5 mm"), ("size 42", "size 43"), ("usb", "usb2"), ("3d", "3")]
)
def test_what_differs_is_another_term(one: str, other: str) -> None:
    assert not set(terms(one)) & set(terms(other))


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "Häuser", "Haus"),
        ("fr", "chaussures", "chaussure"),
        ("es", "zapatos", "zapato"),
        ("en-GB", "boxes", "box"),
    ],
)
def test_plurals_are_those_of_the_language(language: str, one: str, other: str) -> None:
    assert terms(one, language) == terms(other, language)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("有机绿茶礼盒", "绿茶"),
        ("抹茶アイスクリーム", "アイス"),
        ("รองเท้าวิ่งผู้ชาย", "รองเท้า"),
        ("무선블루투스이어폰", "이어폰"),
        ("iPhone15用ケース", "ケース"),
        ("iPhone15用ケース", "iphone15"),
        ("茶碗", "茶"),
    ],
)
def test_what_is_written_without_spaces_is_found_by_a_word_in_it(text: str, asked: str) -> None:
    assert set(terms(asked)) <= set(terms(text))


def test_letters_in_another_order_are_other_terms() -> None:
    assert not set(terms("茶绿")) <= set(terms("绿茶"))


def test_a_language_without_a_stemmer_keeps_its_words() -> None:
    assert terms("konyvek", "xx") == ["konyvek"]


def test_words_are_whole_in_scripts_with_vowel_signs() -> None:
    assert len(terms("हिन्दी किताबें", "hi")) == 2


def test_a_model_number_stays_in_one_piece() -> None:
    assert terms("dv7-1211ea PS4 3D") == ["dv7", "1211ea", "ps4", "3d"]


def test_a_hyphenated_word_is_found_written_as_one() -> None:
    assert "wifi" in terms("wi-fi router")


def test_a_quantity_can_not_be_misspelt() -> None:
    assert [token.is_word for token in tokens("bottle 1.5l")] == [True, False]


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "!!! --", ".*"])
def test_what_has_no_word_has_no_terms(text: str) -> None:
    assert terms(text) == []


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    found = terms(text)
    assert all(found)
    assert found == terms(text)


def test_a_text_without_end_is_cut() -> None:
    assert len(terms("word " * 20_000)) == MOST_TERMS
