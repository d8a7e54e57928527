"""The words of a shop's messages: read, tried out with sample values, and changed as part of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import commerce.letters  # noqa: F401  (every message there is, declared)
from commerce.branding.schemas import MessageList, MessageOut, PlaceOut, PreviewOut, WordsOut
from commerce.configuration import service as configuration
from commerce.configuration.schemas import Configuration, ConfigurationOut, Words
from commerce.identity import accounts
from commerce.identity.staff import Staff
from commerce.logos import service as logos
from commerce.notifications.letters import LETTERS, SAMPLES, Letter, faults, letter_of
from commerce.notifications.rendering import rendered
from commerce.notifications.service import Recipient, send
from commerce.tenancy.service import SettingsChanged, Shop
from commerce.throttling.service import Limit, take
from foundation.database import Database, Tx
from foundation.errors import Conflict, NotFound, Unprocessable

TESTS = Limit("test message", burst=5, every=timedelta(minutes=1))
"""Of one member of staff."""


class MessageNotFound(NotFound):
    """There is no such message."""

    code = "branding.message_not_found"


class WordsUnfit(Unprocessable):
    """These words can't be used: each fault is named, with the values that the message has."""

    code = "branding.words_unfit"

    faults: list[str]


class NoMailbox(Conflict):
    """Whoever asks has no e-mail address here that a test could go to."""

    code = "branding.no_mailbox"


async def every(tx: Tx) -> MessageList:
    """The messages there are, with the words that the shop has for them now."""
    present = await configuration.read(tx)
    items = [_shown(template, present.configuration) for template in sorted(LETTERS)]
    return MessageList(version=present.version, items=items)


async def one(tx: Tx, template: str) -> tuple[MessageOut, int]:
    """A message, and the version of the configuration that says so.

    Raises:
        MessageNotFound.
    """
    _known(template)
    present = await configuration.read(tx)
    return _shown(template, present.configuration), present.version


def preview(shop: Shop, template: str, words: Words, home: str) -> PreviewOut:
    """A message in these words, with sample values; the button leads to the shop.

    Raises:
        MessageNotFound, WordsUnfit.
    """
    check(template, words)
    said = {**shop.settings, "mail_templates": {template: words.model_dump(exclude_none=True)}}
    mark = logos.mark_of(shop.settings)
    logo_at = f"/shop/logo/{mark}.png" if mark else None
    made = rendered(replace(shop, settings=said), template, _samples(home), logo_at=logo_at)
    return PreviewOut(subject=made.subject, text=made.text, html=made.html)


def check(template: str, words: Words) -> None:
    """Stop at words that can't be used.

    Raises:
        MessageNotFound, WordsUnfit.
    """
    _known(template)
    found = faults(template, words.model_dump(exclude_none=True))
    if found:
        raise WordsUnfit(faults=found)


async def change(tx: Tx, template: str, words: Words, *, version: int, by: str) -> ConfigurationOut:
    """Have these words for a message; none at all are the platform's.

    Raises:
        MessageNotFound, WordsUnfit, SettingsChanged: nothing is changed.
    """
    check(template, words)

    def part(present: Configuration) -> Configuration:
        others = {name: own for name, own in present.mail_templates.items() if name != template}
        mine = {template: words} if words.model_dump(exclude_none=True) else {}
        return present.model_copy(update={"mail_templates": {**others, **mine}})

    present = await configuration.read(tx)
    if present.version != version:
        raise SettingsChanged(version=present.version)
    return await configuration.amend(tx, part, by=by, note=f"Words of {template}")


async def send_test(database: Database, shop: Shop, by: Staff, template: str, home: str) -> str:
    """Send a message to whoever asks, in the words that the shop has now and with sample values; gives the address.

    Raises:
        MessageNotFound, NoMailbox, TooMany.
    """
    _known(template)
    if by.kind != "account":
        raise NoMailbox
    await take(database, shop.id, TESTS, by.principal)
    async with database.tx(shop.id) as tx:
        account = await accounts.by_id(tx, by.key_id)
        if account.email is None:
            raise NoMailbox
        to = Recipient(account.subject_id, "email", account.email, shop.locale)
        await send(tx, template, to, _samples(home))
    return account.email


def _known(template: str) -> Letter:
    try:
        return LETTERS[template]
    except KeyError:
        raise MessageNotFound from None


def _samples(home: str) -> dict[str, str]:
    return {**SAMPLES, "link": f"{home}/"}


def _shown(template: str, settings: Mapping[str, Any]) -> MessageOut:
    own = settings["mail_templates"].get(template)
    said = {"mail_templates": {template: {name: value for name, value in (own or {}).items() if value is not None}}}
    places = sorted(LETTERS[template].places() | {"shop"})
    samples = {**SAMPLES, "shop": settings["name"]}
    return MessageOut(
        template=template,
        words=_words(letter_of(template, said)),
        platform=_words(LETTERS[template]),
        is_own=own is not None,
        places=[PlaceOut(name=name, sample=samples.get(name, name)) for name in places],
    )


def _words(letter: Letter) -> WordsOut:
    return WordsOut(subject=letter.subject, body=letter.body, action=letter.action)
