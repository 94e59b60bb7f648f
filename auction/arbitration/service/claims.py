"""A claim is filed, answered, taken back; silence lets it go on."""

from datetime import timedelta
from uuid import UUID

from auction.arbitration import queries
from auction.arbitration.domain import (
    AlreadyAnswered,
    ClaimState,
    ClaimUnknown,
    ClassClaimed,
    Filing,
    NotYetHandedOver,
    Part,
    check_answer,
    check_filing,
    check_undecided,
)
from auction.arbitration.models import ClaimAnswer, DefectClaim
from auction.arbitration.service.records import announce, part_of, record
from auction.arbitration.service.terms import excluded_of, table, terms_of
from auction.lots import queries as lots
from auction.lots.models import AuctionSession
from marketplace.api import operations, orders
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal

_BOUND = frozenset({orders.OrderState.HANDED_OVER, orders.OrderState.COMPLETED})
SUBJECT = "auction_claim"


def file_claim(session: Session, *, principal: Principal, order_id: UUID, filing: Filing, text: str) -> DefectClaim:
    """The buyer of a lot that was handed over to him claims a defect: transfer and payout wait, the market's people get a case.

    Raises ``OrderNotFound``, ``NotYetHandedOver``, ``ClassClaimed``, ``OrderNotDisputable`` and as ``check_filing``.
    """
    order = orders.get_order(session, order_id=order_id)
    if order.buyer_id != principal.party_id or order.source_kind is not orders.SourceKind.LOT:
        raise orders.OrderNotFound
    if order.state not in _BOUND or order.handed_over_at is None:
        raise NotYetHandedOver(state=order.state.value)
    if queries.has_claim(session, order_id=order_id, defect=filing.defect):
        raise ClassClaimed
    order = orders.dispute_order(session, order_id=order_id, principal=principal)
    if queries.has_claim(session, order_id=order_id, defect=filing.defect):  # now under the order's lock
        raise ClassClaimed
    at = clock.now(session)
    lot = lots.get_lot(session, order.source_id)
    terms = terms_of(session, lot=lot, at=at, is_negotiated=order.price_kind is not orders.PriceKind.HAMMER)
    assert order.handed_over_at is not None
    end = check_filing(
        filing,
        terms=terms,
        handed_over_on=clock.shanghai_day(order.handed_over_at),
        today=clock.shanghai_day(at),
        price_minor=order.price_minor,
        excluded=excluded_of(session, lot_id=lot.id),
    )
    claim = DefectClaim(
        order_id=order.id,
        lot_id=lot.id,
        buyer_id=order.buyer_id,
        seller_id=order.seller_id,
        house_id=session.get_one(AuctionSession, lot.session_id).house_id,
        defect=filing.defect,
        wants=filing.wants,
        loss_minor=filing.loss_minor,
        conceals=filing.conceals,
        price_minor=order.price_minor,
        is_statutory=terms.is_statutory,
        table_number=table(at).number,
        window_ends_on=end,
        text=text,
        filed_by=principal.id,
        filed_at=at,
        answer_by=at + timedelta(hours=terms.answer_hours),
    )
    session.add(claim)
    session.flush()
    claim.case_id = _open_case(session, principal, claim)
    announce(session, claim=claim, act="claim.file", principal=principal)
    return claim


def _open_case(session: Session, principal: Principal, claim: DefectClaim) -> UUID:
    return operations.open_case(
        session,
        principal=principal,
        kind=operations.CaseKind.DISPUTE,
        subject_kind=SUBJECT,
        subject_id=claim.id,
        opened_by=claim.buyer_id,
        respondent_id=claim.seller_id,
        facts={
            "order_id": str(claim.order_id),
            "lot_id": str(claim.lot_id),
            "defect": claim.defect.value,
            "wants": claim.wants.value,
            "loss_minor": claim.loss_minor,
            "answer_by": claim.answer_by.isoformat(),
        },
    ).id


def answer(session: Session, *, principal: Principal, claim_id: UUID, text: str) -> DefectClaim:
    """What the seller, or the house, has to say; once a side. The seller's answer ends the waiting.

    Raises ``ClaimUnknown``, ``ClaimOver``, ``AnswerLate``, ``AlreadyAnswered``.
    """
    claim = queries.lock_claim(session, claim_id)
    part = part_of(claim, principal.party_id)
    if part is Part.BUYER:
        raise ClaimUnknown
    at = clock.now(session)
    check_answer(claim.state, answer_by=claim.answer_by, now=at)
    if any(one.part is part for one in queries.list_answers(session, claim_id)):
        raise AlreadyAnswered
    session.add(ClaimAnswer(claim_id=claim_id, part=part, party_id=principal.party_id, person_id=principal.id, text=text, at=at))
    if part is Part.SELLER:
        claim.state, claim.ready_at = ClaimState.READY, at
        announce(session, claim=claim, act="claim.answer", principal=principal)
    else:
        session.flush()
        record(session, claim=claim, act="claim.answer", principal=principal, part=part.value)
    return claim


def hear_silence(session: Session, *, claim_id: UUID) -> None:
    """The seller's time is over: it is decided on what is there. Twice is once."""
    claim = queries.lock_claim(session, claim_id)
    at = clock.now(session)
    if claim.state is ClaimState.ANSWERING and claim.answer_by <= at:
        claim.state, claim.ready_at = ClaimState.READY, at
        announce(session, claim=claim, act="claim.silence", principal=None)


def withdraw(session: Session, *, principal: Principal, claim_id: UUID) -> DefectClaim:
    """The buyer takes it back: the order goes on. Twice is once. Raises ``ClaimUnknown``, ``ClaimOver``."""
    claim = queries.lock_claim(session, claim_id)
    if part_of(claim, principal.party_id) is not Part.BUYER:
        raise ClaimUnknown
    if claim.state is ClaimState.WITHDRAWN:
        return claim
    check_undecided(claim.state)
    claim.state, claim.ended_at = ClaimState.WITHDRAWN, clock.now(session)
    orders.end_dispute(session, order_id=claim.order_id, principal=principal)
    if claim.case_id is not None:
        operations.conclude_case(session, principal=principal, case_id=claim.case_id, outcome=operations.Outcome.WITHDRAWN)
    announce(session, claim=claim, act="claim.withdraw", principal=principal)
    return claim


def list_unanswered(session: Session, *, limit: int = 200) -> list[UUID]:
    return queries.list_unanswered(session, now=clock.now(session), limit=limit)
