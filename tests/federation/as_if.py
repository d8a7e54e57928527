"""A realm in the place of a well-known provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from commerce.federation.kinds import KINDS, Kind, KindName
from tests.federation.realm import Realm

AsIf = Callable[[KindName], None]


@pytest.fixture
def as_if(monkeypatch: pytest.MonkeyPatch, realm: Realm) -> AsIf:
    """Let the realm be the issuer of a well-known provider."""

    def be(kind: KindName) -> None:
        token_endpoint = f"{realm.issuer}/protocol/openid-connect/token"
        known = replace(KINDS[kind], issuer=realm.issuer, token_endpoint=token_endpoint)
        monkeypatch.setitem(cast("dict[str, Kind]", KINDS), kind, known)

    return be
