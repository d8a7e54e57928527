"""The API's description, which is the same for every app and takes a second or two to make."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import Settings


@cache
def described() -> dict[str, Any]:
    """OpenAPI, as the app gives it."""
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    return create_app(Settings(_env_file=None, database_url=nowhere)).openapi()
