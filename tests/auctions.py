"""Auctions for tests: open lots put straight into the database with bidders already registered, and whole sessions over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from auction.bidding.domain import BidCommand, Conflict, RegistrationState
from auction.bidding.models import Registration
from auction.closing.tasks import turn_due
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import Lot
from auction.sessions.domain import BidRules, ExtendOn, Ladder, LegalMode, SessionMode, SessionState
from auction.sessions.models import AuctionSession
from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id
from marketplace.vehicles.domain import Colour, Fuel, IdentityKind, Segment, UseType, VehicleKind
from marketplace.vehicles.models import Vehicle
from tests.cars import register_car
from tests.market import Market
from tests.people import PASSWORD, Person, licence, operator, organization, sign_up

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


def add_vehicle(session: Session) -> UUID:
    """A car without a history, straight into the database."""
    at = clock.now(session)
    identity = new_id()
    row = Vehicle(
        identity_kind=IdentityKind.VIN,
        vin=f"LSV{identity.hex[:14].upper()}",
        vin_hash=identity.hex,
        vin_masked="LSV****",
        wmi="LSV",
        kind=VehicleKind.PASSENGER_SMALL,
        brand="大众",
        series="帕萨特",
        model="2019款 330TSI",
        model_year=2019,
        segment=next(iter(Segment)),
        odometer_km=42_000,
        fuel=Fuel.PETROL,
        colour=Colour.BLACK,
        use_type=UseType.NON_COMMERCIAL,
        city="天津",
        created_at=at,
        updated_at=at,
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
        vehicle_id=add_vehicle(session),
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


# --- over HTTP ---------------------------------------------------------------------------------------------------------------

AUCTION = "/auction/v1"


class AuctionHouse:
    """A session over HTTP, as a house, its consignors and bidders make it; amounts in fen.

    ``house = AuctionHouse(api)``; ``lot = house.open_lot_for([dealer_a, dealer_b])``; ``house.bid(dealer_a, lot, 9_000_000)``.
    """

    def __init__(self, api: Market, *, clerk: Person | None = None, legal_mode: str = "agreed_bidding", mode: str = "c2b_auction") -> None:
        self.api = api
        self.clerk = clerk or operator(api)
        self.legal_mode = legal_mode
        self.mode = mode
        self.owner = organization(api, "auction_house", by=self.clerk, roles=("auctioneer",))
        licence(api, self.owner, "auctioneer_certificate", by=self.clerk)

    def now(self) -> datetime:
        with self.api.database.reading() as session:
            return clock.now(session)

    def post(self, path: str, person: Person, body: dict[str, Any], *, status: int = 201) -> dict[str, Any]:
        answer = self.api.post(f"{AUCTION}{path}", json=body, headers=person.headers)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str, person: Person | None = None, *, status: int = 200) -> Any:
        answer = self.api.get(f"{AUCTION}{path}", headers=person.headers if person else {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def session_body(self, *, opens_in: timedelta = timedelta(minutes=10), **changes: Any) -> dict[str, Any]:
        at = self.now()
        statutory = self.legal_mode == "statutory_auction"
        return {
            "title": "周三专场",
            "legal_mode": self.legal_mode,
            "mode": self.mode,
            "city": "天津",
            "place": "线上",
            "viewing_place": "河南路二手车市场",
            "viewing_from_at": at.isoformat(),
            "viewing_to_at": (at + opens_in).isoformat(),
            "opens_at": (at + opens_in).isoformat(),
            "auctioneer_id": str(self.owner.id) if statutory else None,
            "lot_run_s": 600,
            **changes,
        }

    def session(self, **changes: Any) -> str:
        return str(self.post("/sessions", self.owner, self.session_body(**changes))["id"])

    def lot(self, session_id: str, consignor: Person, *, vehicle_id: str | None = None, sign: bool = True, **terms: Any) -> str:
        """A catalogued lot with its mandate signed."""
        car = vehicle_id or register_car(self.api, consignor)["id"]
        body = {"vehicle_id": car, "consignor_id": str(consignor.party_id), "start_minor": 8_000_000, **terms}
        lot_id = str(self.post(f"/sessions/{session_id}/lots", self.owner, body)["id"])
        if sign:
            self.sign_mandate(lot_id, consignor)
        return lot_id

    def sign_mandate(self, lot_id: str, consignor: Person) -> None:
        mandate = self.get(f"/lots/{lot_id}/mandate", consignor)
        body = {"passphrase": PASSWORD, "content_hash": mandate["content_hash"]}
        self.post(f"/lots/{lot_id}/mandate/signature", consignor, body)

    def publish(self, session_id: str, *, status: int = 201) -> dict[str, Any]:
        return self.post(f"/sessions/{session_id}/publish", self.owner, {}, status=status)

    def register(self, lot_id: str, *bidders: Person) -> None:
        """Money, registration, deposit held."""
        for bidder in bidders:
            self.api.post("/marketplace/v1/sandbox-bank/accounts", json={"opening_minor": 50_000_000}, headers=bidder.headers)
            self.post(f"/lots/{lot_id}/registrations", bidder, {})
        self.api.relay()

    def turn(self, step: timedelta = timedelta()) -> None:
        """Let time pass, then open and close what is due and run the jobs."""
        if step:
            self.api.advance(step)
        turn_due(self.api.database)
        self.api.relay()

    def bid(self, bidder: Person, lot_id: str, maximum_minor: int, *, status: int = 201, key: str | None = None) -> dict[str, Any]:
        headers = bidder.headers | ({"Idempotency-Key": key} if key else {})
        answer = self.api.post(f"{AUCTION}/lots/{lot_id}/bids", json={"maximum_minor": maximum_minor}, headers=headers)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def open_lot_for(self, bidders: Sequence[Person], consignor: Person | None = None, **terms: Any) -> str:
        """An open lot with its bidders registered."""
        session_id = self.session()
        lot_id = self.lot(session_id, consignor or sign_up(self.api, "卖车人"), **terms)
        self.publish(session_id)
        self.register(lot_id, *bidders)
        self.turn(timedelta(minutes=11))
        return lot_id
