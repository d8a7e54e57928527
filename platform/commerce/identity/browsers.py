"""The browser that a request comes from: in words, and as far as it is known again."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-", "A Python program"),
)
"""What a user agent says, the more particular first: most say that they are Safari too."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_GUESSING = {4: 24, 6: 56}
"""What one household or one rented server has of the Internet, by version of its protocol."""
_ROAMING = {4: 16, 6: 32}
"""What one provider has of it, roughly: a telephone that moves about town stays inside."""


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a request comes from, as far as a server can tell."""

    user_agent: str
    address: str
    device_token: str | None
    """From the cookie that a browser gets when it signs in."""

    def in_words(self) -> str:
        """`Firefox on Linux`."""
        name = next((word for mark, word in _BROWSERS if mark in self.user_agent), "A browser")
        system = next((word for mark, word in _SYSTEMS if mark in self.user_agent), None)
        return f"{name} on {system}" if system else name

    def neighbourhood(self) -> str:
        """The network that guesses from here are counted by."""
        return _network(self.address, _GUESSING)

    def whereabouts(self) -> str:
        """The network that somebody usually signs in from."""
        return _network(self.address, _ROAMING)


def _network(address: str, prefixes: dict[int, int]) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network(f"{found}/{prefixes[found.version]}", strict=False))
