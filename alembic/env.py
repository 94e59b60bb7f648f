"""Runs migrations on one database: the URL given by the caller, else the settings'."""

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from marketplace.core.db import Database
from marketplace.core.settings import get_settings
from marketplace.migrations import render_type
from marketplace.registry import load_models

LOCK = 4_801_237_001
"""Advisory lock: two containers starting at once migrate one after the other."""

LOCK_TIMEOUT_MS = 5_000
"""A migration that cannot get its table lock gives up rather than stop the market behind it."""

WAIT_FOR_OTHERS_MS = 120_000


def run() -> None:
    """Every outstanding migration in one transaction."""
    database = Database(context.config.attributes.get("url") or get_settings().database_url, lock_timeout_ms=LOCK_TIMEOUT_MS)
    engine = sa.create_engine(database.url, poolclass=NullPool) if database.dialect == "postgresql" else database.engine
    try:
        with engine.connect() as connection:
            _prepare(connection)
            context.configure(
                connection=connection,
                target_metadata=load_models(),
                render_as_batch=True,
                render_item=render_type,
                compare_type=True,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
    finally:
        engine.dispose()
        database.dispose()


def _prepare(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET timezone = 'UTC'")
        connection.exec_driver_sql(f"SET lock_timeout = {WAIT_FOR_OTHERS_MS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        return
    # Batch mode copies tables; enforcing foreign keys meanwhile would refuse that. The pragma works outside a transaction only.
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")


run()
