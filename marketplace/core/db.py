"""The database: engine, session, the one commit point, and the column kinds every table uses.

Two databases, one behaviour. PostgreSQL orders writers by row locks; SQLite has one writer, so a writing session takes the
write lock at once (``BEGIN IMMEDIATE``): a read snapshot can never be upgraded there. ``SELECT … FOR UPDATE`` is written for
PostgreSQL and means nothing on SQLite, where the whole session already holds the lock.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Request
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Field, Session, SQLModel

from marketplace.core.errors import Unavailable
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings

__all__ = [
    "CommitQueue",
    "Database",
    "Json",
    "ReadSession",
    "Session",
    "WriteSession",
    "append_only",
    "enum_type",
    "insert_many",
    "metadata",
    "primary_id",
    "undeletable",
]

T = TypeVar("T")

metadata = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Json = sa.JSON().with_variant(JSONB(), "postgresql")
"""JSON column: JSONB on PostgreSQL, text on SQLite. Do not put amounts in it that rules compare."""

APPEND_ONLY: list[str] = []
"""Names of the tables the database refuses to change."""
UNDELETABLE: list[str] = []
"""Names of the tables whose rows may change but that the database refuses to delete from: records the law has kept for years."""

Dialect: TypeAlias = Literal["sqlite", "postgresql"]


def primary_id() -> Any:  # Any: SQLModel's Field() is typed so
    """A UUIDv7 primary key column."""
    return Field(default_factory=new_id, primary_key=True)


def enum_type(enum: type[StrEnum], column: str) -> Any:  # Any: SQLModel types sa_type as a class, not an instance
    """Text with a CHECK named ``ck_<table>_<column>``; values, not member names, on both databases.

    Use as ``Field(sa_type=enum_type(LotState, "state"))``. Not a database enum: a new member is a new CHECK, no ALTER TYPE.
    """
    return sa.Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=column,
        values_callable=lambda members: [member.value for member in members],
    )


def append_only(table: sa.Table) -> None:
    """Let the database itself refuse UPDATE and DELETE of ``table``. Call it once, behind the model: ``append_only(Entry.__table__)``.

    The error's text is ``<table>_append_only`` on both databases.
    """

    def install(_table: sa.Table, connection: Connection, **_: Any) -> None:
        for statement in append_only_statements(table.name):
            if statement.dialect == connection.dialect.name:
                connection.exec_driver_sql(statement.text)

    APPEND_ONLY.append(table.name)
    event.listen(table, "after_create", install)


@dataclass(frozen=True, slots=True)
class DialectStatement:
    """One DDL statement for one database."""

    dialect: Dialect
    text: str


def append_only_statements(table: str) -> list[DialectStatement]:
    """The triggers behind ``append_only``, for migrations too."""
    name = f"{table}_append_only"
    sqlite_triggers = [
        DialectStatement(
            "sqlite",
            f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END",
        )
        for verb in ("UPDATE", "DELETE")
    ]
    return [
        *sqlite_triggers,
        DialectStatement(
            "postgresql",
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        ),
        DialectStatement(
            "postgresql",
            f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ),
    ]


def undeletable(table: sa.Table) -> None:
    """Let the database itself refuse DELETE of ``table``; rows may change. Call it once, behind the model.

    The error's text is ``<table>_kept`` on both databases.
    """

    def install(_table: sa.Table, connection: Connection, **_: Any) -> None:
        for statement in undeletable_statements(table.name):
            if statement.dialect == connection.dialect.name:
                connection.exec_driver_sql(statement.text)

    UNDELETABLE.append(table.name)
    event.listen(table, "after_create", install)


def undeletable_statements(table: str) -> list[DialectStatement]:
    """The triggers behind ``undeletable``, for migrations too."""
    name = f"{table}_kept"
    return [
        DialectStatement("sqlite", f"CREATE TRIGGER {name} BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{name}'); END"),
        DialectStatement(
            "postgresql",
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        ),
        DialectStatement("postgresql", f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"),
    ]


class Database:
    """One engine. ``writing()`` commits at its end and rolls back on any exception; ``reading()`` never writes."""

    def __init__(self, url: str, *, pool_size: int = 10, lock_timeout_ms: int = 5_000, statement_timeout_ms: int = 30_000) -> None:
        self.url = url
        self.engine = self._engine(url, pool_size, lock_timeout_ms, statement_timeout_ms)
        self._reader = self.engine.execution_options(read_only=True, **self._reader_options())

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        return cls(
            settings.database_url,
            pool_size=settings.database_pool_size,
            lock_timeout_ms=settings.database_lock_timeout_ms,
            statement_timeout_ms=settings.database_statement_timeout_ms,
        )

    @property
    def dialect(self) -> Dialect:
        return "sqlite" if self.engine.dialect.name == "sqlite" else "postgresql"

    def _reader_options(self) -> dict[str, Any]:
        return {} if self.dialect == "sqlite" else {"postgresql_readonly": True}

    @staticmethod
    def _engine(url: str, pool_size: int, lock_timeout_ms: int, statement_timeout_ms: int) -> Engine:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(
                parsed,
                pool_size=max(pool_size, 5),
                max_overflow=50,
                hide_parameters=True,  # a failed statement's text goes to the log
                connect_args={"check_same_thread": False},
            )
            event.listen(engine, "connect", _sqlite_connect(lock_timeout_ms))
            event.listen(engine, "begin", _sqlite_begin)
            return engine
        options = f"-c timezone=UTC -c lock_timeout={lock_timeout_ms} -c statement_timeout={statement_timeout_ms}"
        return sa.create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"options": options},
        )

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, committed at the end. What was added is visible to others only after the ``with`` block."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One read-only snapshot; on SQLite it does not wait for writers."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def _sqlite_connect(lock_timeout_ms: int) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    def connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None  # we emit BEGIN ourselves
        connection.execute(f"PRAGMA busy_timeout={lock_timeout_ms}")
        _enter_wal(connection, within_s=lock_timeout_ms / 1_000)
        connection.execute("PRAGMA synchronous=FULL")  # money: a commit survives the power
        connection.execute("PRAGMA foreign_keys=ON")

    return connect


def _enter_wal(connection: sqlite3.Connection, *, within_s: float) -> None:
    """Several processes may open a new file at once; the busy timeout does not hold for the change of the journal."""
    end = monotonic() + within_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if monotonic() > end:
                raise
            sleep(0.01)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


# --- many rows at once ---------------------------------------------------------------------------------------------------


def insert_many(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of one table, all with the same columns and none left to a default: one COPY on PostgreSQL.

    What the session holds is flushed first. Raises ``IntegrityError`` like any insert; run it in a savepoint to go on after one.
    """
    if not rows:
        return
    session.flush()
    connection = session.connection()
    table: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
    else:
        connection.execute(sa.insert(table), list(rows))


