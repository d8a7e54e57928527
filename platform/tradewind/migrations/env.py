"""Runs the migrations in one transaction, waiting for locks only so long."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

import commerce.tables  # noqa: F401  (registers every table)
from foundation.database import Base

LOCK_TIMEOUT = "5s"


def run() -> None:
    """Apply the migrations to the database the configuration names."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
