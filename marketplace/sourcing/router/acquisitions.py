"""HTTP of acquisitions 收购: ask, offer, accept, inspect, answer, end, look."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended, RealNameMissing, Reentered, WrongPassphrase
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.listings.api import VehicleClaimed, WrongHolding
from marketplace.sourcing.domain import StockCarNotFound
from marketplace.sourcing.domain.acquisitions import (
    AcquisitionNotFound,
    AcquisitionStateRefused,
    AlreadyAsked,
    AnnotationMissing,
    ChangeOutOfBounds,
    ConsentNeeded,
    NotAnAcquirer,
    OfferBinding,
    OfferLapsed,
    OfferNotFound,
    OwnAcquisition,
    PeriodOutOfBounds,
    PriceChange,
    ProposalChanged,
    ReverseInvoiceBarred,
    ReverseInvoiceNotFound,
    TemporaryPlateDays,
    TooManyOffers,
    TooManyProposals,
    TooManyTemporaryPlates,
)
from marketplace.sourcing.schemas import acquisitions as schemas
from marketplace.sourcing.service import acquiring, acquisitions, annotations, reinspecting, reverse_invoices
from marketplace.sourcing.service.acquisitions import AcquisitionView, OfferView
from marketplace.vehicles.api import NotEligible, VehicleNotFound

router = Router(prefix="/marketplace/v1", tags=["acquisitions 收购"])
Asker = Annotated[Principal, Depends(require("acquisitions.ask"))]
Acquirer = Annotated[Principal, Depends(require("acquisitions.offer"))]
Dealer = Annotated[Principal, Depends(require("stock.manage"))]


def _offer(found: OfferView) -> schemas.OfferBody:
    row = found.row
    return schemas.OfferBody(
        id=row.id,
        acquisition_id=row.acquisition_id,
        dealer_id=row.dealer_id,
        dealer_name=found.dealer_name,
        number=row.number,
        price_minor=row.price_minor,
        note=row.note,
        state=row.state,
        offered_at=row.offered_at,
        valid_until=row.valid_until,
        record=schemas.RecordBody.model_validate(found.record) if found.record else None,
    )


def _body(found: AcquisitionView) -> schemas.AcquisitionBody:
    row = found.row
    return schemas.AcquisitionBody(
        id=row.id,
        car=schemas.CarBody.model_validate(found.car),
        state=row.state,
        is_owner=found.is_owner,
        expected_minor=row.expected_minor if found.is_owner else None,
        description=row.description,
        disclosures=[schemas.DisclosureBody.model_validate(one) for one in row.disclosures],
        asked_at=row.asked_at,
        closes_at=row.closes_at,
        dealer_id=row.dealer_id,
        agreed_minor=row.agreed_minor,
        price_minor=row.price_minor,
        inspect_by=row.inspect_by,
        answer_by=row.answer_by,
        order_id=row.order_id,
        end_reason=row.end_reason,
        offers=[_offer(one) for one in found.offers],
        inspections=[
            schemas.InspectionBody(
                number=one.row.number,
                odometer_km=one.row.odometer_km,
                agreed_minor=one.row.agreed_minor,
                price_minor=one.row.price_minor,
                changes=one.row.changes,
                content_hash=one.row.content_hash,
                at=one.row.at,
                consented=one.answer.consented if one.answer else None,
            )
            for one in found.inspections
        ],
        version=row.version,
    )


@router.post(
    "/acquisitions",
    status_code=201,
    summary="车主询价收购 Ask dealers for offers",
    responses=refusals(
        VehicleNotFound, NotEligible, WrongHolding, VehicleClaimed, AlreadyAsked, PeriodOutOfBounds, RealNameMissing, PartySuspended
    ),
)
def ask_for_offers(body: schemas.AskRequest, principal: Asker, session: WriteSession, _key: Idempotency) -> schemas.AcquisitionBody:
    wanted = acquiring.Ask(
        vehicle_id=body.vehicle_id,
        days=body.days,
        expected_minor=body.expected_minor,
        description=body.description,
        disclosures=[acquiring.Disclosure(one.reason, one.text) for one in body.disclosures],
    )
    return _body(acquiring.ask(session, principal=principal, wanted=wanted))


@router.get("/acquisitions", summary="我的收购询价 My requests for offers")
def list_acquisitions(principal: Asker, session: ReadSession, page: Paging) -> Page[schemas.AcquisitionBody]:
    return page.page(acquisitions.list_own(session, principal=principal, paging=page), lambda one: [one.row.id], _body)


@router.get("/acquisition-requests", summary="可报价的车源 Cars whose owners ask for offers")
def list_acquisition_requests(principal: Acquirer, session: ReadSession, page: Paging) -> Page[schemas.AcquisitionBody]:
    """For dealers: each with the caller's own offers, never another's."""
    return page.page(acquisitions.list_open(session, principal=principal, paging=page), lambda one: [one.row.id], _body)


@router.get("/acquisitions/{acquisition_id}", summary="一笔收购 One acquisition", responses=refusals(AcquisitionNotFound))
def get_acquisition(acquisition_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.AcquisitionBody:
    return _body(acquisitions.get_acquisition(session, principal=principal, acquisition_id=acquisition_id))


@router.post(
    "/acquisitions/{acquisition_id}/offers",
    status_code=201,
    summary="经销商报价 Make or raise an offer",
    responses=refusals(
        AcquisitionNotFound,
        AcquisitionStateRefused,
        NotAnAcquirer,
        LicenceMissing,
        LicenceLapsed,
        OwnAcquisition,
        PeriodOutOfBounds,
        OfferBinding,
        TooManyOffers,
        PartySuspended,
    ),
)
def place_acquisition_offer(
    acquisition_id: UUID, body: schemas.OfferPlacedRequest, principal: Acquirer, session: WriteSession, _key: Idempotency
) -> schemas.AcquisitionBody:
    """Binding until it lapses; a later one may only be higher and stand longer."""
    return _body(
        acquiring.place_offer(
            session,
            principal=principal,
            acquisition_id=acquisition_id,
            price_minor=body.price_minor,
            valid_until=body.valid_until,
            note=body.note,
        )
    )


@router.post(
    "/acquisitions/{acquisition_id}/offers/{offer_id}/acceptance",
    summary="车主接受报价 Accept an offer",
    responses=refusals(
        AcquisitionNotFound,
        OfferNotFound,
        AcquisitionStateRefused,
        OfferLapsed,
        VehicleClaimed,
        NotEligible,
        NotAnAcquirer,
        LicenceMissing,
        LicenceLapsed,
        PartySuspended,
    ),
)
def accept_acquisition_offer(
    acquisition_id: UUID, offer_id: UUID, principal: Asker, session: WriteSession, _key: Idempotency
) -> schemas.AcquisitionBody:
    """Takes the car: no other channel can sell it until the acquisition ends."""
    return _body(acquiring.accept(session, principal=principal, acquisition_id=acquisition_id, offer_id=offer_id))


@router.post(
    "/acquisitions/{acquisition_id}/offers/{offer_id}/refusal",
    summary="车主拒绝报价 Decline an offer",
    responses=refusals(AcquisitionNotFound, OfferNotFound, OfferLapsed),
)
def decline_acquisition_offer(
    acquisition_id: UUID, offer_id: UUID, principal: Asker, session: WriteSession, _key: Idempotency
) -> schemas.AcquisitionBody:
    return _body(acquiring.decline(session, principal=principal, acquisition_id=acquisition_id, offer_id=offer_id))


@router.post(
    "/acquisitions/{acquisition_id}/inspections",
    status_code=201,
    summary="交车复检 Re-inspect at the hand-over",
    responses=refusals(
        AcquisitionNotFound, AcquisitionStateRefused, ConsentNeeded, ChangeOutOfBounds, TooManyProposals, NotEligible, VehicleClaimed
    ),
)
def inspect_acquisition(
    acquisition_id: UUID, body: schemas.InspectRequest, principal: Acquirer, session: WriteSession, _key: Idempotency
) -> schemas.AcquisitionBody:
    """Without a reduction the purchase contract is drawn up; a lower price waits for the owner's signed consent."""
    changes = [PriceChange(one.reason, one.text, one.change_minor) for one in body.changes]
    return _body(
        reinspecting.inspect(session, principal=principal, acquisition_id=acquisition_id, odometer_km=body.odometer_km, changes=changes)
    )


