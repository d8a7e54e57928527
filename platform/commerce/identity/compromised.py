"""Passwords that are tried first: common ones, which come with the package, and stolen ones, if a list is named.

A list is lines of SHA-1 in upper-case hexadecimal, sorted, each at least 16 digits long and perhaps followed by `:`
and how often it was seen: the form in which Have I Been Pwned publishes its passwords, ordered by hash. It is searched
where it lies, by halves, so one of tens of gigabytes takes no memory. SHA-1 only names a password here, it protects
nothing.

The list that comes along is made from the frequency list of zxcvbn 4.5.0 (Dropbox, MIT licence): the passwords of at
least 8 characters in it, 64 bits of each hash.
"""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path

COMMON = Path(__file__).with_name("common_passwords.txt")


class Known:
    """The lists of this process, mapped once."""

    def __init__(self, stolen: Path | None = None) -> None:
        self._lists = [_mapped(path) for path in (COMMON, stolen) if path is not None]

    def has(self, password: str) -> bool:
        """Whether a password is in one of the lists, as it is written or in lower case."""
        return any(_is_in(lines, form) for form in {password, password.lower()} for lines in self._lists)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _is_in(lines: mmap.mmap, password: str) -> bool:
    """Search by halves: `low` is always the start of a line, and what is before it is smaller."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    low, high = 0, len(lines)
    while low < high:
        start = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = lines.find(b"\n", start)
        end = len(lines) if end < 0 else end
        found = lines[start:end].strip().partition(b":")[0]
        if found and wanted.startswith(found):
            return True
        if found < wanted:
            low = end + 1
        else:
            high = start
    return False
