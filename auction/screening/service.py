"""A closed session is screened once: findings become cases of the operators, with the evidence, one for each."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from auction.screening import queries
from auction.screening.domain import Finding, LotFacts, Marks, Thresholds, screen
from auction.screening.models import Screening, ScreeningFinding
from auction.sessions.domain import SessionState
from marketplace.api import accounts, operations, payments
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.rules import RuleTable, load

_TABLES = Path(__file__).parent / "tables"
SUBJECT = "screening_finding"
LOTS_SHOWN = 50
"""Lots an evidence pack lists; the counts say how many there are."""


def table(at: datetime) -> RuleTable:
    return load(_TABLES / "screening.toml", on=clock.shanghai_day(at))


def list_due(session: Session, *, limit: int = 20) -> Sequence[UUID]:
    """Sessions that closed within the period and were not looked at."""
    at = clock.now(session)
    since = at - timedelta(days=table(at).values["period_days"])
    return queries.list_unscreened(session, since=since, limit=limit)


def look(session: Session, *, session_id: UUID) -> list[UUID]:
    """Screen one closed session; the cases opened. Twice is once: the session's row is locked, and what was looked at is written down."""
    row = queries.lock_session(session, session_id)
    if row.state is not SessionState.CLOSED or queries.find_screening(session, session_id) is not None:
        return []
    at = clock.now(session)
    rules = table(at)
    since = at - timedelta(days=rules.values["period_days"])
    ended = queries.list_ended(session, since=since, until=at, limit=rules.values["lots_max"])
    lots, pseudonyms = _facts(session, ended)
    own = {lot_id for lot_id, of_session, _, _ in ended if of_session == session_id}
    found = screen(lots, _marks(session, lots, since), Thresholds.from_values(rules.values))
    kept = [one for one in found if own.intersection(one.lot_ids)]
    new = [one for one in kept if not _stands(session, one, since)]
    session.add(Screening(session_id=session_id, screened_at=at, lots=len(lots), findings=len(new)))
    session.flush()
    cases = [_raise(session, session_id, one, pseudonyms, rules, at) for one in new]
    facts = {"lots": len(lots), "findings": len(new), "table": rules.number}
    audit.record(session, principal=None, act="session.screen", object_kind="auction_session", object_id=session_id, facts=facts)
    return cases


def _facts(session: Session, ended: Sequence[tuple[UUID, UUID, UUID, UUID | None]]) -> tuple[list[LotFacts], dict[tuple[UUID, UUID], str]]:
    bids: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    pseudonyms: dict[tuple[UUID, UUID], str] = {}
    for lot_id, party_id, pseudonym, count in queries.list_bid_counts(session, lot_ids=[one[0] for one in ended]):
        bids[lot_id][party_id] = count
        pseudonyms[lot_id, party_id] = pseudonym
    return [LotFacts(lot_id, consignor_id, winner_id, bids[lot_id]) for lot_id, _, consignor_id, winner_id in ended], pseudonyms


def _marks(session: Session, lots: Sequence[LotFacts], since: datetime) -> Marks:
    """Of everybody who bid or consigned."""
    parties = {party_id for lot in lots if lot.bids for party_id in (lot.consignor_id, *lot.bids)}
    found = accounts.sharing_marks(session, party_ids=parties, since=since)
    cards = payments.card_marks(session, party_ids=parties, since=since)
    return {party_id: found.get(party_id, frozenset()) | cards.get(party_id, frozenset()) for party_id in found.keys() | cards.keys()}


def _stands(session: Session, one: Finding, since: datetime) -> bool:
    return queries.find_earlier(session, screen=one.screen, first_id=one.first_id, second_id=one.second_id, since=since) is not None


def _raise(
    session: Session, session_id: UUID, one: Finding, pseudonyms: dict[tuple[UUID, UUID], str], rules: RuleTable, at: datetime
) -> UUID:
    evidence = _evidence(session_id, one, pseudonyms, rules)
    finding_id = new_id()
    case = operations.open_case(
        session, principal=None, kind=operations.CaseKind.COLLUSION, subject_kind=SUBJECT, subject_id=finding_id, facts=evidence
    )
    session.add(
        ScreeningFinding(
            id=finding_id,
            session_id=session_id,
            screen=one.screen,
            first_id=one.first_id,
            second_id=one.second_id,
            with_consignor=one.with_consignor,
            evidence=evidence,
            case_id=case.id,
            found_at=at,
        )
    )
    session.flush()
    return case.id


def _evidence(session_id: UUID, one: Finding, pseudonyms: dict[tuple[UUID, UUID], str], rules: RuleTable) -> dict[str, Any]:
    """Ids, numbers, pseudonyms and hashes: what an operator needs to look for himself. The consignor bids under no pseudonym."""
    return {
        "screen": one.screen.value,
        "session_id": str(session_id),
        "first_party_id": str(one.first_id),
        "second_party_id": str(one.second_id),
        "first_is_consignor": one.with_consignor,
        "marks": list(one.marks),
        "counts": dict(one.counts),
        "lots": [
            {
                "lot_id": str(lot_id),
                "first": pseudonyms.get((lot_id, one.first_id)),
                "second": pseudonyms.get((lot_id, one.second_id)),
            }
            for lot_id in one.lot_ids[:LOTS_SHOWN]
        ],
        "table": rules.number,
    }
