"""Rows as old as a test says: what a table asks for and a test doesn't name is filled in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

import commerce.tables  # noqa: F401  (every table)
from foundation.database import Base
from foundation.ids import new_id

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

A_SECOND = timedelta(seconds=1)
_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]
_FILLED: Mapping[str, Callable[[], Any]] = {
    "UUID": new_id,
    "TEXT": lambda: secrets.token_hex(8),
    "TEXT[]": list,
    "BYTEA": lambda: secrets.token_bytes(32),
    "JSONB": lambda: Jsonb({}),
    "BIGINT": lambda: 1,
    "INTEGER": lambda: 1,
    "SMALLINT": lambda: 1,
    "DOUBLE PRECISION": lambda: 1.0,
    "BOOLEAN": lambda: False,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A shop's tables, to plant rows in and to look at."""

    urls: DatabaseUrls
    shop: SeededShop

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database as the shop."""
        with psycopg.connect(self.urls.app) as connection:
            connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.shop.id),))
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def count(self, table: str) -> int:
        """How many rows of it the shop has."""
        ((count,),) = self.ask(f"SELECT count(*) FROM {table}")
        return int(count)

    def plant(self, table: str, at: datetime, **values: Any) -> UUID:
        """A row with these values; every other time of it is `at`."""
        filled = {
            column.name: _filled(column, at)
            for column in Base.metadata.tables[table].columns
            if not column.nullable and (column.server_default is None or column.name in {"created_at", "updated_at"})
        }
        row = filled | {"tenant_id": self.shop.id} | values
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        self.ask(statement.as_string(), *row.values())
        return UUID(str(row.get("id", self.shop.id)))


def _filled(column: Column[Any], at: datetime) -> Any:
    kind = str(column.type.compile(dialect=_POSTGRES))
    return at if kind.startswith("TIMESTAMP") else _FILLED[kind]()


def _plain(table: str, **values: Any) -> Callable[[Field, datetime], object]:
    return lambda field, at: field.plant(table, at, **values)


def _device(field: Field, at: datetime) -> None:
    field.plant("device", at, account_id=field.plant("account", at))


def _paid_cart(field: Field, at: datetime) -> None:
    cart_id = field.plant("cart", at)
    field.plant("subject_key", at, id=cart_id)
    field.plant("payment_attempt", at, cart_id=cart_id)


def _guest_cart(field: Field, at: datetime) -> None:
    cart_id = field.plant("cart", at)
    field.plant("subject_key", at, id=cart_id)
    field.plant("cart_line", at, cart_id=cart_id, variant_id=field.shop.products[0].variant_id, unit_price=100)


def _saved(field: Field, at: datetime) -> None:
    field.plant("saved_item", at, variant_id=field.shop.products[0].variant_id)


def _alert(field: Field, at: datetime, **values: Any) -> None:
    alert_id = field.plant("subject_key", at)
    variant_id = field.shop.products[0].variant_id
    field.plant("stock_alert", at, id=alert_id, variant_id=variant_id, **values)


def _report(field: Field, at: datetime) -> None:
    customer_id, product_id = field.plant("customer", at), field.shop.products[0].product_id
    written = {"customer_id": customer_id, "product_id": product_id, "rating": 1, "status": "published"}
    review_id = field.plant("review", at, **written)
    field.plant("review_report", at, review_id=review_id, settled_at=at)


def _proof(field: Field, at: datetime) -> None:
    field.plant("proof", at, subject_id=field.plant("subject_key", at))


def _grant(field: Field, at: datetime) -> None:
    client_id = field.plant("oauth_client", at, kind="public")
    grant_id = field.plant("oauth_grant", at, client_id=client_id, subject="staff", revoked_at=at)
    field.plant("oauth_code", at, grant_id=grant_id)
    field.plant("oauth_refresh_token", at, grant_id=grant_id)


def _webhook(field: Field, at: datetime) -> None:
    event_id = field.plant("webhook_event", at)
    subscription_id = field.plant("webhook_subscription", at, status="paused")
    delivery_id = field.plant(
        "webhook_delivery", at, event_id=event_id, subscription_id=subscription_id, status="delivered"
    )
    field.plant("webhook_attempt", at, delivery_id=delivery_id)


_OPENED = {"email": None, "password_hash": None}


def _sign_up(field: Field, at: datetime) -> None:
    field.plant("sign_up", at, id=field.plant("subject_key", at), email="sealed", password_hash="hash")


def _paper(field: Field, at: datetime) -> None:
    field.plant("subject_key", at, kept_until=at)


PLANTS: Mapping[str, Callable[[Field, datetime], object]] = {
    "sessions": _plain("session"),
    "devices": _device,
    "guest_carts": _guest_cart,
    "guest_carts_once_paid": _paid_cart,
    "visitors_saved_items": _saved,
    "stock_alerts": lambda field, at: _alert(field, at, told_at=at),
    "stock_alerts_in_vain": _alert,
    "review_reports": _report,
    "shared_carts": _plain("shared_cart"),
    "idempotency_keys": _plain("idempotency_key", status=200),
    "proofs": _proof,
    "passkey_challenges": _plain("passkey_challenge", purpose="sign_in"),
    "sign_in_attempts": _plain("sign_in_attempt", purpose="sign_in"),
    "first_keys": lambda field, at: field.plant("sign_up", at, api_key="key", finished_at=at, **_OPENED),
    "sign_ups": _sign_up,
    "throttles": _plain("throttle_bucket"),
    "guesses": _plain("code_guess"),
    "messages": _plain("message", channel="email", status="sent"),
    "api_keys": lambda field, at: field.plant("api_key", at, revoked_at=at),
    "grants": _grant,
    "webhook_events": _webhook,
    "dead_letters": _plain("dead_letter"),
    "papers": _paper,
}
"""By the name of a rule, one thing of it whose time is counted from a moment."""
