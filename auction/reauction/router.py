"""HTTP of lots that come again, and of defaulters' debts."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auction.lots.domain import (
    BuyNowTooLow,
    ConsignorKindMismatch,
    HouseOwnsVehicle,
    LotNotDraft,
    LotUnknown,
    ReserveBelowStart,
    TermsOfAnotherFormat,
)
from auction.reauction import service
from auction.reauction.domain import DebtUnknown, LotNotOver, OtherTerms, Plan, PlanSpent, PlanUnknown
from auction.reauction.models import DefaultDebt, RelistPlan
from auction.reauction.schemas import DebtAnswer, PlanAnswer, PlanBody, RelistBody, RelistedAnswer
from auction.sessions.domain import SessionNotDraft, SessionUnknown
from marketplace.api import accounts, vehicles
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require

router = Router(prefix="/auction/v1", tags=["reauction"])


@router.post(
    "/lots/{lot_id}/relist-plan",
    status_code=201,
    summary="授权流拍后重新上拍 Sign the plan for coming again",
    responses=refusals(LotUnknown, LotNotDraft, accounts.WrongPassphrase),
)
def sign_plan(
    lot_id: UUID, body: PlanBody, principal: SignedIn, _proof: accounts.Reentered, _key: Idempotency, session: WriteSession
) -> PlanAnswer:
    """By the consignor, before the notice."""
    plan = Plan(body.times, body.cut_bps)
    return _plan(service.sign_plan(session, principal=principal, lot_id=lot_id, plan=plan, passphrase=body.passphrase))


def _plan(found: RelistPlan) -> PlanAnswer:
    return PlanAnswer(
        lot_id=found.lot_id, times=found.times, cut_bps=found.cut_bps, content_hash=found.content_hash, signed_at=found.signed_at
    )


@router.post(
    "/lots/{lot_id}/relisting",
    status_code=201,
    summary="重新上拍 Bring a lot again",
    responses=refusals(
        LotUnknown, LotNotOver, PlanUnknown, PlanSpent, OtherTerms, SessionUnknown, SessionNotDraft, ConsignorKindMismatch,
        HouseOwnsVehicle, ReserveBelowStart, TermsOfAnotherFormat, BuyNowTooLow, vehicles.NotEligible, vehicles.VehicleNotFound,
    ),
)  # fmt: skip
def relist_lot(
    lot_id: UUID,
    body: RelistBody,
    principal: Annotated[Principal, Depends(require("lots.catalogue"))],
    _key: Idempotency,
    session: WriteSession,
) -> RelistedAnswer:
    """By the house. A lot that passed comes again by its signed plan; after a default at the old amounts, with a new mandate."""
    lot = service.relist(session, principal=principal, lot_id=lot_id, session_id=body.session_id)
    broken = service.is_after_default(session, lot_id=lot.id)
    return RelistedAnswer(
        lot_id=lot.id,
        from_lot_id=lot_id,
        session_id=lot.session_id,
        number=lot.number,
        state=lot.state.value,
        start_minor=lot.start_minor,
        reserve_minor=lot.reserve_minor,
        after_default=broken,
    )


@router.get("/debts", summary="悔拍欠款 Debts of defaulters")
def list_debts(principal: SignedIn, session: ReadSession, page: Paging) -> Page[DebtAnswer]:
    """One's own, as debtor, consignor or house, newest first."""
    rows = service.list_debts(session, principal=principal, page=page)
    return page.page(rows, lambda row: [row.id], lambda row: _debt(session, row, principal))


@router.get("/debts/{debt_id}", summary="悔拍欠款详情 A debt", responses=refusals(DebtUnknown))
def get_debt(debt_id: UUID, principal: SignedIn, session: ReadSession) -> DebtAnswer:
    return _debt(session, service.get_debt(session, principal=principal, debt_id=debt_id), principal)


def _debt(session: Session, found: DefaultDebt, principal: Principal) -> DebtAnswer:
    payment = service.find_payment(session, found) if principal.party_id == found.debtor_id else None
    plain = (
        "id", "lot_id", "state", "first_price_minor", "second_price_minor", "shortfall_minor", "commissions_minor", "deposit_minor",
        "due_minor", "created_at", "computed_at", "paid_at",
    )  # fmt: skip
    return DebtAnswer(**{name: getattr(found, name) for name in plain}, reference=payment.reference if payment is not None else None)
