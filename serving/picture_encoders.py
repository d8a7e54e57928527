"""Picture encoders by their names, as collections are called after them: out of packages or a folder, or registered.

A shop's champion is the encoder of the settings with what its own pictures taught; its name is the registered model's
and the version's.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from foundation.settings import EngineNotConfigured, Settings
from models.visual_search import encoder as encoders
from models.visual_search.encoder import EncoderMissing, OnnxEncoder, PictureEncoder
from models.visual_search.learn import kept_encoders
from models.visual_search.spec import MODEL_NAMES
from serving.packages import Named, Packages

THREADS = 1
"""Cores that a picture takes: other requests want the others."""


class PictureEncoders:
    """What was loaded stays loaded. Its methods block: use them in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: dict[str, PictureEncoder] = {}

    def for_building(self, tenant_id: UUID) -> PictureEncoder:
        """What a tenant's pictures are to be encoded with from now on: its champion, or else the settings' encoder.

        Raises:
            EncoderMissing: it is not there.
            RegistryAway, mlflow.exceptions.MlflowException: whether there is a champion can't be known.
        """
        try:
            champion = Packages.from_settings(self._settings).champions(MODEL_NAMES).get(tenant_id)
        except EngineNotConfigured:
            champion = None
        return self.called(f"{champion.model}/{champion.version}" if champion else self._own)

    def called(self, name: str) -> PictureEncoder:
        """The encoder of a name.

        Raises:
            EncoderMissing: it is neither the settings' nor registered.
            RegistryAway, mlflow.exceptions.MlflowException: it can't be fetched.
        """
        known = self._loaded.get(name)
        if known is None:
            known = self._loaded[name] = self._load(name)
        return known

    @property
    def _own(self) -> str:
        return Path(self._settings.picture_encoder).name

    def _load(self, name: str) -> PictureEncoder:
        if name == self._own:
            chosen = self._settings.picture_encoder
            return encoders.load(chosen, kept=kept_encoders(self._settings), threads=THREADS)
        model, _, version = name.rpartition("/")
        if not model.startswith(MODEL_NAMES):
            raise EncoderMissing(name, "it is not the encoder of the settings any more")
        folder = Packages.from_settings(self._settings).folder(Named(model, version))
        return OnnxEncoder.load(folder, name=name, threads=THREADS)
