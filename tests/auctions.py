"""Auctions for tests: open lots put straight into the database, with bidders already registered."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from auction.bidding.domain import BidCommand, Conflict, RegistrationState
from auction.bidding.models import Registration
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import Lot
from auction.sessions.domain import BidRules, ExtendOn, Ladder, LegalMode, SessionMode, SessionState
from auction.sessions.models import AuctionSession
from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id

YUAN = 100
FLAT = Ladder((0,), (500 * YUAN,))


def rules(
    *,
    ladder: Ladder = FLAT,
    extend_on: ExtendOn = ExtendOn.ACCEPTED_BID,
    window_s: int = 60,
    extension_s: int = 60,
    max_extensions: int | None = None,
    hard_end_s: int | None = 3_600,
    self_raise: bool = True,
) -> BidRules:
    """Rules with flat steps of 500 yuan."""
    return BidRules(ladder, extend_on, window_s, extension_s, max_extensions, hard_end_s, self_raise)


@dataclass(frozen=True, slots=True)
class OpenLot:
    """A lot and its bidders; ``person_ids[i]`` acts for ``party_ids[i]``."""

    id: UUID
    session_id: UUID
    party_ids: list[UUID] = field(default_factory=list)

    def bid(self, bidder: int, maximum_minor: int, key: str | None = None) -> BidCommand:
        party_id = self.party_ids[bidder]
        return BidCommand(self.id, party_id, party_id, maximum_minor, key)


def add_session(session: Session, *, bid_rules: BidRules | None = None, legal_mode: LegalMode = LegalMode.AGREED_BIDDING) -> UUID:
    """An open session with frozen rules."""
    at = clock.now(session)
    row = AuctionSession(
        title="测试专场",
        legal_mode=legal_mode,
        mode=SessionMode.C2B_AUCTION,
        state=SessionState.OPEN,
        house_id=new_id(),
        auctioneer_id=new_id(),
        city="天津",
        place="线上",
        viewing_place="河南路1号",
        viewing_from_at=at - timedelta(days=3),
        viewing_to_at=at - timedelta(minutes=1),
        opens_at=at - timedelta(minutes=1),
        lot_run_s=3_600,
        deposit_bps=1_000,
        payment_days=5,
        rules=(bid_rules or rules()).to_json(),
        rules_frozen_at=at,
        announced_at=at - timedelta(days=8),
        created_at=at,
    )
    session.add(row)
    session.flush()
    return row.id


def add_lot(
    session: Session,
    *,
    session_id: UUID,
    number: int = 1,
    bidders: int = 2,
    party_ids: list[UUID] | None = None,
    start_minor: int = 10_000 * YUAN,
    reserve_minor: int | None = None,
    ends_in: timedelta = timedelta(hours=1),
    hard_end_in: timedelta | None = timedelta(hours=2),
    phase: LotPhase = LotPhase.OPEN,
    conflicts: dict[int, Conflict] | None = None,
    states: dict[int, RegistrationState] | None = None,
) -> OpenLot:
    """An open lot with registered bidders ``B01`` …"""
    at = clock.now(session)
    lot = Lot(
        session_id=session_id,
        number=number,
        vehicle_id=new_id(),
        consignor_id=new_id(),
        title="大众 帕萨特 2019",
        state=phase,
        start_minor=start_minor,
        reserve_kind=ReserveKind.NONE if reserve_minor is None else ReserveKind.HIDDEN,
        reserve_minor=reserve_minor,
        opens_at=at - timedelta(minutes=1),
        ends_at=at + ends_in,
        hard_end_at=None if hard_end_in is None else at + hard_end_in,
        created_at=at,
    )
    session.add(lot)
    session.flush()
    parties = party_ids if party_ids is not None else [new_id() for _ in range(bidders)]
    for position, party_id in enumerate(parties):
        session.add(
            Registration(
                lot_id=lot.id,
                party_id=party_id,
                person_id=party_id,
                pseudonym=f"B{position + 1:02d}",
                state=(states or {}).get(position, RegistrationState.REGISTERED),
                conflict=(conflicts or {}).get(position),
                deposit_minor=0,
                created_at=at,
            )
        )
    session.flush()
    return OpenLot(lot.id, session_id, parties)


def open_lot(database: Database, *, bid_rules: BidRules | None = None, **terms: object) -> OpenLot:
    """One open lot in a session of its own, committed."""
    with database.writing() as session:
        session_id = add_session(session, bid_rules=bid_rules)
        return add_lot(session, session_id=session_id, **terms)  # type: ignore[arg-type]  # terms are add_lot's own