@router.post(
    "/acquisitions/{acquisition_id}/answer",
    summary="车主答复调价 Answer a change of price",
    responses=refusals(
        AcquisitionNotFound, AcquisitionStateRefused, ProposalChanged, WrongPassphrase, NotEligible, VehicleClaimed, NotFound
    ),
)
def answer_price_change(
    acquisition_id: UUID,
    body: schemas.AnswerRequest,
    principal: Asker,
    _proof: Reentered,
    session: WriteSession,
    _key: Idempotency,
) -> schemas.AcquisitionBody:
    return _body(
        reinspecting.answer(
            session,
            principal=principal,
            acquisition_id=acquisition_id,
            consent=body.consent,
            passphrase=body.passphrase,
            content_hash=body.content_hash,
        )
    )


@router.post(
    "/acquisitions/{acquisition_id}/withdrawal",
    summary="放弃收购 Walk away, or back out",
    responses=refusals(AcquisitionNotFound, AcquisitionStateRefused),
)
def call_off_acquisition(
    acquisition_id: UUID, body: schemas.ReasonRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> schemas.AcquisitionBody:
    """The owner free of cost; the dealer on his record. Once there is a contract, on the order."""
    return _body(acquiring.call_off(session, principal=principal, acquisition_id=acquisition_id, reason=body.reason))


@router.get("/acquirers/{dealer_id}/record", summary="经销商收购履约记录 A dealer's record of kept offers", responses=refusals(NotFound))
def get_acquirer_record(dealer_id: UUID, _principal: Asker, session: ReadSession) -> schemas.RecordBody:
    """For every owner: how often this dealer lowers a price at the hand-over, and by how much."""
    acquisitions.require_acquirer_known(session, dealer_id=dealer_id)
    return schemas.RecordBody.model_validate(acquisitions.get_record(session, dealer_id=dealer_id))


# --- reverse invoice, stock annotation -----------------------------------------------------------------------------------


@router.post(
    "/purchases/{order_id}/reverse-invoice",
    status_code=201,
    summary="反向开票 Draw the reverse invoice up",
    responses=refusals(AcquisitionNotFound, AcquisitionStateRefused, ReverseInvoiceBarred),
)
def issue_reverse_invoice(order_id: UUID, principal: Acquirer, session: WriteSession, _key: Idempotency) -> schemas.ReverseInvoiceBody:
    """By the dealer who bought from a natural person, once he has paid. The seller's identity number is on it by law."""
    reverse_invoices.issue(session, principal=principal, order_id=order_id)
    return _invoice(reverse_invoices.get_invoice(session, principal=principal, order_id=order_id))


@router.get(
    "/purchases/{order_id}/reverse-invoice",
    summary="导出反向开票数据 Export the reverse invoice's data",
    responses=refusals(ReverseInvoiceNotFound),
)
def get_reverse_invoice(order_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.ReverseInvoiceBody:
    return _invoice(reverse_invoices.get_invoice(session, principal=principal, order_id=order_id))


def _invoice(found: reverse_invoices.InvoiceView) -> schemas.ReverseInvoiceBody:
    return schemas.ReverseInvoiceBody(
        id=found.row.id,
        order_id=found.row.order_id,
        amount_minor=found.row.amount_minor,
        content=found.content,
        content_hash=found.row.content_hash,
        is_intact=found.is_intact,
        issued_at=found.row.issued_at,
    )


@router.get(
    "/stock/{vehicle_id}/annotation", summary="待销售签注 The stock annotation", responses=refusals(StockCarNotFound, AnnotationMissing)
)
def get_stock_annotation(vehicle_id: UUID, principal: Dealer, session: ReadSession) -> schemas.AnnotationBody:
    return _annotation(annotations.get_annotation(session, principal=principal, vehicle_id=vehicle_id))


@router.post(
    "/stock/{vehicle_id}/temporary-plates",
    status_code=201,
    summary="登记临时号牌 Record a temporary plate",
    responses=refusals(StockCarNotFound, AnnotationMissing, TooManyTemporaryPlates, TemporaryPlateDays),
)
def record_temporary_plate(
    vehicle_id: UUID, body: schemas.TemporaryPlateRequest, principal: Dealer, session: WriteSession, _key: Idempotency
) -> schemas.AnnotationBody:
    """At most three while the car is in stock, each for a necessary short trip."""
    return _annotation(
        annotations.record_plate(
            session,
            principal=principal,
            vehicle_id=vehicle_id,
            plate=body.plate,
            purpose=body.purpose,
            valid_from=body.valid_from,
            valid_to=body.valid_to,
        )
    )


def _annotation(found: annotations.AnnotationView) -> schemas.AnnotationBody:
    return schemas.AnnotationBody(
        vehicle_id=found.row.vehicle_id,
        text=found.row.text,
        annotated_at=found.row.annotated_at,
        plates=[schemas.TemporaryPlateBody.model_validate(one) for one in found.plates],
        plates_max=found.plates_max,
    )
