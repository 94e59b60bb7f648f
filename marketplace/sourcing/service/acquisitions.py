"""Acquisitions as their parties see them; what every change leaves behind; who acts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.sourcing.domain.acquisitions import (
    INSPECTABLE,
    RUNNING_STATES,
    AcquisitionNotFound,
    AcquisitionRules,
    AcquisitionState,
    Deal,
    DealerRecord,
    NotAnAcquirer,
    OfferState,
    compute_record,
)
from marketplace.sourcing.events import AcquisitionMoved, acquisition_key
from marketplace.sourcing.models.acquisitions import Acquisition, AcquisitionAnswer, AcquisitionInspection, AcquisitionOffer
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles

OBJECT = "acquisition"


@dataclass(frozen=True, slots=True)
class InspectionView:
    """A re-inspection with the owner's answer; ``consented`` None: not answered, or nothing to answer."""

    row: AcquisitionInspection
    answer: AcquisitionAnswer | None


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer with the record of who made it. ``record`` is for the owner; a dealer's own list has none."""

    row: AcquisitionOffer
    dealer_name: str
    record: DealerRecord | None


@dataclass(frozen=True, slots=True)
class AcquisitionView:
    """``is_owner`` says for whom: a dealer sees his own offers alone, and the owner's expectation is nobody else's."""

    row: Acquisition
    car: vehicles.VehicleView
    is_owner: bool
    offers: list[OfferView]
    inspections: list[InspectionView]


def rules_now(session: Session) -> tuple[AcquisitionRules, int, datetime]:
    """The rules of today, their table's number, and now."""
    at = clock.now(session)
    table = rule_table("acquisition", on=clock.shanghai_day(at))
    return AcquisitionRules.from_values(table.values), table.number, at


def require_acquirer(session: Session, *, party_id: UUID) -> accounts.PartyView:
    """A dealer with a checked filing, or the market with one of its own.

    Raises ``NotAnAcquirer``, ``LicenceMissing``, ``LicenceLapsed``, ``PartySuspended``.
    """
    party = accounts.require_active(session, party_id=party_id)
    if party.organization_kind not in {accounts.OrganizationKind.DEALER, accounts.OrganizationKind.MARKET_OPERATOR}:
        raise NotAnAcquirer
    today = clock.shanghai_day(clock.now(session))
    accounts.require_licence(session, party_id=party_id, kind=accounts.LicenceKind.DEALER_FILING, on=today)
    return party


def require_acquirer_known(session: Session, *, dealer_id: UUID) -> None:
    """Raises ``NotFound`` for whatever is no dealer and not the market."""
    party = accounts.get_party(session, party_id=dealer_id)
    if party.organization_kind not in {accounts.OrganizationKind.DEALER, accounts.OrganizationKind.MARKET_OPERATOR}:
        raise NotFound


# --- looking -----------------------------------------------------------------------------------------------------------


def get_acquisition(session: Session, *, principal: Principal, acquisition_id: UUID) -> AcquisitionView:
    """For its owner, the dealer whose offer was accepted and, while it is open, every dealer. Raises ``AcquisitionNotFound``."""
    row = queries.find_acquisition(session, acquisition_id)
    if row is None or not _may_see(row, principal, now=clock.now(session)):
        raise AcquisitionNotFound
    return view(session, row, principal=principal)


def _may_see(row: Acquisition, principal: Principal, *, now: datetime) -> bool:
    if principal.party_id in {row.owner_id, row.dealer_id}:
        return True
    return row.state is AcquisitionState.OPEN and now < row.closes_at and principal.can("acquisitions.offer")


def view(session: Session, row: Acquisition, *, principal: Principal) -> AcquisitionView:
    is_owner = principal.party_id == row.owner_id
    found = queries.list_offers(session, row.id, dealer_id=None if is_owner else principal.party_id)
    names = accounts.display_names(session, party_ids=[one.dealer_id for one in found])
    records = {dealer: get_record(session, dealer_id=dealer) for dealer in sorted({one.dealer_id for one in found})} if is_owner else {}
    inspections = queries.list_inspections(session, row.id) if is_owner or principal.party_id == row.dealer_id else []
    answers = queries.list_answers(session, [one.id for one in inspections])
    return AcquisitionView(
        row=row,
        car=vehicles.get_vehicle(session, vehicle_id=row.vehicle_id),
        is_owner=is_owner,
        offers=[OfferView(one, names.get(one.dealer_id, ""), records.get(one.dealer_id)) for one in found],
        inspections=[InspectionView(one, answers.get(one.id)) for one in inspections],
    )


def list_own(session: Session, *, principal: Principal, paging: PageQuery) -> list[AcquisitionView]:
    return [view(session, row, principal=principal) for row in queries.list_of_owner(session, owner_id=principal.party_id, paging=paging)]


def list_open(session: Session, *, principal: Principal, paging: PageQuery) -> list[AcquisitionView]:
    """What the caller, a dealer, may offer on."""
    rows = queries.list_open_to(session, dealer_id=principal.party_id, now=clock.now(session), paging=paging)
    return [view(session, row, principal=principal) for row in rows]


def get_record(session: Session, *, dealer_id: UUID) -> DealerRecord:
    """How a dealer kept his accepted offers in the term the table sets: for every owner to see before he accepts."""
    rules, _, at = rules_now(session)
    deals = queries.list_deals(session, dealer_id=dealer_id, since=at - timedelta(days=rules.record_days))
    return compute_record([_deal(row, inspections) for row, inspections in deals])


