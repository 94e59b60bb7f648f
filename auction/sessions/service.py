"""Sessions: set up by their house, announced in time, closed when nothing of them is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from auction.sessions import queries
from auction.sessions.domain import (
    AuctioneerMissing,
    AuctioneerNotStaff,
    BidRules,
    BuyNowUntil,
    DepositOutOfRange,
    ExtendOn,
    Format,
    HouseMayNotRunMode,
    Ladder,
    LadderCrooked,
    LanesOutOfRange,
    LegalMode,
    ModeTerms,
    NoticeTerms,
    Schedule,
    SessionMode,
    SessionNotDraft,
    SessionState,
    SessionTimesOutOfOrder,
    SessionUnknown,
    check_format,
    check_notice,
    check_order,
)
from auction.sessions.events import SessionAnnounced, SessionClosed, session_key
from auction.sessions.models import AuctionSession
from marketplace.api import accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.rules import load
from marketplace.core.security import Principal

_TABLES = Path(__file__).parent / "tables"
_FEES = Path(__file__).parent.parent / "settlement" / "tables" / "fees.toml"
_HOUSES = {
    LegalMode.STATUTORY_AUCTION: frozenset({accounts.OrganizationKind.AUCTION_HOUSE}),
    LegalMode.AGREED_BIDDING: frozenset(
        {accounts.OrganizationKind.AUCTION_HOUSE, accounts.OrganizationKind.MARKET_OPERATOR, accounts.OrganizationKind.DEALER}
    ),
}


def bidding_table(on: date) -> dict[str, Any]:
    return load(_TABLES / "bidding.toml", on=on).values


def format_table(on: date) -> dict[str, Any]:
    return load(_TABLES / "formats.toml", on=on).values


def mode_terms(mode: SessionMode, *, on: date) -> ModeTerms:
    """Who may consign and bid in a mode, and with which papers."""
    return ModeTerms.from_values(load(_TABLES / "modes.toml", on=on).values[mode.value])


def kind_of(party: accounts.PartyView) -> str:
    """As the table of modes names it: ``person`` or the organization's kind."""
    return party.organization_kind.value if party.organization_kind is not None else "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """What the house decides. None: the market's table."""

    title: str
    legal_mode: LegalMode
    mode: SessionMode
    city: str
    place: str
    viewing_place: str
    schedule: Schedule
    auctioneer_id: UUID | None
    format: Format
    lanes: int | None
    lot_run_s: int
    lot_gap_s: int
    deposit_bps: int | None
    buyer_fee_bps: int | None
    seller_fee_bps: int | None
    rules: dict[str, Any]


def create_session(session: Session, *, principal: Principal, terms: SessionTerms) -> AuctionSession:
    """A draft session of the principal's organization.

    Raises ``HouseMayNotRunMode``, ``LicenceMissing``, ``LicenceLapsed``, ``AuctioneerMissing``, ``AuctioneerNotStaff``,
    ``SessionTimesOutOfOrder``, ``DepositOutOfRange``, ``PartySuspended``, ``LanesOutOfRange`` and what ``check_format`` raises.
    """
    at = clock.now(session)
    check_order(terms.schedule)
    if terms.schedule.opens_at <= at:
        raise SessionTimesOutOfOrder(field="opens_at")
    check_format(format_table(clock.shanghai_day(at)), mode=terms.mode, legal_mode=terms.legal_mode, sale_format=terms.format)
    check_house(
        session,
        house_id=principal.party_id,
        legal_mode=terms.legal_mode,
        auctioneer_id=terms.auctioneer_id,
        on=clock.shanghai_day(terms.schedule.opens_at),
    )
    table = bidding_table(clock.shanghai_day(at))
    days = load(_FEES, on=clock.shanghai_day(at)).values["payment"]
    row = AuctionSession(
        title=terms.title,
        legal_mode=terms.legal_mode,
        mode=terms.mode,
        format=terms.format,
        lanes=_lanes(terms, table["lanes"]),
        house_id=principal.party_id,
        auctioneer_id=terms.auctioneer_id,
        city=terms.city,
        place=terms.place,
        viewing_place=terms.viewing_place,
        viewing_from_at=terms.schedule.viewing_from_at,
        viewing_to_at=terms.schedule.viewing_to_at,
        opens_at=terms.schedule.opens_at,
        lot_run_s=terms.lot_run_s,
        lot_gap_s=terms.lot_gap_s,
        deposit_bps=_deposit_bps(terms.deposit_bps, table["deposit"]),
        buyer_fee_bps=terms.buyer_fee_bps,
        seller_fee_bps=terms.seller_fee_bps,
        payment_days=days["statutory_days" if terms.legal_mode is LegalMode.STATUTORY_AUCTION else "agreed_days"],
        rules=build_rules(table, terms.legal_mode, terms.rules, sale_format=terms.format).to_json(),
        created_by=principal.id,
        created_at=at,
    )
    session.add(row)
    session.flush()
    facts = {"legal_mode": row.legal_mode.value, "mode": row.mode.value, "format": row.format.value, "opens_at": row.opens_at.isoformat()}
    audit.record(session, principal=principal, act="session.create", object_kind="session", object_id=row.id, facts=facts)
    return row


