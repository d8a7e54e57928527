"""A tenant's colour, made fit to read: WCAG 2.2 contrast of at least 4.5 for text in it and on it."""

from __future__ import annotations

import re
from typing import Any

DEFAULT_ACCENT = "#256b4a"
READABLE = 4.5
WHITE = (255, 255, 255)
INK = (28, 33, 30)
_HEX = re.compile(r"^#[0-9a-f]{6}$")

Rgb = tuple[int, int, int]


def accent_of(settings: dict[str, Any]) -> Rgb:
    """The colour `theme.accent` of a tenant's settings (`#rrggbb`); anything else gives the default."""
    theme = settings.get("theme")
    value = theme.get("accent") if isinstance(theme, dict) else None
    lowered = value.lower() if isinstance(value, str) else ""
    return rgb_of(lowered if _HEX.match(lowered) else DEFAULT_ACCENT)


def on(colour: Rgb) -> Rgb:
    """White or ink, whichever is read better on a colour."""
    return WHITE if contrast(colour, WHITE) >= contrast(colour, INK) else INK


def readable_on_white(colour: Rgb) -> Rgb:
    """A colour, as much darker as it takes to read it on white."""
    while contrast(colour, WHITE) < READABLE:
        colour = (colour[0] * 9 // 10, colour[1] * 9 // 10, colour[2] * 9 // 10)
    return colour


def contrast(one: Rgb, other: Rgb) -> float:
    """How well two colours can be told apart, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def rgb_of(value: str) -> Rgb:
    """The channels of `#rrggbb`."""
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def hex_of(colour: Rgb) -> str:
    """A colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
