"""Who may bid: a party registers for a lot, its deposit is held, its conflicts are looked at."""

import secrets
from uuid import UUID

from auction.bidding.domain import BidderIsConsignor, BidderIsHouse, RegistrationState
from auction.bidding.models import Registration
from auction.lines import service as lines
from auction.lots import queries as lots
from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot
from auction.reauction import queries as reauction
from auction.reauction.domain import DefaulterBarred
from auction.sessions import service as sessions
from auction.sessions.domain import SessionMode, SessionState
from auction.settlement import queries
from auction.settlement.domain import AlreadyRegistered, BidderKindMismatch, RegistrationClosed, RegistrationUnknown
from auction.settlement.events import BidderRegistered
from auction.settlement.service import fees
from marketplace.api import accounts, payments
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.money import share_bps
from marketplace.core.security import Principal

PURPOSE = "lot"
_AGAIN = frozenset({RegistrationState.FAILED, RegistrationState.LAPSED, RegistrationState.RELEASED})
_HOLDING = frozenset({RegistrationState.REQUESTED, RegistrationState.REGISTERED, RegistrationState.SUSPENDED})
_TAKES = frozenset({LotPhase.ANNOUNCED, LotPhase.OPEN})


def register(
    session: Session,
    *,
    principal: Principal,
    lot_id: UUID,
    gateway: str | None = None,
    payment_method: str | None = None,
    by_line: bool = False,
) -> Registration:
    """Register the principal's party and ask for its deposit; it may bid once that is held. Twice is once.

    ``by_line``: no deposit of the lot's own; every bid is reserved on the party's line. Raises ``LineUnknown``, ``LineNotActive`` then.
    Raises ``LotUnknown``, ``RegistrationClosed``, ``BidderKindMismatch``, ``BidderIsConsignor``, ``BidderIsHouse``, ``RealNameMissing``,
    ``LicenceMissing``, ``LicenceLapsed``, ``PartySuspended``, ``DefaulterBarred`` and what ``payments.hold`` raises.
    """
    lot = lots.lock_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    if row.state is SessionState.DRAFT:
        raise LotUnknown
    at = clock.now(session)
    if lot.state not in _TAKES or at >= lot.ends_at:
        raise RegistrationClosed
    known = queries.find_registration(session, lot_id=lot_id, party_id=principal.party_id)
    if known is not None and known.state not in _AGAIN:
        return known
    _require_qualified(session, principal=principal, mode=row.mode)
    _require_unconcerned(session, principal=principal, lot=lot, house_id=row.house_id)
    _require_no_default(session, principal=principal, lot_id=lot_id)
    if by_line:
        line = lines.require_active(session, party_id=principal.party_id)
        return _enter(session, principal=principal, lot=lot, row=row, line_id=line.id, known=known, admitted=True)
    deposit = share_bps(lot.start_minor, row.deposit_bps)
    hold = payments.hold(
        session,
        principal=principal,
        party_id=principal.party_id,
        amount_minor=deposit,
        purpose_kind=PURPOSE,
        purpose_id=lot_id,
        gateway=gateway,
        payment_method=payment_method,
    )
    found = known or Registration(
        lot_id=lot_id,
        party_id=principal.party_id,
        person_id=principal.id,
        pseudonym=_pseudonym(queries.list_pseudonyms(session, lot_id=lot_id)),
        deposit_minor=deposit,
        created_at=at,
    )
    found.hold_id, found.deposit_minor, found.state, found.line_id = hold.id, deposit, RegistrationState.REQUESTED, None
    if hold.state is payments.HoldState.HELD:
        _admit(session, found)
    session.add(found)
    session.flush()
    facts = {"registration_id": str(found.id), "deposit_minor": deposit, "hold_id": str(hold.id)}
    audit.record(session, principal=principal, act="lot.register", object_kind="lot", object_id=lot_id, facts=facts)
    return found


