"""待销售: a car bought for stock is noted as such, has at most so many temporary plates, and stands in its dealer's stock list."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal
from marketplace.orders import api as orders
from marketplace.sourcing.domain import StockCarNotFound, StockState
from marketplace.sourcing.domain.acquisitions import AnnotationMissing, TemporaryPlateDays, TooManyTemporaryPlates
from marketplace.sourcing.models.acquisitions import StockAnnotation, TemporaryPlate
from marketplace.sourcing.models.stock import StockCar
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.queries import stock as stock_queries
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True)
class AnnotationView:
    """What the registry notes on a stock car, and the plates used so far of ``plates_max``."""

    row: StockAnnotation
    plates: list[TemporaryPlate]
    plates_max: int


def hear_moved(session: Session, *, vehicle_id: UUID, to_party_id: UUID) -> None:
    """A title moved: the former dealer's annotation ends; a filed dealer's begins when he took the car into stock. Twice is once."""
    at = clock.now(session)
    standing = queries.lock_annotation(session, vehicle_id)
    if standing is not None and standing.dealer_id == to_party_id:
        return
    if standing is not None:
        standing.ended_at = at
        session.add(standing)
        session.flush()
    if not _is_annotated(session, vehicle_id, to_party_id):
        return
    text = str(rule_table("stock_annotation", on=clock.shanghai_day(at)).values["text"])
    row = StockAnnotation(vehicle_id=vehicle_id, dealer_id=to_party_id, text=text, annotated_at=at)
    session.add(row)
    session.flush()
    audit.record(
        session, principal=None, act="stock.annotate", object_kind="vehicle", object_id=vehicle_id, facts={"dealer_id": str(to_party_id)}
    )


def _is_annotated(session: Session, vehicle_id: UUID, party_id: UUID) -> bool:
    """Small and micro passenger cars not in commercial use, bought by a filed dealer for stock."""
    try:
        holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=party_id)
    except vehicles.VehicleNotFound:
        return False
    if holding.capacity is not vehicles.Capacity.DEALER_STOCK:
        return False
    today = clock.shanghai_day(clock.now(session))
    try:
        accounts.require_licence(session, party_id=party_id, kind=accounts.LicenceKind.DEALER_FILING, on=today)
    except (accounts.LicenceMissing, accounts.LicenceLapsed):
        return False
    values = rule_table("stock_annotation", on=today).values
    car = vehicles.get_vehicle(session, vehicle_id=vehicle_id)
    return car.kind.value in values["kinds"] and car.use_type.value in values["use_types"]


def take_into_stock(session: Session, *, order_id: UUID) -> None:
    """A purchase is complete: the car stands in the dealer's stock list at its cost, without an asking price yet. Twice is once."""
    order = orders.get_order(session, order_id=order_id)
    if order.source_kind is not orders.SourceKind.ACQUISITION:
        return
    found = stock_queries.lock_stock_of_vehicles(session, dealer_id=order.buyer_id, vehicle_ids=[order.vehicle_id])
    row = found.get(order.vehicle_id)
    if row is not None and row.state in {StockState.IN_STOCK, StockState.BOUGHT}:
        return
    at = clock.now(session)
    row = row or StockCar(dealer_id=order.buyer_id, vehicle_id=order.vehicle_id, state=StockState.BOUGHT, created_at=at, changed_at=at)
    row.state, row.ask_minor, row.cost_minor, row.changed_at, row.row_hash = StockState.BOUGHT, None, order.price_minor, at, ""
    session.add(row)
    session.flush()
    audit.record(
        session, principal=None, act="stock.bought", object_kind="vehicle", object_id=order.vehicle_id, facts={"order_id": str(order.id)}
    )


def get_annotation(session: Session, *, principal: Principal, vehicle_id: UUID) -> AnnotationView:
    """Raises ``StockCarNotFound`` for another's car, ``AnnotationMissing``."""
    _require_stock(session, principal, vehicle_id)
    row = queries.find_annotation(session, vehicle_id)
    if row is None or row.dealer_id != principal.party_id:
        raise AnnotationMissing
    return _view(session, row)


def _require_stock(session: Session, principal: Principal, vehicle_id: UUID) -> None:
    try:
        holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    except NotFound:
        raise StockCarNotFound from None
    if holding.capacity is not vehicles.Capacity.DEALER_STOCK:
        raise StockCarNotFound


def _view(session: Session, row: StockAnnotation) -> AnnotationView:
    values = rule_table("stock_annotation", on=clock.shanghai_day(clock.now(session))).values
    return AnnotationView(row, queries.list_plates(session, row.id), values["temporary_plates_max"])


def record_plate(
    session: Session, *, principal: Principal, vehicle_id: UUID, plate: str, purpose: str, valid_from: date, valid_to: date
) -> AnnotationView:
    """A temporary plate the registry gave for a short trip.

    Raises ``StockCarNotFound``, ``AnnotationMissing``, ``TooManyTemporaryPlates``, ``TemporaryPlateDays``.
    """
    _require_stock(session, principal, vehicle_id)
    row = queries.lock_annotation(session, vehicle_id)
    at = clock.now(session)
    if row is None or row.dealer_id != principal.party_id:
        raise AnnotationMissing
    values = rule_table("stock_annotation", on=clock.shanghai_day(at)).values
    used = queries.list_plates(session, row.id)
    if len(used) >= values["temporary_plates_max"]:
        raise TooManyTemporaryPlates(maximum=values["temporary_plates_max"])
    if not 0 <= (valid_to - valid_from).days < values["temporary_plate_days_max"]:
        raise TemporaryPlateDays(maximum=values["temporary_plate_days_max"])
    session.add(
        TemporaryPlate(
            annotation_id=row.id,
            number=len(used) + 1,
            plate=plate,
            purpose=purpose,
            valid_from=valid_from,
            valid_to=valid_to,
            recorded_by=principal.id,
            recorded_at=at,
        )
    )
    session.flush()
    facts = {"number": len(used) + 1, "purpose": purpose}
    audit.record(session, principal=principal, act="stock.temporary_plate", object_kind="vehicle", object_id=vehicle_id, facts=facts)
    return _view(session, row)
