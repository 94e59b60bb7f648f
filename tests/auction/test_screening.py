"""Screening of a closed session: from sign-ins, cards and bids to one case each, with evidence and without personal data."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from sqlmodel import select

from auction.bidding.service import place_bids
from auction.closing.tasks import turn_due
from auction.lots.models import AuctionSession, Lot
from auction.screening.models import Screening, ScreeningFinding
from auction.screening.tasks import screen_closed
from auction.sessions.domain import SessionState
from marketplace.accounts.api import sharing_marks
from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.outbox import OutboxEvent
from marketplace.operations.models import OperationCase
from marketplace.payments.api import card_marks
from marketplace.payments.models import Hold
from tests.auctions import YUAN, add_lot, add_session
from tests.market import Market
from tests.people import PASSWORD, sign_up


def close_all(db: Database) -> None:
    with db.writing() as session:
        for lot in session.exec(select(Lot)).all():
            lot.ends_at = lot.opens_at + timedelta(seconds=1)
            session.add(lot)
    turn_due(db)


def shill_session(db: Database, lots: int = 12) -> tuple[UUID, UUID, UUID]:
    """(session, consignor, shill): nearly all lots of one consignor, and others nobody's shill bids on."""
    shill, consignor = new_id(), new_id()
    with db.writing() as session:
        session_id = add_session(session)
        added = []
        for number in range(3 * lots):
            lot = add_lot(session, session_id=session_id, number=number + 1, party_ids=[new_id(), new_id(), shill])
            row = session.get_one(Lot, lot.id)
            if number < lots:
                row.consignor_id = consignor
                session.add(row)
            added.append(lot)
    for number, lot in enumerate(added):
        with db.writing() as session:
            bids = [lot.bid(0, 12_000 * YUAN), *([lot.bid(2, 11_000 * YUAN)] if number < lots else []), lot.bid(1, 13_000 * YUAN)]
            assert {answer.status for answer in place_bids(session, bids).answers} == {201}
    close_all(db)
    return session_id, consignor, shill


def cases(db: Database) -> list[OperationCase]:
    with db.reading() as session:
        return [*session.exec(select(OperationCase))]


class TestAClosedSession:
    def test_a_shill_is_one_case_with_its_evidence_however_often_it_is_looked_at(self, db: Database) -> None:
        session_id, consignor, shill = shill_session(db)
        assert screen_closed(db) == 1
        assert screen_closed(db) == 0
        (case,) = cases(db)
        assert (case.kind.value, case.subject_kind, case.opened_by, case.respondent_id) == ("collusion", "screening_finding", None, None)
        facts = case.facts
        assert (facts["screen"], facts["first_party_id"], facts["second_party_id"]) == ("shill", str(consignor), str(shill))
        assert (facts["counts"]["lots_bid_on"], facts["counts"]["wins"], facts["counts"]["bids"]) == (12, 0, 12)
        assert [(lot["first"], lot["second"]) for lot in facts["lots"]] == [(None, "B03")] * 12
        with db.reading() as session:
            finding = session.exec(select(ScreeningFinding)).one()
            looked = session.get_one(Screening, session_id)
            opened = session.exec(select(OutboxEvent).where(OutboxEvent.name == "operations.case_opened")).all()
        assert (finding.case_id, finding.id, finding.evidence) == (case.id, case.subject_id, facts)
        assert (looked.lots, looked.findings, len(opened)) == (36, 1, 1)

    def test_the_next_session_does_not_ask_the_same_question_again(self, db: Database) -> None:
        shill_session(db)
        assert screen_closed(db) == 1
        with db.writing() as session:
            later = add_session(session)
            add_lot(session, session_id=later)
        close_all(db)
        assert screen_closed(db) == 0
        assert len(cases(db)) == 1
        with db.reading() as session:
            assert session.get_one(Screening, later).findings == 0

    def test_an_open_session_is_left_alone(self, db: Database) -> None:
        with db.writing() as session:
            session_id = add_session(session)
            add_lot(session, session_id=session_id)
        assert screen_closed(db) == 0
        with db.reading() as session:
            assert session.get_one(AuctionSession, session_id).state is SessionState.OPEN
            assert session.get(Screening, session_id) is None

    def test_a_shared_card_is_a_case_that_names_nobody(self, db: Database) -> None:
        first, second = sorted((new_id(), new_id()))
        with db.writing() as session:
            session_id = add_session(session)
            lot = add_lot(session, session_id=session_id, party_ids=[first, second])
            for party in (first, second):
                session.add(
                    Hold(
                        party_id=party, amount_minor=1, gateway="stripe", purpose_kind="lot", purpose_id=lot.id,
                        card_hash="v1:" + "a" * 64, requested_at=clock.now(session),
                    )
                )  # fmt: skip
        with db.writing() as session:
            place_bids(session, [lot.bid(0, 11_000 * YUAN), lot.bid(1, 12_000 * YUAN)])
        close_all(db)
        assert screen_closed(db) == 1
        (case,) = cases(db)
        assert (case.facts["screen"], case.facts["marks"], case.facts["counts"]) == (
            "marks", ["card:" + "a" * 24], {"points": 3, "lots_together": 1},
        )  # fmt: skip
        assert case.facts["lots"] == [{"lot_id": str(lot.id), "first": "B01", "second": "B02"}]


class TestMarksOfParties:
    def test_two_people_in_one_browser_share_a_device_and_an_address_and_a_third_only_the_address(self, api: Market) -> None:
        people = []
        for name in ("甲", "乙", "丙"):
            api.client.cookies.clear()
            people.append(sign_up(api, name))
        first, second, third = people
        api.client.cookies.clear()
        form = {"grant_type": "password", "username": second.phone, "password": PASSWORD, "device_token": first.device_token}
        answer = api.post("/marketplace/v1/sign-ins/token", data=form)
        assert answer.status_code == 200, answer.text
        with api.database.reading() as session:
            since = clock.now(session) - timedelta(days=1)
            found = sharing_marks(session, party_ids=[first.id, second.id, third.id], since=since)
            later = sharing_marks(session, party_ids=[first.id], since=clock.now(session) + timedelta(days=1))
        shared = {mark.partition(":")[0] for mark in found[first.id] & found[second.id]}
        assert "device" in shared
        assert "address" in shared
        assert {mark.partition(":")[0] for mark in found[first.id] & found.get(third.id, frozenset())} <= {"address"}
        assert later == {}
        said = json.dumps(sorted(found[first.id] | found[second.id]))
        assert "127.0.0.1" not in said
        assert str(first.device_token)[:12] not in said


def test_card_marks_are_by_party_and_since(db: Database) -> None:
    party = new_id()
    with db.writing() as session:
        at = clock.now(session)
        for number in range(2):
            session.add(
                Hold(
                    party_id=party, amount_minor=1, gateway="stripe", purpose_kind="lot", purpose_id=new_id(),
                    card_hash="x" * 40, requested_at=at - number * timedelta(days=100),
                )
            )  # fmt: skip
    with db.reading() as session:
        assert card_marks(session, party_ids=[party, new_id()], since=at - timedelta(days=1)) == {party: frozenset({"card:" + "x" * 24})}
        assert card_marks(session, party_ids=[party], since=at + timedelta(days=1)) == {}


def test_two_workers_look_once(postgres: Database) -> None:
    """The session's row is the lock: a second look after the first one finds it written down."""
    shill_session(postgres)
    others = [Database(postgres.url) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(screen_closed, others)) == 1
    for other in others:
        other.dispose()
    assert len(cases(postgres)) == 1
