"""From a tenant's Markdown to HTML that is safe to show, whatever the tenant wrote.

HTML in the Markdown is shown as text. Of links there are those to other sites, to mail, and within the shop; any other
address, such as one that would run a script, is refused when the page is published and shown as text should it get by.
Pictures are links: pages load nothing from anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from foundation.errors import Unprocessable

_LINK = re.compile(
    r"https?://[^\s/?#\\@]+(?:[/?#][^\s\\]*)?"
    r"|mailto:[^\s\\]+"
    r"|/(?![/\\])[^\s\\]*"  # // and /\ lead to other sites
    r"|#[^\s\\]*",
    re.IGNORECASE,
)
_SHOWN = 5
_LONGEST_SHOWN = 100


class LinksUnfit(Unprocessable):
    """A link leads to another site (https://, http://), to mail (mailto:) or within the shop (/...), nowhere else."""

    code = "legal.links_unfit"

    links: list[str]


def check(markdown: str) -> None:
    """Stop at links that lead where they may not.

    Raises:
        LinksUnfit: some of them are named.
    """
    unfit = [link for link in _links(_reader().parse(markdown)) if not is_fit(link)]
    if unfit:
        raise LinksUnfit(links=[link[:_LONGEST_SHOWN] for link in unfit[:_SHOWN]])


@lru_cache(maxsize=128)
def html(markdown: str) -> str:
    """A page as HTML, its headings below the page's own."""
    rendered: str = _writer().render(markdown)
    return rendered


def is_fit(link: str) -> bool:
    """Whether a link leads where it may, as it stands in the HTML."""
    return _LINK.fullmatch(link) is not None


class _Reader(MarkdownIt):
    """Finds every link there is."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
        """All of them."""
        return True


class _Writer(MarkdownIt):
    """Makes links of those that are fit."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Those alone."""
        return is_fit(url)


def _set_up(made: MarkdownIt) -> MarkdownIt:
    return made.enable("table").disable("image")


@cache
def _reader() -> MarkdownIt:
    return _set_up(_Reader("commonmark", {"html": False}))


@cache
def _writer() -> MarkdownIt:
    made = _set_up(_Writer("commonmark", {"html": False}))
    made.add_render_rule("link_open", _link_open)
    made.add_render_rule("heading_open", _lower_heading)
    made.add_render_rule("heading_close", _lower_heading)
    return made


def _links(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "link_open":
            yield str(token.attrs["href"])
        yield from _links(token.children or ())


def _link_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "nofollow noopener")
    shown: str = renderer.renderToken(tokens, index, options, env)
    return shown


def _lower_heading(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].tag = f"h{min(int(tokens[index].tag[1]) + 1, 6)}"
    shown: str = renderer.renderToken(tokens, index, options, env)
    return shown
