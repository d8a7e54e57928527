"""Pictures of products that have none: an SVG composed by category, the same for the same product always."""

# ruff: noqa: E501
# A drawing broken over more lines is no easier to read.

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from hashlib import blake2b
from html import escape
from uuid import UUID

from storefront.motifs import MOTIFS, Label, choose

_HUES: dict[str, tuple[int, ...]] = {
    "milk": (205, 215, 195),
    "wine": (345, 350, 100),
    "beef": (355, 2, 6),
    "produce": (10, 30, 96, 352),
    "packaged meat": (4, 352, 14),
    "meat": (355, 2, 8),
    "seafood": (200, 190, 12),
    "bakery": (28, 338, 20),
    "flowers": (335, 310, 8, 45),
    "health": (200, 170, 260, 225, 330),
    "cosmetics": (335, 350, 12, 300),
    "natural": (90, 60, 150, 30),
    "deli": (24, 45, 8),
}
_ANY_HUE = (4, 18, 32, 46, 92, 140, 168, 192, 208, 224, 262, 328, 350)
_BY_MOTIF: dict[str, tuple[int, int, int]] = {
    "fruit": (6, 72, 54),
    "berries": (350, 70, 50),
    "carrot": (26, 90, 56),
    "root": (34, 46, 60),
    "meat": (356, 58, 54),
    "poultry": (30, 66, 68),
    "sausage": (12, 58, 52),
    "eggs": (206, 22, 72),
}
"""Hue, saturation and lightness of what has a colour of its own."""
_BY_WORD: dict[str, tuple[int, int, int]] = {
    "orange": (30, 92, 56),
    "lemon": (50, 94, 60),
    "lime": (92, 56, 50),
    "pear": (72, 56, 56),
    "peach": (24, 88, 68),
    "green": (104, 46, 46),
    "avocado": (98, 40, 38),
    "cucumber": (112, 42, 42),
    "granny": (88, 58, 54),
    "grape": (288, 38, 44),
    "blueberr": (228, 46, 48),
    "blackberr": (282, 34, 30),
    "sweet": (22, 68, 52),
    "onion": (322, 32, 54),
    "mushroom": (34, 26, 74),
    "salmon": (12, 78, 66),
}

_ROOM = """<defs>\
<linearGradient id="body" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{light}"/><stop offset="1" stop-color="{main}"/></linearGradient>\
<linearGradient id="accent" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{accent_light}"/><stop offset="1" stop-color="{accent}"/></linearGradient>\
<linearGradient id="leaf" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#8cc665"/><stop offset="1" stop-color="#4f9140"/></linearGradient>\
<linearGradient id="shade"><stop offset="0" stop-color="#fff" stop-opacity=".2"/><stop offset=".22" stop-color="#fff" stop-opacity=".3"/>\
<stop offset=".5" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".24"/></linearGradient>\
<radialGradient id="room" cx=".5" cy=".46" r=".62"><stop offset="0" stop-color="{tint}"/><stop offset="1" stop-color="#fff"/></radialGradient>\
<radialGradient id="shadow"><stop offset="0" stop-color="#1b2733" stop-opacity=".34"/><stop offset="1" stop-color="#1b2733" stop-opacity="0"/></radialGradient>\
</defs><rect width="400" height="400" fill="#fff"/><rect width="400" height="400" fill="url(#room)"/>\
<ellipse cx="204" cy="321" rx="142" ry="17" fill="url(#shadow)"/>"""


def draw(product_id: UUID, title: str, category_path: Sequence[str]) -> str:
    """The picture of a product, 400 x 400: its shape and colours by category, its variation by id.

    `category_path` names its categories from the root; the nearest is also what the label says.
    """
    seed = blake2b(product_id.bytes, digest_size=8).digest()
    motif_name = choose(title, category_path)
    motif = MOTIFS[motif_name]
    colours = _colours(seed, motif_name, title, category_path)
    name = _short(title)
    label = _label(motif.label, name, seed, colours) if motif.label else _tag(name, colours)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img" aria-label="{escape(title, quote=True)}">'
        f"{_ROOM.format(**colours)}{motif.svg.replace('{deep}', colours['deep']).replace('{ink}', colours['ink'])}{label}</svg>"
    )


