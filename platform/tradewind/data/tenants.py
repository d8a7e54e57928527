"""The tenants that are loaded, and what each remembers of its load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from foundation.database import TENANT_SETTING
from tradewind.data.ids import SourceIds


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant to be."""

    slug: str
    name: str
    hosts: tuple[str, ...]
    currency: str = "USD"

    @property
    def ids(self) -> SourceIds:
        """The ids of what is loaded into it."""
        return SourceIds(self.slug)

    @property
    def id(self) -> UUID:
        """The tenant's id."""
        return self.ids.tenant_id


GROCER = Shop("grocer", "Journey Market", ("localhost", "127.0.0.1", "grocer.localhost"))
FASHION = Shop("fashion", "Fashion", ("fashion.localhost",))
PLAN = "enterprise"


def create(owner_url: str, shop: Shop) -> None:
    """Enter the tenant and its hosts into the directory, as the owner, with a plan that has room for what is loaded;
    nothing changes when they are there.
    """
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "INSERT INTO tenant (id, slug, name, currency, settings) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (shop.id, shop.slug, shop.name, shop.currency, Jsonb({"sign_in": "reference"})),
        )
        for host in shop.hosts:
            owner.execute(
                "INSERT INTO tenant_domain (host, tenant_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (host, shop.id)
            )
        owner.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(shop.id)))
        owner.execute(
            "INSERT INTO tenant_plan (tenant_id, id, code) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (shop.id, shop.ids.of("plan"), PLAN),
        )


def recall(owner_url: str, shop: Shop) -> dict[str, Any]:
    """What was remembered of the tenant's load; empty before the first."""
    with psycopg.connect(owner_url) as owner:
        row = owner.execute("SELECT settings->'load' FROM tenant WHERE id = %s", (shop.id,)).fetchone()
    return dict(row[0]) if row and row[0] else {}


def remember(owner_url: str, shop: Shop, facts: Mapping[str, Any]) -> None:
    """Add to what is remembered of the tenant's load."""
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE tenant SET settings = settings || jsonb_build_object("
            "'load', coalesce(settings->'load', '{}') || %s) WHERE id = %s",
            (Jsonb(dict(facts)), shop.id),
        )