def _enter(
    session: Session, *, principal: Principal, lot: Lot, row: AuctionSession, line_id: UUID, known: Registration | None, admitted: bool
) -> Registration:
    """A registration on a line. Not ``admitted`` it waits for the line's deposit."""
    at = clock.now(session)
    found = known or Registration(
        lot_id=lot.id,
        party_id=principal.party_id,
        person_id=principal.id,
        pseudonym=_pseudonym(queries.list_pseudonyms(session, lot_id=lot.id)),
        deposit_minor=0,
        created_at=at,
    )
    found.hold_id, found.deposit_minor, found.state, found.line_id = None, 0, RegistrationState.REQUESTED, line_id
    found.fee_bps = fees.most_buyer_bps(row, on=clock.shanghai_day(at))
    if admitted:
        _admit(session, found)
    session.add(found)
    session.flush()
    facts = {"registration_id": str(found.id), "line_id": str(line_id)}
    audit.record(session, principal=principal, act="lot.register", object_kind="lot", object_id=lot.id, facts=facts)
    return found


def enter_portfolio(session: Session, *, principal: Principal, lot_id: UUID, line_id: UUID) -> Registration:
    """A lot of a portfolio whose deposit is asked for. Raises as ``register``, and ``AlreadyRegistered``."""
    lot = lots.lock_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    if row.state is SessionState.DRAFT:
        raise LotUnknown
    if lot.state not in _TAKES or clock.now(session) >= lot.ends_at:
        raise RegistrationClosed
    known = queries.find_registration(session, lot_id=lot_id, party_id=principal.party_id)
    if known is not None and known.state not in _AGAIN:
        raise AlreadyRegistered
    _require_qualified(session, principal=principal, mode=row.mode)
    _require_unconcerned(session, principal=principal, lot=lot, house_id=row.house_id)
    _require_no_default(session, principal=principal, lot_id=lot_id)
    return _enter(session, principal=principal, lot=lot, row=row, line_id=line_id, known=known, admitted=False)


def admit_line(session: Session, *, line_id: UUID) -> None:
    """The line's deposit is held: its registrations may bid, each under its lot's lock."""
    for lot_id in queries.list_lots_of_line(session, line_id=line_id):
        lot = lots.lock_lot(session, lot_id)
        found = queries.find_registration_of_line(session, lot_id=lot_id, line_id=line_id)
        if found is not None and found.state is RegistrationState.REQUESTED:
            if lot.state in _TAKES:
                _admit(session, found)
            else:
                found.state = RegistrationState.RELEASED
            session.add(found)
    session.flush()


def _require_qualified(session: Session, *, principal: Principal, mode: SessionMode) -> None:
    party = accounts.require_active(session, party_id=principal.party_id)
    on = clock.shanghai_day(clock.now(session))
    terms = sessions.mode_terms(mode, on=on)
    if sessions.kind_of(party) not in terms.bidders:
        wanted, wanted_en = ("车商", "dealers") if "dealer" in terms.bidders else ("个人", "people")
        raise BidderKindMismatch(wanted=wanted, wanted_en=wanted_en)
    if terms.bidder_licence is not None:
        accounts.require_licence(session, party_id=party.id, kind=accounts.LicenceKind(terms.bidder_licence), on=on)
    if terms.bidder_real_name:
        accounts.require_real_name(session, party_id=party.id)


def _require_unconcerned(session: Session, *, principal: Principal, lot: Lot, house_id: UUID) -> None:
    """拍卖法 30 and 22: neither the consignor nor the house, nor anybody linked to them, by whichever account."""
    own = accounts.linked_parties(session, party_id=principal.party_id) | {principal.id, principal.party_id}
    if own & accounts.linked_parties(session, party_id=lot.consignor_id):
        raise BidderIsConsignor
    if own & accounts.linked_parties(session, party_id=house_id):
        raise BidderIsHouse


