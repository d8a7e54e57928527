"""Small networks in ONNX, as an encoder's folder has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

SIDE = 32
FEATURES = 48
COLOURS = ("red", "green", "blue")


def write_vision(folder: Path, *, features: int = FEATURES) -> Path:
    """What colours a picture has, wherever they are: random kernels of one pixel, averaged."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    weights = numpy_helper.from_array(random.normal(size=(features, 3, 1, 1)).astype(np.float32), "weights")
    bias = numpy_helper.from_array(random.normal(size=features).astype(np.float32), "bias")
    nodes = [
        helper.make_node("Conv", ["pixel_values", "weights", "bias"], ["convolved"]),
        helper.make_node("Relu", ["convolved"], ["lit"]),
        helper.make_node("GlobalAveragePool", ["lit"], ["averaged"]),
        helper.make_node("Flatten", ["averaged"], ["image_embeds"]),
    ]
    _save(
        folder / "vision_model.onnx",
        nodes,
        helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["pictures", 3, SIDE, SIDE]),
        helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["pictures", features]),
        [weights, bias],
    )
    config = {"size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    return folder


def write_text(folder: Path, colours: np.ndarray) -> Path:
    """The vectors of colours, by their names; of several, the mean."""
    tokenizer = Tokenizer(
        WordLevel({"[PAD]": 0, **{name: at for at, name in enumerate(COLOURS, 1)}}, unk_token="[PAD]")
    )
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.vstack([np.zeros((1, colours.shape[1])), colours]).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("ReduceMean", ["embedded"], ["text_embeds"], axes=[1], keepdims=0),
    ]
    _save(
        folder / "text_model.onnx",
        nodes,
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "words"]),
        helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["texts", colours.shape[1]]),
        [numpy_helper.from_array(table, "table")],
    )
    return folder


def _save(file: Path, nodes: list, takes: object, gives: object, tensors: list) -> None:  # type: ignore[type-arg]
    graph = helper.make_graph(nodes, "small", [takes], [gives], tensors)
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), file)
