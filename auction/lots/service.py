"""Lots: catalogued by the house, mandated by the consignor, announced with the session's notice, withdrawn before opening or never."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from auction.lots import queries
from auction.lots.domain import (
    ConsignorKindMismatch,
    HouseOwnsVehicle,
    LotNotDraft,
    LotPhase,
    LotUnknown,
    MandateChanged,
    MandateNotSigned,
    OpenLotStays,
    ReserveKind,
    Terms,
    TermsOfAnotherFormat,
    check_terms,
)
from auction.lots.events import LotAnnounced, LotWithdrawn, lot_key
from auction.lots.models import AuctionSession, Lot, Mandate
from auction.sessions import service as sessions
from auction.sessions.domain import LegalMode, SessionEmpty, SessionState
from marketplace.api import accounts, listings, vehicles
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from valuation import api as valuation

MANDATE = "auction_mandate"
LOT = "lot"
_NOT_STARTED = frozenset(queries.AHEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotTerms:
    """What house and consignor agree on; fen. ``seller_fee_bps`` None: the session's, else the table."""

    vehicle_id: UUID
    consignor_id: UUID
    start_minor: int
    reserve_kind: ReserveKind
    reserve_minor: int | None
    seller_fee_bps: int | None
    flaws: str
    buy_now_minor: int | None = None
    floor_minor: int | None = None
    estimate_minor: int | None = None
    lane: int | None = None


def add_lot(session: Session, *, principal: Principal, session_id: UUID, terms: LotTerms) -> Lot:
    """Catalogue a car of ``consignor_id`` in a draft session and draw up the mandate he will sign.

    ``estimate_minor`` None: the market's own valuation, where it has one. Raises ``SessionUnknown``, ``SessionNotDraft``, ``NotEligible``,
    ``VehicleNotFound``, ``ConsignorKindMismatch``, ``HouseOwnsVehicle`` and what ``check_terms`` raises.
    """
    row = sessions.require_draft_of(session, principal=principal, session_id=session_id)
    amounts = Terms(terms.start_minor, terms.reserve_kind, terms.reserve_minor, terms.buy_now_minor, terms.floor_minor)
    check_terms(amounts, sale_format=row.format, legal_mode=row.legal_mode)
    _check_consignor(session, row=row, consignor_id=terms.consignor_id)
    vehicles.require_holding(session, vehicle_id=terms.vehicle_id, party_id=terms.consignor_id)
    mode = vehicles.TradeMode(row.mode.value)
    vehicles.require_eligible(session, vehicle_id=terms.vehicle_id, mode=mode, seller_id=terms.consignor_id)
    car = vehicles.get_vehicle(session, vehicle_id=terms.vehicle_id)
    at = clock.now(session)
    number = queries.next_number(session, session_id)
    opens_at = row.opens_at + timedelta(seconds=row.lot_gap_s * (number - 1))
    lot = Lot(
        session_id=session_id,
        number=number,
        vehicle_id=terms.vehicle_id,
        consignor_id=terms.consignor_id,
        title=car.title,
        start_minor=terms.start_minor,
        reserve_kind=terms.reserve_kind,
        reserve_minor=terms.reserve_minor,
        reserve_salt=secrets.token_hex(16) if terms.reserve_minor is not None else None,
        buy_now_minor=terms.buy_now_minor,
        floor_minor=terms.floor_minor,
        estimate_minor=terms.estimate_minor if terms.estimate_minor is not None else _estimate(session, car),
        lane=_lane(row, terms.lane, number),
        seller_fee_bps=terms.seller_fee_bps if terms.seller_fee_bps is not None else row.seller_fee_bps,
        flaws=terms.flaws,
        opens_at=opens_at,
        ends_at=opens_at + timedelta(seconds=row.lot_run_s),
        created_at=at,
    )
    session.add(lot)
    session.flush()
    document = canonical_json(mandate_content(row, lot))
    session.add(Mandate(lot_id=lot.id, document=document.decode(), content_hash=sha256_hex(document)))
    session.flush()
    facts = {"session_id": str(session_id), "vehicle_id": str(lot.vehicle_id), "start_minor": lot.start_minor}
    audit.record(session, principal=principal, act="lot.catalogue", object_kind="lot", object_id=lot.id, facts=facts)
    return lot


def _lane(row: AuctionSession, asked: int | None, number: int) -> int | None:
    """Lots take turns over the lanes unless the house says which."""
    if row.lanes == 0:
        if asked is not None:
            raise TermsOfAnotherFormat(field="lane")
        return None
    if asked is not None and asked > row.lanes:
        raise sessions.lanes_refusal(row)
    return asked if asked is not None else (number - 1) % row.lanes + 1