def check_house(session: Session, *, house_id: UUID, legal_mode: LegalMode, auctioneer_id: UUID | None, on: date) -> None:
    """Who may run it on that day: 拍卖法 10–12 the house's licence, 14 a qualified auctioneer of its staff."""
    house = accounts.require_active(session, party_id=house_id)
    if house.organization_kind not in _HOUSES[legal_mode]:
        raise HouseMayNotRunMode
    if house.organization_kind is accounts.OrganizationKind.DEALER:
        accounts.require_licence(session, party_id=house_id, kind=accounts.LicenceKind.DEALER_FILING, on=on)
    if legal_mode is not LegalMode.STATUTORY_AUCTION:
        return
    accounts.require_licence(session, party_id=house_id, kind=accounts.LicenceKind.AUCTION_LICENCE, on=on)
    if auctioneer_id is None:
        raise AuctioneerMissing
    if auctioneer_id not in accounts.linked_parties(session, party_id=house_id):
        raise AuctioneerNotStaff
    accounts.require_licence(session, party_id=auctioneer_id, kind=accounts.LicenceKind.AUCTIONEER_CERTIFICATE, on=on)


def _lanes(terms: SessionTerms, table: dict[str, int]) -> int:
    """How many lots are up at once in a live session; any other format has none."""
    lanes = terms.lanes if terms.lanes is not None else (1 if terms.format is Format.LIVE_LANE else 0)
    least, most = (table["least"], table["most"]) if terms.format is Format.LIVE_LANE else (0, 0)
    if not least <= lanes <= most:
        raise LanesOutOfRange(least=least, most=most)
    return lanes


def lanes_refusal(row: AuctionSession) -> LanesOutOfRange:
    """For a lot in a lane that the session does not have."""
    return LanesOutOfRange(least=min(1, row.lanes), most=row.lanes)


def _deposit_bps(asked: int | None, table: dict[str, int]) -> int:
    if asked is None:
        return table["default_bps"]
    if not table["least_bps"] <= asked <= table["most_bps"]:
        raise DepositOutOfRange(least_bps=table["least_bps"], most_bps=table["most_bps"])
    return asked


