"""The audit trail: no gaps, and a changed entry is found."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from marketplace.core import audit
from marketplace.core.db import Database
from marketplace.core.ids import new_id


@dataclass(frozen=True)
class Actor:
    id: UUID
    party_id: UUID


def write(database: Database, object_id: UUID, count: int) -> None:
    actor = Actor(new_id(), new_id())
    for number in range(count):
        with database.writing() as session:
            audit.record(
                session,
                principal=actor,
                act="vehicles.register",
                object_kind="vehicle",
                object_id=object_id,
                facts={"number": number, "名": "值"},
                reason="why",
            )


class TestAuditTrail:
    def test_entries_follow_one_another(self, db: Database) -> None:
        object_id, other = new_id(), new_id()
        write(db, object_id, 3)
        write(db, other, 1)
        with db.reading() as session:
            entries = audit.list_entries(session, object_kind="vehicle", object_id=object_id)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert entries[0].previous_hash == audit.GENESIS
        assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
        assert audit.find_break(entries) is None

    def test_a_changed_fact_is_found_at_its_place(self, db: Database) -> None:
        object_id = new_id()
        write(db, object_id, 3)
        with db.reading() as session:
            entries = audit.list_entries(session, object_kind="vehicle", object_id=object_id)
            entries[1].facts = {"number": 99}  # in memory: the table itself refuses it
        assert audit.find_break(entries) == 2
        assert audit.find_break(entries[:1]) is None
        assert audit.find_break([entries[0], entries[2]]) == 2

    def test_the_table_refuses_a_change(self, db: Database) -> None:
        object_id = new_id()
        write(db, object_id, 1)
        for statement in ("UPDATE audit_entry SET act = 'x'", "DELETE FROM audit_entry"):
            with pytest.raises(IntegrityError, match="audit_entry_append_only"), db.writing() as session:
                session.connection().exec_driver_sql(statement)
        with db.reading() as session:
            assert audit.find_break(audit.list_entries(session, object_kind="vehicle", object_id=object_id)) is None
