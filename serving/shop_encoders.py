"""Which encoder each shop's products are encoded with: that of the settings, or for a large shop one distilled from it.

A distilled one is a file beside the shop's search index, and the shop's collection in Qdrant is called after it: so
whoever searches in the collection knows which file to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from foundation import objects
from foundation.naming import ObjectPath, index_path
from models.search.distilled import Distilled
from models.search.encoder import Encoder, Teacher


class ShopEncoders:
    """The encoders of the shops' own, and the one that they are distilled from. Its methods block.

    Raises, from each:
        EncoderMissing: that one is not installed.
        OSError: the object store can't be reached.
    """

    def __init__(self, load: Callable[[], Teacher], objects_url: str, *, distils_from: int) -> None:
        self._load = load
        self._objects_url = objects_url
        self._distils_from = distils_from
        self._read: dict[str, Distilled] = {}

    @property
    def teacher(self) -> Teacher:
        """The encoder of the settings."""
        return self._load()

    def distils(self, products: int) -> bool:
        """Whether a shop of so many products has an encoder of its own."""
        return products >= self._distils_from

    def keep(self, tenant_id: UUID, encoder: Distilled) -> None:
        """Keep a shop's own encoder."""
        objects.put(self._objects_url, _path(tenant_id, encoder.name), encoder.to_bytes())
        self._read[encoder.name] = encoder

    def called(self, tenant_id: UUID, name: str) -> Encoder | None:
        """The encoder of a shop's vectors by its name; `None` where it is not to be had any more."""
        teacher = self.teacher
        if name == teacher.name:
            return teacher
        if name not in self._read and Distilled.is_of(teacher, name):
            body = objects.get(self._objects_url, _path(tenant_id, name))
            if body is not None:
                self._read[name] = Distilled.from_bytes(body, teacher)
        return self._read.get(name)

    def own(self, tenant_id: UUID, names: Iterable[str]) -> Distilled | None:
        """A shop's own encoder among those of these names; `None` where it has none of the present teacher."""
        found = (self.called(tenant_id, name) for name in names)
        return next((one for one in found if isinstance(one, Distilled)), None)

    def all(self, names: Mapping[UUID, str]) -> dict[UUID, Encoder]:
        """The encoder of each shop's vectors, where it is to be had; those of other names are let go of."""
        found = {tenant_id: self.called(tenant_id, name) for tenant_id, name in names.items()}
        self._read = {name: one for name, one in self._read.items() if name in names.values()}
        return {tenant_id: one for tenant_id, one in found.items() if one is not None}


def _path(tenant_id: UUID, name: str) -> ObjectPath:
    return index_path(tenant_id, f"encoder-{name}.npz")
