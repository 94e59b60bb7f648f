"""Fresh databases fast: SQLite copies a migrated file, PostgreSQL empties one migrated database."""

import shutil
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from marketplace.core.db import Database
from marketplace.migrations import is_initial_current, upgrade
from marketplace.registry import load_models


def _make_tables(url: str) -> None:
    """By the migrations, as in production; by the models while a new table has none yet (then a test of migrations fails)."""
    metadata = load_models()
    if is_initial_current():
        upgrade(url)
        return
    database = Database(url)
    metadata.create_all(database.engine)
    database.dispose()


class SqliteTemplate:
    def __init__(self, path: Path) -> None:
        self._path = path
        _make_tables(f"sqlite:///{path}")
        database = Database(f"sqlite:///{path}")
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.dispose()

    def fresh(self, path: Path) -> Database:
        shutil.copy(self._path, path)
        return Database(f"sqlite:///{path}")


class PostgresTemplate:
    """A database of this run's own on the server that the variable names."""

    def __init__(self, url: str) -> None:
        self._server = sa.make_url(url)
        self._name = f"henanroad_test_{uuid4().hex[:12]}"
        self._admin(f'CREATE DATABASE "{self._name}"')
        self.url = self._server.set(database=self._name).render_as_string(hide_password=False)
        self._tables = list(load_models().tables)
        _make_tables(self.url)

    def fresh(self) -> Database:
        database = Database(self.url, lock_timeout_ms=5_000)
        emptied = ";".join(f'DELETE FROM "{table}"' for table in self._tables)
        with database.engine.begin() as connection:
            # replica: foreign keys and append-only triggers stay out of the way of the broom
            connection.exec_driver_sql(f"SET LOCAL session_replication_role = replica; {emptied}")
        return database

    def drop(self) -> None:
        self._admin(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')

    def _admin(self, statement: str) -> None:
        engine = sa.create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()
