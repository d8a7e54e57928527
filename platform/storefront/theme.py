"""What a tenant's colour makes of the shop's styles."""

from __future__ import annotations

from typing import Any

from foundation.colours import accent_of, hex_of, on, readable_on_white


def stylesheet(settings: dict[str, Any]) -> str:
    """The custom properties that the shop's styles are built on, from the tenant's accent."""
    accent = accent_of(settings)
    return (
        f":root{{--shop-accent:{hex_of(accent)};--shop-on-accent:{hex_of(on(accent))};"
        f"--shop-accent-text:{hex_of(readable_on_white(accent))}}}\n"
    )