def build_rules(
    table: dict[str, Any], legal_mode: LegalMode, chosen: dict[str, Any], *, sale_format: Format = Format.OPEN_ASCENDING
) -> BidRules:
    """The market's table for legal mode and format, changed where the house chose otherwise. Raises ``LadderCrooked``."""
    values: dict[str, Any] = {"max_extensions": None, "fall_step_minor": 0, "fall_interval_s": 0, "warning_s": 0}
    values |= {"confirm_above_bps": table["confirm"]["above_bps"], "buy_now_until": BuyNowUntil.FIRST_BID}
    values |= table[legal_mode.value] | table["ladder"] | table["formats"].get(sale_format.value, {})
    values |= {name: value for name, value in chosen.items() if value is not None}
    try:
        ladder = Ladder(tuple(values["floors_minor"]), tuple(values["steps_minor"]))
    except ValueError as error:
        raise LadderCrooked from error
    return BidRules(
        ladder=ladder,
        extend_on=ExtendOn(values["extend_on"]),
        window_s=values["window_s"],
        extension_s=values["extension_s"],
        max_extensions=values["max_extensions"],
        hard_end_s=values["hard_end_s"],
        self_raise=values["self_raise"],
        format=sale_format,
        confirm_above_bps=values["confirm_above_bps"],
        buy_now_until=BuyNowUntil(values["buy_now_until"]),
        fall_step_minor=values["fall_step_minor"],
        fall_interval_s=values["fall_interval_s"],
        warning_s=values["warning_s"],
    )


def require_draft_of(session: Session, *, principal: Principal, session_id: UUID) -> AuctionSession:
    """The house's own session under lock while it takes lots. Raises ``SessionUnknown``, ``SessionNotDraft``."""
    row = queries.lock_session(session, session_id)
    if row.house_id != principal.party_id:
        raise SessionUnknown
    if row.state is not SessionState.DRAFT:
        raise SessionNotDraft
    return row


def announce_session(session: Session, *, principal: Principal, row: AuctionSession, lots: int) -> datetime:
    """Publish the notice of a locked draft; returns when. Raises ``NoticeTooShort``, ``ViewingTooShort``, ``AgreedNoticeTooShort``."""
    at = clock.now(session)
    notice = bidding_table(clock.shanghai_day(at))["notice"]
    schedule = Schedule(row.viewing_from_at, row.viewing_to_at, row.opens_at)
    check_notice(row.legal_mode, schedule, NoticeTerms(**notice), at)
    check_house(
        session,
        house_id=row.house_id,
        legal_mode=row.legal_mode,
        auctioneer_id=row.auctioneer_id,
        on=clock.shanghai_day(row.opens_at),
    )
    row.state, row.announced_at = SessionState.ANNOUNCED, at
    session.add(row)
    event = SessionAnnounced(
        session_id=row.id,
        house_id=row.house_id,
        title=row.title,
        legal_mode=row.legal_mode,
        mode=row.mode,
        city=row.city,
        opens_at=row.opens_at,
        lots=lots,
    )
    outbox.append(session, event, key=session_key(row.id))
    audit.record(session, principal=principal, act="session.announce", object_kind="session", object_id=row.id, facts={"lots": lots})
    return at


def freeze_rules(session: Session, *, session_id: UUID, at: datetime) -> AuctionSession:
    """The first lot to open freezes the rules; the session is open. Under the session's lock."""
    row = queries.lock_session(session, session_id)
    if row.rules_frozen_at is None:
        row.rules_frozen_at = at
    if row.state is SessionState.ANNOUNCED:
        row.state = SessionState.OPEN
    session.add(row)
    session.flush()
    return row


def close_session(session: Session, *, session_id: UUID, at: datetime) -> None:
    """Nothing of it is open any more."""
    row = queries.lock_session(session, session_id)
    if row.state is SessionState.CLOSED:
        return
    row.state, row.closed_at = SessionState.CLOSED, at
    session.add(row)
    outbox.append(session, SessionClosed(session_id=session_id, closed_at=at), key=session_key(session_id))
    audit.record(session, principal=None, act="session.close", object_kind="session", object_id=session_id)


def get_visible_session(session: Session, *, viewer: Principal | None, session_id: UUID) -> AuctionSession:
    """A draft is seen by its house only. Raises ``SessionUnknown``."""
    row = queries.get_session(session, session_id)
    if row.state is SessionState.DRAFT and (viewer is None or viewer.party_id != row.house_id):
        raise SessionUnknown
    return row


def list_sessions(session: Session, *, page: PageQuery) -> Sequence[AuctionSession]:
    return queries.list_public(session, page)


def house_names(session: Session, *, rows: Sequence[AuctionSession]) -> dict[UUID, str]:
    return accounts.display_names(session, party_ids={row.house_id for row in rows})