def _colours(seed: bytes, motif: str, title: str, path: Sequence[str]) -> dict[str, str]:
    words = title.lower()
    own = next((colour for word, colour in _BY_WORD.items() if word in words), None) if motif in _BY_MOTIF else None
    own = own or _BY_MOTIF.get(motif)
    if own is not None:
        hue, saturation, lightness = own
        hue += seed[0] % 9 - 4
    else:
        hues = _hues(" ".join(path).lower())
        hue = hues[seed[0] % len(hues)] + seed[1] % 17 - 8
        saturation, lightness = 54 + seed[2] % 20, 47 + seed[3] % 11
    other = hue + (150, 180, 32, 210)[seed[4] % 4]
    return {
        "main": _hex(hue, saturation, lightness - 5),
        "light": _hex(hue, saturation + 4, lightness + 9),
        "deep": _hex(hue, saturation, lightness - 20),
        "ink": _hex(hue, 34, 22),
        "accent": _hex(other, 58, 52),
        "accent_light": _hex(other, 66, 66),
        "tint": _hex(hue, 38, 95),
    }


def _hues(path: str) -> tuple[int, ...]:
    return next((hues for word, hues in _HUES.items() if word in path), _ANY_HUE)


def _hex(hue: int, saturation: int, lightness: int) -> str:
    clipped = min(max(lightness, 0), 100) / 100, min(max(saturation, 0), 100) / 100
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, *clipped)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _short(title: str) -> str:
    """The product type, without brand and size."""
    return title.partition(",")[0].strip() or "Product"


def _label(label: Label, name: str, seed: bytes, colours: dict[str, str]) -> str:
    x, y, w, h = label.x, label.y, label.width, label.height
    paper = f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{label.rounded}" fill="#fffdf8"/>'
    edge = f'stroke="{colours["main"]}" fill="none"'
    patterns = (
        f'<path d="M{x + 8} {y + 8} H{x + w - 8} M{x + 8} {y + h - 8} H{x + w - 8}" stroke-width="3" {edge}/>',
        f'<rect x="{x + 5}" y="{y + 5}" width="{w - 10}" height="{h - 10}" rx="{label.rounded}" stroke-width="2" {edge}/>',
        f'<rect x="{x}" y="{y}" width="{w}" height="9" rx="3" fill="{colours["accent"]}"/>',
        f'<g fill="{colours["accent"]}">'
        + "".join(f'<circle cx="{x + w / 2 + step}" cy="{y + h - 7}" r="2.5"/>' for step in (-12, 0, 12))
        + "</g>",
    )
    return paper + patterns[seed[5] % len(patterns)] + _text(name, x + w / 2, y + h / 2, w - 18, h - 28, colours["ink"])


def _tag(name: str, colours: dict[str, str]) -> str:
    lines = _wrap(name, 28)[:1]
    width = max(len(lines[0]) * 8.4 + 30, 80)
    return (
        f'<rect x="{200 - width / 2:.0f}" y="344" width="{width:.0f}" height="30" rx="15" fill="#fff" stroke="{colours["main"]}"'
        f' stroke-opacity=".45" stroke-width="1.5"/>' + _text(lines[0], 200, 359, width - 20, 20, colours["ink"])
    )


def _text(text: str, x: float, y: float, width: float, height: float, ink: str) -> str:
    """Centred in the space, on as many lines as let it be largest."""
    lines, size = max(
        (_fit(_wrap(text, columns), width, height) for columns in (8, 10, 12, 15, 18, 24)), key=lambda fitted: fitted[1]
    )
    top = y - (len(lines) - 1) * size * 0.56
    spans = "".join(
        f'<tspan x="{x:.0f}" y="{top + i * size * 1.12:.1f}">{escape(line)}</tspan>' for i, line in enumerate(lines)
    )
    return (
        f'<text font-family="Georgia, \'Times New Roman\', serif" font-weight="700" font-size="{size:.1f}" fill="{ink}"'
        f' text-anchor="middle" dominant-baseline="central">{spans}</text>'
    )


def _fit(lines: list[str], width: float, height: float) -> tuple[list[str], float]:
    widest = max(len(line) for line in lines)
    return lines, min(width / (widest * 0.58), height / (len(lines) * 1.12), 22.0)


def _wrap(text: str, columns: int) -> list[str]:
    """At most four lines of whole words; what is left over becomes an ellipsis."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > columns:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > 4:
        lines = [*lines[:3], f"{lines[3]} …"]
    return lines
