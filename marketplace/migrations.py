"""Alembic from inside the product: upgrade a database, and write the initial migration while nothing is released.

The initial migration is rendered from the models and is self-contained: no type, trigger or value list in it changes when the
product's code changes later.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from marketplace.core.db import APPEND_ONLY, UNDELETABLE, Database
from marketplace.registry import load_models

FOLDER = Path(__file__).parent.parent / "alembic"
INITIAL = FOLDER / "versions" / "0001_initial.py"


def alembic_config(url: str) -> Config:
    """Alembic's configuration for one database."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> str:
    """Bring the database to the newest revision; returns its name. Concurrent callers wait for one another."""
    config = alembic_config(url)
    head = ScriptDirectory.from_config(config).get_current_head()
    if current_revision(url) != head:
        command.upgrade(config, "head")
    return str(head)


def current_revision(url: str) -> str | None:
    """The database's revision; None for an empty one."""
    database = Database(url)
    try:
        with database.reading() as session:
            return MigrationContext.configure(session.connection()).get_current_revision()
    finally:
        database.dispose()


def render_type(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Alembic's ``render_item``: a column type without anything of the product's or SQLModel's in it."""
    if kind != "type":
        return False
    if isinstance(item, sa.JSON):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    if isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"  # its CHECK is rendered beside it
    if isinstance(item, sa.types.TypeDecorator):
        impl = item.impl_instance
        return f"sa.{impl!r}"
    return False


def write_initial() -> Path:
    """Render all tables of the models into the initial migration; returns its path."""
    INITIAL.write_text(initial_text(), encoding="utf-8")
    for tool in (["check", "--fix", "-q"], ["format", "-q"]):
        subprocess.run([sys.executable, "-m", "ruff", *tool, str(INITIAL)], check=True)
    return INITIAL


def is_initial_current() -> bool:
    """Whether the initial migration is what the models give."""
    return ast.dump(ast.parse(INITIAL.read_text(encoding="utf-8"))) == ast.dump(ast.parse(initial_text()))


def initial_text() -> str:
    """The initial migration's text, not yet formatted."""
    metadata = _made_visible(load_models())
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        options = {
            "target_metadata": metadata,
            "render_item": render_type,
            "sqlalchemy_module_prefix": "sa.",
            "alembic_module_prefix": "op.",
        }
        context = MigrationContext.configure(connection, opts=options)
        script = produce_migrations(context, metadata)
        assert script.upgrade_ops is not None
        assert script.downgrade_ops is not None
        up = render_python_code(script.upgrade_ops, render_item=render_type, migration_context=context)
        down = render_python_code(script.downgrade_ops, render_item=render_type, migration_context=context)
    tables = "".join(f'    "{name}",\n' for name in sorted(set(APPEND_ONLY) & set(metadata.tables)))
    kept = "".join(f'    "{name}",\n' for name in sorted(set(UNDELETABLE) & set(metadata.tables)))
    text = _INITIAL_TEXT.replace("@UP@", up).replace("@DOWN@", down)
    return text.replace("@APPEND_ONLY@", tables).replace("@UNDELETABLE@", kept)


def _made_visible(models: sa.MetaData) -> sa.MetaData:
    """A copy that says aloud what autogenerate leaves out: the CHECK of an enum column, and that a number is not a serial."""
    copied = sa.MetaData(naming_convention=models.naming_convention)
    for table in models.tables.values():
        table.to_metadata(copied)
    for table in copied.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                constraint._type_bound = False
        for column in table.primary_key.columns:
            if isinstance(column.type, sa.Integer) and column is not table.autoincrement_column:
                column.autoincrement = False
    return copied


_INITIAL_TEXT = '''"""Initial schema: every table of the first release, with its constraints, indexes and append-only triggers.

Written by `henanroad migration` from the models.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
@APPEND_ONLY@)
"""Tables whose rows the database itself refuses to change or delete."""
UNDELETABLE = (
@UNDELETABLE@)
"""Tables whose rows may change but are never deleted: records that must be kept for years."""


def upgrade() -> None:
    @UP@
    for table in APPEND_ONLY:
        refuse_changes(table)
    for table in UNDELETABLE:
        refuse_deletion(table)


def refuse_changes(table: str) -> None:
    """Triggers that raise `<table>_append_only` on UPDATE and DELETE."""
    name = f"{table}_append_only"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END")
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def refuse_deletion(table: str) -> None:
    """A trigger that raises `<table>_kept` on DELETE."""
    name = f"{table}_kept"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END")
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    @DOWN@
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION IF EXISTS {table}_append_only()")
        for table in UNDELETABLE:
            op.execute(f"DROP FUNCTION IF EXISTS {table}_kept()")
'''
