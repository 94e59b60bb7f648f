"""A database's whole schema as comparable text: columns, constraints, indexes, triggers, functions."""

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection

POSTGRES_QUERIES = {
    "column": """SELECT table_name || '.' || column_name || ' ' || udt_name || ' ' || coalesce(character_maximum_length::text, '') || ' '
                 || is_nullable || ' ' || coalesce(column_default, '') || ' ' || coalesce(is_identity, '')
                 FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraint": """SELECT conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                     WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "index": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "function": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "sequence": "SELECT sequence_name || ' ' || data_type FROM information_schema.sequences WHERE sequence_schema = 'public'",
}


def schema_of(connection: Connection) -> dict[str, list[str]]:
    """Sorted descriptions by kind; Alembic's own table is left out."""
    kinds = _postgres(connection) if connection.dialect.name == "postgresql" else _sqlite(connection)
    return {kind: sorted(one for one in found if "alembic_version" not in one) for kind, found in kinds.items()}


def _postgres(connection: Connection) -> dict[str, list[str]]:
    return {kind: list(connection.exec_driver_sql(query).scalars()) for kind, query in POSTGRES_QUERIES.items()}


def _sqlite(connection: Connection) -> dict[str, list[str]]:
    inspector = sa.inspect(connection)
    kinds: dict[str, list[str]] = {"column": [], "constraint": [], "index": [], "trigger": []}
    for table in inspector.get_table_names():
        kinds["column"] += [
            f"{table}.{name} {kind.upper()} {not_null} {default} {primary}"
            for _, name, kind, not_null, default, primary in connection.exec_driver_sql(f'PRAGMA table_info("{table}")')
        ]
        kinds["constraint"] += [f"{table} {_one_line(str(check))}" for check in inspector.get_check_constraints(table)]
        kinds["constraint"] += [f"{table} {unique}" for unique in inspector.get_unique_constraints(table)]
        kinds["constraint"] += [f"{table} {foreign}" for foreign in inspector.get_foreign_keys(table)]
        kinds["constraint"].append(f"{table} {inspector.get_pk_constraint(table)}")
    for kind in ("index", "trigger"):
        rows = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE type = '{kind}' AND sql IS NOT NULL")
        kinds[kind] = [_one_line(text) for text in rows.scalars()]
    return kinds


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\n", " ").replace("\\t", " "))
