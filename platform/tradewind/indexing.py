"""`tradewind index`: a shop's search index, built from its catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from foundation.settings import Settings
from models.search.encoder import EncoderMissing, load
from serving.index import IndexUnavailable
from serving.search_building import build
from tradewind.errors import StackError


def run(slug: str) -> Iterator[str]:
    """Build it; a line at the end says what it holds.

    Raises:
        StackError: there is no such shop, no encoder, or no index to build in.
    """
    settings = Settings()
    with psycopg.connect(
        settings.require("database_relay_url", "Postgres for the relay"), autocommit=True
    ) as directory:
        found = directory.execute("SELECT id FROM tenant WHERE slug = %s", (slug,)).fetchone()
    if found is None:
        raise StackError(f"There is no shop {slug}.")
    try:
        built = build(settings, found[0], load(settings.search_encoder))
    except (EncoderMissing, IndexUnavailable) as fault:
        raise StackError(str(fault)) from fault
    yield f"{slug}: {built.products:,} products and {built.words:,} words, searched in {built.collection}"
