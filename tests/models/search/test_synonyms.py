"""What a query is looked for by beside its own words."""

from __future__ import annotations

import pytest

from foundation.steering import Synonym
from models.search.spelling import Speller
from models.search.synonyms import Synonyms
from models.search.understanding import understand

SAID = Synonyms.of(
    [
        Synonym(phrases=("tv", "television", "flat screen")),
        Synonym(phrases=("notebook",), written="laptop"),
        Synonym(phrases=("television",), written="telli box"),
    ],
    "en",
)


@pytest.mark.parametrize(
    ("query", "instead"),
    [
        ("Televisions", ["televis: tv", "televis: flat screen"]),
        ("big flat screens", ["flat screen: tv", "flat screen: televis"]),
        ("flat shoes", []),
        ("laptop bag", ["laptop: notebook"]),
        ("notebook", []),
        ("", []),
    ],
)
def test_what_stands_for_a_phrase_will_do_in_its_place(query: str, instead: list[str]) -> None:
    understood = understand(query, synonyms=SAID)
    assert [f"{' '.join(one.asked)}: {' '.join(one.by)}" for one in understood.instead] == instead
    assert understood.terms == understand(query).terms


def test_a_word_that_the_catalogue_lacks_and_has_synonyms_is_spelt_as_it_is_meant() -> None:
    speller = Speller({"tell": 900, "box": 10})
    assert understand("telli box", speller).spelling.changed == {"telli": "tell"}
    assert understand("telli box", speller, "en", SAID).spelling.changed == {}
