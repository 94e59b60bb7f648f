"""HTTP of custody: the bay register, receipts, movements of keys, papers and cars, statements."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import Response

from marketplace.accounts.api import Reentered, SignatureView, WrongPassphrase, verify_signature
from marketplace.core.db import ReadSession, WriteSession, get_database
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.payments.api import PaymentView
from marketplace.sourcing.domain import ConsignmentNotFound, ConsignmentStateRefused, NoCustody
from marketplace.sourcing.domain.custody import (
    BayClosed,
    BayNotFound,
    BayRegistered,
    BayTaken,
    ChargeState,
    ContractRuns,
    CustodyEnded,
    CustodyNotFound,
    CustodyTaken,
    DuesUnpaid,
    MovementClosed,
    MovementNotFound,
    NotTheReceiver,
    PieceNotYours,
    PieceOnItsWay,
    PieceUnknown,
    StorageAccrued,
)
from marketplace.sourcing.models import ConsignmentCharge, CustodyMovement
from marketplace.sourcing.schemas.consignments import ConsignmentBody
from marketplace.sourcing.schemas.custody import (
    BayBody,
    BayChange,
    BayMove,
    BayRequest,
    ChargeBody,
    ChargeDueBody,
    ChargesBody,
    CustodyBody,
    CustodyRequest,
    CustodySignatureBody,
    GiveRequest,
    MovementBody,
    PieceBody,
    ReceiveRequest,
)
from marketplace.sourcing.service import bays, charges, custody, receipts

router = Router(prefix="/marketplace/v1", tags=["custody 保管"])
Agent = Annotated[Principal, Depends(require("consignments.manage"))]


# --- the bay register ----------------------------------------------------------------------------------------------------------


@router.post("/custody-bays", status_code=201, summary="登记车位 Register a bay", responses=refusals(BayRegistered))
def register_bay(body: BayRequest, principal: Agent, session: WriteSession, _key: Idempotency) -> BayBody:
    return _bay(bays.register_bay(session, principal=principal, number=body.number, note=body.note))


@router.get("/custody-bays", summary="车位登记簿 The bay register")
def list_bays(principal: Agent, session: ReadSession, page: Paging) -> Page[BayBody]:
    """The caller's bays by number, with the car that stands in each."""
    found = bays.list_bays(session, principal=principal, paging=page)
    return page.page(found, lambda one: [one.bay.number], _bay)


@router.patch("/custody-bays/{bay_id}", summary="停用或备注车位 Change a bay", responses=refusals(BayNotFound, BayTaken))
def change_bay(bay_id: UUID, body: BayChange, principal: Agent, session: WriteSession, _key: Idempotency) -> BayBody:
    return _bay(bays.change_bay(session, principal=principal, bay_id=bay_id, is_open=body.is_open, note=body.note))


def _bay(found: bays.BayView) -> BayBody:
    standing = found.custody
    return BayBody(
        id=found.bay.id,
        number=found.bay.number,
        note=found.bay.note,
        is_open=found.bay.is_open,
        consignment_id=standing.consignment_id if standing else None,
        vehicle_id=standing.vehicle_id if standing else None,
        vehicle_title=found.vehicle_title,
        since_at=standing.taken_at if standing else None,
    )


# --- custody -------------------------------------------------------------------------------------------------------------------


