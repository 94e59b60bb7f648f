"""HTTP of consignments: offer, custody, sign, price, end, look."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended, RealNameMissing, Reentered, WrongPassphrase
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.listings.api import AlreadyListed, BelowFloor, PriceOutOfBounds, VehicleClaimed, WrongHolding
from marketplace.sourcing.domain import (
    AlreadyConsigned,
    AlreadySigned,
    ConsentMissing,
    ConsignmentNotFound,
    ConsignmentState,
    ConsignmentStateRefused,
    CustodyMissing,
    DocumentChanged,
    FloorAboveAsk,
    NotAnAgent,
    TermsOutOfBounds,
)
from marketplace.sourcing.domain.custody import DuesUnpaid
from marketplace.sourcing.domain.price_drops import BadPriceStep, PriceStep
from marketplace.sourcing.schemas.consignments import (
    ConsignmentBody,
    ContractBody,
    EndRequest,
    FloorRequest,
    OfferRequest,
    PriceRequest,
    SignatureBody,
    SignRequest,
)
from marketplace.sourcing.service import ending, offering, reading
from marketplace.sourcing.service.offering import Offer
from marketplace.sourcing.service.records import ConsignmentView
from marketplace.vehicles.api import NotEligible, VehicleNotFound

router = Router(prefix="/marketplace/v1", tags=["consignments 寄售"])
Offerer = Annotated[Principal, Depends(require("consignments.offer"))]


def _body(found: ConsignmentView) -> ConsignmentBody:
    return ConsignmentBody.model_validate(found)


@router.post(
    "/consignments",
    status_code=201,
    summary="委托寄售 Offer a car for consignment",
    responses=refusals(
        VehicleNotFound,
        NotEligible,
        WrongHolding,
        AlreadyConsigned,
        NotAnAgent,
        LicenceMissing,
        LicenceLapsed,
        FloorAboveAsk,
        TermsOutOfBounds,
        BadPriceStep,
        DuesUnpaid,
        RealNameMissing,
        PartySuspended,
    ),
)
def offer_consignment(body: OfferRequest, principal: Offerer, session: WriteSession, _key: Idempotency) -> ConsignmentBody:
    """By the car's owner. The contract is drawn up; both sides then sign it."""
    steps = tuple(PriceStep(step.after_days, step.ask_minor) for step in body.price_steps)
    fields = body.model_dump() | {"disclosures": tuple(body.disclosures), "price_steps": steps}
    return _body(offering.offer(session, principal=principal, wanted=Offer(**fields)))


@router.get("/consignments", summary="我的寄售 My consignments, as owner or as agent")
def list_consignments(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    state: Annotated[ConsignmentState | None, Query(description="Only these.")] = None,
) -> Page[ConsignmentBody]:
    found = reading.list_consignments(session, principal=principal, state=state, paging=page)
    return page.page(found, lambda one: [one.id], _body)


@router.get("/consignments/{consignment_id}", summary="寄售合同条款 One consignment", responses=refusals(ConsignmentNotFound))
def get_consignment(consignment_id: UUID, principal: SignedIn, session: ReadSession) -> ConsignmentBody:
    return _body(reading.get_consignment(session, principal=principal, consignment_id=consignment_id))


@router.get(
    "/consignments/{consignment_id}/contract",
    summary="合同文本及签名 The contract and its signatures",
    responses=refusals(ConsignmentNotFound),
)
def get_contract(consignment_id: UUID, principal: SignedIn, session: ReadSession) -> ContractBody:
    shown = reading.get_contract(session, principal=principal, consignment_id=consignment_id)
    return ContractBody(
        content_hash=shown.content_hash,
        document=shown.document,
        is_intact=shown.is_intact,
        signatures=[
            SignatureBody(party_id=one.party_id, public_key=one.public_key, signature=one.signature, at=one.at, is_valid=is_valid)
            for one, is_valid in shown.signatures
        ],
    )


@router.post(
    "/consignments/{consignment_id}/signatures",
    summary="签署合同 Sign for my side",
    responses=refusals(
        ConsignmentNotFound,
        ConsignmentStateRefused,
        AlreadySigned,
        DocumentChanged,
        CustodyMissing,
        WrongPassphrase,
        NotEligible,
        VehicleClaimed,
        AlreadyListed,
    ),
)
def sign_consignment(
    consignment_id: UUID, body: SignRequest, principal: SignedIn, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> ConsignmentBody:
    """With the second signature the contract is made, the agent may act on the car, and it is listed."""
    return _body(
        offering.sign(
            session,
            principal=principal,
            consignment_id=consignment_id,
            passphrase=body.passphrase,
            content_hash=body.content_hash,
        )
    )


@router.post(
    "/consignments/{consignment_id}/price",
    summary="调整标价 Change the asking price",
    responses=refusals(ConsignmentNotFound, ConsignmentStateRefused, BelowFloor, ConsentMissing, PriceOutOfBounds),
)
def change_price(
    consignment_id: UUID, body: PriceRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> ConsignmentBody:
    """The owner sets any price not below the floor; the agent one between the floor and what the owner agreed to."""
    return _body(ending.change_price(session, principal=principal, consignment_id=consignment_id, ask_minor=body.ask_minor))


@router.post(
    "/consignments/{consignment_id}/floor",
    summary="委托人同意新底价 The owner consents to another floor",
    responses=refusals(ConsignmentNotFound, ConsignmentStateRefused, FloorAboveAsk, WrongPassphrase),
)
def consent_to_floor(
    consignment_id: UUID, body: FloorRequest, principal: SignedIn, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> ConsignmentBody:
    """Signed: below the floor nobody may sell without it (民法典 第九百五十五条)."""
    return _body(
        ending.consent_to_floor(
            session,
            principal=principal,
            consignment_id=consignment_id,
            floor_minor=body.floor_minor,
            passphrase=body.passphrase,
        )
    )


@router.post(
    "/consignments/{consignment_id}/withdrawal",
    summary="撤回委托 Call off, or end early",
    responses=refusals(ConsignmentNotFound, ConsignmentStateRefused, VehicleClaimed),
)
def withdraw_consignment(
    consignment_id: UUID, body: EndRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> ConsignmentBody:
    """Either side before both have signed; the owner alone afterwards, while no order and no lot holds the car."""
    return _body(ending.withdraw(session, principal=principal, consignment_id=consignment_id, reason=body.reason))


@router.post(
    "/consignments/{consignment_id}/relisting",
    summary="重新挂牌 List again after a bar was cleared",
    responses=refusals(ConsignmentNotFound, ConsignmentStateRefused, NotEligible, VehicleClaimed, AlreadyListed),
)
def relist(consignment_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ConsignmentBody:
    return _body(offering.relist(session, principal=principal, consignment_id=consignment_id))
