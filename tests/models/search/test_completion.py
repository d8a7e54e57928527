"""What is suggested for what was typed so far."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from models.search.completion import Completions, Entry, Kind, write

LIMITS = dict.fromkeys(Kind, 5)
BY_DEMAND = ("Wireless mouse", "Laptop bag", "Wireless headset", "Café crème 1.5l", "Laptop 15 inch", "Lamp")


def completions(folder: Path, titles: Iterable[str] = BY_DEMAND, **others: Iterable[str]) -> Completions:
    entries = {Kind.PRODUCT: (Entry(title, "", title) for title in titles)}
    entries |= {Kind(kind): (Entry(name.lower(), name, name) for name in names) for kind, names in others.items()}
    write(folder / "them.sqlite", entries)
    return Completions(folder / "them.sqlite")


def products(known: Completions, typed: str) -> list[str]:
    return [one.key for one in known.complete(typed, LIMITS).found[Kind.PRODUCT]]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("w", ["Wireless mouse", "Wireless headset"]),
        ("la", ["Laptop bag", "Laptop 15 inch", "Lamp"]),
        ("bag lap", ["Laptop bag"]),
        ("LAPTOP ", ["Laptop bag", "Laptop 15 inch"]),
        ("lap ", ["Laptop bag", "Laptop 15 inch"]),
        ("cafe cr", ["Café crème 1.5l"]),
        ("laptop 15", ["Laptop 15 inch"]),
        ("  ", []),
        ('" OR lamp*', []),
        ("lamp NOT bag", []),
    ],
)
def test_every_word_is_there_the_last_as_a_beginning_and_the_most_wanted_come_first(
    tmp_path: Path, typed: str, found: list[str]
) -> None:
    assert products(completions(tmp_path), typed) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lpa", ["Laptop bag", "Laptop 15 inch", "Lamp"]),
        ("laotop b", ["Laptop bag"]),
        ("wirless mo", ["Wireless mouse"]),
        ("wirelesss mouse", ["Wireless mouse"]),
        ("wireless heda", ["Wireless headset"]),
        ("lq", []),
        ("laptop 16", []),
        ("zebra", []),
    ],
)
def test_from_the_third_letter_on_a_slip_is_mended(tmp_path: Path, typed: str, found: list[str]) -> None:
    known = completions(tmp_path)
    assert products(known, typed) == found
    assert not known.complete(typed, LIMITS).is_exact


def test_each_kind_has_its_own_and_no_more_than_was_asked_for(tmp_path: Path) -> None:
    known = completions(tmp_path, query=["laptop", "lamp"], brand=["Lamy"], category=["Lamps", "Laptops"])
    completed = known.complete("la", {Kind.QUERY: 1, Kind.CATEGORY: 5, Kind.BRAND: 5})
    assert {kind: [one.text for one in found] for kind, found in completed.found.items()} == {
        Kind.QUERY: ["laptop"],
        Kind.CATEGORY: ["Lamps", "Laptops"],
        Kind.BRAND: ["Lamy"],
    }


def test_other_scripts_are_found_and_mended(tmp_path: Path) -> None:
    known = completions(tmp_path, ["Красные туфли", "कमीज़ नीली"])
    assert products(known, "тфули") == ["Красные туфли"]
    assert products(known, "कमी") == ["कमीज़ नीली"]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    completions(tmp_path).close()
    with pytest.raises(FileExistsError):
        write(tmp_path / "them.sqlite", {})