def _estimate(session: Session, car: vehicles.VehicleView) -> int | None:
    """Retail, fen; what an unusual bid is measured by. None where the market does not know the car well enough."""
    try:
        return valuation.estimate(session, facts=valuation.facts_of(car)).price_minor
    except (valuation.FactsIncomplete, valuation.OutsideModel):
        return None


def _check_consignor(session: Session, *, row: AuctionSession, consignor_id: UUID) -> None:
    consignor = accounts.require_active(session, party_id=consignor_id)
    terms = sessions.mode_terms(row.mode, on=clock.shanghai_day(clock.now(session)))
    if sessions.kind_of(consignor) not in terms.consignors:
        raise ConsignorKindMismatch
    if row.legal_mode is LegalMode.STATUTORY_AUCTION and consignor_id in accounts.linked_parties(session, party_id=row.house_id):
        raise HouseOwnsVehicle


def mandate_content(row: AuctionSession, lot: Lot) -> dict[str, Any]:
    """委托拍卖合同, the terms of 拍卖法 44 that the market knows: who, which lot, reserve, when and where, commission, payment."""
    return {
        "kind": MANDATE,
        "lot_id": str(lot.id),
        "session_id": str(row.id),
        "legal_mode": row.legal_mode.value,
        "mode": row.mode.value,
        "format": row.format.value,
        "house_id": str(row.house_id),
        "consignor_id": str(lot.consignor_id),
        "vehicle_id": str(lot.vehicle_id),
        "title": lot.title,
        "flaws": lot.flaws,
        "start_minor": lot.start_minor,
        "reserve_kind": lot.reserve_kind.value,
        "reserve_minor": lot.reserve_minor,
        "buy_now_minor": lot.buy_now_minor,
        "floor_minor": lot.floor_minor,
        "seller_fee_bps": lot.seller_fee_bps,
        "opens_at": lot.opens_at.isoformat(),
        "ends_at": lot.ends_at.isoformat(),
        "place": row.place,
        "payment_days": row.payment_days,
        "withdrawal": "拍卖法 第二十九条",
    }


def get_mandate(session: Session, *, principal: Principal, lot_id: UUID) -> Mandate:
    """For the two parties of it. Raises ``LotUnknown``."""
    lot = queries.get_lot(session, lot_id)
    if principal.party_id not in (lot.consignor_id, _house_of(session, lot)):
        raise LotUnknown
    mandate = queries.find_mandate(session, lot_id)
    if mandate is None:
        raise LotUnknown
    return mandate


def _house_of(session: Session, lot: Lot) -> UUID:
    return session.get_one(AuctionSession, lot.session_id).house_id


def sign_mandate(session: Session, *, principal: Principal, lot_id: UUID, passphrase: str, content_hash: str) -> Lot:
    """The consignor signs. Raises ``LotUnknown``, ``LotNotDraft``, ``MandateChanged``, ``WrongPassphrase``."""
    lot = queries.lock_lot(session, lot_id)
    if principal.party_id != lot.consignor_id:
        raise LotUnknown
    if lot.state is not LotPhase.DRAFT:
        raise LotNotDraft(state=lot.state.value)
    mandate = session.get_one(Mandate, lot_id)
    if mandate.content_hash != content_hash:
        raise MandateChanged
    signature = accounts.sign(
        session, principal=principal, passphrase=passphrase, document_kind=MANDATE, document_id=lot_id, content_hash=content_hash
    )
    mandate.signature_id, mandate.signed_by, mandate.signed_at = signature.id, signature.person_id, signature.at
    lot.state = LotPhase.MANDATED
    session.add_all([mandate, lot])
    session.flush()
    return lot


def announce(session: Session, *, principal: Principal, session_id: UUID) -> AuctionSession:
    """Publish the notice with the catalogue, and the lots in the shop window.

    Raises as ``sessions.announce_session``, and ``SessionEmpty``, ``MandateNotSigned``, ``NotEligible``, ``VehicleClaimed``.
    """
    row = sessions.require_draft_of(session, principal=principal, session_id=session_id)
    lots = [lot for lot in queries.lock_lots_of_session(session, session_id) if lot.state is not LotPhase.WITHDRAWN]
    if not lots:
        raise SessionEmpty
    if any(lot.state is LotPhase.DRAFT for lot in lots):
        raise MandateNotSigned(numbers=[lot.number for lot in lots if lot.state is LotPhase.DRAFT])
    sessions.announce_session(session, principal=principal, row=row, lots=len(lots))
    for lot in lots:
        vehicles.require_eligible(session, vehicle_id=lot.vehicle_id, mode=vehicles.TradeMode(row.mode.value), seller_id=lot.consignor_id)
        lot.state = LotPhase.ANNOUNCED
        session.add(lot)
        session.flush()
        _show(session, row=row, lot=lot)
        outbox.append(session, _announced(row, lot), key=lot_key(lot.id))
    return row


