"""Passwords: what is taken for one, and how it is kept.

Kept by Argon2id (RFC 9106) with parameters from the settings; a hash made with others is made anew at the next sign-in.
Each hash takes tens of megabytes for tens of milliseconds, so they run in threads, so many at once and no more.

What a password must be follows NIST SP 800-63B, section 3.1.1.2: a least length, no rules of composition, Unicode
normalised (NFKC), and none that is known to be common or stolen. docs/decisions/0012 says why the numbers are what they
are.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from commerce.identity.compromised import Known
from foundation.errors import Unavailable, Unprocessable
from foundation.settings import Settings

Done = TypeVar("Done")
SHORTEST = 8
LONGEST = 256
"""Characters. Argon2 hashes its input to 64 bytes first, so this bounds no strength, only work."""


class PasswordTooShort(Unprocessable):
    """A password has at least 8 characters."""

    code = "identity.password_too_short"

    at_least: int


class PasswordTooLong(Unprocessable):
    """A password has at most 256 characters."""

    code = "identity.password_too_long"

    at_most: int


class PasswordCompromised(Unprocessable):
    """This password is among those that are tried first: it is common, or was stolen from another service."""

    code = "identity.password_compromised"


class TooBusy(Unavailable):
    """Too many people are signing in at this moment; try again in a few seconds."""

    code = "identity.too_busy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a password."""

    is_right: bool
    renewed: str | None = None
    """Its hash by today's parameters, if it is right and was kept by others."""


def normalised(password: str) -> str:
    """A password as it is hashed: what looks the same and is typed on another keyboard is the same (NFKC)."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """The hashing of one process."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes, memory_cost=settings.argon2_memory_kib, parallelism=1
        )
        self._threads = ThreadPoolExecutor(settings.passwords_at_once, thread_name_prefix="argon2")
        self._room = settings.passwords_at_once + settings.passwords_waiting
        self._known = Known(settings.compromised_passwords)
        self._nobodys = self._hasher.hash("nobody has this password")

    def accept(self, password: str, *, about: tuple[str, ...] = ()) -> None:
        """Refuse what is no good as a password; `about` are words that its owner is known by, such as their address.

        Raises:
            PasswordTooShort, PasswordTooLong, PasswordCompromised.
        """
        text = normalised(password)
        if len(text) < SHORTEST:
            raise PasswordTooShort(at_least=SHORTEST)
        if len(text) > LONGEST:
            raise PasswordTooLong(at_most=LONGEST)
        if text.casefold() in {word.casefold() for word in about} or self._known.has(text):
            raise PasswordCompromised

    async def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            TooBusy: too many wait already.
        """
        return await self._in_a_thread(self._hasher.hash, normalised(password))

    async def verify(self, kept: str | None, password: str) -> Verdict:
        """Whether a password is the one that was kept. Where none is kept, as much work is done to find that it isn't.

        Raises:
            TooBusy: too many wait already.
        """
        return await self._in_a_thread(self._verify, kept, normalised(password)[: LONGEST + 1])

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str | None, password: str) -> Verdict:
        try:
            self._hasher.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return Verdict(is_right=False)
        if kept is None:
            return Verdict(is_right=False)
        stale = self._hasher.check_needs_rehash(kept)
        return Verdict(is_right=True, renewed=self._hasher.hash(password) if stale else None)

    async def _in_a_thread(self, work: Callable[..., Done], *values: Any) -> Done:
        if self._room <= 0:
            raise TooBusy
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *values)
        finally:
            self._room += 1
