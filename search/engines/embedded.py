"""The embedded engine: SQLite FTS5 in a file of its own, beside either database.

A generation is one pair of tables; ``generation`` names the one in use, so that a rebuild becomes visible by one short transaction and
every process sees it at its next statement. A tombstone is a row without words: it keeps a late delivery from reviving a car.

Each facet's values have numbers; a car's twelve stand packed in one column, so that counting all facets is one walk over the cars found
and a dozen ``bincount``, not a dozen GROUP BY: 20 times faster on broad questions.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from search.documents.domain import (
    FACET_SIZE,
    FACETS,
    SORT_FIELDS,
    TERM_FIELDS,
    Change,
    Filters,
    Hit,
    Hits,
    Question,
    Sort,
    VehicleDocument,
    document_words,
)
from search.engines.port import Rebuild, SearchUnavailable, bounds, dump, epoch_us, load, price_class

_BUSY_MS = 5_000
_COLUMNS = ("listing_id", "version", *TERM_FIELDS, "model_year", "ask_minor", "mileage_km", "registered_on", "published_us", "codes")
_CODE = np.dtype("<u2")
_CODE_MAX = 65_535
"""Values of one facet beyond so many are found and not counted."""
_SIDES = {"gte": ">=", "lte": "<="}


class EmbeddedEngine:
    """One file, any number of processes and threads; a connection a thread."""

    name = "embedded"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._threads = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._ready = False

    # --- connections

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1_000)
            found.execute("PRAGMA journal_mode=WAL")
            found.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes, a rebuild gives back
            self._threads.connection = found
            with self._lock:
                self._all.append(found)
        return found

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        try:
            if not self._ready:
                self.prepare()
            connection = self._connection()
            connection.execute(f"BEGIN {kind}")
        except sqlite3.Error as error:
            raise SearchUnavailable(retry_after_s=1) from error
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise SearchUnavailable(retry_after_s=1) from error
            raise

    def prepare(self) -> None:
        try:
            connection = self._connection()
            if not _has_fts5(connection):
                raise SearchUnavailable
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS generation (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)")
            if connection.execute("SELECT number FROM generation").fetchone() is None:
                _create(connection, 1)
                connection.execute("INSERT INTO generation VALUES (1, 1)")
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise SearchUnavailable(retry_after_s=1) from error
        self._ready = True

    def check(self) -> None:
        with self._transaction("") as connection:
            _generation(connection)

    def refresh(self) -> None:
        """A commit is visible at once."""

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._threads = threading.local()

    # --- writing

    def index(self, changes: Sequence[Change]) -> int:
        with self._transaction("IMMEDIATE") as connection:
            return sum(_apply(connection, _generation(connection), change) for change in changes)

    def begin_rebuild(self) -> Rebuild:
        with self._transaction("IMMEDIATE") as connection:
            numbers = [int(row[0].removeprefix("car_")) for row in connection.execute(_TABLES)]
            number = max(numbers) + 1
            _create(connection, number)
        return _Generation(self, number)

    # --- reading

    def search(self, question: Question) -> Hits:
        with self._transaction("") as connection:
            number = _generation(connection)
            source = _Source(number, question.words)
            page = _page(connection, source, question)
            if not question.facets:
                return Hits(page, _total(connection, source, question.filters), {})
            codes = _codes(connection, source, question.filters)
            facets = {name: _count(connection, source, question.filters, name, codes) for name in FACETS}
            return Hits(page, len(codes), facets)


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'car_[0-9]*'"


def _has_fts5(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM pragma_compile_options WHERE compile_options = 'ENABLE_FTS5'").fetchone() is not None


def _generation(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT number FROM generation").fetchone()[0]
    return number


def _create(connection: sqlite3.Connection, number: int) -> None:
    terms = ", ".join(f"{name} TEXT" for name in TERM_FIELDS)
    connection.execute(
        f"CREATE TABLE car_{number} (id INTEGER PRIMARY KEY, listing_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, {terms}, "
        "model_year INTEGER, ask_minor INTEGER, mileage_km INTEGER, registered_on TEXT, published_us INTEGER, codes BLOB)"  # NULL: gone
    )
    connection.execute(f"CREATE TABLE shown_{number} (id INTEGER PRIMARY KEY, document TEXT NOT NULL)")  # apart: walks stay narrow
    connection.execute(
        f"CREATE TABLE code_{number} (facet INTEGER, code INTEGER, value TEXT, "
        "PRIMARY KEY (facet, value), UNIQUE (facet, code)) WITHOUT ROWID"
    )
    connection.execute(f"CREATE VIRTUAL TABLE word_{number} USING fts5(head, body, tokenize = 'unicode61 remove_diacritics 0')")
    for name, columns in {"price": "ask_minor, listing_id", "newest": "published_us, listing_id", "brand": "brand, series"}.items():
        connection.execute(f"CREATE INDEX car_{number}_{name} ON car_{number} ({columns}) WHERE codes IS NOT NULL")


def _drop(connection: sqlite3.Connection, number: int) -> None:
    for table in ("car", "word", "code", "shown"):
        connection.execute(f"DROP TABLE IF EXISTS {table}_{number}")


def _apply(connection: sqlite3.Connection, number: int, change: Change) -> bool:
    row = connection.execute(f"SELECT id, version FROM car_{number} WHERE listing_id = ?", (change.listing_id,)).fetchone()
    if row is not None and row[1] >= change.version:
        return False
    values = _values(change)
    if change.document is not None:
        values["codes"] = _pack(connection, number, change.document)
    names = ", ".join(values)
    if row is None:
        marks = ", ".join("?" * len(values))
        place = connection.execute(f"INSERT INTO car_{number} ({names}) VALUES ({marks})", tuple(values.values())).lastrowid
    else:
        place = row[0]
        pairs = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE car_{number} SET {pairs} WHERE id = ?", (*values.values(), place))
        connection.execute(f"DELETE FROM word_{number} WHERE rowid = ?", (place,))
        connection.execute(f"DELETE FROM shown_{number} WHERE id = ?", (place,))
    if change.document is not None:
        texts = (" ".join(document_words(change.document.head)), " ".join(document_words(change.document.body)))
        connection.execute(f"INSERT INTO word_{number} (rowid, head, body) VALUES (?, ?, ?)", (place, *texts))
        connection.execute(f"INSERT INTO shown_{number} VALUES (?, ?)", (place, dump(change.document)))
    return True


def _values(change: Change) -> dict[str, Any]:
    """A row's columns; a tombstone has only its id and version."""
    values: dict[str, Any] = dict.fromkeys(_COLUMNS)
    values |= {"listing_id": change.listing_id, "version": change.version}
    if (document := change.document) is not None:
        values |= {name: getattr(document, name) for name in TERM_FIELDS}
        values |= {
            "model_year": document.model_year,
            "ask_minor": document.ask_minor,
            "mileage_km": document.mileage_km,
            "registered_on": document.first_registration_on.isoformat() if document.first_registration_on else None,
            "published_us": epoch_us(document.published_at),
        }
    return values