def _copy(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    dialect = connection.dialect
    names = list(rows[0])
    processors = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    quote = dialect.identifier_preparer.quote
    statement = f"COPY {quote(table.name)} ({', '.join(quote(name) for name in names)}) FROM STDIN"
    base: Any = dialect.loaded_dbapi.Error
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                values = [row[name] for name in names]
                copy.write_row(
                    [
                        value if value is None or process is None else process(value)
                        for process, value in zip(processors, values, strict=True)
                    ]
                )
    except base as error:
        raise DBAPIError.instance(statement, None, error, base, hide_parameters=True, dialect=dialect) from error
    finally:
        cursor.close()


# --- what is written just before the commit -----------------------------------------------------------------------------


class CommitQueue(Generic[T]):
    """What a part collects in a session and writes just before the commit, behind the business rows' flush.

    All row locks taken there come after every business lock and in one order (``order`` of the queue, then what ``write`` sorts by), so
    two transactions never wait for each other in a circle. A rolled-back savepoint takes back what was added inside it.
    """

    _all: "list[CommitQueue[Any]]" = []

    def __init__(self, name: str, *, order: int, write: Callable[[Session, list[T]], None]) -> None:
        self.name = name
        self.order = order
        self.write = write
        CommitQueue._all = sorted([*CommitQueue._all, self], key=lambda queue: queue.order)

    def add(self, session: Session, entry: T) -> None:
        session.info.setdefault(_WAITING, {}).setdefault(self.name, []).append(entry)

    def waiting(self, session: Session) -> list[T]:
        """What this transaction will write."""
        found: list[T] = session.info.get(_WAITING, {}).get(self.name, [])
        return list(found)

    @classmethod
    def write_all(cls, session: Session) -> None:
        for queue in cls._all:
            entries = session.info.get(_WAITING, {}).pop(queue.name, [])
            if entries:
                queue.write(session, entries)


_WAITING = "commit_queues"
_MARKS = "commit_queue_marks"


@event.listens_for(Session, "before_commit")
def _write_queues(session: Session) -> None:
    if session.info.get(_WAITING) and not session.in_nested_transaction():
        session.flush()  # business locks first
        CommitQueue.write_all(session)


@event.listens_for(Session, "after_transaction_create")
def _mark_queues(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        lengths = {name: len(entries) for name, entries in session.info.get(_WAITING, {}).items()}
        session.info.setdefault(_MARKS, {})[id(transaction)] = lengths


@event.listens_for(Session, "after_soft_rollback")
def _cut_queues(session: Session, transaction: SessionTransaction) -> None:
    marks = session.info.get(_MARKS, {}).get(id(transaction), {}) if transaction.nested else {}
    for name, entries in session.info.get(_WAITING, {}).items():
        del entries[marks.get(name, 0) :]


@event.listens_for(Session, "after_transaction_end")
def _forget_queues(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # a savepoint's own end is told before its rollback
        session.info.pop(_WAITING, None)
        session.info.pop(_MARKS, None)


# --- what a failed statement means -------------------------------------------------------------------------------------

_PG_RETRY = {"40001", "40P01", "55P03", "57014"}  # serialization, deadlock, lock not available, query cancelled


def violated_constraint(error: IntegrityError) -> str | None:
    """Name of the constraint that refused the write; the same name on both databases, None when it is unknown."""
    diag = getattr(error.orig, "diag", None)
    if diag is not None:
        name = diag.constraint_name
        return str(name) if name else None
    text = str(error.orig)
    if text.startswith("CHECK constraint failed: "):
        return text.removeprefix("CHECK constraint failed: ")
    if text.startswith("UNIQUE constraint failed: "):
        return _unique_name(text.removeprefix("UNIQUE constraint failed: "))
    return None


def _unique_name(columns: str) -> str | None:
    if columns.startswith("index "):
        return columns.removeprefix("index ").strip("'")
    pairs = [part.strip().split(".") for part in columns.split(",")]
    table = metadata.tables.get(pairs[0][0])
    if table is None:
        return None
    names = [pair[-1] for pair in pairs]
    for constraint in table.constraints:
        if (
            isinstance(constraint, (sa.UniqueConstraint, sa.PrimaryKeyConstraint))
            and [column.name for column in constraint.columns] == names
        ):
            return str(constraint.name)
    for index in table.indexes:
        if index.unique and [column.name for column in index.columns] == names:
            return str(index.name)
    return None


def is_busy(error: DBAPIError) -> bool:
    """Whether the statement failed only because others hold locks: nothing happened, the caller may come again."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _PG_RETRY
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


# --- sessions of a request -----------------------------------------------------------------------------------------------


def get_database(request: Request) -> Database:
    """The application's database, put on ``app.state`` by the composition."""
    database = request.app.state.database
    assert isinstance(database, Database)
    return database


def _write_session(request: Request) -> Iterator[Session]:
    with get_database(request).writing() as session:
        request.state.session = session
        yield session


def _read_session(request: Request) -> Iterator[Session]:
    with get_database(request).reading() as session:
        yield session


WriteSession = Annotated[Session, Depends(_write_session, scope="function")]
"""A handler's transaction: committed before the answer is sent, rolled back on any exception."""

ReadSession = Annotated[Session, Depends(_read_session, scope="function")]


def lock_wait_refusal(error: DBAPIError) -> Unavailable | None:
    """503 with Retry-After for a statement that only waited too long, else None."""
    return Unavailable(retry_after_s=1) if is_busy(error) else None


def id_list(ids: list[UUID]) -> list[UUID]:
    """Ids in the one order in which rows are locked everywhere."""
    return sorted(set(ids))
