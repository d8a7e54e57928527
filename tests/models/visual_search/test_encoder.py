"""An encoder's folder: what it takes, and that a picture is found again, however it was cut."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from models.visual_search import encoder as encoders
from models.visual_search.encoder import HEAD, EncoderMissing, OnnxEncoder, load
from models.visual_search.preparing import Preparation
from tests.models.visual_search.networks import COLOURS, FEATURES, SIDE, write_text, write_vision

PIXELS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
CLIP = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True}
SIGLIP = {"size": {"height": 256, "width": 256}, "resample": 3}
COLOUR = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def test_a_picture_that_was_cut_scaled_or_turned_over_is_found_again(
    encoder: OnnxEncoder, photographs: list[Image.Image]
) -> None:
    known = encoder.encode(photographs)
    for changed in (
        lambda picture: picture.resize((300, 400)),
        ImageOps.mirror,
        lambda picture: picture.crop((9, 12, 81, 108)),
        lambda picture: picture.convert("RGBA"),
    ):
        asked = encoder.encode([changed(picture) for picture in photographs])
        assert (asked @ known.T).argmax(axis=1).tolist() == list(range(len(photographs)))
    assert np.linalg.norm(known, axis=1) == pytest.approx(1, abs=1e-5)


def test_what_a_picture_does_not_cover_is_paper(encoder: OnnxEncoder) -> None:
    glass, paper = Image.new("RGBA", (40, 40), (200, 0, 0, 0)), Image.new("RGB", (40, 40), "white")
    seen, white = encoder.encode([glass, paper])
    assert seen == pytest.approx(white)


@pytest.mark.parametrize(
    ("config", "size", "seen"),
    [
        (CLIP, (640, 320), (160, 480)),
        (SIGLIP, (640, 320), (0, 640)),
        ({"size": 32, "crop_size": 32}, (40, 80), (0, 40)),
    ],
)
def test_pictures_are_prepared_as_the_network_was_trained(
    config: dict[str, object], size: tuple[int, int], seen: tuple[int, int]
) -> None:
    prepare = Preparation.read({**config, **COLOUR})
    picture = Image.new("RGB", size, (0, 0, 0))
    picture.paste((255, 255, 255), (seen[0], 0, seen[1], size[1]))
    prepared = prepare(picture)
    assert prepared.shape == (3, prepare.height, prepare.width)
    # What is white is what the network is shown, and white is 1 at a mean and deviation of a half.
    assert prepared.mean() == pytest.approx(1, abs=0.02)


def test_words_point_where_the_pictures_do_that_they_describe(tmp_path: Path) -> None:
    folder = write_vision(tmp_path / "both")
    pictures = [Image.new("RGB", (SIDE, SIDE), PIXELS[name]) for name in COLOURS]
    assert OnnxEncoder.load(folder).words is None
    write_text(folder, OnnxEncoder.load(folder).encode(pictures))
    head = np.random.default_rng(0).normal(size=(FEATURES, FEATURES)).astype(np.float32)
    for turned in (False, True):
        if turned:
            np.save(folder / HEAD, head)
        encoder = OnnxEncoder.load(folder)
        assert encoder.words is not None
        found = encoder.words(["blue", "red", "green"]) @ encoder.encode(pictures).T
        assert found.argmax(axis=1).tolist() == [2, 0, 1]


def test_a_folder_that_is_no_encoder_is_refused_by_its_name(tmp_path: Path, folder: Path) -> None:
    for spoil in ("vision_model.onnx", "preprocessor_config.json"):
        broken = write_vision(tmp_path / spoil)
        (broken / spoil).write_text("{}")
        with pytest.raises(EncoderMissing, match=spoil):
            OnnxEncoder.load(broken)
        (broken / spoil).unlink()
        with pytest.raises(EncoderMissing, match=str(broken)):
            load(broken, kept=tmp_path)
    assert load(folder, kept=tmp_path).name == "colours"


def test_a_packaged_encoder_that_cannot_be_written_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PACKAGED", ("efficientnet-lite9",))
    with pytest.raises(EncoderMissing, match="efficientnet_lite9_pytorch_model"):
        load("efficientnet-lite9", kept=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.proof
def test_the_packaged_network_gives_what_it_gives_in_pytorch(tmp_path: Path, photographs: list[Image.Image]) -> None:
    """In a process of its own, as PyTorch is kept out of this one."""
    encoder = load(kept=tmp_path, threads=1)
    pixels = np.stack([Preparation.read(_config(tmp_path / encoder.name))(picture) for picture in photographs])
    np.save(tmp_path / "pixels.npy", pixels)
    code = (
        "import numpy as np, sys, torch; from models.visual_search.trunks import trunk;"
        "pixels = torch.from_numpy(np.load(sys.argv[1] + '/pixels.npy'));"
        f"np.save(sys.argv[1] + '/vectors.npy', trunk('{encoder.name}')(pixels).detach().numpy())"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    expected = encoders.unit(np.load(tmp_path / "vectors.npy"))
    assert encoder.encode(photographs) == pytest.approx(expected, abs=1e-4)
    assert (encoder.dimensions, encoder.words) == (1280, None)


def _config(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "preprocessor_config.json").read_text()))