class _Generation:
    def __init__(self, engine: EmbeddedEngine, number: int) -> None:
        self.name = f"generation {number}"
        self._engine = engine
        self._number = number

    def index(self, changes: Sequence[Change]) -> None:
        with self._engine._transaction("IMMEDIATE") as connection:
            for change in changes:
                _apply(connection, self._number, change)

    def finish(self) -> None:
        with self._engine._transaction("IMMEDIATE") as connection:
            before = _generation(connection)
            connection.execute("UPDATE generation SET number = ?", (self._number,))
        with self._engine._transaction("IMMEDIATE") as connection:
            _drop(connection, before)

    def abandon(self) -> None:
        with self._engine._transaction("IMMEDIATE") as connection:
            _drop(connection, self._number)


# --- questions --------------------------------------------------------------------------------------------------------


class _Source:
    """The tables and the words a question reads."""

    def __init__(self, number: int, words: Sequence[str]) -> None:
        self.match = " AND ".join(f'"{word}"' for word in words)
        self.tables = f"car_{number} AS car"
        if self.match:
            self.tables = f"word_{number} JOIN car_{number} AS car ON car.id = word_{number}.rowid"
        self.codes = f"code_{number}"
        self.shown = f"shown_{number}"
        self.score = f"bm25(word_{number}, 4.0, 1.0)"
        self._match = f"word_{number} MATCH ?"

    def where(self, filters: Filters) -> tuple[str, list[Any]]:
        parts = ["car.codes IS NOT NULL"]
        values: list[Any] = []
        if self.match:
            parts.append(self._match)
            values.append(self.match)
        for name in TERM_FIELDS:
            if wanted := getattr(filters, name):
                parts.append(f"car.{name} IN ({', '.join('?' * len(wanted))})")
                values += wanted
        for field, side, value in bounds(filters):
            parts.append(f"car.{field} {_SIDES[side]} ?")
            values.append(value)
        return " AND ".join(parts), values


