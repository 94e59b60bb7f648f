"""An owner asks for offers; dealers make them, with a period; he accepts one, declines, or walks away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.sourcing.domain.acquisitions import (
    INSPECTABLE,
    AcquisitionNotFound,
    AcquisitionState,
    AcquisitionStateRefused,
    AlreadyAsked,
    ChangeReason,
    OfferNotFound,
    OfferState,
    OwnAcquisition,
    Standing,
    TooManyOffers,
    check_acceptable,
    check_ask_days,
    check_offer_period,
    check_raise,
)
from marketplace.sourcing.events import AcquisitionOffered, acquisition_key
from marketplace.sourcing.models.acquisitions import Acquisition, AcquisitionOffer
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.service.acquisitions import (
    AcquisitionView,
    announce,
    close_offer,
    end,
    lock_as_owner,
    require_acquirer,
    rules_now,
    view,
)
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the owner tells of the car before anybody offers; in the words a re-inspection would use."""

    reason: ChangeReason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """``expected_minor`` (fen) is for the owner's own comparison and shown to nobody."""

    vehicle_id: UUID
    days: int
    expected_minor: int | None = None
    description: str = ""
    disclosures: Sequence[Disclosure] = ()
    agreement_id: UUID | None = None


def ask(session: Session, *, principal: Principal, wanted: Ask) -> AcquisitionView:
    """Raises ``VehicleNotFound``, ``WrongHolding``, ``NotEligible``, ``VehicleClaimed``, ``AlreadyAsked``, ``PeriodOutOfBounds``,
    ``RealNameMissing``, ``PartySuspended``."""
    return view(session, open_request(session, principal=principal, wanted=wanted), principal=principal)


def open_request(session: Session, *, principal: Principal, wanted: Ask) -> Acquisition:
    """The same, for a batch: gives the row."""
    rules, number, at = rules_now(session)
    accounts.require_active(session, party_id=principal.party_id)
    accounts.require_real_name(session, party_id=principal.party_id)
    holding = vehicles.require_holding(session, vehicle_id=wanted.vehicle_id, party_id=principal.party_id)
    if holding.capacity is not vehicles.Capacity.OWNER:
        raise listings.WrongHolding(needed=vehicles.Capacity.OWNER)
    check_ask_days(wanted.days, rules)
    _require_eligible(session, vehicle_id=wanted.vehicle_id, owner_id=principal.party_id)
    claim = listings.find_claim(session, vehicle_id=wanted.vehicle_id)
    if claim is not None:
        raise listings.VehicleClaimed(held_by=claim.kind)
    if queries.find_running_of_vehicle(session, wanted.vehicle_id) is not None:
        raise AlreadyAsked
    row = Acquisition(
        vehicle_id=wanted.vehicle_id,
        owner_id=principal.party_id,
        asked_by=principal.id,
        agreement_id=wanted.agreement_id,
        expected_minor=wanted.expected_minor,
        city=vehicles.get_vehicle(session, vehicle_id=wanted.vehicle_id).city,
        description=wanted.description,
        disclosures=[{"reason": one.reason.value, "text": one.text} for one in wanted.disclosures],
        rules_version=number,
        asked_at=at,
        closes_at=at + timedelta(days=wanted.days),
        version=0,
    )
    announce(session, row, act="acquisition.ask", principal=principal)
    return row


def _require_eligible(session: Session, *, vehicle_id: UUID, owner_id: UUID) -> None:
    vehicles.require_eligible(session, vehicle_id=vehicle_id, mode=vehicles.TradeMode.ACQUISITION, seller_id=owner_id)


# --- offers ------------------------------------------------------------------------------------------------------------


def place_offer(
    session: Session, *, principal: Principal, acquisition_id: UUID, price_minor: int, valid_until: datetime, note: str = ""
) -> AcquisitionView:
    """A dealer's offer, or its raise. It binds him until ``valid_until``.

    Raises ``AcquisitionNotFound``, ``AcquisitionStateRefused``, ``OwnAcquisition``, ``PeriodOutOfBounds``, ``OfferBinding``,
    ``TooManyOffers``, and what ``require_acquirer`` raises.
    """
    require_acquirer(session, party_id=principal.party_id)
    row = queries.lock_acquisition(session, acquisition_id)
    rules, _, at = rules_now(session)
    if row is None or (row.state is not AcquisitionState.OPEN and row.dealer_id != principal.party_id):
        raise AcquisitionNotFound
    if row.owner_id == principal.party_id:
        raise OwnAcquisition
    if row.state is not AcquisitionState.OPEN or at >= row.closes_at:
        raise AcquisitionStateRefused(state="closed" if row.state is AcquisitionState.OPEN else row.state.value)
    check_offer_period(valid_until, now=at, rules=rules)
    mine = queries.list_offers(session, row.id, dealer_id=principal.party_id)
    if len(mine) >= rules.offers_a_dealer_max:
        raise TooManyOffers(maximum=rules.offers_a_dealer_max)
    for former in [one for one in mine if one.state is OfferState.OPEN]:
        is_binding = at < former.valid_until
        check_raise(
            Standing(former.price_minor, former.valid_until) if is_binding else None, price_minor=price_minor, valid_until=valid_until
        )
        close_offer(session, former, OfferState.RAISED if is_binding else OfferState.LAPSED, at=at)
    session.flush()
    offer = AcquisitionOffer(
        acquisition_id=row.id,
        dealer_id=principal.party_id,
        offered_by=principal.id,
        number=len(mine) + 1,
        price_minor=price_minor,
        note=note,
        offered_at=at,
        valid_until=valid_until,
    )
    session.add(offer)
    session.flush()
    event = AcquisitionOffered(
        acquisition_id=row.id, owner_id=row.owner_id, dealer_id=offer.dealer_id, offer_id=offer.id, valid_until=valid_until
    )
    outbox.append(session, event, key=acquisition_key(row.id))
    audit.record(
        session,
        principal=principal,
        act="acquisition_offer.place",
        object_kind="acquisition_offer",
        object_id=offer.id,
        facts={"acquisition_id": str(row.id), "number": offer.number, "price_minor": price_minor},
    )
    return view(session, row, principal=principal)


