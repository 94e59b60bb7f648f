"""What every change of a claim leaves behind, and who somebody is in it."""

from uuid import UUID

from auction.arbitration.domain import ClaimUnknown, Part
from auction.arbitration.events import ClaimMoved
from auction.arbitration.models import DefectClaim
from marketplace.core import audit, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal

DECIDE = "disputes.decide"
READ = "cases.read"


def part_of(claim: DefectClaim, party_id: UUID) -> Part:
    """Raises ``ClaimUnknown``: existence must not leak."""
    for part, party in ((Part.BUYER, claim.buyer_id), (Part.SELLER, claim.seller_id), (Part.HOUSE, claim.house_id)):
        if party == party_id:
            return part
    raise ClaimUnknown


def reader_part(claim: DefectClaim, principal: Principal) -> Part:
    """A side, or the market's people. Raises ``ClaimUnknown``."""
    if principal.party_id not in {claim.buyer_id, claim.seller_id} and (principal.can(DECIDE) or principal.can(READ)):
        return Part.MARKET
    return part_of(claim, principal.party_id)


def announce(session: Session, *, claim: DefectClaim, act: str, principal: Principal | None) -> None:
    """Flush, tell others, write the trail: ids and codes only."""
    session.add(claim)
    session.flush()
    event = ClaimMoved(
        claim_id=claim.id,
        order_id=claim.order_id,
        lot_id=claim.lot_id,
        buyer_id=claim.buyer_id,
        seller_id=claim.seller_id,
        house_id=claim.house_id,
        defect=claim.defect,
        state=claim.state,
        answer_by=claim.answer_by,
        awarded_minor=claim.awarded_minor,
    )
    outbox.append(session, event, key=f"claim:{claim.id}")
    record(session, claim=claim, act=act, principal=principal)


def record(session: Session, *, claim: DefectClaim, act: str, principal: Principal | None, **facts: str | int) -> None:
    """Only the trail."""
    known = {
        "order_id": str(claim.order_id),
        "defect": claim.defect.value,
        "state": claim.state.value,
        "loss_minor": claim.loss_minor,
        "awarded_minor": claim.awarded_minor,
    }
    audit.record(session, principal=principal, act=act, object_kind="defect_claim", object_id=claim.id, facts=known | facts)
