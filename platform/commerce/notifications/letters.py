"""What is said in a mail or a text message: words with places for values, which a tenant may replace by its own.

A letter is a subject, some paragraphs, and perhaps a button for the link. `{{ name }}` is the value of that name, and
that is all there is to it: a tenant's words can't run anything. `{{ shop }}` is there always.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Topic = Literal["orders", "back_in_stock", "price_drops", "reviews", "news"]
"""What customers say of whether and how they want to be told of it (`commerce.profile.topics`)."""
_PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_LONGEST = {"subject": 150, "body": 5_000, "action": 60}


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of a message. As a text message it is its body alone."""

    subject: str
    body: str
    """Paragraphs, an empty line between them."""
    action: str = ""
    """What the button says that leads to `link`; without one there is no button."""
    topic: Topic | None = None
    """What customers may ask for or do without; without one it is always sent."""

    def places(self) -> set[str]:
        """The values that it names."""
        return {name for words in (self.subject, self.body, self.action) for name in _PLACE.findall(words)}


SAMPLES: Mapping[str, str] = {
    "name": "Ada Lovelace",
    "at": "26 November 2026, 18:30 UTC",
    "browser": "Firefox on Linux",
    "address": "203.0.113.7",
    "code": "123456",
    "what": "An authenticator app was added.",
    "url": "https://hooks.example.com/tradewind",
    "plan": "Professional",
    "amount": "$199.00",
    "closes": "10 December 2026",
    "reason": "It has failed for three days.",
    "about": "an order",
    "date": "3 December 2026",
    "on": "3 December 2026",
    "product": "Tomato soup",
    "price": "$2.40",
    "before": "$2.90",
    "number": "A1B2C3D4",
}
"""What a preview shows in place of the values of a message."""


def filled(words: str, values: Mapping[str, str]) -> str:
    """Words with their values; one that nobody gave is left out."""
    return _PLACE.sub(lambda place: values.get(place[1], ""), words)


_IGNORE = "If it wasn't you, there is nothing to do: without this link nothing happens."
# What somebody only says of themselves is in no mail to an address that they have not proved: it would carry anything
# to anybody.
LETTERS: dict[str, Letter] = {
    "register": Letter(
        "Confirm your e-mail address",
        "Hello,\n\nwelcome to {{ shop }}. Confirm that this is your address, and your account is ready. The link is "
        f"good for a day.\n\n{_IGNORE}",
        "Confirm my address",
    ),
    "registered_already": Letter(
        "You have an account already",
        "Hello {{ name }},\n\nsomebody, most likely you, wanted to register at {{ shop }} with this address. It has an "
        "account already: this link signs you in, within fifteen minutes. Your password is as it was.\n\n"
        f"{_IGNORE}",
        "Sign in",
    ),
    "sign_in_link": Letter(
        "Your link to sign in",
        "Hello,\n\nthis link signs you in to {{ shop }}. It is good for fifteen minutes, and once.\n\n" + _IGNORE,
        "Sign in",
    ),
    "reset_password": Letter(
        "Choose a new password",
        "Hello {{ name }},\n\nyou can choose a new password for {{ shop }} with this link, within half an hour. You "
        f"will be signed out everywhere else.\n\n{_IGNORE}",
        "Choose a password",
    ),
    "not_registered": Letter(
        "You have no account with this address",
        "Hello,\n\nsomebody, most likely you, wanted a new password at {{ shop }}, but no account has this address. "
        "Perhaps you registered with another one. If it wasn't you, there is nothing to do.",
        "Create an account",
    ),
    "password_changed": Letter(
        "Your password was changed",
        "Hello {{ name }},\n\nthe password of your account at {{ shop }} was changed on {{ at }}, and you were signed "
        "out everywhere else.\n\nIf it wasn't you, choose a new one at once.",
        "Choose a new password",
    ),
    "change_email": Letter(
        "Confirm your new e-mail address",
        "Hello {{ name }},\n\nconfirm that this is your new address at {{ shop }}, within an hour.\n\n" + _IGNORE,
        "Confirm my address",
    ),
    "email_changed": Letter(
        "Your e-mail address was changed",
        "Hello {{ name }},\n\nyour account at {{ shop }} is reached by another e-mail address since {{ at }}.\n\nIf it "
        "wasn't you, answer the shop at once: whoever has the new address can sign in.",
    ),
    "new_sign_in": Letter(
        "New sign-in to your account",
        "Hello {{ name }},\n\nsomebody signed in to your account at {{ shop }} from a browser or a place that is new: "
        "{{ browser }}, from {{ address }}, at {{ at }}.\n\nIf it was you, there is nothing to do. If not, sign it out "
        "and choose a new password.",
        "See my devices",
    ),
    "sign_in_code": Letter("Your code", "{{ code }} is your code to sign in to {{ shop }}. Tell it to nobody."),
    "phone_code": Letter("Your code", "{{ code }} confirms your number at {{ shop }}. Tell it to nobody."),
}
"""The messages there are. A context that sends others adds its own as it is imported, by `declare`."""


def declare(**letters: Letter) -> None:
    """Add messages of another context.

    Raises:
        ValueError: there is one of that name already.
    """
    for name, letter in letters.items():
        if LETTERS.get(name, letter) != letter:
            raise ValueError(f"there is a letter {name} already")
        LETTERS[name] = letter


def letter_of(template: str, settings: Mapping[str, Any]) -> Letter:
    """The words of a message in a shop with these settings: its own from `mail_templates`, where it has some.

    Raises:
        KeyError: there is no such message.
    """
    letter = LETTERS[template]
    own = settings.get("mail_templates")
    words = own.get(template) if isinstance(own, dict) else None
    if not isinstance(words, dict) or faults(template, words):
        return letter
    return replace(letter, **words)


def faults(template: str, words: Mapping[str, Any]) -> list[str]:
    """What is wrong with a tenant's own words for a message, in sentences; nothing: they may be used."""
    letter = LETTERS.get(template)
    if letter is None:
        return [f"There is no message {template}."]
    found = [f"A message has no {name}." for name in words.keys() - _LONGEST.keys()]
    for name, longest in _LONGEST.items():
        value = words.get(name, "")
        if not isinstance(value, str) or len(value) > longest or "\x00" in value:
            found.append(f"The {name} is a text of at most {longest} characters.")
        else:
            found += _misplaced(value, letter)
    if "code" in letter.places() and "body" in words and "code" not in _PLACE.findall(str(words["body"])):
        found.append("The code must be in it.")
    return found


def _misplaced(words: str, letter: Letter) -> list[str]:
    """What stands between braces and is no value of the message."""
    there = ", ".join(f"{{{{ {name} }}}}" for name in sorted(letter.places() | {"shop"}))
    found = [
        f"Nothing is called {place} here. There are: {there}."
        for place in sorted(set(_PLACE.findall(words)) - letter.places() - {"shop"})
    ]
    if "{{" in (rest := _PLACE.sub("", words)) or "}}" in rest:
        found.append(f"Double braces hold the name of a value, nothing else. There are: {there}.")
    return found
