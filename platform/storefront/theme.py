"""A tenant's accent colour, made fit to read: WCAG 2.2 contrast of at least 4.5 for text in it and on it."""

from __future__ import annotations

import re
from typing import Any

DEFAULT_ACCENT = "#256b4a"
_HEX = re.compile(r"^#[0-9a-f]{6}$")
_READABLE = 4.5
_WHITE = (255, 255, 255)
_INK = (28, 33, 30)

Rgb = tuple[int, int, int]


def stylesheet(settings: dict[str, Any]) -> str:
    """The custom properties that the shop's styles are built on.

    The colour is `theme.accent` of the tenant's settings (`#rrggbb`); anything else gives the default.
    """
    accent = rgb_of(_accent(settings))
    on_accent = _WHITE if contrast(accent, _WHITE) >= contrast(accent, _INK) else _INK
    return (
        f":root{{--shop-accent:{_hex(accent)};--shop-on-accent:{_hex(on_accent)};"
        f"--shop-accent-text:{_hex(_readable_on_white(accent))}}}\n"
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """How well two colours can be told apart, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _accent(settings: dict[str, Any]) -> str:
    theme = settings.get("theme")
    value = theme.get("accent") if isinstance(theme, dict) else None
    lowered = value.lower() if isinstance(value, str) else ""
    return lowered if _HEX.match(lowered) else DEFAULT_ACCENT


def _readable_on_white(colour: Rgb) -> Rgb:
    while contrast(colour, _WHITE) < _READABLE:
        colour = (colour[0] * 9 // 10, colour[1] * 9 // 10, colour[2] * 9 // 10)
    return colour


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def rgb_of(value: str) -> Rgb:
    """The channels of `#rrggbb`."""
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
