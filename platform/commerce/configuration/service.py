"""Reading and changing a shop's configuration: whole, by version, with its history."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import text

from commerce.configuration.differences import differences
from commerce.configuration.schemas import KEYS, ChangeOut, Configuration, ConfigurationOut, History
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id


class VersionNotFound(NotFound):
    """The configuration never had this version, or its history does not go back so far."""

    code = "configuration.version_not_found"

    version: int


# uq_configuration_change_version
_ADD = hot(
    text(
        """
        INSERT INTO configuration_change (tenant_id, id, version, configuration, changed_by, note, changed_at)
        VALUES (:tenant_id, :id, :version, CAST(CAST(:configuration AS text) AS jsonb), :changed_by, :note,
                CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, version) DO NOTHING
        """
    )
)
_OF_VERSION = hot(
    text(
        "SELECT configuration::text FROM configuration_change"
        " WHERE tenant_id = :tenant_id AND version = CAST(:version AS bigint)"
    )
)
_HISTORY = hot(
    text(
        """
        SELECT version, configuration::text AS configuration, changed_by, note, changed_at FROM configuration_change
        WHERE tenant_id = :tenant_id AND version < CAST(:before AS bigint) ORDER BY version DESC LIMIT :limit
        """
    )
)
UNWRITTEN = "Tradewind"
"""Who set the shop up, as far as the history says."""


def configuration_of(shop: Shop) -> dict[str, Any]:
    """The configuration that a shop has, each setting with a value of its own or its default. A key that holds what the
    schema does not allow, because it was written past it, is shown as its default: so it acts, too.
    """
    told: dict[str, Any] = {"name": shop.name, "locale": shop.locale}
    told |= {key: shop.settings[key] for key in KEYS if key in shop.settings}
    while True:
        try:
            return Configuration.model_validate(told).model_dump(mode="json")
        except ValidationError as fault:
            # What is said of the whole is said of its messages.
            bad = {str(error["loc"][0]) if error["loc"] else "mail_templates" for error in fault.errors()} - {"name"}
            if not bad & told.keys():
                raise
            told = {key: value for key, value in told.items() if key not in bad}


async def read(tx: Tx) -> ConfigurationOut:
    """The present configuration and its version."""
    shop = await tenancy.own(tx)
    return ConfigurationOut(version=shop.settings_version, configuration=configuration_of(shop))


async def change(tx: Tx, configuration: Configuration, *, version: int, by: str, note: str = "") -> ConfigurationOut:
    """Put a configuration in place of the one of `version`.

    Raises:
        SettingsChanged: somebody has changed it since.
    """
    before = await tenancy.own(tx)
    after = configuration.model_dump(mode="json")
    settings = {key: value for key, value in configuration.model_dump(mode="json", exclude_none=True).items() if value}
    kept = await tenancy.keep_settings(
        tx,
        name=configuration.name,
        locale=configuration.locale,
        keys=KEYS,
        settings={key: settings[key] for key in KEYS if key in settings},
        version=version,
    )
    # Where it came from: otherwise nobody could go back before the first change.
    await _write(tx, version, configuration_of(before), UNWRITTEN, "")
    await _write(tx, kept, after, by, note)
    return ConfigurationOut(version=kept, configuration=after)


async def amend(tx: Tx, part: Callable[[Configuration], Configuration], *, by: str, note: str = "") -> ConfigurationOut:
    """Change a part of the present configuration, whatever else of it has changed before; of two at once, one is
    refused.

    Raises:
        SettingsChanged: somebody has changed it since this transaction read it.
    """
    present = await read(tx)
    amended = part(Configuration.model_validate(present.configuration))
    return await change(tx, amended, version=present.version, by=by, note=note)


async def revert(tx: Tx, *, to: int, version: int, by: str) -> ConfigurationOut:
    """Make it again as it was in an earlier version; that is a change like any other.

    Raises:
        VersionNotFound, SettingsChanged.
    """
    found = await tx.json(_OF_VERSION, {"version": to})
    if found is None:
        raise VersionNotFound(version=to)
    configuration = Configuration.model_validate(json.loads(found))
    return await change(tx, configuration, version=version, by=by, note=f"Back to version {to}")


async def history(tx: Tx, *, before: int, limit: int) -> History:
    """The changes of versions below `before`, the latest first, each with what it changed."""
    rows = await tx.rows(_HISTORY, {"before": before, "limit": limit + 2})
    whole: list[Mapping[str, Any]] = [json.loads(row["configuration"]) for row in rows]
    items = [
        ChangeOut(
            version=row["version"],
            changed_by=row["changed_by"],
            changed_at=row["changed_at"],
            note=row["note"],
            changes=differences(whole[place + 1], whole[place]) if place + 1 < len(rows) else [],
        )
        for place, row in enumerate(rows[:limit])
    ]
    return History(items=items, has_more=len(rows) > limit)


async def _write(tx: Tx, version: int, configuration: Mapping[str, Any], by: str, note: str) -> None:
    values = {"id": new_id(), "version": version, "configuration": json.dumps(configuration), "now": clock.now()}
    await tx.rows(_ADD, {**values, "changed_by": by, "note": note})