def _total(connection: sqlite3.Connection, source: _Source, filters: Filters) -> int:
    where, values = source.where(filters)
    total: int = connection.execute(f"SELECT count(*) FROM {source.tables} WHERE {where}", values).fetchone()[0]
    return total


def _pack(connection: sqlite3.Connection, number: int, document: VehicleDocument) -> bytes:
    """The numbers of a car's facet values, 0 for none."""
    values = [*(getattr(document, name) for name in TERM_FIELDS), document.model_year, price_class(document.ask_minor)]
    codes = [_code(connection, number, facet, value) for facet, value in enumerate(values)]
    return np.array(codes, dtype=_CODE).tobytes()


def _code(connection: sqlite3.Connection, number: int, facet: int, value: str | int | None) -> int:
    if value is None:
        return 0
    row = connection.execute(f"SELECT code FROM code_{number} WHERE facet = ? AND value = ?", (facet, str(value))).fetchone()
    if row is None:
        (last,) = connection.execute(f"SELECT coalesce(max(code), 0) FROM code_{number} WHERE facet = ?", (facet,)).fetchone()
        if last + 1 >= _CODE_MAX:
            return _CODE_MAX
        row = (last + 1,)
        connection.execute(f"INSERT INTO code_{number} VALUES (?, ?, ?)", (facet, last + 1, str(value)))
    code: int = row[0]
    return code


_Codes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint16]]"


def _codes(connection: sqlite3.Connection, source: _Source, filters: Filters) -> _Codes:
    """One row a car found, one column a facet."""
    where, values = source.where(filters)
    rows = connection.execute(f"SELECT car.codes FROM {source.tables} WHERE {where}", values).fetchall()
    return np.frombuffer(b"".join(row[0] for row in rows), dtype=_CODE).reshape(-1, len(FACETS))


def _count(connection: sqlite3.Connection, source: _Source, filters: Filters, facet: str, codes: _Codes) -> dict[str, int]:
    """The most frequent values; ``codes`` are of the cars found, and count unless the facet has a filter of its own."""
    others = filters.without(facet)
    place = FACETS.index(facet)
    found = codes if others == filters else _codes(connection, source, others)
    counts = np.bincount(found[:, place]) if len(found) else np.zeros(0, dtype=np.int64)
    top = [int(code) for code in np.argsort(-counts, kind="stable")[: FACET_SIZE + 2] if counts[code] and 0 < code < _CODE_MAX]
    marks = ", ".join("?" * len(top))
    named = connection.execute(f"SELECT code, value FROM {source.codes} WHERE facet = ? AND code IN ({marks})", (place, *top))
    values = {value: int(counts[code]) for code, value in named}
    return dict(sorted(values.items(), key=lambda pair: (-pair[1], _order(pair[0])))[:FACET_SIZE])


def _order(value: str) -> tuple[int, str]:
    """Numbers by size, then texts."""
    return (int(value), "") if value.isdigit() else (0, value)


def _page(connection: sqlite3.Connection, source: _Source, question: Question) -> list[Hit]:
    key, down = source.score, False  # the better, the more negative
    if question.order is not Sort.RELEVANCE:
        field, down = SORT_FIELDS[question.order]
        key = f"car.{field}"
    where, values = source.where(question.filters)
    direction, beyond = ("DESC", "<") if down else ("ASC", ">")
    inner = f"SELECT {key} AS sort_key, car.listing_id AS listing_id, car.id AS place FROM {source.tables} WHERE {where}"
    after = ""
    if question.after is not None:
        after = f"WHERE (sort_key, listing_id) {beyond} (?, ?)"
        place, listing_id = question.after
        values += [float(place) if question.order is Sort.RELEVANCE else place, listing_id]
    order = f"ORDER BY sort_key {direction}, listing_id {direction} LIMIT {question.limit + 1}"
    rows = connection.execute(f"SELECT sort_key, place FROM ({inner}) {after} {order}", values).fetchall()
    texts = dict(
        connection.execute(
            f"SELECT id, document FROM {source.shown} WHERE id IN ({', '.join('?' * len(rows))})", [place for _key, place in rows]
        ).fetchall()
    )
    return [Hit(load(texts[place]), repr(key) if isinstance(key, float) else key) for key, place in rows]
