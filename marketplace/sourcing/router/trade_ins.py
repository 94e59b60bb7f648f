"""HTTP of trade-ins 置换: ask, offer, accept, end, proofs, subsidy, look."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended, RealNameMissing
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.listings.api import ListingNotFound, ListingNotLive, OwnCar, VehicleClaimed, WrongHolding
from marketplace.orders.api import ConfirmationMissing
from marketplace.sourcing.domain.acquisitions import NotAnAcquirer, OfferBinding, PeriodOutOfBounds
from marketplace.sourcing.domain.subsidies import PROOF_NAMES
from marketplace.sourcing.domain.trade_ins import (
    AlreadyTradedIn,
    NewCarUnclear,
    NewPriceMissing,
    NotTradedHere,
    TradeInNotFound,
    TradeInOfferLapsed,
    TradeInStateRefused,
)
from marketplace.sourcing.schemas import trade_ins as schemas
from marketplace.sourcing.schemas.acquisitions import CarBody, DisclosureBody, ReasonRequest
from marketplace.sourcing.service import subsidizing, trade_ins
from marketplace.sourcing.service.acquiring import Disclosure
from marketplace.sourcing.service.trade_ins import TradeInView
from marketplace.vehicles.api import NotEligible, VehicleNotFound

router = Router(prefix="/marketplace/v1/trade-ins", tags=["trade-ins 置换"])
Asker = Annotated[Principal, Depends(require("tradeins.ask"))]
Dealer = Annotated[Principal, Depends(require("tradeins.offer"))]


def _body(found: TradeInView) -> schemas.TradeInBody:
    row = found.row
    return schemas.TradeInBody(
        id=row.id,
        old_car=CarBody.model_validate(found.old_car),
        owner_id=row.owner_id,
        dealer_id=row.dealer_id,
        listing_id=row.listing_id,
        new_car=schemas.NewCarBody.model_validate(row.new_car) if row.new_car is not None else None,
        state=row.state,
        disclosures=[DisclosureBody.model_validate(one) for one in row.disclosures],
        old_price_minor=row.old_price_minor,
        new_price_minor=found.new_price_minor,
        difference_minor=found.difference.amount_minor if found.difference else None,
        difference_payer=found.difference.payer if found.difference else None,
        asked_at=row.asked_at,
        valid_until=row.valid_until,
        old_order_id=row.old_order_id,
        new_order_id=row.new_order_id,
        proofs=[one.kind for one in found.proofs],
        end_reason=row.end_reason,
    )


@router.post(
    "",
    status_code=201,
    summary="申请置换 Offer an old car against a new one",
    responses=refusals(
        VehicleNotFound,
        NotEligible,
        WrongHolding,
        NewCarUnclear,
        NotTradedHere,
        ListingNotFound,
        ListingNotLive,
        AlreadyTradedIn,
        NotAnAcquirer,
        LicenceMissing,
        LicenceLapsed,
        RealNameMissing,
        PartySuspended,
        NotFound,
    ),
)
def ask_trade_in(body: schemas.TradeInRequest, principal: Asker, session: WriteSession, _key: Idempotency) -> schemas.TradeInBody:
    wish = trade_ins.Wish(
        vehicle_id=body.vehicle_id,
        listing_id=body.listing_id,
        dealer_id=body.dealer_id,
        new_car=body.new_car.model_dump(mode="json") if body.new_car else None,
        buyer_city=body.buyer_city,
        description=body.description,
        disclosures=[Disclosure(one.reason, one.text) for one in body.disclosures],
    )
    return _body(trade_ins.ask(session, principal=principal, wish=wish))


@router.get("", summary="我的置换 My trade-ins, as owner or as dealer")
def list_trade_ins(principal: SignedIn, session: ReadSession, page: Paging) -> Page[schemas.TradeInBody]:
    return page.page(trade_ins.list_trade_ins(session, principal=principal, paging=page), lambda one: [one.row.id], _body)


@router.get("/{trade_in_id}", summary="一笔置换 One trade-in", responses=refusals(TradeInNotFound))
def get_trade_in(trade_in_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.TradeInBody:
    return _body(trade_ins.get_trade_in(session, principal=principal, trade_in_id=trade_in_id))


@router.post(
    "/{trade_in_id}/offer",
    status_code=201,
    summary="经销商置换报价 The dealer's price for the old car",
    responses=refusals(
        TradeInNotFound,
        TradeInStateRefused,
        PeriodOutOfBounds,
        OfferBinding,
        NewPriceMissing,
        NotAnAcquirer,
        LicenceMissing,
        LicenceLapsed,
        PartySuspended,
    ),
)
def offer_trade_in(
    trade_in_id: UUID, body: schemas.TradeInOfferRequest, principal: Dealer, session: WriteSession, _key: Idempotency
) -> schemas.TradeInBody:
    return _body(
        trade_ins.offer(
            session,
            principal=principal,
            trade_in_id=trade_in_id,
            old_price_minor=body.old_price_minor,
            new_price_minor=body.new_price_minor,
            valid_until=body.valid_until,
        )
    )


@router.post(
    "/{trade_in_id}/acceptance",
    summary="车主接受置换 Accept: both orders, or neither",
    responses=refusals(
        TradeInNotFound,
        TradeInStateRefused,
        TradeInOfferLapsed,
        VehicleClaimed,
        ListingNotFound,
        ListingNotLive,
        OwnCar,
        NotEligible,
        ConfirmationMissing,
        NotAnAcquirer,
        LicenceMissing,
        LicenceLapsed,
        PartySuspended,
        RealNameMissing,
    ),
)
def accept_trade_in(
    trade_in_id: UUID, body: schemas.TradeInAcceptRequest, principal: Asker, session: WriteSession, _key: Idempotency
) -> schemas.TradeInBody:
    return _body(trade_ins.accept(session, principal=principal, trade_in_id=trade_in_id, confirmations=body.confirmations))


@router.post("/{trade_in_id}/withdrawal", summary="放弃置换 Call a trade-in off", responses=refusals(TradeInNotFound, TradeInStateRefused))
def call_off_trade_in(
    trade_in_id: UUID, body: ReasonRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> schemas.TradeInBody:
    return _body(trade_ins.call_off(session, principal=principal, trade_in_id=trade_in_id, reason=body.reason))


@router.post(
    "/{trade_in_id}/purchase",
    summary="登记新车开票日期 When the new car outside the market was invoiced",
    responses=refusals(TradeInNotFound, TradeInStateRefused),
)
def note_new_car_purchase(
    trade_in_id: UUID, body: schemas.PurchaseRequest, principal: Dealer, session: WriteSession, _key: Idempotency
) -> schemas.TradeInBody:
    return _body(trade_ins.note_purchase(session, principal=principal, trade_in_id=trade_in_id, bought_on=body.bought_on))


@router.post(
    "/{trade_in_id}/proofs",
    status_code=201,
    summary="提交补贴证明 Proofs for the subsidy",
    responses=refusals(TradeInNotFound),
)
def add_subsidy_proofs(
    trade_in_id: UUID, body: schemas.ProofsRequest, principal: Asker, session: WriteSession, _key: Idempotency
) -> schemas.TradeInBody:
    proofs = [trade_ins.Proof(one.kind, one.number, one.issued_on) for one in body.proofs]
    return _body(trade_ins.add_proofs(session, principal=principal, trade_in_id=trade_in_id, proofs=proofs))


@router.get("/{trade_in_id}/subsidy", summary="以旧换新补贴测算 The subsidy, explained", responses=refusals(TradeInNotFound))
def get_trade_in_subsidy(trade_in_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.SubsidyBody:
    """Every finding with its article, the amount, the proofs still missing and the last day."""
    found, table = subsidizing.evaluate(session, principal=principal, trade_in_id=trade_in_id)
    return schemas.SubsidyBody(
        programme=found.programme,
        is_barred=found.is_barred,
        amount_minor=found.amount_minor,
        rate_bps=found.rate_bps,
        max_minor=found.max_minor,
        findings=[schemas.SubsidyFindingBody.model_validate(one) for one in found.findings],
        proofs=[
            schemas.ProofLine(kind=kind, zh=PROOF_NAMES[kind][0], en=PROOF_NAMES[kind][1], is_given=kind not in found.missing)
            for kind in found.proofs
        ],
        apply_by=found.apply_by,
        source=table.source,
        certainty=table.certainty,
        table_number=table.number,
    )
