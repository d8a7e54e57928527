"""Pages that a browser is sent to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints


def _page(value: str) -> str:
    """A page that a browser can be sent to, and nothing that would run there."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be the address of a page, with http or https")
    return value


PageUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[!-~]+$"), AfterValidator(_page)]
