"""Templates: every value is escaped, an unknown one is an error, and a page loads nothing from anywhere else."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pycountry
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from commerce.catalog import rich
from commerce.legal import service as legal
from commerce.logos import service as logos
from commerce.tenancy.service import Shop
from foundation.money import readable
from foundation.types import MoneyOut

SHARED = Path(__file__).parent / "templates"
"""What the pages of every package may show: icons."""
NONCE_BYTES = 16
_TWO = 2


def _policy(nonce: str, forms_to: str, frames: str, images: str) -> str:
    """What a page may load and frame, all of it ours, and whom its forms may be sent to (CSP level 3).

    A script runs because the page names it with the page's nonce, not because it lies where ours do.
    """
    return (
        f"default-src 'none'; img-src {images}; style-src 'self'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        f"frame-src {frames}; "
        f"form-action {forms_to}; base-uri 'none'; frame-ancestors 'none'"
    )


def price(value: MoneyOut) -> str:
    """An amount with its currency, as a shopper reads it."""
    return readable(value.amount, value.currency)


def day(value: date) -> str:
    """A date as `23 November 2026`."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """A time as `23 November, 18:30`; midnight goes without saying."""
    return f"{value.day} {value:%B}" + ("" if (value.hour, value.minute) == (0, 0) else f", {value:%H:%M}")


def language(locale: str) -> str:
    """A language as people call it: `de-CH` is German (CH)."""
    code, _, country = locale.partition("-")
    found = pycountry.languages.get(**{"alpha_2" if len(code) == _TWO else "alpha_3": code})
    name = found.name if found else code
    return f"{name} ({country})" if country else name


def label(code: str) -> str:
    """A code as a shopper reads it: `out_for_delivery` is Out for delivery."""
    return code.replace("_", " ").capitalize()


def percent(share: str) -> str:
    """A share as a shopper reads it: 0.0575 is 5.75 %."""
    return f"{(Decimal(share) * 100).normalize():f} %"


@cache
def _version(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one package: its `templates/`, and its `static/` files, which are served at `at`."""

    folder: Path
    at: str

    @property
    def static(self) -> Path:
        """The files that pages load."""
        return self.folder / "static"

    def asset(self, name: str) -> str:
        """The address of a file in `static/`; it changes with its content, so a browser may keep it."""
        return f"{self.at}/{name}?v={_version(self.static / name)}"

    def environment(self) -> Environment:
        """The templates with their filters."""
        return _environment(self)

    def html(
        self,
        template: str,
        *,
        status: int = 200,
        forms_to: str = "'self'",
        frames: str = "'none'",
        images_from: str = "'self'",
        **context: Any,
    ) -> HTMLResponse:
        """A template as a page, never kept by a shared cache; its forms go to us, or where `forms_to` says, it frames
        nothing, or what `frames` says, and its images are ours, or from where `images_from` says.
        """
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        body = self.environment().get_template(template).render(nonce=nonce, **context)
        headers = {
            "Content-Security-Policy": _policy(nonce, forms_to, frames, images_from),
            "Cache-Control": "private, no-store",
        }
        return HTMLResponse(body, status_code=status, headers=headers)


def _legal_of(shop: Shop) -> list[tuple[str, str]]:
    """The legal pages of a shop: how each is called in addresses, and by people."""
    return [(kind, legal.title_of(shop, kind)) for kind in legal.kinds_of(shop.settings)]


@cache
def _environment(pages: Pages) -> Environment:
    env = Environment(
        loader=FileSystemLoader([pages.folder / "templates", SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        money=readable, price=price, day=day, moment=moment, label=label, percent=percent, rich=rich.shown
    )
    env.globals.update(asset=pages.asset, logo_of=logos.mark_of, legal_of=_legal_of, language=language)
    return env