def _deal(row: Acquisition, inspections: list[AcquisitionInspection]) -> Deal:
    return Deal(
        state=row.state,
        agreed_minor=row.agreed_minor or 0,
        inspections=len(inspections),
        lowest_minor=min((one.price_minor for one in inspections), default=None),
        disclosed_reasons=sum(1 for one in inspections for change in one.changes if change["was_disclosed"] and change["change_minor"] < 0),
        end_reason=row.end_reason,
    )


# --- acting ------------------------------------------------------------------------------------------------------------


def lock_as_owner(session: Session, *, principal: Principal, acquisition_id: UUID) -> Acquisition:
    """Raises ``AcquisitionNotFound``, also for anybody else's."""
    row = queries.lock_acquisition(session, acquisition_id)
    if row is None or row.owner_id != principal.party_id:
        raise AcquisitionNotFound
    return row


def lock_as_dealer(session: Session, *, principal: Principal, acquisition_id: UUID) -> Acquisition:
    """The one whose offer was accepted. Raises ``AcquisitionNotFound``."""
    row = queries.lock_acquisition(session, acquisition_id)
    if row is None or row.dealer_id != principal.party_id:
        raise AcquisitionNotFound
    return row


def end(
    session: Session, row: Acquisition, *, state: AcquisitionState, reason: str, principal: Principal | None = None, note: str = ""
) -> None:
    """Close a locked acquisition: what it holds is let go, what is offered is lost."""
    held = row.state in INSPECTABLE
    at = clock.now(session)
    row.state, row.ended_at, row.end_reason, row.end_note = state, at, reason[:40], note[:500]
    for offer in queries.lock_open_offers(session, row.id):
        close_offer(session, offer, OfferState.LAPSED if at >= offer.valid_until else OfferState.LOST, at=at)
    if held:
        listings.release_claim(session, vehicle_id=row.vehicle_id, holder_id=row.id)
    announce(session, row, act=f"acquisition.{state.value}", principal=principal, reason=reason)


def close_offer(session: Session, offer: AcquisitionOffer, state: OfferState, *, at: datetime) -> None:
    offer.state, offer.ended_at = state, at
    session.add(offer)


def announce(
    session: Session,
    row: Acquisition,
    *,
    act: str,
    principal: Principal | None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Count the version, tell others, and write the audit trail. Notes are personal and stay in the row."""
    row.version += 1
    session.add(row)
    session.flush()
    event = AcquisitionMoved(
        acquisition_id=row.id,
        vehicle_id=row.vehicle_id,
        owner_id=row.owner_id,
        dealer_id=row.dealer_id,
        state=row.state,
        reason=row.end_reason,
        order_id=row.order_id,
    )
    outbox.append(session, event, key=acquisition_key(row.id))
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind=OBJECT,
        object_id=row.id,
        reason=reason,
        facts={"state": row.state.value, "price_minor": row.price_minor} | (facts or {}),
    )


# --- what time and others do to it ---------------------------------------------------------------------------------------


def end_due(session: Session, *, acquisition_id: UUID) -> None:
    """What the sweep does with one that is late: nobody's silence is a yes."""
    row = queries.lock_acquisition(session, acquisition_id)
    now = clock.now(session)
    if row is None:
        return
    if row.state is AcquisitionState.OPEN and row.closes_at <= now:
        end(session, row, state=AcquisitionState.EXPIRED, reason="closed")
    elif row.state is AcquisitionState.ACCEPTED and row.inspect_by is not None and row.inspect_by <= now:
        end(session, row, state=AcquisitionState.FALLEN_THROUGH, reason="not_inspected")
    elif row.state is AcquisitionState.PRICE_CHANGE and row.answer_by is not None and row.answer_by <= now:
        end(session, row, state=AcquisitionState.WALKED_AWAY, reason="owner_silent")


def lapse_offers(session: Session, *, acquisition_id: UUID) -> None:
    """Offers whose period is over lapse (民法典 第四百七十八条)."""
    if queries.lock_acquisition(session, acquisition_id) is None:
        return
    at = clock.now(session)
    for offer in queries.lock_open_offers(session, acquisition_id):
        if offer.valid_until <= at:
            close_offer(session, offer, OfferState.LAPSED, at=at)
            audit.record(session, principal=None, act="acquisition_offer.lapse", object_kind="acquisition_offer", object_id=offer.id)
    session.flush()


def hear_order_ended(session: Session, *, order_id: UUID, reason: str) -> None:
    """The order of an acquisition was undone; its claim is free already."""
    found = queries.find_of_order(session, order_id)
    row = queries.lock_acquisition(session, found.id) if found else None
    if row is not None and row.state is AcquisitionState.ORDERED:
        end(session, row, state=AcquisitionState.FALLEN_THROUGH, reason=reason)


def hear_order_completed(session: Session, *, order_id: UUID) -> None:
    """The car is the dealer's and the owner is paid out. Twice is once."""
    found = queries.find_of_order(session, order_id)
    row = queries.lock_acquisition(session, found.id) if found else None
    if row is not None and row.state is AcquisitionState.ORDERED:
        end(session, row, state=AcquisitionState.COMPLETED, reason="completed")


def hear_moved(session: Session, *, vehicle_id: UUID, to_party_id: UUID) -> None:
    """A car changed hands another way: its owner has nothing to offer any more."""
    found = queries.find_running_of_vehicle(session, vehicle_id)
    row = queries.lock_acquisition(session, found.id) if found else None
    if row is None or row.state not in RUNNING_STATES or row.state is AcquisitionState.ORDERED or row.owner_id == to_party_id:
        return
    end(session, row, state=AcquisitionState.CANCELLED, reason="sold_elsewhere")
