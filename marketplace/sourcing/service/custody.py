"""The car comes into custody against a signed receipt; keys, papers and the car go from hand to hand with both sides' signatures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.sourcing import queries as consignment_queries
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentNotFound, ConsignmentState, ConsignmentStateRefused, NoCustody, Side
from marketplace.sourcing.domain.custody import (
    CustodyEnded,
    CustodyNotFound,
    CustodyTaken,
    Dues,
    Holder,
    MovementClosed,
    MovementNotFound,
    MovementState,
    NotTheReceiver,
    Piece,
    PieceKind,
    PieceNotYours,
    PieceOnItsWay,
    PieceUnknown,
    build_movement,
    build_receipt,
    check_return,
)
from marketplace.sourcing.models import Consignment, Custody, CustodyMovement, CustodyPiece
from marketplace.sourcing.queries import custody as queries
from marketplace.sourcing.service.bays import lock_free_bay
from marketplace.sourcing.service.charges import dues_of, storage_rules, terms_of
from marketplace.sourcing.service.offering import lock_as, side_of
from marketplace.sourcing.service.records import ConsignmentView, record, view
from marketplace.vehicles import api as vehicles

RECEIPT_KIND = "custody_receipt"
MOVEMENT_KIND = "custody_movement"
_HOLDER = {Side.AGENT: Holder.AGENT, Side.CONSIGNOR: Holder.CONSIGNOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the agent takes over. ``papers`` and ``others`` name what was left with him; ``note`` the car's condition."""

    bay_number: str
    key_count: int
    odometer_km: int
    papers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    note: str = ""


def take(session: Session, *, principal: Principal, consignment_id: UUID, taken: Intake, passphrase: str) -> ConsignmentView:
    """The agent's signed receipt: bay, keys, papers, kilometres. Before he signs the contract.

    Raises ``ConsignmentNotFound``, ``NoCustody``, ``ConsignmentStateRefused``, ``CustodyTaken``, ``BayNotFound``, ``BayClosed``,
    ``BayTaken``, ``WrongPassphrase``.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id, side=Side.AGENT)
    if consignment.kind is not ConsignmentKind.PHYSICAL:
        raise NoCustody
    if consignment.state is not ConsignmentState.OFFERED:
        raise ConsignmentStateRefused(state=consignment.state)
    if queries.find_custody(session, consignment.id) is not None:
        raise CustodyTaken
    bay = lock_free_bay(session, agent_id=consignment.agent_id, number=taken.bay_number)
    at = clock.now(session)
    custody_id, pieces = new_id(), _pieces(taken)
    number = f"JS{clock.shanghai_day(at):%Y%m%d}-{consignment.id.hex[-8:].upper()}"
    document = _receipt(session, consignment, taken, number=number, bay_number=bay.number, pieces=pieces, at=at)
    text = canonical_json(document)
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=RECEIPT_KIND,
        document_id=custody_id,
        content_hash=sha256_hex(text),
    )
    session.add(
        Custody(
            id=custody_id,
            consignment_id=consignment.id,
            vehicle_id=consignment.vehicle_id,
            agent_id=consignment.agent_id,
            bay_id=bay.id,
            receipt_no=number,
            odometer_km=taken.odometer_km,
            document=text.decode(),
            content_hash=sha256_hex(text),
            signature_id=signature.id,
            taken_by=signature.person_id,
            taken_at=at,
        )
    )
    session.flush()
    session.add_all(
        CustodyPiece(id=UUID(one.id), custody_id=custody_id, seq=seq, kind=one.kind, label=one.label)
        for seq, one in enumerate(pieces, start=1)
    )
    consignment.version += 1
    session.add(consignment)
    session.flush()
    facts = {"bay": bay.number, "keys": taken.key_count, "receipt": number, "content_hash": sha256_hex(text)}
    record(session, consignment, act="custody.take", principal=principal, facts=facts)
    return view(session, consignment)


def _pieces(taken: Intake) -> list[Piece]:
    named = [(PieceKind.CAR, "车辆")]
    named += [(PieceKind.KEY, f"钥匙 {n}") for n in range(1, taken.key_count + 1)]
    named += [(PieceKind.DOCUMENT, label) for label in taken.papers]
    named += [(PieceKind.OTHER, label) for label in taken.others]
    return [Piece(id=str(new_id()), kind=kind, label=label) for kind, label in named]


def _receipt(
    session: Session, consignment: Consignment, taken: Intake, *, number: str, bay_number: str, pieces: Sequence[Piece], at: datetime
) -> dict[str, Any]:
    car = vehicles.get_vehicle(session, vehicle_id=consignment.vehicle_id)
    return build_receipt(
        number=number,
        consignment_id=str(consignment.id),
        contract_hash=consignment.content_hash,
        keeper={"id": str(consignment.agent_id), "name": accounts.legal_name(session, party_id=consignment.agent_id)},
        depositor={"id": str(consignment.consignor_id), "name": accounts.legal_name(session, party_id=consignment.consignor_id)},
        vehicle={"id": str(car.id), "title": car.title, "vin": car.vin_masked},
        bay_number=bay_number,
        odometer_km=taken.odometer_km,
        pieces=pieces,
        note=taken.note,
        storage=terms_of(consignment),
        taken_at=at.isoformat(timespec="seconds"),
    )


# --- from hand to hand -------------------------------------------------------------------------------------------------------


def give(
    session: Session, *, principal: Principal, consignment_id: UUID, piece_ids: Sequence[UUID], purpose: str, passphrase: str
) -> CustodyMovement:
    """Whoever has the pieces signs that he gives them to the other side.

    Raises ``ConsignmentNotFound``, ``CustodyNotFound``, ``PieceUnknown``, ``PieceNotYours``, ``PieceOnItsWay``, ``CustodyEnded``,
    and, when the agent gives, ``ContractRuns``, ``DuesUnpaid``, ``StorageAccrued``.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    custody = _require_custody(session, consignment)
    giver = _HOLDER[side_of(consignment, principal)]
    receiver = Holder.CONSIGNOR if giver is Holder.AGENT else Holder.AGENT
    pieces = _choose(queries.list_pieces(session, custody.id), piece_ids, giver)
    at = clock.now(session)
    _check_gift(session, consignment, giver, [one.kind for one in pieces], clock.shanghai_day(at))
    movement = CustodyMovement(
        custody_id=custody.id,
        giver=giver,
        receiver=receiver,
        pieces=[str(one.id) for one in pieces],
        purpose=purpose,
        content_hash="",
        given_at=at,
    )
    movement.content_hash = sha256_hex(canonical_json(_movement(custody, movement, pieces)))
    signature = _sign(session, principal, movement, passphrase)
    movement.giver_signature_id, movement.given_by = signature.id, signature.person_id
    session.add(movement)
    for one in pieces:
        one.movement_id = movement.id
        session.add(one)
    session.flush()
    facts = {"movement_id": str(movement.id), "from": giver.value, "pieces": [one.label for one in pieces]}
    record(session, consignment, act="custody.give", principal=principal, facts=facts)
    return movement


