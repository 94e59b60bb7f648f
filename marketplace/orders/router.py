"""HTTP of orders: place, sign, hand over, accept, call off, look."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from marketplace.accounts.api import PartySuspended, RealNameMissing, Reentered, WrongPassphrase, verify_signature
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.listings.api import ListingNotFound, ListingNotLive, OwnCar, VehicleClaimed
from marketplace.orders import queries, schemas
from marketplace.orders.domain import (
    AcceptanceDiffers,
    AlreadySigned,
    BuyerIsSeller,
    ConfirmationMissing,
    ContractBinding,
    HandoverMissing,
    LinkedOrderBehind,
    LinkedOrderDelivered,
    OrderNotFound,
    OrderStateRefused,
    PapersMissing,
    Side,
)
from marketplace.orders.models import Order
from marketplace.orders.service import ending, handing, opening, reading, records, signing
from marketplace.vehicles.api import NotEligible

router = Router(prefix="/marketplace/v1/orders", tags=["orders 订单"])


def _body(session: Session, principal: Principal, order_id: UUID) -> schemas.OrderBody:
    shown = reading.show_order(session, principal=principal, order_id=order_id)
    order, payment = shown.order, shown.payment
    proceeds = order.price_minor - order.offset_minor - order.seller_fee_minor - order.commission_minor
    return schemas.OrderBody(
        id=order.id,
        number=order.number,
        vehicle_id=order.vehicle_id,
        side=shown.side,
        seller_name=shown.names.get(order.seller_id, ""),
        buyer_name=shown.names.get(order.buyer_id, ""),
        channel=order.channel,
        source_kind=order.source_kind,
        source_id=order.source_id,
        price_minor=order.price_minor,
        price_kind=order.price_kind,
        buyer_fee_minor=order.buyer_fee_minor,
        linked_order_id=order.linked_order_id,
        offset_minor=order.offset_minor,
        total_minor=order.price_minor + order.buyer_fee_minor - order.offset_minor,
        proceeds_minor=None if shown.side is Side.BUYER else proceeds,
        state=order.state,
        contract_kind=order.contract_kind,
        contract_hash=order.contract_hash,
        signatures=[schemas.SignatureBody.model_validate(one, from_attributes=True) for one in shown.signatures],
        handovers=[schemas.HandoverBody.model_validate(one, from_attributes=True) for one in shown.handovers],
        payment=schemas.DueBody(
            payment_id=payment.id,
            amount_minor=payment.amount_minor,
            state=payment.state,
            gateway=payment.gateway,
            reference=payment.reference,
            instructions=payment.instructions,
            pay_by=order.pay_by,
        )
        if payment is not None
        else None,
        warranty=schemas.OrderWarrantyBody.model_validate(shown.warranty) if shown.warranty else None,
        opened_at=order.opened_at,
        sign_by=order.sign_by,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        handed_over_at=order.handed_over_at,
        completed_at=order.completed_at,
        end_reason=order.end_reason,
    )


@router.post(
    "",
    status_code=201,
    summary="下单购买 Order a car from the store",
    responses=refusals(
        ListingNotFound,
        ListingNotLive,
        VehicleClaimed,
        OwnCar,
        BuyerIsSeller,
        NotEligible,
        ConfirmationMissing,
        PartySuspended,
        RealNameMissing,
    ),
)
def place_order(
    body: schemas.OrderRequest,
    session: WriteSession,
    principal: Annotated[Principal, Depends(require("orders.buy"))],
    _key: Idempotency,
) -> schemas.OrderBody:
    order = opening.place_order(
        session, principal=principal, listing_id=body.listing_id, buyer_city=body.buyer_city, confirmations=body.confirmations
    )
    return _body(session, principal, order.id)


@router.get("", summary="我的订单 Own orders")
def list_orders(
    session: ReadSession,
    principal: SignedIn,
    paging: Paging,
    side: Annotated[Side | None, Query(description="Only those the caller buys or sells.")] = None,
) -> Page[schemas.OrderLine]:
    rows = queries.list_orders(session, party_id=principal.party_id, side=side, paging=paging)
    return paging.page(rows, lambda row: [row.id], lambda row: _line(row, principal.party_id))


def _line(order: Order, party_id: UUID) -> schemas.OrderLine:
    return schemas.OrderLine(
        id=order.id,
        number=order.number,
        vehicle_id=order.vehicle_id,
        side=records.side_of(order, party_id),
        channel=order.channel,
        price_minor=order.price_minor,
        state=order.state,
        opened_at=order.opened_at,
    )


@router.get("/{order_id}", summary="一份订单 One order", responses=refusals(OrderNotFound))
def get_order(order_id: UUID, session: ReadSession, principal: SignedIn) -> schemas.OrderBody:
    return _body(session, principal, order_id)


@router.get("/{order_id}/contract", summary="合同及签名 The contract and its signatures", responses=refusals(OrderNotFound))
def get_order_contract(order_id: UUID, session: ReadSession, principal: SignedIn) -> schemas.ContractBody:
    shown = reading.show_contract(session, principal=principal, order_id=order_id)
    return schemas.ContractBody(
        order_id=shown.order_id,
        contract_hash=shown.contract_hash,
        document=shown.document,
        signatures=[
            schemas.SignedBy(
                id=one.id,
                person_id=one.person_id,
                party_id=one.party_id,
                public_key=one.public_key,
                signature=one.signature,
                content_hash=one.content_hash,
                at=one.at,
                is_valid=verify_signature(one) and one.content_hash == shown.contract_hash,
            )
            for one in shown.signatures
        ],
    )


@router.post(
    "/{order_id}/signatures",
    status_code=201,
    summary="签署合同 Sign the contract",
    responses=refusals(OrderNotFound, OrderStateRefused, AlreadySigned, WrongPassphrase, NotFound),
)
def sign_contract(
    order_id: UUID,
    body: schemas.SignatureRequest,
    session: WriteSession,
    principal: SignedIn,
    _proof: Reentered,
    _key: Idempotency,
) -> schemas.OrderBody:
    signing.sign(session, principal=principal, order_id=order_id, passphrase=body.passphrase)
    return _body(session, principal, order_id)


@router.post(
    "/{order_id}/handover",
    status_code=201,
    summary="卖方交付 The seller hands over",
    responses=refusals(OrderNotFound, OrderStateRefused, PapersMissing, LinkedOrderBehind),
)
def hand_over(
    order_id: UUID, body: schemas.HandoverRequest, session: WriteSession, principal: SignedIn, _key: Idempotency
) -> schemas.OrderBody:
    handing.hand_over(
        session,
        principal=principal,
        order_id=order_id,
        odometer_km=body.odometer_km,
        keys=body.keys,
        documents=body.documents,
        note=body.note,
    )
    return _body(session, principal, order_id)


@router.post(
    "/{order_id}/acceptance",
    status_code=201,
    summary="买方验收 The buyer accepts",
    responses=refusals(OrderNotFound, OrderStateRefused, HandoverMissing, AcceptanceDiffers, LinkedOrderBehind),
)
def accept(
    order_id: UUID, body: schemas.HandoverRequest, session: WriteSession, principal: SignedIn, _key: Idempotency
) -> schemas.OrderBody:
    handing.accept(
        session,
        principal=principal,
        order_id=order_id,
        odometer_km=body.odometer_km,
        keys=body.keys,
        documents=body.documents,
        note=body.note,
    )
    return _body(session, principal, order_id)


@router.post(
    "/{order_id}/cancellation",
    status_code=201,
    summary="取消订单 Call the order off",
    responses=refusals(OrderNotFound, OrderStateRefused, ContractBinding, LinkedOrderDelivered),
)
def call_off(
    order_id: UUID, body: schemas.CancellationRequest, session: WriteSession, principal: SignedIn, _key: Idempotency
) -> schemas.OrderBody:
    ending.call_off(session, principal=principal, order_id=order_id, reason=body.reason)
    return _body(session, principal, order_id)