def _show(session: Session, *, row: AuctionSession, lot: Lot) -> None:
    """Into the shop window: the car may still stand in other channels until the lot opens."""
    with suppress(listings.AlreadyListed):
        listings.publish(
            session,
            principal=None,
            vehicle_id=lot.vehicle_id,
            seller_id=lot.consignor_id,
            channel=listings.Channel.AUCTION,
            ask_minor=lot.start_minor,
            description=lot.flaws,
            source_kind=LOT,
            source_id=lot.id,
            mode=vehicles.TradeMode(row.mode.value),
        )


def take_down(session: Session, *, lot_id: UUID, reason: listings.EndReason) -> None:
    """Out of the shop window: withdrawn or passed."""
    listings.end_open(session, principal=None, source_kind=LOT, source_id=lot_id, reason=reason)


def _announced(row: AuctionSession, lot: Lot) -> LotAnnounced:
    return LotAnnounced(
        lot_id=lot.id,
        session_id=row.id,
        vehicle_id=lot.vehicle_id,
        number=lot.number,
        title=lot.title,
        legal_mode=row.legal_mode,
        mode=row.mode,
        start_minor=lot.start_minor,
        reserve_kind=lot.reserve_kind,
        opens_at=lot.opens_at,
        ends_at=lot.ends_at,
    )


def withdraw_lot(session: Session, *, principal: Principal, lot_id: UUID) -> Lot:
    """Consignor or house takes a lot out before it opens (拍卖法 29). Raises ``LotUnknown``, ``OpenLotStays``."""
    lot = queries.lock_lot(session, lot_id)
    house_id = _house_of(session, lot)
    if principal.party_id not in (lot.consignor_id, house_id):
        raise LotUnknown
    if lot.state is LotPhase.WITHDRAWN:
        return lot
    if lot.state not in _NOT_STARTED:
        raise OpenLotStays
    withdraw_locked(session, lot=lot, reason="consignor" if principal.party_id == lot.consignor_id else "house", principal=principal)
    return lot


def withdraw_locked(session: Session, *, lot: Lot, reason: str, principal: Principal | None = None) -> None:
    """Take a locked lot that has not opened out of its session."""
    lot.state, lot.reason = LotPhase.WITHDRAWN, reason
    session.add(lot)
    session.flush()
    take_down(session, lot_id=lot.id, reason=listings.EndReason.CONTRACT_ENDED)
    event = LotWithdrawn(lot_id=lot.id, session_id=lot.session_id, vehicle_id=lot.vehicle_id, reason=reason)
    outbox.append(session, event, key=lot_key(lot.id))
    audit.record(session, principal=principal, act="lot.withdraw", object_kind="lot", object_id=lot.id, facts={"reason": reason})
    if queries.count_unfinished(session, session_id=lot.session_id) == 0 and _is_announced(session, lot):
        sessions.close_session(session, session_id=lot.session_id, at=clock.now(session))


def _is_announced(session: Session, lot: Lot) -> bool:
    return session.get_one(AuctionSession, lot.session_id).state in (SessionState.ANNOUNCED, SessionState.OPEN)


def withdraw_claimed(session: Session, *, vehicle_id: UUID, holder_id: UUID) -> None:
    """The car went elsewhere before its lots opened: they cannot open any more."""
    for lot_id in queries.list_ahead_ids(session, vehicle_id=vehicle_id):
        lot = queries.lock_lot(session, lot_id)
        if lot.state in _NOT_STARTED and lot.id != holder_id:
            withdraw_locked(session, lot=lot, reason="claimed")


# --- reading ---------------------------------------------------------------------------------------------------------------


def get_visible_lot(session: Session, *, viewer: Principal | None, lot_id: UUID) -> tuple[Lot, AuctionSession]:
    """Before the notice a lot is seen by its two parties only. Raises ``LotUnknown``."""
    lot = queries.get_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    public = row.state is not SessionState.DRAFT
    if not public and (viewer is None or viewer.party_id not in (lot.consignor_id, row.house_id)):
        raise LotUnknown
    return lot, row


def list_catalogue(
    session: Session, *, viewer: Principal | None, session_id: UUID, page: PageQuery
) -> tuple[Sequence[Lot], AuctionSession]:
    """The lots of a visible session. Raises ``SessionUnknown``."""
    row = sessions.get_visible_session(session, viewer=viewer, session_id=session_id)
    return queries.list_catalogue(session, session_id=session_id, page=page), row


def list_live_lots(session: Session, *, page: PageQuery) -> list[tuple[Lot, AuctionSession]]:
    """Open and announced lots of every session, soonest end first."""
    lots = queries.list_lots(session, phases=[LotPhase.OPEN, LotPhase.ANNOUNCED], page=page)
    return [(lot, session.get_one(AuctionSession, lot.session_id)) for lot in lots]
