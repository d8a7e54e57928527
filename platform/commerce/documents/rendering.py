"""Papers as PDF: the same bytes each time for the same paper.

Typst and Babel are loaded when the first paper is asked for, and no sooner: most workers never need them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import orjson

from commerce.documents import marks
from commerce.documents.parcels import Label, Parcel
from commerce.documents.service import Written
from commerce.documents.words import words
from foundation.money import to_decimal

TEMPLATES = Path(__file__).parent / "templates"
_LOGO_MM = (70, 16)
Template = Literal["invoice", "packing_slip", "label"]


def invoice(written: Written, logo: bytes | None = None) -> bytes:
    """An invoice or a credit note; `logo` is a PNG that stands for the issuer's name."""
    return _compile("invoice", {**_invoice(written), "logo": _logo(logo)}, written.document.issued_at)


def packing_slip(parcel: Parcel, logo: bytes | None = None) -> bytes:
    """What lies in a parcel; no prices. `logo` is a PNG that stands for the shop's name."""
    said = words(parcel.locale)
    document = {
        "words": said,
        "language": _language(parcel.locale),
        "sender": [parcel.shop_name, *address_lines(parcel.sender, parcel.locale)],
        "recipient": address_lines(parcel.address, parcel.locale),
        "order": parcel.order_number,
        "parcel": f"{parcel.place_among} {said['of']} {parcel.parcels}",
        "sent_on": _date(parcel.sent_on, parcel.locale),
        "carrier": parcel.carrier,
        "tracking": parcel.tracking_number,
        "message": parcel.gift_message,
        "wrapped": parcel.wrapped,
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "place": line.place,
                "lot": line.lot,
                "wrapped": line.wrapped,
                "message": line.gift_message,
            }
            for line in parcel.lines
        ],
        "units": sum(line.quantity for line in parcel.lines),
        "mark": marks.qr_code(parcel.order_number),
        "bars": marks.bars(parcel.order_number),
        "logo": _logo(logo),
    }
    return _compile("packing_slip", document, parcel.sent_at)


def label(asked: Label) -> bytes:
    """A shipping or return label of 100 by 150 mm."""
    document = {
        "words": words(asked.locale),
        "language": _language(asked.locale),
        "sender": [*_named(asked.sender_name), *address_lines(asked.sender, asked.locale)],
        "recipient": [*_named(asked.recipient_name), *address_lines(asked.recipient, asked.locale)],
        "reference": asked.reference,
        "order": asked.order_number,
        "is_return": asked.is_return,
        "mark": marks.qr_code(asked.reference),
    }
    return _compile("label", document, asked.made_at)


def address_lines(address: Mapping[str, Any] | None, locale: str) -> list[str]:
    """An address as it is written on an envelope, its country by name."""
    if not address:
        return []
    place = " ".join(part for part in (address["postal_code"], address["city"], address.get("region")) if part)
    country = _known(locale).territories.get(address["country"], address["country"])
    lines = (address.get("name"), address["line1"], address.get("line2"), place, country)
    return [line for line in lines if line]


def _logo(png: bytes | None) -> dict[str, Any] | None:
    """A PNG, and how large it is printed: as large as fits, in millimetres."""
    if png is None:
        return None
    width, height = struct.unpack(">II", png[16:24])  # the size stands first (PNG, 11.2.2)
    scale = min(_LOGO_MM[0] / width, _LOGO_MM[1] / height)
    return {"png": list(png), "width": width * scale, "height": height * scale}


def _named(name: str) -> list[str]:
    return [name] if name else []


def _invoice(written: Written) -> dict[str, Any]:
    document, data = written.document, written.data
    locale = data["locale"]
    said = words(locale)
    issuer, buyer = data["issuer"], data["buyer"]

    def money(amount: int) -> str:
        return _money(amount, document.currency, locale)

    return {
        "words": said,
        "language": _language(locale),
        "title": said[document.kind],
        "number": document.number,
        "facts": _facts(written, said),
        "issuer": {
            "name": issuer["name"],
            "lines": address_lines(issuer["address"], locale),
            "reached": [issuer[name] for name in ("email", "phone", "website") if issuer.get(name)],
            "numbers": [f"{one['name']} {one['number']}" for one in issuer["tax_numbers"]],
            "footer": issuer["footer"],
        },
        "buyer": [
            *(address_lines(buyer["address"], locale) or [buyer["email"] or ""]),
            *_vat_id(buyer.get("vat_id"), said),
        ],
        "lines": [_line(part, said, money, data) for part in data["parts"]],
        "net": money(document.net),
        "taxes": [
            {
                "name": f"{_levied(tax, locale)} {said['on']} {money(tax['base'])}",
                "amount": money(tax["amount"]),
            }
            for tax in data["taxes"]
        ],
        "notes": list(dict.fromkeys(tax["note"] for tax in data["taxes"] if tax["note"])),
        "total": money(document.total),
        "closing": _closing(written, said, money),
    }