def _require_no_default(session: Session, *, principal: Principal, lot_id: UUID) -> None:
    """Who broke the first sale stays out of the re-auction, under whatever account. Raises ``DefaulterBarred``."""
    barred = reauction.find_barred(session, lot_id=lot_id)
    if barred is not None and principal.party_id in accounts.linked_parties(session, party_id=barred):
        raise DefaulterBarred


def _pseudonym(taken: set[str]) -> str:
    """``B4711``: drawn, so that it tells nothing about who came when."""
    while (drawn := f"B{secrets.randbelow(9_000) + 1_000}") in taken:
        pass
    return drawn


def _admit(session: Session, found: Registration) -> None:
    if accounts.get_party(session, party_id=found.party_id).state is not accounts.PartyState.ACTIVE:
        found.state = RegistrationState.SUSPENDED
        return
    found.state = RegistrationState.REGISTERED
    event = BidderRegistered(lot_id=found.lot_id, party_id=found.party_id, registration_id=found.id)
    outbox.append(session, event, key=f"lot:{found.lot_id}")


def hear_hold(session: Session, *, hold_id: UUID, happened: str) -> None:
    """A deposit was held, failed, lapsed or went back. Under the lot's lock, so that no bid is decided on half of it."""
    lot_id = queries.find_lot_of_hold(session, hold_id=hold_id)
    if lot_id is None:
        return
    lot = lots.lock_lot(session, lot_id)
    found = queries.lock_registration_of_hold(session, hold_id=hold_id)
    if found is None:
        return
    if happened == "held" and found.state is RegistrationState.REQUESTED:
        if lot.state in _TAKES:
            _admit(session, found)
        else:
            payments.release_hold(session, hold_id=hold_id, reason="lot_over")
            found.state = RegistrationState.RELEASED
    elif happened == "failed" and found.state is RegistrationState.REQUESTED:
        found.state = RegistrationState.FAILED
    elif happened == "lapsed" and found.state in _HOLDING:
        found.state = RegistrationState.LAPSED
    elif happened == "released" and found.state in _HOLDING:
        found.state = RegistrationState.RELEASED
    session.add(found)
    session.flush()


def hear_party(session: Session, *, party_id: UUID) -> None:
    """A party was suspended or reinstated: its registrations follow, each under its lot's lock. Its leads stay bound."""
    active = accounts.get_party(session, party_id=party_id).state is accounts.PartyState.ACTIVE
    before, after = RegistrationState.REGISTERED, RegistrationState.SUSPENDED
    if active:
        before, after = after, before
    for lot_id in queries.list_lots_of_party(session, party_id=party_id):
        lots.lock_lot(session, lot_id)
        found = queries.find_registration(session, lot_id=lot_id, party_id=party_id)
        if found is not None and found.state is before:
            found.state = after
            session.add(found)
    session.flush()


def release_all(session: Session, *, lot_id: UUID, reason: str, but: UUID | None = None) -> None:
    """Give back every deposit of a lot that is over, without anybody asking; the winner's stays (``but``)."""
    for found in queries.lock_registrations(session, lot_id=lot_id):
        if found.id == but or found.state not in _HOLDING:
            continue
        if found.hold_id is not None:
            payments.release_hold(session, hold_id=found.hold_id, reason=reason)
        found.state = RegistrationState.RELEASED
        session.add(found)
    session.flush()


def release_withdrawn(session: Session, *, lot_id: UUID) -> None:
    """The lot will not open: every deposit goes back."""
    lots.lock_lot(session, lot_id)
    release_all(session, lot_id=lot_id, reason="lot_withdrawn")


def get_registration(session: Session, *, principal: Principal, lot_id: UUID) -> Registration:
    """The principal's own. Raises ``RegistrationUnknown``."""
    found = queries.find_registration(session, lot_id=lot_id, party_id=principal.party_id)
    if found is None:
        raise RegistrationUnknown
    return found
