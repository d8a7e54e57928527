"""The trained model as it is served: plain arrays in a directory, and an answer for one shopper.

Neither `implicit` nor MLflow is needed to load it or to ask it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from models.arrays import Floats, Ints
from models.recommendation.blend import Blend
from models.recommendation.ease import Ease
from models.recommendation.factors import Factors
from models.recommendation.histories import Catalogue, Histories, Touch
from models.recommendation.item_to_item import ItemToItem
from models.recommendation.popularity import LastWeekPopularity, Popularity
from models.recommendation.recommender import NOTHING, Component, best
from models.recommendation.repeat_purchase import RepeatPurchase
from models.recommendation.spec import Parameters, Task

FORMAT = 1
_KINDS: dict[str, type[Component]] = {
    kind.name: kind for kind in (Popularity, LastWeekPopularity, RepeatPurchase, ItemToItem, Factors, Ease)
}


class Scored(NamedTuple):
    """A product to show."""

    product_id: str
    score: float
    source: str
    """The component that spoke for it the most, such as `ease` or `repeat_purchase`."""


@dataclass(frozen=True)
class Provenance:
    """What a model was trained on."""

    trained_until: datetime
    data_hash: str
    purchases: int
    shoppers: int


@dataclass(frozen=True)
class RecommendationModel:
    """Fitted components, and how each task blends them."""

    catalogue: Catalogue
    components: Mapping[str, Component]
    parameters: Parameters
    provenance: Provenance

    def recommend(
        self,
        recent: Sequence[Touch],
        *,
        limit: int,
        exclude: Collection[str] = (),
        task: Task = Task.WITH_REPEATS,
    ) -> list[Scored]:
        """The best `limit` products for a shopper who did `recent`, best first.

        All that is known of the shopper is in `recent`, so that new behaviour changes the answer at once. Without any,
        the answer is what was popular in the last week. Products in `exclude` are left out; with
        `Task.NEW_TO_SHOPPER`, so is everything in `recent`.
        """
        history = Histories.of_one(recent, self.catalogue)
        parts = self.blend(task).parts(history)
        total = np.sum(list(parts.values()), axis=0)
        total[0, self._numbers(exclude)] = 0
        if not task.repeats:
            total[0, history.item] = 0
        names = list(parts)
        return [
            Scored(
                self.catalogue.product_ids[item],
                float(total[0, item]),
                max(names, key=lambda name: parts[name][0, item]),
            )
            for item in best(total, limit)[0].tolist()
            if item != NOTHING
        ]

    def goes_with(self, touches: Sequence[Touch], *, limit: int, exclude: Collection[str] = ()) -> list[Scored]:
        """The products most often bought in one basket with those in `touches`, which aren't among them, best first.

        Fewer than `limit` when fewer were ever bought together.
        """
        history = Histories.of_one(touches, self.catalogue)
        scores = self.components[ItemToItem.name].scores(history).copy()
        scores[0, self._numbers(exclude)] = 0
        scores[0, history.item] = 0
        return [
            Scored(self.catalogue.product_ids[item], float(scores[0, item]), ItemToItem.name)
            for item in best(scores, limit)[0].tolist()
            if item != NOTHING
        ]

    def recommend_batch(self, histories: Histories, *, limit: int, task: Task) -> Ints:
        """The best `limit` products of each shopper, as numbers of the catalogue, best first."""
        return self.blend(task).recommend(histories, limit=limit, repeats=task.repeats)

    def blend(self, task: Task) -> Blend:
        """The composition that answers `task`."""
        return Blend(self.components, self.parameters.blends[task])

    @property
    def item_vectors(self) -> tuple[tuple[str, ...], Floats]:
        """Product ids and their iALS vectors, row by row; their dot product with a shopper's vector is the score."""
        return self.catalogue.product_ids, self._factors.items

    def shopper_vector(self, recent: Sequence[Touch]) -> Floats:
        """The shopper's vector among those of the products, folded in from `recent`; zeros when nothing is known."""
        vector: Floats = self._factors.shopper_vectors(Histories.of_one(recent, self.catalogue))[0]
        return vector

    @cached_property
    def popular(self) -> tuple[tuple[str, ...], Floats]:
        """All products and their scores, most bought last week first, then by all-time sales: the fallback."""
        ever = self.components[Popularity.name].scores(_nobody(self.catalogue))[0]
        week = self.components[LastWeekPopularity.name].scores(_nobody(self.catalogue))[0]
        scores = (week + ever / (ever.max(initial=0) + 1)).astype(np.float32)
        order = np.argsort(-scores, kind="stable")
        return tuple(self.catalogue.product_ids[item] for item in order.tolist()), scores[order]

    def save(self, path: Path) -> None:
        """Write the model into the directory `path`, which is made if need be."""
        path.mkdir(parents=True, exist_ok=True)
        for name, component in self.components.items():
            np.savez(path / f"{name}.npz", **component.arrays())  # type: ignore[arg-type]
        manifest = {
            "format": FORMAT,
            "components": sorted(self.components),
            "parameters": self.parameters.to_json(),
            "trained_until": self.provenance.trained_until.isoformat(),
            "data_hash": self.provenance.data_hash,
            "purchases": self.provenance.purchases,
            "shoppers": self.provenance.shoppers,
        }
        (path / "products.json").write_text(json.dumps(self.catalogue.product_ids))
        (path / "manifest.json").write_text(json.dumps(manifest, indent=2))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ValueError: when it was written in a format that this code does not read.
        """
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text())
        if manifest["format"] != FORMAT:
            raise ValueError(f"The model in {path} has format {manifest['format']}; this code reads {FORMAT}.")
        return cls(
            catalogue=Catalogue(tuple(json.loads((path / "products.json").read_text()))),
            components={name: _load_component(path, name) for name in manifest["components"]},
            parameters=Parameters.from_json(manifest["parameters"]),
            provenance=Provenance(
                trained_until=datetime.fromisoformat(manifest["trained_until"]),
                data_hash=manifest["data_hash"],
                purchases=manifest["purchases"],
                shoppers=manifest["shoppers"],
            ),
        )

    @property
    def _factors(self) -> Factors:
        factors = self.components[Factors.name]
        if not isinstance(factors, Factors):
            raise TypeError(f"The component {Factors.name} is a {type(factors).__name__}.")
        return factors

    def _numbers(self, product_ids: Collection[str]) -> list[int]:
        return [item for product_id in product_ids if (item := self.catalogue.index.get(product_id)) is not None]


def _load_component(path: Path, name: str) -> Component:
    with np.load(path / f"{name}.npz", allow_pickle=False) as arrays:
        return _KINDS[name].from_arrays(dict(arrays))


def _nobody(catalogue: Catalogue) -> Histories:
    return Histories.of_one((), catalogue)
