"""What differs between two versions of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from commerce.configuration.schemas import Difference


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The settings that changed, by their path; one that is not there is `None`."""
    was, becomes = dict(_flat("", before)), dict(_flat("", after))
    return [
        Difference(path=path, before=was.get(path), after=becomes.get(path))
        for path in sorted(was.keys() | becomes.keys())
        if was.get(path) != becomes.get(path)
    ]


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else name, inner)
    elif value is not None:
        yield path, value