def _levied(tax: Mapping[str, Any], locale: str) -> str:
    return f"{tax['name']} {_percent(tax['rate'], locale)}" if tax["rate"] else tax["name"]


def _facts(written: Written, said: Mapping[str, str]) -> list[list[str]]:
    document, data = written.document, written.data
    locale = data["locale"]
    ordered_on = date.fromisoformat(data["order"]["placed_on"])
    facts = [
        [said["number"], document.number],
        [said["date"], _date(document.issued_on, locale)],
        [said["order"], data["order"]["number"]],
        [said["ordered"], _date(ordered_on, locale)],
    ]
    if data["corrects"]:
        facts.insert(2, [said["corrects"], ", ".join(data["corrects"])])
    return facts


def _line(part: Mapping[str, Any], said: Mapping[str, str], money: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """A line as its shop shows prices: with the taxes, or without."""
    names = {
        "shipping": said["shipping"],
        "fees": said["fees"],
        "goodwill": said["goodwill" if part["total"] > 0 else "earlier_reduction"],
    }
    rates = [_percent(tax["rate"], data["locale"]) for tax in part["taxes"] if tax["rate"]]
    return {
        "title": names.get(part["key"], part["title"]),
        "sku": part["sku"],
        "quantity": str(part["quantity"]) if part["sku"] else "",
        "unit_price": money(part["unit_price"]) if part["sku"] else "",
        "discount": f"{said['discount']} {money(-part['discount'])}" if part["discount"] else "",
        "rate": " + ".join(rates),
        "total": money(part["total" if data["tax_included"] else "net"]),
    }


def _closing(written: Written, said: Mapping[str, str], money: Any) -> list[str]:
    closing = [said["included"]] if written.data["tax_included"] and written.document.tax else []
    if written.document.kind == "credit_note":
        return [*closing, said["credited"]]
    paid = [f"{said.get(one['provider'], one['provider'])} {money(one['amount'])}" for one in written.data["paid_with"]]
    return [*closing, f"{said['paid_with']}: {', '.join(paid)}"] if paid else closing


def _vat_id(known: Any, said: Mapping[str, str]) -> list[str]:
    number = known.get("number") if isinstance(known, Mapping) else known
    return [f"{said['vat_id']} {number}"] if number else []


def _compile(template: Template, document: Mapping[str, Any], made_at: datetime) -> bytes:
    import typst  # noqa: PLC0415

    made_at = made_at.replace(microsecond=0)
    inputs = {"document": orjson.dumps(document).decode(), "made_at": made_at.isoformat()}
    pdf: bytes = typst.compile(
        str(TEMPLATES / f"{template}.typ"), root=str(TEMPLATES), sys_inputs=inputs, timestamp=made_at
    )
    return pdf


def _money(amount: int, currency: str, locale: str) -> str:
    from babel.numbers import format_currency  # noqa: PLC0415

    return str(format_currency(to_decimal(amount, currency), currency, locale=_known(locale)))


def _percent(rate: str, locale: str) -> str:
    from babel.numbers import format_percent  # noqa: PLC0415

    share = Decimal(rate)
    digits = max(-int(share.normalize().as_tuple().exponent) - 2, 0)
    return str(format_percent(share, f"#,##0.{'0' * digits}\N{NO-BREAK SPACE}%", locale=_known(locale)))


def _date(day: date, locale: str) -> str:
    from babel.dates import format_date  # noqa: PLC0415

    return str(format_date(day, "long", locale=_known(locale)))


def _language(locale: str) -> str:
    return locale.partition("-")[0]


def _known(locale: str) -> Any:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415

    try:
        return Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
