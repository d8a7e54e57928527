"""Row policies of the event store: who reads for one shop sees that shop's rows, and without saying which, none."""

from __future__ import annotations

from collections.abc import Sequence

from foundation.analytics import TENANT_SETTING

READER = "tradewind_reader"
"""The role that reads for one shop at a time; a user of it is what `TRADEWIND_CLICKHOUSE_READER_URL` logs in as."""

_SAID = f"getSettingOrDefault('{TENANT_SETTING}', '')"
OF_THE_SHOP = f"tenant_id = toUUIDOrNull({_SAID})"
"""Which rows the role sees; no text but a UUID's names any."""
OF_THE_PLATFORM = f"({_SAID} = '') OR ({OF_THE_SHOP})"
"""Which rows everybody else sees: all of them, until they say for which shop they read."""


def statements(database: str) -> Sequence[str]:
    """What makes the role and its policies on a ClickHouse server, for who may manage access there; again is harmless.

    The policies are on the whole database, so a table that is made later is under them from the start, and one without
    a `tenant_id` can't be read by the role at all. Needs ClickHouse 24.10, and `SQL_` among its
    `custom_settings_prefixes`, where it is by default.
    """
    tables = f"{_quoted(database)}.*"
    return (
        f"CREATE ROLE IF NOT EXISTS {READER}",
        f"GRANT SELECT ON {tables} TO {READER}",
        f"CREATE ROW POLICY OR REPLACE tradewind_shop ON {tables} USING {OF_THE_SHOP} TO {READER}",
        f"CREATE ROW POLICY OR REPLACE tradewind_platform ON {tables} USING {OF_THE_PLATFORM} TO ALL EXCEPT {READER}",
    )


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