def _choose(found: Sequence[CustodyPiece], wanted: Sequence[UUID], giver: Holder) -> list[CustodyPiece]:
    by_id = {one.id: one for one in found}
    chosen = []
    for piece_id in dict.fromkeys(wanted):
        piece = by_id.get(piece_id)
        if piece is None:
            raise PieceUnknown
        if piece.holder is not giver:
            raise PieceNotYours(piece=piece.label)
        if piece.movement_id is not None:
            raise PieceOnItsWay(piece=piece.label)
        chosen.append(piece)
    return chosen


def _check_gift(session: Session, consignment: Consignment, giver: Holder, kinds: Sequence[PieceKind], today: date) -> None:
    runs = consignment.state in {ConsignmentState.OFFERED, ConsignmentState.ACTIVE}
    if giver is Holder.AGENT:
        check_return(
            kinds,
            contract_runs=runs,
            dues=dues_of(session, consignment, today),
            today=today,
            collect_within_days=storage_rules(today).collect_within_days,
        )
    elif PieceKind.CAR in kinds or not runs:
        raise CustodyEnded


def receive(session: Session, *, principal: Principal, consignment_id: UUID, movement_id: UUID, passphrase: str) -> CustodyMovement:
    """The other side signs that it has the pieces now. With the car back the bay is free.

    Raises ``ConsignmentNotFound``, ``MovementNotFound``, ``MovementClosed``, ``NotTheReceiver``, ``WrongPassphrase``.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    custody, movement = _open_movement(session, consignment, movement_id)
    if _HOLDER[side_of(consignment, principal)] is not movement.receiver:
        raise NotTheReceiver
    signature = _sign(session, principal, movement, passphrase)
    movement.state = MovementState.RECEIVED
    movement.receiver_signature_id, movement.received_by, movement.received_at = signature.id, signature.person_id, signature.at
    session.add(movement)
    _pass_on(session, custody, movement, at=signature.at)
    facts = {"movement_id": str(movement.id), "to": movement.receiver.value}
    record(session, consignment, act="custody.receive", principal=principal, facts=facts)
    return movement


def call_off(session: Session, *, principal: Principal, consignment_id: UUID, movement_id: UUID) -> CustodyMovement:
    """The giver takes back what nobody has signed for. Raises ``ConsignmentNotFound``, ``MovementNotFound``, ``MovementClosed``."""
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    custody, movement = _open_movement(session, consignment, movement_id)
    if _HOLDER[side_of(consignment, principal)] is not movement.giver:
        raise MovementNotFound
    movement.state = MovementState.CALLED_OFF
    session.add(movement)
    for one in queries.list_pieces(session, custody.id):
        if one.movement_id == movement.id:
            one.movement_id = None
            session.add(one)
    session.flush()
    record(session, consignment, act="custody.call_off", principal=principal, facts={"movement_id": str(movement.id)})
    return movement


def close_sold(session: Session, *, vehicle_id: UUID, order_id: UUID) -> None:
    """The buyer has the car: what the agent had goes with it, and the bay is free. Twice is once."""
    standing = queries.find_standing_of_vehicle(session, vehicle_id)
    consignment = consignment_queries.lock_consignment(session, standing.consignment_id) if standing else None
    custody = queries.find_custody(session, consignment.id) if consignment else None
    if consignment is None or custody is None or custody.returned_at is not None:
        return
    at = clock.now(session)
    pieces = [one for one in queries.list_pieces(session, custody.id) if one.holder is Holder.AGENT]
    movement = CustodyMovement(
        custody_id=custody.id,
        state=MovementState.RECEIVED,
        giver=Holder.AGENT,
        receiver=Holder.BUYER,
        pieces=[str(one.id) for one in pieces],
        purpose="sale",
        content_hash="",
        given_at=at,
        received_at=at,
        order_id=order_id,
    )
    movement.content_hash = sha256_hex(canonical_json(_movement(custody, movement, pieces)))
    session.add(movement)
    for one in pieces:
        one.movement_id = movement.id
        session.add(one)
    session.flush()
    _pass_on(session, custody, movement, at=at)
    record(session, consignment, act="custody.close_sold", principal=None, facts={"order_id": str(order_id)})


def _pass_on(session: Session, custody: Custody, movement: CustodyMovement, *, at: datetime) -> None:
    for one in queries.list_pieces(session, custody.id):
        if one.movement_id == movement.id:
            one.holder, one.movement_id = movement.receiver, None
            session.add(one)
            if one.kind is PieceKind.CAR and one.holder is not Holder.AGENT:
                custody.returned_at = at
                session.add(custody)
    session.flush()


def _open_movement(session: Session, consignment: Consignment, movement_id: UUID) -> tuple[Custody, CustodyMovement]:
    custody = _require_custody(session, consignment)
    movement = queries.find_movement(session, custody_id=custody.id, movement_id=movement_id)
    if movement is None:
        raise MovementNotFound
    if movement.state is not MovementState.GIVEN:
        raise MovementClosed
    return custody, movement


def _require_custody(session: Session, consignment: Consignment) -> Custody:
    custody = queries.find_custody(session, consignment.id)
    if custody is None:
        raise CustodyNotFound
    return custody


def _movement(custody: Custody, movement: CustodyMovement, pieces: Sequence[CustodyPiece]) -> dict[str, Any]:
    return build_movement(
        movement_id=str(movement.id),
        receipt_hash=custody.content_hash,
        giver=movement.giver,
        receiver=movement.receiver,
        pieces=[Piece(id=str(one.id), kind=one.kind, label=one.label) for one in pieces],
        purpose=movement.purpose,
        given_at=movement.given_at.isoformat(timespec="seconds"),
    )


def _sign(session: Session, principal: Principal, movement: CustodyMovement, passphrase: str) -> accounts.SignatureView:
    return accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=MOVEMENT_KIND,
        document_id=movement.id,
        content_hash=movement.content_hash,
    )


# --- reading -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyView:
    """The receipt, who has what, every movement with its signatures, and what storage has come to."""

    custody: Custody
    bay_number: str
    document: dict[str, Any]
    is_intact: bool
    signatures: list[accounts.SignatureView]
    pieces: list[CustodyPiece]
    movements: list[tuple[CustodyMovement, list[accounts.SignatureView]]]
    dues: Dues


def show(session: Session, *, principal: Principal, consignment_id: UUID) -> CustodyView:
    """For the two parties. Raises ``ConsignmentNotFound``, ``CustodyNotFound``."""
    consignment = consignment_queries.find_consignment(session, consignment_id)
    if consignment is None:
        raise ConsignmentNotFound
    side_of(consignment, principal)
    custody = _require_custody(session, consignment)
    return CustodyView(
        custody=custody,
        bay_number=queries.get_bay(session, custody.bay_id).number,
        document=orjson.loads(custody.document),
        is_intact=sha256_hex(custody.document.encode()) == custody.content_hash,
        signatures=accounts.list_signatures(session, document_kind=RECEIPT_KIND, document_id=custody.id),
        pieces=queries.list_pieces(session, custody.id),
        movements=[
            (one, accounts.list_signatures(session, document_kind=MOVEMENT_KIND, document_id=one.id))
            for one in queries.list_movements(session, custody.id)
        ],
        dues=dues_of(session, consignment, clock.shanghai_day(clock.now(session))),
    )
