"""Every SELECT of arbitration."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.arbitration.domain import UNDECIDED, ClaimState, ClaimUnknown, DefectClass, Part
from auction.arbitration.models import ClaimAnswer, ClaimEvidence, DefectClaim, FlawExclusion
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def find_exclusion(session: Session, *, lot_id: UUID) -> FlawExclusion | None:
    return session.get(FlawExclusion, lot_id)


def get_claim(session: Session, claim_id: UUID) -> DefectClaim:
    """Raises ``ClaimUnknown``."""
    found = session.get(DefectClaim, claim_id)
    if found is None:
        raise ClaimUnknown
    return found


def lock_claim(session: Session, claim_id: UUID) -> DefectClaim:
    """Raises ``ClaimUnknown``."""
    found = session.exec(
        select(DefectClaim).where(DefectClaim.id == claim_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise ClaimUnknown
    return found


def has_claim(session: Session, *, order_id: UUID, defect: DefectClass) -> bool:
    """Whether the order has an open claim, or had one of the class. Ask under the order's lock."""
    bars = sa.or_(
        col(DefectClaim.state).in_(UNDECIDED),
        sa.and_(col(DefectClaim.defect) == defect, col(DefectClaim.state) != ClaimState.WITHDRAWN),
    )
    return session.exec(select(DefectClaim.id).where(DefectClaim.order_id == order_id, bars).limit(1)).first() is not None


def sum_awarded(session: Session, *, order_id: UUID) -> int:
    """What adjustments gave the buyer of an order already, in fen."""
    statement = select(sa.func.coalesce(sa.func.sum(DefectClaim.awarded_minor), 0))
    return session.exec(statement.where(DefectClaim.order_id == order_id, DefectClaim.state == ClaimState.ADJUSTED)).one() or 0


def list_claims(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[DefectClaim]:
    """A party's own as buyer, seller or house, newest first."""
    own = sa.or_(col(DefectClaim.buyer_id) == party_id, col(DefectClaim.seller_id) == party_id, col(DefectClaim.house_id) == party_id)
    behind = page.where_after(DefectClaim.id, descending=True)
    return session.exec(select(DefectClaim).where(own, behind).order_by(col(DefectClaim.id).desc()).limit(page.limit + 1)).all()


def list_of_party(session: Session, party_id: UUID, *, limit: int) -> Sequence[DefectClaim]:
    """As buyer or seller, in the order of ids."""
    own = sa.or_(col(DefectClaim.buyer_id) == party_id, col(DefectClaim.seller_id) == party_id)
    return session.exec(select(DefectClaim).where(own).order_by(col(DefectClaim.id)).limit(limit)).all()


def list_unanswered(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Claims whose seller was silent."""
    late = (DefectClaim.state == ClaimState.ANSWERING, col(DefectClaim.answer_by) <= now)
    return [*session.exec(select(DefectClaim.id).where(*late).order_by(col(DefectClaim.answer_by)).limit(limit))]


def list_answers(session: Session, claim_id: UUID) -> Sequence[ClaimAnswer]:
    return session.exec(select(ClaimAnswer).where(ClaimAnswer.claim_id == claim_id).order_by(col(ClaimAnswer.at))).all()


def list_evidence(session: Session, claim_id: UUID) -> Sequence[ClaimEvidence]:
    return session.exec(select(ClaimEvidence).where(ClaimEvidence.claim_id == claim_id).order_by(col(ClaimEvidence.id))).all()


def count_evidence(session: Session, *, claim_id: UUID, part: Part) -> int:
    """Ask under the claim's lock."""
    statement = select(sa.func.count()).select_from(ClaimEvidence)
    return session.exec(statement.where(ClaimEvidence.claim_id == claim_id, ClaimEvidence.part == part)).one()


def find_same_evidence(session: Session, *, claim_id: UUID, part: Part, sha256: str) -> ClaimEvidence | None:
    same = (ClaimEvidence.claim_id == claim_id, ClaimEvidence.part == part, ClaimEvidence.sha256 == sha256)
    return session.exec(select(ClaimEvidence).where(*same)).first()


def find_evidence(session: Session, *, claim_id: UUID, evidence_id: UUID) -> ClaimEvidence | None:
    return session.exec(select(ClaimEvidence).where(ClaimEvidence.id == evidence_id, ClaimEvidence.claim_id == claim_id)).first()
