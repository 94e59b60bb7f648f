"""The audit trail: no gaps, and a changed entry is found."""

import threading
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.inbox import InboxMessage


class Kept(outbox.Event):
    name: ClassVar[str] = "test.kept"


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

    def test_several_entries_of_one_object_in_one_transaction(self, db: Database) -> None:
        object_id = new_id()
        write(db, object_id, 1)
        with db.writing() as session:
            for act in ("a", "b"):
                audit.record(session, principal=None, act=act, object_kind="vehicle", object_id=object_id)
            assert [entry.act for entry in audit.pending(session)] == ["a", "b"]
        entries = self._trail(db, object_id)
        assert [(entry.seq, entry.act) for entry in entries] == [(1, "vehicles.register"), (2, "a"), (3, "b")]
        assert audit.find_break(entries) is None

    def test_a_rolled_back_savepoint_takes_its_entries_along_and_no_others(self, db: Database) -> None:
        object_id = new_id()
        with db.writing() as session:
            audit.record(session, principal=None, act="kept", object_kind="vehicle", object_id=object_id)
            outbox.append(session, Kept(), key="k")
            with pytest.raises(ZeroDivisionError), session.begin_nested():
                audit.record(session, principal=None, act="undone", object_kind="vehicle", object_id=object_id)
                outbox.append(session, Kept(), key="k")
                1 / 0  # noqa: B018  # the failure inside the savepoint
            with session.begin_nested():
                audit.record(session, principal=None, act="also kept", object_kind="vehicle", object_id=object_id)
        assert [entry.act for entry in self._trail(db, object_id)] == ["kept", "also kept"]
        with db.reading() as session:
            assert [event.key_seq for event in session.exec(select(outbox.OutboxEvent))] == [1]

    def test_facts_without_canonical_form_are_refused_at_the_call(self, db: Database) -> None:
        with db.writing() as session, pytest.raises(TypeError, match="float"):
            audit.record(session, principal=None, act="a", object_kind="vehicle", object_id=new_id(), facts={"price": 1.5})

    def test_many_writers_of_the_same_objects_neither_collide_nor_deadlock(self, db: Database) -> None:
        objects = [new_id() for _ in range(5)]
        failures: list[BaseException] = []

        def work(order: list[UUID]) -> None:
            try:
                for _ in range(12):
                    with db.writing() as session:
                        for object_id in order:
                            audit.record(session, principal=None, act="a", object_kind="lot", object_id=object_id)
                            outbox.append(session, Kept(), key=f"lot:{object_id}")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(order,)) for order in (objects, objects[::-1], objects[2:] + objects[:2])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for object_id in objects:
            with db.reading() as session:
                entries = audit.list_entries(session, object_kind="lot", object_id=object_id)
            assert [entry.seq for entry in entries] == list(range(1, 37))
            assert audit.find_break(entries) is None

    def test_the_business_rows_lock_comes_before_the_trails(self, postgres: Database) -> None:
        """A change that waits in the session is flushed first; else two commits hold one lock each and want the other's."""
        object_id, failures = new_id(), []
        with postgres.writing() as session:
            session.add(InboxMessage(sender="s", message_id="m", kind="0", received_at=clock.now(session)))

        def work(number: int) -> None:
            try:
                for turn in range(20):
                    with postgres.writing() as session:
                        row = session.get_one(InboxMessage, ("s", "m"))
                        row.kind = f"{number} {turn}"
                        audit.record(session, principal=None, act="a", object_kind="lot", object_id=object_id)
                        if number:
                            session.flush()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    @staticmethod
    def _trail(db: Database, object_id: UUID) -> list[audit.AuditEntry]:
        with db.reading() as session:
            return audit.list_entries(session, object_kind="vehicle", object_id=object_id)
