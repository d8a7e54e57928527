"""Secrets that are shown once: 256 bits of chance, with a prefix that says whose they are and a check of their form.

`twk_` and 43 letters and digits, then six that are the CRC-32 of those (the form that GitHub gives its tokens:
https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/). A scanner of leaked
secrets finds one by a pattern, and knows by the check that it isn't some other text, without asking anybody.
"""

from __future__ import annotations

import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM = 43
"""Characters: the least whose chance is 256 bits."""
CHECK = 6
SHOWN = 8
"""Characters after the prefix that are shown: 47 bits, of which 209 stay hidden."""


def new_secret(prefix: str) -> str:
    """A secret that nobody can guess."""
    chance = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM))
    return f"{prefix}{chance}{_check(chance)}"


def is_well_formed(prefix: str, secret: str) -> bool:
    """Whether a text could be such a secret; nothing is asked of Postgres for one that couldn't."""
    chance, check = secret[len(prefix) : -CHECK], secret[-CHECK:]
    return (
        secret.startswith(prefix)
        and len(chance) == RANDOM
        and secret.isascii()
        and secret.removeprefix(prefix).isalnum()
        and _check(chance) == check
    )


def shown_of(prefix: str, secret: str) -> str:
    """The part that people know it by."""
    return secret[: len(prefix) + SHOWN]


def _check(chance: str) -> str:
    number = zlib.crc32(chance.encode())
    digits = ""
    for _ in range(CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