def _find_open(offers: Sequence[AcquisitionOffer], offer_id: UUID, session: Session, row: Acquisition) -> AcquisitionOffer:
    found = next((one for one in offers if one.id == offer_id), None) or queries.find_offer(session, offer_id)
    if found is None or found.acquisition_id != row.id:
        raise OfferNotFound
    return found


def accept(session: Session, *, principal: Principal, acquisition_id: UUID, offer_id: UUID) -> AcquisitionView:
    """The owner takes an offer: the car is the acquisition's, whoever else wants it; the re-inspection is ahead.

    Raises ``AcquisitionNotFound``, ``OfferNotFound``, ``AcquisitionStateRefused``, ``OfferLapsed``, ``NotEligible``, ``VehicleClaimed``
    and, when the dealer may act no more, what ``require_acquirer`` raises.
    """
    row = lock_as_owner(session, principal=principal, acquisition_id=acquisition_id)
    offers = queries.lock_open_offers(session, row.id)
    rules, _, at = rules_now(session)
    offer = _find_open(offers, offer_id, session, row)
    if row.state is not AcquisitionState.OPEN:
        raise AcquisitionStateRefused(state=row.state.value)
    check_acceptable(offer.state, valid_until=offer.valid_until, now=at)
    require_acquirer(session, party_id=offer.dealer_id)
    listings.take_claim(session, vehicle_id=row.vehicle_id, kind=listings.ClaimKind.ACQUISITION, holder_id=row.id)
    _require_eligible(session, vehicle_id=row.vehicle_id, owner_id=row.owner_id)
    for other in offers:
        is_lapsed = other.id != offer.id and at >= other.valid_until
        lost = OfferState.LAPSED if is_lapsed else OfferState.LOST
        close_offer(session, other, OfferState.ACCEPTED if other.id == offer.id else lost, at=at)
    row.state = AcquisitionState.ACCEPTED
    row.offer_id, row.dealer_id = offer.id, offer.dealer_id
    row.agreed_minor = row.price_minor = offer.price_minor
    row.accepted_at, row.inspect_by = at, at + timedelta(days=rules.inspect_within_days)
    announce(session, row, act="acquisition.accept", principal=principal, facts={"offer_id": str(offer.id)})
    return view(session, row, principal=principal)


def decline(session: Session, *, principal: Principal, acquisition_id: UUID, offer_id: UUID) -> AcquisitionView:
    """The owner says no to one offer: it binds nobody any more. Raises as ``accept``."""
    row = lock_as_owner(session, principal=principal, acquisition_id=acquisition_id)
    offers = queries.lock_open_offers(session, row.id)
    at = clock.now(session)
    offer = _find_open(offers, offer_id, session, row)
    check_acceptable(offer.state, valid_until=offer.valid_until, now=at)
    close_offer(session, offer, OfferState.DECLINED, at=at)
    session.flush()
    audit.record(session, principal=principal, act="acquisition_offer.decline", object_kind="acquisition_offer", object_id=offer.id)
    return view(session, row, principal=principal)


# --- ends --------------------------------------------------------------------------------------------------------------


def call_off(session: Session, *, principal: Principal, acquisition_id: UUID, reason: str) -> AcquisitionView:
    """The owner asks no longer, or walks away free of cost until the contract is drawn up; the dealer backs out, on his record.

    Once there is an order, it is called off there. Raises ``AcquisitionNotFound``, ``AcquisitionStateRefused``.
    """
    row = queries.lock_acquisition(session, acquisition_id)
    if row is None or principal.party_id not in {row.owner_id, row.dealer_id}:
        raise AcquisitionNotFound
    is_owner = principal.party_id == row.owner_id
    if is_owner and row.state is AcquisitionState.OPEN:
        end(session, row, state=AcquisitionState.CANCELLED, reason="owner", principal=principal, note=reason)
    elif row.state in INSPECTABLE:
        state = AcquisitionState.WALKED_AWAY if is_owner else AcquisitionState.BACKED_OUT
        end(session, row, state=state, reason="owner" if is_owner else "dealer", principal=principal, note=reason)
    else:
        raise AcquisitionStateRefused(state=row.state.value)
    return view(session, row, principal=principal)
