"""Videos that lie elsewhere: named by an address, at a provider that we know how to show.

What is kept is put together anew from the provider's id of the video, so nothing else of the address comes along.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from commerce.media.refusals import VideoRefused


@dataclass(frozen=True, slots=True)
class Provider:
    """Where videos lie."""

    hosts: frozenset[str]
    path: re.Pattern[str]
    """Its group `id` is the video; without one it is the parameter `v`."""
    id: re.Pattern[str]
    page: str
    embedded: str
    """The player, in the form that sets no cookies before it plays."""


_VIDEO = re.compile(r"^[A-Za-z0-9_-]{11}$", re.ASCII)
_NUMBER = re.compile(r"^[0-9]{6,12}$", re.ASCII)
PROVIDERS: dict[str, Provider] = {
    "youtube": Provider(
        frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "www.youtube-nocookie.com", "youtu.be"}),
        re.compile(r"^/(?:watch|(?:(?:embed|shorts)/)?(?P<id>[^/]+))/?$"),
        _VIDEO,
        "https://www.youtube.com/watch?v={id}",
        "https://www.youtube-nocookie.com/embed/{id}",
    ),
    "vimeo": Provider(
        frozenset({"vimeo.com", "www.vimeo.com", "player.vimeo.com"}),
        re.compile(r"^/(?:video/)?(?P<id>[^/]+)/?$"),
        _NUMBER,
        "https://vimeo.com/{id}",
        "https://player.vimeo.com/video/{id}?dnt=1",
    ),
}


def read(url: str) -> dict[str, str]:
    """What is kept of a video's address: `{provider, url, embed_url}`.

    Raises:
        VideoRefused: it is no address of a video at a provider that is known.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme == "https" and parts.port is None and parts.username is None else None
    except ValueError:
        host = None
    for name, provider in PROVIDERS.items():
        if host in provider.hosts and (found := provider.path.match(parts.path)):
            video = found["id"] or next(iter(parse_qs(parts.query).get("v", [])), "")
            if provider.id.match(video):
                pages = {"url": provider.page.format(id=video), "embed_url": provider.embedded.format(id=video)}
                return {"provider": name, **pages}
    raise VideoRefused(providers=sorted(PROVIDERS))
