"""Pictures of known classes: a folder a class, and which classes a model may see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foundation import pictures
from models.arrays import Flags, Strings

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".avif": "AVIF"}
ICONIC = "_iconic"
"""What the name of a clean picture may have after its class's, in a gallery."""
LEAST_CLASSES = 2
"""Of which one can be told from another."""


class UnreadableFolder(ValueError):
    """A folder is not of the form; the message says what is wrong."""


@dataclass(frozen=True)
class Labelled:
    """Pictures and their classes, in step."""

    files: Sequence[Path]
    labels: Strings

    def opened(self) -> Iterator[Image]:
        """Each picture, upright.

        Raises:
            UnreadableFolder: one can't be read; it names it.
        """
        for file in self.files:
            try:
                yield pictures.opened(file.read_bytes(), tuple(set(SUFFIXES.values())))
            except pictures.NotAPicture as fault:
                raise UnreadableFolder(f"{file} can't be read as a picture: {fault}.") from fault


class Split(NamedTuple):
    """Which pictures are for what; no class is on two sides."""

    learn: Flags
    test: Flags


def load(folder: Path) -> Labelled:
    """The pictures of a folder with a folder a class.

    Raises:
        UnreadableFolder: there are not two classes with two pictures each.
    """
    files = [file for file in sorted(folder.glob("*/*")) if file.suffix.lower() in SUFFIXES]
    labels = np.array([file.parent.name for file in files], dtype=np.str_)
    _, counts = np.unique(labels, return_counts=True)
    if (counts > 1).sum() < LEAST_CLASSES:
        raise UnreadableFolder(f"{folder} holds no {LEAST_CLASSES} folders with two pictures each.")
    return Labelled(files, labels)


def gallery(folder: Path, classes: Iterable[str]) -> Labelled:
    """Clean pictures of classes: a folder a class, or files called by their class (`Banana.jpg`, `Banana_Iconic.jpg`).

    Raises:
        UnreadableFolder: none of them shows one of the classes.
    """
    known = set(classes)
    found = [(file, _class_of(file, folder)) for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES]
    kept = [(file, label) for file, label in found if label in known]
    if not kept:
        raise UnreadableFolder(f"{folder} has no picture of any of the classes.")
    return Labelled([file for file, _ in kept], np.array([label for _, label in kept], dtype=np.str_))


def _class_of(file: Path, folder: Path) -> str:
    if file.parent != folder:
        return file.parent.name
    stem = file.stem
    return stem[: -len(ICONIC)] if stem.lower().endswith(ICONIC) else stem


def in_halves(labels: Strings) -> tuple[Split, Split]:
    """Every class tested by a model that never saw it: each half of the classes by one that learnt from the other.

    Raises:
        UnreadableFolder: there are too few classes.
    """
    classes = _shuffled(labels)
    halves = classes[::2], classes[1::2]
    return _split(labels, halves[1], halves[0]), _split(labels, halves[0], halves[1])


def held_out(labels: Strings) -> Split:
    """A third of the classes for testing: always the same ones, whatever others come, so that no later model has seen
    what an earlier one is tested on.

    Raises:
        UnreadableFolder: there are too few classes.
    """
    classes = _shuffled(labels)
    test = [one for one in classes if _digest(one)[-1] % 3 == 0]
    return _split(labels, [one for one in classes if one not in set(test)], test)


def folds(labels: Strings, most: int) -> list[tuple[Flags, Flags]]:
    """Each class once for validation, by what learnt from the others: (learn, validate), `most` times at most."""
    classes = _shuffled(labels)
    many = min(most, len(classes) // LEAST_CLASSES)
    parts = [np.isin(labels, classes[first::many]) for first in range(many)]
    known = np.isin(labels, classes)
    return [(known & ~part, part) for part in parts]


def _split(labels: Strings, learn: Sequence[str], test: Sequence[str]) -> Split:
    if len(learn) < 2 * LEAST_CLASSES or len(test) < LEAST_CLASSES:
        raise UnreadableFolder(
            f"{len(learn) + len(test)} classes are too few: {2 * LEAST_CLASSES} to learn from and {LEAST_CLASSES} to be"
            " tested on are needed, all with two pictures or more."
        )
    return Split(np.isin(labels, list(learn)), np.isin(labels, list(test)))


def _shuffled(labels: Strings) -> list[str]:
    """The classes that have two pictures, in an order that follows from their names alone."""
    names, counts = np.unique(labels, return_counts=True)
    return sorted((str(name) for name in names[counts > 1]), key=_digest)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
