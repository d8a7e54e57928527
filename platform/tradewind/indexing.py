"""`tradewind index`: a shop's search indexes, built from its catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from mlflow.exceptions import MlflowException
from redis.exceptions import RedisError

from foundation.progress import Progress, silent
from foundation.settings import Settings
from models.visual_search.encoder import EncoderMissing as PictureEncoderMissing
from pipelines.tenants import NoSuchShop, Tenant, called
from serving import search_building, visual_building
from serving.index import IndexUnavailable
from serving.packages import RegistryAway
from tradewind.errors import StackError


def run(slug: str, progress: Progress = silent) -> Iterator[str]:
    """Build the index of what products say; a line at the end says what it holds.

    Raises:
        StackError: there is no such shop, or an engine can't be reached.
    """
    settings = Settings()
    shop = _shop(settings, slug)
    try:
        built = search_building.build(settings, shop.id, progress=progress)
    except (psycopg.Error, RedisError, OSError) as fault:
        raise StackError(str(fault)) from fault
    yield f"{slug}: {built.products:,} products are found by {built.words:,} words; by their meaning as it is encoded"


def looks(slug: str) -> Iterator[str]:
    """Build the index of what products look like; a line at the end says what it holds.

    Raises:
        StackError: there is no such shop, no encoder, no registry where one is set, or no index to build in.
    """
    settings = Settings()
    shop = _shop(settings, slug)
    try:
        built = visual_building.build(settings, shop.id)
    except (PictureEncoderMissing, RegistryAway, MlflowException, IndexUnavailable) as fault:
        raise StackError(str(fault)) from fault
    yield f"{slug}: {built.pictures:,} pictures seen by {built.encoder}, looked for in {built.collection}"


def _shop(settings: Settings, slug: str) -> Tenant:
    try:
        return called(settings, slug)
    except NoSuchShop as fault:
        raise StackError(str(fault)) from fault
