"""Our ids, as providers give them back."""

from __future__ import annotations

from uuid import UUID


def our_id(value: object) -> UUID | None:
    """The id in a provider's metadata, unless somebody else wrote something else there."""
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