@router.post(
    "/consignments/{consignment_id}/custody",
    summary="车辆入库保管 Take the car into custody",
    responses=refusals(
        ConsignmentNotFound, NoCustody, ConsignmentStateRefused, CustodyTaken, BayNotFound, BayClosed, BayTaken, WrongPassphrase
    ),
)
def take_custody(
    consignment_id: UUID, body: CustodyRequest, principal: Agent, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> ConsignmentBody:
    """By the agent of a physical consignment, before he signs: bay, keys, papers, kilometres; he signs the receipt."""
    taken = custody.Intake(
        bay_number=body.bay_number,
        key_count=body.key_count,
        odometer_km=body.odometer_km,
        papers=tuple(body.papers),
        others=tuple(body.others),
        note=body.note,
    )
    found = custody.take(session, principal=principal, consignment_id=consignment_id, taken=taken, passphrase=body.passphrase)
    return ConsignmentBody.model_validate(found)


@router.get(
    "/consignments/{consignment_id}/custody",
    summary="保管凭证与交接 The receipt, and who has what",
    responses=refusals(ConsignmentNotFound, CustodyNotFound),
)
def get_custody(consignment_id: UUID, principal: SignedIn, session: ReadSession) -> CustodyBody:
    found = custody.show(session, principal=principal, consignment_id=consignment_id)
    return CustodyBody(
        consignment_id=found.custody.consignment_id,
        receipt_no=found.custody.receipt_no,
        bay_number=found.bay_number,
        document=found.document,
        content_hash=found.custody.content_hash,
        is_intact=found.is_intact,
        signatures=[_signature(one, found.custody.content_hash) for one in found.signatures],
        pieces=[PieceBody.model_validate(one) for one in found.pieces],
        movements=[_movement(one, signatures) for one, signatures in found.movements],
        taken_at=found.custody.taken_at,
        returned_at=found.custody.returned_at,
        storage_accrued_minor=found.dues.accrued_minor,
        unpaid_minor=found.dues.unpaid_minor,
    )


@router.get(
    "/consignments/{consignment_id}/custody/receipt.pdf",
    summary="保管凭证打印件 The receipt as PDF",
    responses=refusals(ConsignmentNotFound, CustodyNotFound),
    response_class=Response,
)
def print_custody_receipt(consignment_id: UUID, principal: SignedIn, request: Request) -> Response:
    """The same receipt on paper; printing holds no transaction."""
    pdf = receipts.print_receipt(get_database(request), principal=principal, consignment_id=consignment_id)
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": 'inline; filename="custody-receipt.pdf"'})


@router.post(
    "/consignments/{consignment_id}/bay",
    summary="调换车位 Put the car into another bay",
    responses=refusals(ConsignmentNotFound, CustodyNotFound, CustodyEnded, BayNotFound, BayClosed, BayTaken),
)
def move_to_bay(consignment_id: UUID, body: BayMove, principal: Agent, session: WriteSession, _key: Idempotency) -> ConsignmentBody:
    found = bays.move_car(session, principal=principal, consignment_id=consignment_id, bay_number=body.bay_number)
    return ConsignmentBody.model_validate(found)


@router.post(
    "/consignments/{consignment_id}/custody/movements",
    status_code=201,
    summary="交出车辆、钥匙或证件 Give pieces to the other side",
    responses=refusals(
        ConsignmentNotFound,
        CustodyNotFound,
        CustodyEnded,
        PieceUnknown,
        PieceNotYours,
        PieceOnItsWay,
        ContractRuns,
        DuesUnpaid,
        StorageAccrued,
        WrongPassphrase,
    ),
)
def give_pieces(
    consignment_id: UUID, body: GiveRequest, principal: SignedIn, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> MovementBody:
    """Whoever has them signs that he gives them. After the contract has ended nothing leaves before it is paid for."""
    given = custody.give(
        session,
        principal=principal,
        consignment_id=consignment_id,
        piece_ids=body.piece_ids,
        purpose=body.purpose,
        passphrase=body.passphrase,
    )
    return _movement(given, [])


@router.post(
    "/consignments/{consignment_id}/custody/movements/{movement_id}/receipt",
    summary="签收 Sign that I received them",
    responses=refusals(ConsignmentNotFound, CustodyNotFound, MovementNotFound, MovementClosed, NotTheReceiver, WrongPassphrase),
)
def receive_pieces(
    consignment_id: UUID,
    movement_id: UUID,
    body: ReceiveRequest,
    principal: SignedIn,
    _proof: Reentered,
    session: WriteSession,
    _key: Idempotency,
) -> MovementBody:
    """By the other side. When the car is back with its owner, the bay is free."""
    received = custody.receive(
        session, principal=principal, consignment_id=consignment_id, movement_id=movement_id, passphrase=body.passphrase
    )
    return _movement(received, [])


@router.post(
    "/consignments/{consignment_id}/custody/movements/{movement_id}/cancellation",
    summary="取消交接 Call a movement off",
    responses=refusals(ConsignmentNotFound, CustodyNotFound, MovementNotFound, MovementClosed),
)
def call_off_movement(
    consignment_id: UUID, movement_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> MovementBody:
    return _movement(custody.call_off(session, principal=principal, consignment_id=consignment_id, movement_id=movement_id), [])


def _movement(found: CustodyMovement, signatures: list[SignatureView]) -> MovementBody:
    body = MovementBody.model_validate(found)
    body.signatures = [_signature(one, found.content_hash) for one in signatures]
    return body


def _signature(one: SignatureView, content_hash: str) -> CustodySignatureBody:
    return CustodySignatureBody(
        party_id=one.party_id,
        public_key=one.public_key,
        signature=one.signature,
        content_hash=one.content_hash,
        at=one.at,
        is_valid=verify_signature(one) and one.content_hash == content_hash,
    )


# --- charges -------------------------------------------------------------------------------------------------------------------


@router.get("/consignments/{consignment_id}/charges", summary="费用清单 What is owed", responses=refusals(ConsignmentNotFound))
def list_consignment_charges(consignment_id: UUID, principal: SignedIn, session: ReadSession) -> ChargesBody:
    """Storage and the fee for ending early, with how the consignor pays them."""
    return _charges(charges.list_charges(session, principal=principal, consignment_id=consignment_id))


@router.post("/consignments/{consignment_id}/charges", summary="结算 Settle up to today", responses=refusals(ConsignmentNotFound))
def settle_consignment(consignment_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ChargesBody:
    """After the contract has ended: storage since the last statement is asked for, a payment that failed once more."""
    return _charges(charges.settle_up(session, principal=principal, consignment_id=consignment_id))


def _charges(found: list[tuple[ConsignmentCharge, PaymentView | None]]) -> ChargesBody:
    return ChargesBody(
        charges=[
            ChargeBody(
                **{name: getattr(charge, name) for name in ChargeBody.model_fields if name != "payment"},
                payment=_due(payment) if payment is not None else None,
            )
            for charge, payment in found
        ],
        unpaid_minor=sum(charge.amount_minor for charge, _ in found if charge.state is ChargeState.DUE),
    )


def _due(payment: PaymentView) -> ChargeDueBody:
    return ChargeDueBody(
        payment_id=payment.id,
        state=payment.state,
        gateway=payment.gateway,
        reference=payment.reference,
        amount_minor=payment.amount_minor,
        instructions=payment.instructions,
    )
