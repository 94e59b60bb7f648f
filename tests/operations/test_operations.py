"""Operators read the audit trail and work dead letters; nobody else does."""

from uuid import UUID

from sqlmodel import col, select

from marketplace.core import audit
from marketplace.core.audit import AuditEntry
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.pagination import PageQuery, decode_cursor, encode_cursor
from marketplace.operations import queries


def write(db: Database, object_id: UUID, acts: list[str]) -> None:
    for act in acts:
        with db.writing() as session:
            audit.record(session, principal=None, act=act, object_kind="thing", object_id=object_id)


class TestListNewestEntries:
    def test_pages_from_the_newest_without_gap_or_repeat(self, db: Database) -> None:
        object_id = new_id()
        write(db, object_id, ["a", "b", "c", "d", "e"])
        seen: list[str] = []
        after: list[str] | None = None
        with db.reading() as session:
            while True:
                query = PageQuery(limit=2, after=after)
                rows = queries.list_newest_entries(session, page=query, act=None)
                page = query.page(rows, lambda entry: [entry.id], lambda entry: entry.act)
                seen += page.items
                if page.next is None:
                    break
                after = decode_cursor(page.next)
        assert seen == ["e", "d", "c", "b", "a"]

    def test_one_act_only(self, db: Database) -> None:
        write(db, new_id(), ["a", "b", "a"])
        with db.reading() as session:
            rows = queries.list_newest_entries(session, page=PageQuery(limit=9, after=None), act="a")
            assert [row.act for row in rows] == ["a", "a"]
            assert len(session.exec(select(AuditEntry)).all()) == 3

    def test_a_cursor_of_an_instant_is_understood(self, db: Database) -> None:
        write(db, new_id(), ["a", "b", "c"])
        with db.reading() as session:
            first = session.exec(select(AuditEntry).order_by(col(AuditEntry.at))).all()
            after = decode_cursor(encode_cursor([first[0].at, first[0].id]))
            query = PageQuery(limit=9, after=after)
            rest = session.exec(select(AuditEntry).where(query.where_after(col(AuditEntry.at), col(AuditEntry.id)))).all()
        assert {row.id for row in rest} == {row.id for row in first[1:]}
