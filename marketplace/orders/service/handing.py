"""The car changes hands: the seller records what he hands over, the buyer what he accepts."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders import queries
from marketplace.orders.domain import (
    HANDED_OVER_DOCUMENTS,
    Handover,
    LinkedOrderBehind,
    OrderNotFound,
    OrderState,
    OrderStateRefused,
    Side,
    check_acceptance,
    check_handover,
)
from marketplace.orders.events import HandedOver
from marketplace.orders.models import Order, OrderHandover
from marketplace.orders.service.opening import terms
from marketplace.orders.service.records import OrderView, announce, event_facts, move, record, side_of, view
from marketplace.vehicles import api as vehicles

_PAID = frozenset({OrderState.PAID, OrderState.HANDED_OVER, OrderState.COMPLETED})


def hand_over(
    session: Session,
    *,
    principal: Principal,
    order_id: UUID,
    odometer_km: int,
    keys: int,
    documents: Sequence[str],
    note: str = "",
) -> OrderView:
    """The seller's side. Raises ``OrderNotFound``, ``OrderStateRefused``, ``PapersMissing``."""
    order = _lock(session, principal, order_id, Side.SELLER)
    if Side.SELLER in queries.list_handovers(session, order_id):
        return view(order)
    handover = Handover(odometer_km, keys, frozenset(documents))
    check_handover(handover, required=HANDED_OVER_DOCUMENTS)
    _keep(session, principal, order, Side.SELLER, handover, note)
    return view(order)


def accept(
    session: Session,
    *,
    principal: Principal,
    order_id: UUID,
    odometer_km: int,
    keys: int,
    documents: Sequence[str],
    note: str = "",
) -> OrderView:
    """The buyer's side: he has the car now. Raises ``HandoverMissing``, ``AcceptanceDiffers`` and as ``hand_over``."""
    order = _lock(session, principal, order_id, Side.BUYER)
    given = queries.list_handovers(session, order_id).get(Side.SELLER)
    acceptance = Handover(odometer_km, keys, frozenset(documents))
    check_acceptance(acceptance, Handover(given.odometer_km, given.keys, frozenset(given.documents)) if given else None)
    _keep(session, principal, order, Side.BUYER, acceptance, note)
    at = move(session, order, OrderState.HANDED_OVER)
    order.handed_over_at = at
    transfer_by = at + timedelta(days=terms(at)["transfer_within_days"])
    vehicles.record_odometer(
        session,
        vehicle_id=order.vehicle_id,
        recorded_by=principal.party_id,
        odometer_km=odometer_km,
        source=vehicles.OdometerSource.HANDOVER,
    )
    event = HandedOver(**event_facts(order, at), odometer_km=odometer_km, transfer_by=transfer_by)
    announce(session, order=order, event=event, act="order.accept", principal=principal)
    return view(order)


def _lock(session: Session, principal: Principal, order_id: UUID, side: Side) -> Order:
    order, linked = queries.lock_linked(session, order_id)
    if side_of(order, principal.party_id) is not side:
        raise OrderNotFound
    if order.state is not OrderState.PAID:
        raise OrderStateRefused(state=order.state.value, wanted=OrderState.HANDED_OVER.value)
    if linked is not None and linked.state not in _PAID:
        raise LinkedOrderBehind(state=linked.state.value)
    return order


def _keep(session: Session, principal: Principal, order: Order, side: Side, handover: Handover, note: str) -> None:
    row = OrderHandover(
        order_id=order.id,
        side=side,
        odometer_km=handover.odometer_km,
        keys=handover.keys,
        documents=sorted(handover.documents),
        note=note,
        person_id=principal.id,
        at=clock.now(session),
    )
    session.add(row)
    session.flush()
    facts = {"side": side.value, "odometer_km": row.odometer_km, "keys": row.keys, "documents": row.documents}
    record(session, order, act="order.hand_over", principal=principal, facts=facts)
