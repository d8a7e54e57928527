"""Feast over the engines of the settings: ClickHouse behind, Redis in front."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from feast import FeatureStore, RepoConfig

from features.definitions import ALL
from features.online import PROJECT
from foundation.settings import Settings

DEFAULT_CLICKHOUSE_PORT = 8123
DEFAULT_REDIS_PORT = 6379


def feature_store(settings: Settings) -> FeatureStore:
    """Feast's store with its registry as `apply` left it.

    Raises:
        EngineNotConfigured: ClickHouse or Redis has no address.
    """
    return FeatureStore(
        config=RepoConfig(
            project=PROJECT,
            provider="local",
            registry=_registry(settings),
            offline_store=_offline(settings.require("clickhouse_url", "ClickHouse")),
            online_store=_online(settings.require("redis_url", "Redis")),
            entity_key_serialization_version=3,
        )
    )


def apply(settings: Settings) -> FeatureStore:
    """Bring the registry up to the definitions in the code; gives the store."""
    store = feature_store(settings)
    store.apply(ALL)
    return store


def _registry(settings: Settings) -> str:
    if settings.feast_registry is not None:
        return settings.feast_registry
    path = Path(settings.var_dir).absolute() / "feast" / "registry.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


def _offline(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    return {
        "type": "clickhouse",
        "host": parts.hostname or "localhost",
        "port": parts.port or DEFAULT_CLICKHOUSE_PORT,
        "database": parts.path.strip("/") or "default",
        "user": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        # What was not known then is null in a training set, as in Feast's other stores, and not 0.
        "additional_client_args": {"secure": parts.scheme == "https", "settings": {"join_use_nulls": 1}},
    }


def _online(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    options = [f"{parts.hostname}:{parts.port or DEFAULT_REDIS_PORT}", f"db={parts.path.strip('/') or 0}"]
    if parts.username:
        options.append(f"username={unquote(parts.username)}")
    if parts.password:
        options.append(f'password="{unquote(parts.password)}"')
    if parts.scheme == "rediss":
        options.append("ssl=true")
    return {"type": "redis", "connection_string": ",".join(options)}
