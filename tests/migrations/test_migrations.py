"""The migrations make exactly what the models say, on both databases; a released migration depends on nothing that moves."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketplace.core.db import APPEND_ONLY, UNDELETABLE, Database
from marketplace.migrations import FOLDER, alembic_config, current_revision, is_initial_current, upgrade
from marketplace.registry import load_models
from tests.migrations.schema import schema_of
from tests.services import need


class _Place:
    """Makes empty databases of one kind and removes them."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._folder = folder
        self._made: list[str] = []
        self._server = sa.make_url(need("PostgreSQL")) if kind == "postgresql" else None

    def empty(self) -> str:
        name = f"henanroad_migration_{uuid4().hex[:12]}"
        if self._server is None:
            return f"sqlite:///{self._folder / name}.db"
        self._admin(f'CREATE DATABASE "{name}"')
        self._made.append(name)
        return self._server.set(database=name).render_as_string(hide_password=False)

    def clear(self) -> None:
        for name in self._made:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _admin(self, statement: str) -> None:
        assert self._server is not None
        engine = sa.create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Place]:
    found = _Place(request.param, tmp_path)
    yield found
    found.clear()


def _schema(url: str) -> dict[str, list[str]]:
    database = Database(url)
    with database.reading() as session:
        found = schema_of(session.connection())
    database.dispose()
    return found


class TestUpgrade:
    def test_makes_the_same_tables_constraints_indexes_and_triggers_as_the_models(self, place: _Place) -> None:
        migrated, modelled = place.empty(), place.empty()
        upgrade(migrated)
        database = Database(modelled)
        load_models().create_all(database.engine)
        database.dispose()
        assert _schema(migrated) == _schema(modelled)

    def test_leaves_nothing_for_autogenerate(self, place: _Place) -> None:
        url = place.empty()
        upgrade(url)
        database = Database(url)
        with database.reading() as session:
            context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
            assert compare_metadata(context, load_models()) == []
        database.dispose()

    def test_a_second_upgrade_does_nothing(self, place: _Place) -> None:
        url = place.empty()
        assert current_revision(url) is None
        first = upgrade(url)
        assert upgrade(url) == first == current_revision(url)

    def test_two_at_once_wait_for_one_another(self, place: _Place) -> None:
        url = place.empty()
        environment = {**os.environ, "HENANROAD_DATABASE_URL": url}
        command = [sys.executable, "-m", "marketplace.cli", "migrate"]
        started = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        told = [process.communicate(timeout=60)[1] for process in started]
        assert [process.returncode for process in started] == [0, 0], told
        assert current_revision(url) is not None

    def test_downgrade_leaves_an_empty_database(self, place: _Place) -> None:
        url = place.empty()
        upgrade(url)
        command.downgrade(alembic_config(url), "base")
        assert not any(_schema(url).values())

    def test_append_only_tables_refuse_changes_in_a_migrated_database(self, place: _Place) -> None:
        url = place.empty()
        upgrade(url)
        assert {table for table in APPEND_ONLY if any(f"{table}_append_only" in trigger for trigger in _schema(url)["trigger"])} == set(
            APPEND_ONLY
        )
        kept = {table for table in UNDELETABLE if any(f"{table}_kept" in trigger for trigger in _schema(url)["trigger"])}
        assert kept == set(UNDELETABLE)


class TestFiles:
    def test_the_initial_migration_is_what_the_models_give(self) -> None:
        assert is_initial_current(), "run: make migration"

    def test_migrations_import_nothing_of_the_product(self) -> None:
        for path in sorted((FOLDER / "versions").glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert {name.partition(".")[0] for name in named} <= {"sqlalchemy", "alembic", "sqlmodel"}, path.name

    def test_the_folder_does_not_shadow_the_library(self) -> None:
        assert not (FOLDER / "__init__.py").exists()
