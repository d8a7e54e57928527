"""Being forgotten, over HTTP."""

from __future__ import annotations

from foundation.types import Input, Note


class ErasureIn(Input):
    """Why a customer is forgotten."""

    reason: Note
