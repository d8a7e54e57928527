"""The figures, against rows that were worked out by hand, and which pictures a model may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.visual_search import dataset
from models.visual_search.dataset import UnreadableFolder
from models.visual_search.evaluate import grade, grade_against
from models.visual_search.spec import Metric


def at_angles(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def test_each_picture_looks_for_its_class_among_the_others() -> None:
    # From the first, by their nearness: b, a, b, c; c has no other and is not asked with.
    vectors, labels = at_angles(0, 10, 25, 45, 90), np.array(["a", "b", "a", "b", "c"])
    report = grade(vectors, labels)
    figures = {metric: values.tolist() for metric, values in report.by_picture.items()}
    assert figures[Metric.RECALL_AT_1] == [0, 0, 0, 0]
    assert figures[Metric.RECALL] == [1, 1, 1, 1]
    assert figures[Metric.PRECISION] == [0.1] * 4
    assert figures[Metric.AVERAGE_PRECISION] == pytest.approx([1 / 2, 1 / 3, 1 / 3, 1 / 2])


def test_in_a_gallery_a_picture_is_not_left_out() -> None:
    report = grade_against(at_angles(0, 80), np.array(["a", "b"]), at_angles(5, 50), np.array(["b", "a"]))
    assert report.by_picture[Metric.AVERAGE_PRECISION].tolist() == [0.5, 0.5]
    assert report.by_picture[Metric.RECALL_AT_1].tolist() == [0, 0]


def test_no_class_is_learnt_from_and_tested_on_and_each_is_tested_once() -> None:
    labels = np.repeat([f"class {number}" for number in range(11)], 3)
    halves = dataset.in_halves(labels)
    for split in halves:
        assert (split.learn ^ split.test).all()
        assert not set(labels[split.learn]) & set(labels[split.test])
    assert (halves[0].test ^ halves[1].test).all()


@pytest.mark.parametrize(("classes", "parts"), [(4, 2), (5, 2), (6, 3), (40, 4)])
def test_each_class_is_validated_once_by_what_others_taught(classes: int, parts: int) -> None:
    labels = np.repeat([f"class {number}" for number in range(classes)], 2)
    folds = dataset.folds(labels, 4)
    assert len(folds) == parts
    assert (sum(shown.astype(int) for _, shown in folds) == 1).all()
    for learn, shown in folds:
        assert (learn ^ shown).all()
        assert min(len(set(labels[learn])), len(set(labels[shown]))) >= 2


def test_what_is_held_out_stays_held_out_when_classes_come() -> None:
    few = np.repeat([f"class {number}" for number in range(20)], 2)
    more = np.concatenate([few, np.repeat([f"later {number}" for number in range(30)], 2)])
    tested = set(few[dataset.held_out(few).test])
    assert tested
    assert tested == {one for one in more[dataset.held_out(more).test] if one.startswith("class")}


def test_too_few_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFolder, match="4 classes are too few"):
        dataset.in_halves(np.repeat(["a", "b", "c", "d", "alone"], [2, 2, 2, 2, 1]))
    with pytest.raises(UnreadableFolder, match="two pictures each"):
        dataset.load(tmp_path)


def test_a_folder_a_class_is_read_and_a_clean_picture_is_known_by_its_name(tmp_path: Path) -> None:
    for place in ("set/tea/1.png", "set/tea/2.PNG", "set/milk/1.png", "set/milk/2.png", "set/tea/notes.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / place, "PNG")
    for name in ("tea_Iconic.png", "milk.png", "bread.png"):
        (tmp_path / "clean").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "clean" / name)
    labelled = dataset.load(tmp_path / "set")
    assert labelled.labels.tolist() == ["milk", "milk", "tea", "tea"]
    assert dataset.gallery(tmp_path / "clean", labelled.labels).labels.tolist() == ["milk", "tea"]
    (tmp_path / "set/tea/1.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableFolder, match=r"tea/1\.png"):
        list(labelled.opened())
