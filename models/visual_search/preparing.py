"""A picture as a network takes it, by the `preprocessor_config.json` that comes with the network.

The file is of the form of Hugging Face's image processors: `size`, `do_center_crop`, `crop_size`, `resample`,
`rescale_factor`, `image_mean`, `image_std`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.arrays import Floats

if TYPE_CHECKING:
    from PIL.Image import Image

BICUBIC = 3
BYTE = 1 / 255
PAPER = (255, 255, 255)
"""What shows through where a picture has nothing."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Sizes in pixels; `mean` and `deviation` are of the colours red, green and blue between 0 and 1."""

    width: int
    height: int
    shortest: int | None
    """Scaled until its shorter side is this, and the middle is taken; `None` scales both sides as need be."""
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    rescale: float = BYTE
    resample: int = BICUBIC

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Preparation:
        """What a `preprocessor_config.json` says.

        Raises:
            KeyError, TypeError, ValueError: it lacks something, or has it in no form that is known.
        """
        size = config["size"]
        whole = size if isinstance(size, Mapping) and "height" in size else None
        crops = bool(config.get("do_center_crop", whole is None))
        height, width = _sides(config.get("crop_size", size) if crops else size)
        return cls(
            width=width,
            height=height,
            shortest=_shortest(size) if crops else None,
            mean=_colours(config["image_mean"]),
            deviation=_colours(config["image_std"]),
            rescale=float(config.get("rescale_factor", BYTE)),
            resample=int(config.get("resample", BICUBIC)),
        )

    def __call__(self, picture: Image) -> Floats:
        """Colours x height x width."""
        scaled = self._scaled(_on_paper(picture))
        values: Floats = np.asarray(scaled, np.float32) * np.float32(self.rescale)
        centred = values - np.array(self.mean, np.float32)
        spread: Floats = (centred / np.array(self.deviation, np.float32)).astype(np.float32)
        return np.ascontiguousarray(spread.transpose(2, 0, 1))

    def _scaled(self, picture: Image) -> Image:
        from PIL.Image import Resampling  # noqa: PLC0415

        resample = Resampling(self.resample)
        if self.shortest is None:
            return picture.resize((self.width, self.height), resample)
        # The window that becomes the middle, in the picture's own pixels: one resampling does it all.
        share = min(picture.width, picture.height) / self.shortest
        across, down = min(self.width * share, picture.width), min(self.height * share, picture.height)
        left, top = (picture.width - across) / 2, (picture.height - down) / 2
        return picture.resize((self.width, self.height), resample, box=(left, top, left + across, top + down))


def _on_paper(picture: Image) -> Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    from PIL import Image as Images  # noqa: PLC0415

    seen = picture.convert("RGBA")
    paper = Images.new("RGBA", seen.size, (*PAPER, 255))
    paper.alpha_composite(seen)
    return paper.convert("RGB")


def _sides(size: Any) -> tuple[int, int]:
    if isinstance(size, Mapping):
        side = size.get("shortest_edge")
        return (int(side), int(side)) if side is not None else (int(size["height"]), int(size["width"]))
    return int(size), int(size)


def _shortest(size: Any) -> int:
    if isinstance(size, Mapping):
        return int(size["shortest_edge"]) if "shortest_edge" in size else min(int(size["height"]), int(size["width"]))
    return int(size)


def _colours(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
