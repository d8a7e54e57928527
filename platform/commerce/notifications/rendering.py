"""A message as it is sent: the same words as text and as HTML, in the shop's name and colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from commerce.notifications.letters import filled, letter_of
from commerce.tenancy.service import Shop
from foundation.colours import accent_of, hex_of, on, readable_on_white


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's words."""

    subject: str
    text: str
    html: str


def rendered(shop: Shop, template: str, values: Mapping[str, str], *, logo_at: str | None = None) -> Rendered:
    """A message in a shop's own words and colours. `logo_at` is where the logo that the shop uploaded is loaded from;
    without it the shop's name stands there.

    Raises:
        KeyError: there is no such message.
    """
    letter = letter_of(template, shop.settings)
    known = {**values, "shop": shop.name}
    paragraphs = [filled(words, known) for words in letter.body.split("\n\n")]
    accent = accent_of(shop.settings)
    subject = " ".join(filled(letter.subject, known).split())
    context = {
        "shop": shop,
        "logo": _logo(shop.settings) or logo_at,
        "subject": subject,
        "paragraphs": paragraphs,
        "action": filled(letter.action, known),
        "link": values.get("link", ""),
        "accent": hex_of(accent),
        "on_accent": hex_of(on(accent)),
        "accent_text": hex_of(readable_on_white(accent)),
    }
    return Rendered(
        subject,
        _environment().get_template("message.txt").render(context),
        _environment().get_template("message.html").render(context),
    )


def text_message(shop: Shop, template: str, values: Mapping[str, str]) -> str:
    """A message as a text message: its paragraphs and its link, in one line.

    Raises:
        KeyError: there is no such message.
    """
    letter = letter_of(template, shop.settings)
    words = filled(letter.body, {**values, "shop": shop.name})
    return " ".join(f"{words} {values.get('link', '')}".split())


def _logo(settings: Mapping[str, Any]) -> str | None:
    """The logo, if mail programs can load it by themselves: `theme.logo` with its whole address."""
    theme = settings.get("theme")
    logo = theme.get("logo") if isinstance(theme, dict) else None
    return logo if isinstance(logo, str) and logo.startswith("https://") else None


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
